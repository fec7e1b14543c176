from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.compiler.place import exchange, hops, place

MESH = [(x, y) for y in range(4) for x in range(8) for _ in range(4)]


def test_placement_uses_each_site_once_and_beats_a_random_one() -> None:
    rng = np.random.default_rng(0)
    traffic = rng.random((20, 20)) * (rng.random((20, 20)) < 0.2)
    sites = [(x, y) for y in range(5) for x in range(6)]
    placed = place(traffic, sites)
    assert len(set(placed.tolist())) == 20
    others = [hops(traffic, sites, rng.permutation(30)[:20]) for _ in range(50)]
    assert hops(traffic, sites, placed) < min(others)
    with pytest.raises(CapacityError, match="more cores"):
        place(np.ones((3, 3)), sites[:2])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_exchanges_take_no_more_hops_and_each_site_once(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    traffic = rng.random((n, n)) * (rng.random((n, n)) < 0.3)
    start = rng.permutation(len(MESH))[:n]
    placed = exchange(traffic, MESH, start)
    assert len(set(placed.tolist())) == n
    assert hops(traffic, MESH, placed) <= hops(traffic, MESH, start) + 1e-6
    np.testing.assert_array_equal(placed, exchange(traffic, MESH, start))


def test_exchanges_find_the_best_of_all_placements() -> None:
    sites = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2)]
    for seed in range(5):
        traffic = np.random.default_rng(seed).random((6, 6))
        best = min(hops(traffic, sites, np.array(p)) for p in permutations(range(7), 6))
        assert hops(traffic, sites, exchange(traffic, sites, place(traffic, sites))) == pytest.approx(best)


def test_a_shuffled_ring_is_found_again() -> None:
    """128 cores in a ring of neighbours: four share a tile, so 32 of the 128 links are one hop, if the ring closes."""
    i, shuffled = np.arange(128), np.random.default_rng(0).permutation(128)
    ring = np.zeros((128, 128))
    ring[shuffled[i], shuffled[(i + 1) % 128]] = 1
    greedy = place(ring, MESH)
    assert hops(ring, MESH, exchange(ring, MESH, greedy)) <= min(40, hops(ring, MESH, greedy))
