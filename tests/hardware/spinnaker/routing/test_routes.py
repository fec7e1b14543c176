"""Routing tables: packets followed hop by hop through ours and through those of PACMAN, and their sizes compared."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.machine import Missing, build_machine, read_machine
from neurosim.hardware.spinnaker.mapping.placement import Cluster, place_clusters
from neurosim.hardware.spinnaker.routing import routes
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate
from neurosim.hardware.spinnaker.routing.routes import route
from neurosim.hardware.spinnaker.routing.trace import Packets, trace_all

BOARD = read_machine()


def mapping(path):
    """Key spaces, place of each core, and the tables of a reference mapping."""
    content = json.loads(path.read_text())
    places = {}
    for v in content["placements"]:
        name, lo = re.fullmatch(r"(.*)\((\d+):\d+\)", v["vertex_label"]).groups()
        places.setdefault(name, {})[int(lo)] = (v["x"], v["y"], v["p"])
    places = {name: [by_lo[lo] for lo in sorted(by_lo)] for name, by_lo in places.items()}
    pops = {p["label"]: p for p in content["spec"]["pops"]}
    names = dict.fromkeys(k[0] for k in content["keys"])
    keys = allocate([Sender(name=n, size=pops[n]["n"], atoms=pops[n]["npc"]) for n in names])
    return content, places, keys, tables_of(content, "tables")


def tables_of(content, name):
    return {
        tuple(int(c) for c in chip.split("_")): [Entry(key, mask, word) for key, mask, word, _ in entries]
        for chip, entries in content[name].items()
    }


def deliveries(tables, places, keys, machine=BOARD):
    """For each core of each population the cores its packets reach, as PACMAN's or our tables have it."""
    senders = [(name, core) for name, k in keys.items() for core in range(k.sender.cores)]
    packets = [Packets(places[n][c][:2], keys[n].core_key(c), keys[n].sender.core_shift) for n, c in senders]
    reached = {name: [] for name in keys}
    for (name, _), found in zip(senders, trace_all(machine, tables, packets), strict=True):
        assert len({r.cores for r in found}) == 1
        assert len(set(found[0].cores)) == len(found[0].cores)
        reached[name].append(set(found[0].cores))
    return reached


def sizes(tables):
    return sum(map(len, tables.values())), max(map(len, tables.values()))


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_packets_reach_the_same_cores_as_with_pacman_by_shorter_tables(reference_file):
    """No more entries than PACMAN's compressed tables, in all and on the fullest chip."""
    content, places, keys, theirs = mapping(reference_file)
    targets = deliveries(theirs, places, keys)
    assert sum(len(t) for by_core in targets.values() for t in by_core) > 0
    ours = route(BOARD, keys, places, targets, 1023)
    assert deliveries(ours.tables, places, keys) == targets
    total, longest = sizes(ours.tables)
    assert total <= content["counts"]["entries_compressed"]
    assert longest <= content["counts"]["max_per_chip_compressed"]


