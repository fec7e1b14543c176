"""Cores on chips."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.machine import build_machine, read_machine
from neurosim.hardware.spinnaker.mapping.placement import Cluster, clusters_of, place_clusters

SPARE = 10**6


def clusters(*sizes, near=None, together=1):
    """Populations a, b, ... of so many groups."""
    found, core = [], 0
    for k, size in enumerate(sizes):
        groups = [tuple(range(core + i * together, core + (i + 1) * together)) for i in range(size)]
        found.append(Cluster(name="abcdefgh"[k], groups=groups, near=(near or {}).get("abcdefgh"[k], ())))
        core += size * together
    return found


def chips(places):
    return {place[:2] for place in places}


def test_chips_fill_up_from_the_corner():
    places = place_clusters(read_machine(), clusters(40), [100] * 40, SPARE)
    assert places[:15] == [(0, 0, p) for p in range(3, 18)]
    assert len(set(places)) == 40
    assert len(chips(places)) == 3


def test_memory_moves_a_core_on():
    places = place_clusters(read_machine(), clusters(3), [60, 60, 30], 100)
    assert places[0][:2] == places[2][:2] != places[1][:2]


def test_a_source_and_its_delay_core_share_a_chip():
    """With 15 cores on chip (0, 0), the eighth pair goes on."""
    places = place_clusters(read_machine(), clusters(8, together=2), [1] * 16, SPARE)
    assert all(places[k][:2] == places[k + 1][:2] for k in range(0, 16, 2))
    assert Counter(place[:2] for place in places)[0, 0] == 14


def test_a_population_is_a_neighbourhood(paths_from):
    """100 cores take 7 chips, which 2 hops around one chip hold."""
    machine = build_machine(24, 24)
    places = place_clusters(machine, clusters(100, 100, 100), [1] * 300, SPARE)
    for first in (0, 100, 200):
        here = chips(places[first : first + 100])
        reach = min(max(_hops(paths_from, machine, a, b) for b in here) for a in here)
        assert reach <= 3


def _hops(paths_from, machine, a, b):
    tree, hops = paths_from(machine, a), 0
    while b != a:
        b, hops = tree[b][0], hops + 1
    return hops


def test_populations_lie_near_those_they_talk_to(paths_from):
    """c talks to a alone, whose chip has no room left, and finds a nearer one than where b ended."""
    sizes = (15, 300, 16)
    alone = place_clusters(read_machine(), clusters(*sizes), [1] * 331, SPARE)
    friends = place_clusters(read_machine(), clusters(*sizes, near={"b": "", "c": "a"}), [1] * 331, SPARE)
    machine = read_machine()
    far, close = (
        [_hops(paths_from, machine, (0, 0), c) for c in sorted(chips(p[315:]))] for p in (alone, friends)
    )
    assert max(close) <= max(far)
    assert place_clusters(machine, clusters(*sizes), [1] * 331, SPARE) == alone


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_core_serves_twice_and_no_memory_overflows(data):
    machine = build_machine(12, 12).without(
        chips=data.draw(st.sets(st.sampled_from([(3, 3), (1, 0), (0, 1), (11, 11), (5, 5)]))),
        cores=data.draw(st.sets(st.tuples(st.just(0), st.just(0), st.integers(1, 17)), max_size=17)),
    )
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    together = data.draw(st.integers(1, 3))
    near = {n: data.draw(st.sets(st.sampled_from("abcdef"))) for n in "abcdef"}
    total = sum(sizes) * together
    sdram = data.draw(st.lists(st.integers(0, 40), min_size=total, max_size=total))
    places = place_clusters(machine, clusters(*sizes, near=near, together=together), sdram, 120)
    assert len(set(places)) == total
    used = Counter()
    for (x, y, p), need in zip(places, sdram, strict=True):
        assert p in machine.cores[x, y]
        used[x, y] += need
    assert max(used.values()) <= 120
    for k in range(0, total, together):
        assert len(chips(places[k : k + together])) == 1


def test_a_full_machine_says_how_many_boards_would_do():
    board = read_machine()
    assert len(place_clusters(board, clusters(759), [1] * 759, SPARE)) == board.n_cores == 759
    with pytest.raises(
        CapacityError, match=r"population 'b'.*760 cores.*759 cores on 48 chips.*boards=3 would"
    ):
        place_clusters(board, clusters(700, 60), [1] * 760, SPARE)
    with pytest.raises(CapacityError, match=r"boards=6 would fit"):
        place_clusters(board, clusters(150), [SPARE] * 150, SPARE)
    with pytest.raises(CapacityError, match=r"boards=9 would fit"):
        place_clusters(read_machine(boards=3), clusters(300), [SPARE] * 300, SPARE)
    with pytest.raises(CapacityError, match="smaller network"):
        place_clusters(board, [Cluster(name="a", groups=[tuple(range(17))])], [1] * 17, SPARE)


def test_a_core_larger_than_a_chip_is_refused():
    with pytest.raises(CapacityError, match=r"population 'a'.*101 bytes; allowed: 100 bytes.*fewer atoms"):
        place_clusters(read_machine(), clusters(1), [101], 100)


def test_clusters_number_the_delay_cores_last():
    def link(pre, post):
        one = np.ones(1, np.uint16)
        return DeviceProjection(
            name=pre + post, pre=pre, post=post, receptor=0, row_start=np.array([0, *[1] * 100]),
            target=np.zeros(1, np.int32), raw=one, delay=one,
        )  # fmt: skip

    net = DeviceNetwork(
        populations={n: DevicePopulation(name=n, size=100, atoms=50) for n in "abc"},
        projections=(link("a", "b"), link("b", "b"), link("b", "c")),
    )
    a, b, c = clusters_of(net, {"b": Extension(pre="b", stages=1, slots=32)})
    assert (a.groups, b.groups, c.groups) == ([(0,), (1,)], [(2, 6), (3, 7)], [(4,), (5,)])
    assert (a.near, b.near, c.near) == (["b"], ["a", "c"], ["b"])


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_packets_travel_no_further_than_with_the_places_of_pacman(reference_file, paths_from):
    """Links that packets of every core cross: 32, 1054 and 875 for chain, random and micro; PACMAN 37, 1323, 875.

    A tenth is granted to networks not seen here.
    """
    saved = json.loads(reference_file.read_text())
    cores = {p["label"]: -(-p["n"] // p["npc"]) for p in saved["spec"]["pops"]}
    theirs = {name: [] for name in cores}
    for v in saved["placements"]:
        name = re.sub(r"\(.*", "", v["vertex_label"])
        if name in theirs:
            theirs[name].append((v["x"], v["y"], v["p"]))
    targets, near = ({name: {} for name in cores} for _ in range(2))
    for p in saved["spec"]["projs"]:
        targets[p["pre"]][p["post"]] = near[p["pre"]][p["post"]] = near[p["post"]][p["pre"]] = None
    found, core = [], 0
    for name, n in cores.items():
        found.append(Cluster(name=name, groups=[(k,) for k in range(core, core + n)], near=list(near[name])))
        core += n
    machine = read_machine()
    places = place_clusters(machine, found, [1] * core, SPARE)
    ours = {c.name: [places[k] for (k,) in c.groups] for c in found}
    assert (
        0 < _links(paths_from, machine, targets, ours) <= 1.1 * _links(paths_from, machine, targets, theirs)
    )


def _links(paths_from, machine, targets, places):
    total = 0
    for name, posts in targets.items():
        for source in places[name]:
            tree, crossed = paths_from(machine, source[:2]), set()
            for chip in {place[:2] for post in posts for place in places[post]}:
                while chip != source[:2] and chip not in crossed:
                    crossed.add(chip)
                    chip = tree[chip][0]
            total += len(crossed)
    return total
