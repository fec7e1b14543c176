"""Ring-buffer cells and slots against the published sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.numerics.ring_buffer import (
    LARGEST,
    accumulate,
    delay_bits,
    index_bits,
    log2_up,
    slots_for,
    undelivered,
)


@given(st.lists(st.integers(0, 65535), max_size=12), st.randoms())
def test_order_of_arrival_does_not_matter(weights, random):
    """Only the content: a capped sum of numbers that are not negative."""

    def total(ws):
        cell = 0
        for w in ws:
            cell, _ = accumulate(cell, w)
        return cell

    shuffled = list(weights)
    random.shuffle(shuffled)
    assert total(weights) == total(shuffled) == min(sum(weights), LARGEST)


def test_excess_is_what_is_lost():
    assert accumulate(65000, 535) == (65535, 0)
    assert accumulate(65000, 536) == (65535, 1)


@pytest.mark.parametrize(("atoms", "slots"), [(256, 32), (128, 64), (64, 128), (50, 128), (8, 1024)])
def test_slots(atoms, slots):
    """256 neurons with two receptors leave 32 slots, halving the neurons doubles them (sPyNNaker)."""
    assert slots_for(atoms) == slots


@given(st.integers(1, 10**6))
def test_bits(n):
    assert 2 ** log2_up(n) >= n > 2 ** (log2_up(n) - 1) - (n == 1)
    assert index_bits(n) == max(1, log2_up(n))


@given(st.integers(1, 300), st.sampled_from([32, 128]), st.data())
def test_a_delay_is_lost_if_it_is_all_slots_in_use(longest, slots, data):
    """What is left of a delay behind its stages is 1 to ``slots`` steps; masked, only the number of slots is zero."""
    delay = data.draw(st.integers(1, longest))
    bits = delay_bits(longest, slots)
    left = delay
    while left > slots:
        left -= slots
    assert left <= 1 << bits <= slots
    assert undelivered(np.array([delay]), bits, slots).tolist() == [left == 1 << bits]
