"""Compressed tables: right for every key, as short as can be proven, and never longer than what PACMAN makes."""

from __future__ import annotations

import itertools
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.routing import compression
from neurosim.hardware.spinnaker.routing.compression import compress
from neurosim.hardware.spinnaker.routing.covering import quick_length
from neurosim.hardware.spinnaker.routing.equivalence import Arrivals

BITS = 6


@st.composite
def disjoint_groups(draw, routes=4, defaults=True):
    """Groups of keys cut out of a space of BITS bits by halving, so that no two overlap; not all of it arrives."""
    groups, blocks = [], [(0, BITS)]
    while blocks:
        first, bits = blocks.pop()
        what = draw(st.sampled_from(["split", "split", "group", "nothing"]))
        if what == "split" and bits:
            blocks += [(first, bits - 1), (first + (1 << bits - 1), bits - 1)]
        elif what != "nothing" and len(groups) < 24:
            route = draw(st.integers(0, routes - 1))
            free = draw(st.booleans()) if defaults else False
            groups.append((first, 2**BITS - 1 & -1 << bits, route, route if free else 9))
    return Arrivals(*np.array(groups, np.int64).reshape(-1, 4).T)


def is_right(table, arrivals):
    for key, mask, route, default in zip(*(a.tolist() for a in arrivals), strict=True):
        for k in range(2**BITS):
            if k & mask == key:
                assert next((r for a, m, r in table.T.tolist() if k & m == a), default) == route


@settings(max_examples=40)
@given(disjoint_groups(), st.sampled_from([0, 1000, compression.EFFORT]))
def test_tables_are_right_whatever_the_effort(arrivals, effort):
    table = compress(arrivals, effort)
    is_right(table, arrivals)
    need = arrivals.route != arrivals.default
    assert len(np.unique(arrivals.route[need])) <= table.shape[1] <= need.sum()
    if len(need):
        length, spent = quick_length(np.stack(arrivals), 1000)
        assert table.shape[1] <= length <= need.sum() or effort < compression.EFFORT
        assert spent > 0


def shortest(arrivals, most):
    """Length of the shortest right table, by trying all lists of fewer than ``most`` entries; ``most`` if none is."""
    need = sorted({r for r, d in zip(arrivals.route, arrivals.default, strict=True) if r != d})
    entries = [
        (k, m, r)
        for m in range(8)
        for k in range(8)
        if k & ~m == 0
        for r in sorted(set(arrivals.route.tolist()))
    ]
    keys = [
        (k, route, default)
        for key, mask, route, default in zip(*(a.tolist() for a in arrivals), strict=True)
        for k in range(8)
        if k & mask == key
    ]
    for n in range(len(need), most):
        for table in itertools.permutations(entries, n):
            if all(next((r for a, m, r in table if k & m == a), d) == route for k, route, d in keys):
                return n
    return most


@pytest.mark.parametrize("seed", range(12))
def test_small_tables_are_the_shortest_there_are(seed):
    """Eight keys, three routes, some groups that need no entry; all lists of entries of 3 bits tried."""
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(8, 6, replace=False))
    routes = rng.integers(1, 4, 6)
    default = np.where(rng.random(6) < 0.3, routes, 0)
    arrivals = Arrivals(keys, np.full(6, 7), routes, default)
    found = compress(arrivals).shape[1]
    assert shortest(arrivals, min(found, 3)) == min(found, 3)


def test_keys_that_never_come_do_not_matter():
    """Eight keys of two routes need two entries, the second for all that the first does not match."""
    keys = np.arange(8)
    arrivals = Arrivals(keys << 4, np.full(8, 0xF0), 1 + keys // 7, np.zeros(8, np.int64))
    table = compress(arrivals)
    assert table[2].tolist() == [2, 1]
    assert (table[:2, 0].tolist(), table[1, 1]) == ([0x70, 0xF0], 0x80)


def random_arrivals(seed):
    """Runs of cores of a few populations with routes in common, as on a busy chip."""
    rng = np.random.default_rng(seed)
    bits, routes = int(rng.integers(4, 10)), int(rng.integers(2, 20))
    keys = np.unique(
        (rng.integers(0, 2**bits, 12)[:, None] + np.arange(rng.integers(1, 12))).ravel() % 2**bits
    )
    route = np.repeat(1 << rng.integers(0, routes, len(keys)), rng.integers(1, 5, len(keys)))[: len(keys)]
    default = np.where(rng.random(len(keys)) < 0.1, route, 0)
    return Arrivals(keys << 10, np.full(len(keys), 0xFFFFFC00), route, default)


@pytest.mark.skipif(find_spec("pacman") is None, reason="PACMAN is not installed (extra 'spinnaker')")
@pytest.mark.parametrize("seed", range(25))
def test_no_table_is_longer_than_by_ordered_covering_of_pacman(seed):
    peers = "pacman.operations.router_compressors.ordered_covering_router_compressor"
    peer, tools = import_module(f"{peers}.ordered_covering"), import_module(f"{peers}.utils")
    from spinn_machine import MulticastRoutingEntry, RoutingEntry

    arrivals = random_arrivals(seed)
    entries = [
        MulticastRoutingEntry(k, m, RoutingEntry(defaultable=r == d, spinnaker_route=r))
        for k, m, r, d in zip(*(a.tolist() for a in arrivals), strict=True)
    ]
    theirs, _ = peer.ordered_covering(entries, None, {}, no_raise=True)
    assert compress(arrivals).shape[1] <= len(tools.remove_default_routes(theirs, None))


def pair_compressor(arrivals):
    """PACMAN's default, in short: routes by number of entries, rare first; inside one route merge the first pair that
    meets no entry of a route still to come."""
    groups = list(zip(*(a.tolist() for a in arrivals[:3]), strict=True))
    by_route = {}
    for k, m, r in groups:
        by_route.setdefault(r, []).append((k, m))
    order, table = sorted(by_route, key=lambda r: len(by_route[r])), []
    for i, route in enumerate(order):
        later = [e for r in order[i + 1 :] for e in by_route[r]]
        todo = by_route[route]
        while todo:
            (k, m), *todo = todo
            again = True
            while again:
                again = False
                for other in todo:
                    mask = m & other[1] & ~(k ^ other[0])
                    if all((a ^ k) & mask & b for a, b in later):
                        k, m = k & mask, mask
                        todo.remove(other)
                        again = True
                        break
            table.append((k, m, route))
    return table


@pytest.mark.parametrize("seed", range(25))
def test_no_table_is_longer_than_by_merging_pairs(seed):
    arrivals = random_arrivals(seed)
    assert compress(arrivals).shape[1] <= len(pair_compressor(arrivals))
