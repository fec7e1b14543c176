"""Packets on links, against a count by hand and a walk packet by packet."""

from __future__ import annotations

import numpy as np

from neurosim import hardware
from neurosim.hardware.spinnaker.emulator.fabric import fabric_of
from neurosim.hardware.spinnaker.emulator.run_cores import run
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.hardware.spinnaker.machine import LINKS, read_machine
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.neurons import LIF


def moved(image, place):
    """The image with its neuron core on another chip and a route that goes there eastwards: (0, 0) to (2, 0)."""
    vertices = tuple(
        v if v.population == "in" else type(v)(**{**v.__dict__, "x": place[0], "y": place[1], "p": place[2]})
        for v in image.vertices
    )
    regions = {
        (place if at == (0, 0, 5) else at): content for at, content in image.regions.items()
    }  # (1, 0) has no table: packets go straight on by default
    tables = {(0, 0): [Entry(0, 0xFFFFF000, 1 << 0)], (2, 0): [Entry(0, 0xFFFFF000, 1 << 6 + place[2])]}
    return type(image)(vertices, regions, tables)


def test_hops_and_links_by_hand(hand_made_image, source_packets):
    image = moved(hand_made_image([(0, 0, 1, 1, 0)]), (2, 0, 7))
    started = start(image, read_machine())
    events = [(0, 0), (0, 1), (3, 0)]
    result = run(started.tables, started.memory(), source_packets(events, 5), 5, watched=True)
    f = fabric_of(started, [result.work.sent])
    assert f.links == ((0, 0, 0), (1, 0, 0))
    assert f.on_links[0].tolist() == [[2, 2], [0, 0], [0, 0], [1, 1], [0, 0]]
    assert f.hops[0].tolist() == [4, 0, 0, 2, 0]
    names = [v.population for v in f.vertices]
    assert f.sent[0, :, names.index("in")].tolist() == [2, 0, 0, 1, 0]
    assert f.received[0, :, names.index("out")].tolist() == [2, 0, 0, 1, 0]
    assert result.work.rows[:, 0].tolist() == [1, 0, 0, 1, 0]  # atom 1 has no synapses
    assert not f.dropped.any()


def test_dropped_packets_are_counted(hand_made_image, source_packets):
    """No entry where they are sent; atoms 0 and 1 take a route of their own to nowhere."""
    image = hand_made_image([(i, 0, 1, 1, 0) for i in range(3)])
    events = [(0, 0), (0, 2), (1, 1), (2, 2)]
    silent = start(type(image)(image.vertices, image.regions, {}), read_machine())
    result = run(silent.tables, silent.memory(), source_packets(events, 3), 3, watched=True)
    assert fabric_of(silent, [result.work.sent]).dropped.tolist() == [[2, 1, 1]]
    parted = {(0, 0): [Entry(0x20, 0xFFFFFFE0, 1 << 11), Entry(0, 0xFFFFF000, 0)]}
    started = start(type(image)(image.vertices, image.regions, parted), read_machine())
    result = run(
        started.tables, started.memory(), source_packets(events, 3), 3, probes=np.arange(1), watched=True
    )
    f = fabric_of(started, [result.work.sent])
    assert f.dropped.tolist() == [[1, 1, 0]]
    assert f.received[0].sum(axis=1).tolist() == [1, 0, 1]
    assert result.current[:, 0].tolist() == [0, 1 << 4, 0]


def test_every_packet_of_a_network(small_network, tmp_path):
    """Each spike walks the tables by itself; what it meets adds up to the fabric's numbers."""
    net, inputs = small_network(LIF(tau_membrane=20e-3), size=300, samples=2, steps=40)
    hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16)).save(tmp_path / "b")
    device, image, machine = hardware.load(tmp_path / "b"), read_image(tmp_path / "b"), read_machine()
    seen = device.observe(inputs, record={"a": "spikes", "b": "spikes"}, raw=True)
    f = seen.fabric
    links, cores = np.zeros_like(f.on_links), np.zeros_like(f.received)
    lag = device.manifest.inputs["in"].lag
    spikes = {name: seen.recording[name].spikes for name in "ab"} | {"in": inputs["in"].shift(lag)}
    walks = {}
    for name, s in spikes.items():
        for b, t, i in zip(s.sample.tolist(), s.step.tolist(), s.neuron.tolist(), strict=True):
            if (name, i) not in walks:
                v = next(v for v in image.vertices if v.population == name and v.lo <= i < v.hi)
                walks[name, i] = walk(machine, image.tables, (v.x, v.y), v.key + (i - v.lo << 4))
            for link in walks[name, i][0]:
                links[b, t, f.links.index(link)] += 1
            for place in walks[name, i][1]:
                cores[b, t, [v.place for v in f.vertices].index(place)] += 1
    assert links.sum() > 1000
    np.testing.assert_array_equal(f.on_links, links)
    np.testing.assert_array_equal(f.received, cores)


def walk(machine, tables, chip, key):
    """Links and cores of one packet."""
    links, cores, queue = [], [], [(chip, None)]
    while queue:
        (x, y), came = queue.pop()
        route = next((e.route for e in tables.get((x, y), ()) if key & e.mask == e.key), None)
        if route is None:
            route = 1 << came
        cores += [(x, y, p) for p in range(18) if route >> 6 + p & 1]
        for link in range(6):
            if route >> link & 1:
                links.append((x, y, link))
                queue.append(((x + LINKS[link][0], y + LINKS[link][1]), link))
    return links, cores
