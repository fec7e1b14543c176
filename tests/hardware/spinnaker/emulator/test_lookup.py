"""The search of the population table, and what a delay core listens to."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.lookup import find_entry
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION
from neurosim.hardware.spinnaker.image.population_table import TableEntry
from neurosim.hardware.spinnaker.machine import read_machine


def entry(key, width):
    mask = 0xFFFFFFFF & ~((1 << width) - 1)
    return TableEntry(key=key, mask=mask, core_mask=0, core_shift=width, neurons=1, blocks=())


@given(st.lists(st.integers(0, 40), unique=True, max_size=12), st.integers(0, 0x2FFF), st.integers(4, 8))
def test_the_search_finds_what_looking_at_all_finds(numbers, key, width):
    table = [entry(k << 8, width) for k in sorted(numbers)]
    every = [e for e in table if key & e.mask == e.key]
    assert find_entry(table, key) == (every[0] if every else None)


def test_a_delay_core_ignores_other_senders(hand_made_image):
    """Routed to it by mistake, its own packets are not counted: their keys are not those it was told."""
    image = hand_made_image([(0, 0, 1, 20, 0)], stages=2)
    for table in image.tables.values():
        table[:] = [type(e)(e.key, e.mask, 3 << 11) for e in table]
    started = start(image, read_machine())
    source = [v.kind for v in started.vertices].index("source")
    assert started.tables.held.vertex.tolist() == [source]


def test_a_delay_core_with_fewer_neurons_is_refused(hand_made_image):
    image = hand_made_image([(0, 0, 1, 20, 0)], stages=2)
    words = image.regions[0, 0, 6][DELAY_REGION].copy()
    words[4] = 2
    regions = {**image.regions, (0, 0, 6): {DELAY_REGION: words}}
    with pytest.raises(FileFormatError, match="differ"):
        start(type(image)(image.vertices, regions, image.tables), read_machine())


def test_a_delay_core_cannot_have_more_counters_than_memory(hand_made_image):
    image = hand_made_image([(0, 0, 1, 20, 0)], stages=2)
    words = image.regions[0, 0, 6][DELAY_REGION].copy()
    words[4], words[6] = 3000, 8192
    regions = {**image.regions, (0, 0, 6): {DELAY_REGION: words}}
    with pytest.raises(FileFormatError, match="counters"):
        start(type(image)(image.vertices, regions, image.tables), read_machine())