def needed(spec, places):
    """For each core of each sending population the cores that its connectors reach."""
    pops = {p["label"]: p for p in spec["pops"]}
    cores = {n: -(-p["n"] // p["npc"]) for n, p in pops.items()}
    targets = {q["pre"]: [set() for _ in range(cores[q["pre"]])] for q in spec["projs"]}
    for q in spec["projs"]:
        pre, post = pops[q["pre"]], pops[q["post"]]
        for core, reached in enumerate(targets[q["pre"]]):
            first, last = 0, post["n"]
            if "OneToOne" in q["connector"]:
                first, last = core * pre["npc"], min((core + 1) * pre["npc"], pre["n"], post["n"])
            if first < last:
                reached.update(places[q["post"]][first // post["npc"] : -(-last // post["npc"])])
    return targets


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_tables_are_as_short_with_places_of_our_own(reference_file):
    content, theirs, keys, tables = mapping(reference_file)
    spec = content["spec"]
    assert needed(spec, theirs) == deliveries(tables, theirs, keys)
    near = {p["label"]: {} for p in spec["pops"]}
    for q in spec["projs"]:
        near[q["pre"]][q["post"]] = near[q["post"]][q["pre"]] = None
    clusters, n = [], 0
    for p in spec["pops"]:
        cores = range(n, n + -(-p["n"] // p["npc"]))
        clusters.append(Cluster(name=p["label"], groups=[(k,) for k in cores], near=list(near[p["label"]])))
        n = cores.stop
    found = place_clusters(BOARD, clusters, [1] * n, 10**9)
    places = {c.name: [found[k] for (k,) in c.groups] for c in clusters}
    targets = needed(spec, places)
    ours = route(BOARD, keys, places, targets, 1023)
    assert deliveries(ours.tables, places, keys) == targets
    total, longest = sizes(ours.tables)
    assert total <= content["counts"]["entries_compressed"]
    assert longest <= content["counts"]["max_per_chip_compressed"]


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_compressed_tables_of_pacman_mean_the_same(reference_file):
    """Our reading of a table (first match wins, default routing) agrees with PACMAN's compressor."""
    content, places, keys, theirs = mapping(reference_file)
    assert deliveries(tables_of(content, "tables_compressed"), places, keys) == deliveries(
        theirs, places, keys
    )


CHIPS = sorted(BOARD.cores)
place = st.tuples(st.sampled_from(CHIPS), st.integers(2, 16)).map(lambda t: (*t[0], t[1]))


@settings(max_examples=50)
@given(st.lists(st.tuples(place, st.sets(place, max_size=6)), min_size=1, max_size=9), st.integers(1, 4))
def test_every_packet_reaches_its_cores_and_no_other(cores, split):
    """Random multicast from random cores of up to four populations, some without targets."""
    groups = [cores[i::split] for i in range(split) if cores[i::split]]
    keys = allocate([Sender(name=str(i), size=64 * len(g) - 3, atoms=64) for i, g in enumerate(groups)])
    sources = {str(i): [source for source, _ in g] for i, g in enumerate(groups)}
    targets = {str(i): [to for _, to in g] for i, g in enumerate(groups)}
    tables = route(BOARD, keys, sources, targets, 1023, effort=500_000).tables
    assert deliveries(tables, sources, keys) == targets


FAULTY = build_machine(
    12,
    12,
    missing=Missing(
        chips=frozenset({(5, 5), (2, 0), (11, 11)}),
        links=frozenset({(3, 3, 0), (3, 4, 2), (0, 1, 3), (6, 6, 4)}),
    ),
)


def layers(machine, seed, populations=8, cores=5):
    """Populations with random one-to-one projections to two others, on scattered chips."""
    rng = np.random.default_rng(seed)
    free = [(*chip, p) for chip, processors in sorted(machine.cores.items()) for p in processors]
    at = rng.choice(len(free) - cores, populations, replace=False)
    names = [str(i) for i in range(populations)]
    places = {n: free[a : a + cores] for n, a in zip(names, at.tolist(), strict=True)}
    targets = {n: [set() for _ in range(cores)] for n in names}
    for n in names:
        for other in rng.choice(names, 2, replace=False).tolist():
            for core in range(cores):
                targets[n][core].add(places[other][core])
    return allocate([Sender(name=n, size=64 * cores, atoms=64) for n in names]), places, targets


@pytest.mark.parametrize("seed", range(2))
def test_routes_go_round_faults_and_the_torus(seed):
    network = layers(FAULTY, seed)
    plain = route(FAULTY, *network, 1023, effort=0)
    better = route(FAULTY, *network, 1023)
    for found in (plain, better):
        assert deliveries(found.tables, network[1], network[0], FAULTY) == network[2]
        assert sizes(found.tables)[0] <= sum(found.uncompressed.values())
    assert sizes(better.tables)[0] < sizes(plain.tables)[0]


def test_routing_the_same_network_again_gives_the_same_tables():
    network = layers(BOARD, 1)
    assert route(BOARD, *network, 1023).tables == route(BOARD, *network, 1023).tables


def test_a_table_that_loses_packets_is_never_returned(monkeypatch):
    monkeypatch.setattr(routes, "compress", lambda *_: np.array([[0], [0], [1]]))
    keys = allocate([Sender(name="a", size=4, atoms=4)])
    with pytest.raises(RuntimeError, match=r"chip \(0, 0\) is wrong about key 0x0"):
        route(BOARD, keys, {"a": [(0, 0, 3)]}, {"a": [[(0, 0, 4)]]}, 1023)


def test_a_chip_that_is_only_crossed_needs_no_entry():
    keys = allocate([Sender(name="a", size=10, atoms=10)])
    tables = route(BOARD, keys, {"a": [(0, 0, 3)]}, {"a": [[(3, 0, 4)]]}, 1023).tables
    assert sorted(tables) == [(0, 0), (3, 0)]


def test_cores_that_agree_share_an_entry():
    keys = allocate([Sender(name="a", size=500, atoms=100)])
    sources = {"a": [(0, 0, 3 + i) for i in range(5)]}
    tables = route(BOARD, keys, sources, {"a": [[(1, 1, 4)]] * 5}, 1023).tables
    assert [len(t) for t in tables.values()] == [1, 1]
    tables = route(BOARD, keys, sources, {"a": [[(1, 1, 4)]] * 4 + [[(0, 0, 9)]]}, 1023).tables
    assert [len(tables[0, 0]), len(tables[1, 1])] == [2, 1]


def test_a_table_that_is_too_long_is_refused():
    keys = allocate([Sender(name=str(i), size=4, atoms=4) for i in range(6)])
    places = {str(i): [(0, 0, 3)] for i in range(6)}
    with pytest.raises(CapacityError, match=r"chip \(0, 0\).*6 entries.*'0' \(1\).*5 entries"):
        route(BOARD, keys, places, {str(i): [[(0, 0, 4 + i)]] for i in range(6)}, 5)
