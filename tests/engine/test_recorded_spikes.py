"""Buffers of recorded spikes: what was handed over is not written to any more."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.ops.spike_list import list_of_population
from neurosim.engine.recorded_spikes import RecordedSpikes
from neurosim.engine.recording import Record


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_what_was_taken_stays(share: float) -> None:
    lists = list_of_population(np.array([0, 5]))
    recorded = RecordedSpikes(Record("spikes", "counts"), lists, 5, 2, 0, 0)
    capacity = 64 * 5 + (1 << 18)
    taken = []
    for i in range(3):
        recorded.prepare()
        recorded.table[8] = filled = int(share * capacity) + i
        for vector in recorded._vectors:
            vector[:filled] = i
        recorded._counts[:] = i
        taken.append((recorded.take_spikes(), recorded.take_counts()))
        assert recorded.table[8] == 0
    for i, (vectors, counts) in enumerate(taken):
        assert [len(v) for v in vectors] == [int(share * capacity) + i] * 3
        assert all((v == i).all() for v in vectors)
        assert counts.tolist() == [[i] * 5] * 2


def test_only_what_is_wanted_has_an_address() -> None:
    for kinds, addresses in ((("spikes",), [True, False]), (("counts",), [False, True])):
        recorded = RecordedSpikes(Record(*kinds), list_of_population(np.array([0, 5])), 5, 2, 0, 0)
        recorded.prepare()
        assert [bool(recorded.table[5]), bool(recorded.table[12])] == addresses
