"""Ring-buffer cells and slots against the published sizes."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.numerics.ring_buffer import (
    LARGEST,
    accumulate,
    index_bits,
    log2_up,
    slots_for,
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
