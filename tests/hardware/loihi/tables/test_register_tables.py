"""The tables say what the network says: every synapse is found again by following axons, lists and bases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_rows import check_tables


def population(rng, name, size):
    return DevicePopulation(
        name=name, size=size,
        du=rng.integers(0, 4, size), dv=rng.integers(0, 4, size), threshold=rng.integers(100, 103, size),
        bias_mantissa=rng.integers(-4095, 4096, size), bias_exponent=rng.integers(0, 8, size),
        refractory=rng.integers(1, 3, size), u=rng.integers(-9, 9, size), v=rng.integers(-9, 9, size),
    )  # fmt: skip


def projection(rng, pre, post, sizes, density, delays):
    source, target = np.nonzero(rng.random((sizes[pre], sizes[post])) < density)
    k = len(source)
    exponent, mode = rng.integers(-3, 4, k), rng.choice([int(m) for m in list(SignMode)[1:]], k)
    step = np.maximum(2, 1 << np.maximum(-exponent, 0))
    weight = rng.integers(1, 120 // step) * step
    weight = np.where(mode == int(SignMode.INHIBITORY), -weight, weight)
    return DeviceProjection(
        name=f"{pre} to {post}", pre=pre, post=post, row_start=np.searchsorted(source, np.arange(sizes[pre] + 1)),
        target=target, weight=weight, exponent=exponent, mode=mode, delay=rng.integers(0, delays, k),
    )  # fmt: skip


def network(seed, density=0.3, delays=6):
    rng = np.random.default_rng(seed)
    sizes = {"left": 12, "right": 5, "a": 40, "b": 23}
    pairs = (("left", "a"), ("right", "a"), ("right", "b"), ("a", "a"), ("a", "b"), ("b", "a"))
    return DeviceNetwork(
        inputs={"left": 12, "right": 5},
        populations={name: population(rng, name, sizes[name]) for name in "ab"},
        projections=tuple(projection(rng, *pair, sizes, density, delays) for pair in pairs),
    )


def alike(seed):
    """A network in which all neurons of an input reach the same neurons, over synapses of one kind."""
    net = network(seed, density=1.0, delays=1)
    one = [
        replace(p, exponent=0 * p.exponent, mode=0 * p.mode + int(SignMode.MIXED)) for p in net.projections
    ]
    return replace(net, projections=tuple(one[:3]))


def stated(net):
    """(source, neuron, target, neuron, weight in units of the state, delay) of every synapse, counted."""
    found = Counter()
    for p in net.projections:
        weight = [int(w) * 2.0 ** (6 + int(e)) for w, e in zip(p.weight, p.exponent, strict=True)]
        columns = (p.source.tolist(), p.target.tolist(), weight, p.delay.tolist())
        found.update((p.pre, s, p.post, t, w, d) for s, t, w, d in zip(*columns, strict=True))
    return found


def followed(tables):
    """The same from the tables."""
    cores = {core.number: core for core in tables.cores}
    place = {}
    for name, pieces in tables.populations.items():
        for p in pieces:
            place.update({(p.core, p.compartment + i): (name, p.neuron + i) for i in range(p.size)})
    found = Counter()

    def follow(source, axon):
        core = cores[int(axon["dstCore"])]
        entry = core.synapse_map[axon["dstSynMapId"]]
        atom, length = int(axon["srcRelCx"]), int(entry["synapseLen"])
        assert atom < entry["popSize"]
        assert (axon["popType"] == 0) == (entry["popSize"] == 1)
        first = int(entry["synapsePtr"]) + atom * length
        base = int(entry["cxBase"])
        for index, weight, delay, fmt, _ in core.synapses[first : first + length].tolist():
            if weight:
                acting = weight * 2.0 ** (6 + core.registers["synapseFmt"][fmt]["wgtExp"])
                found[*source, *place[core.number, base + index], acting, delay] += 1

    for core in tables.cores:
        for axon in core.axons:
            follow(place[core.number, int(axon["srcCx"])], axon)
    for name, table in tables.inputs.items():
        for neuron, (start, stop) in enumerate(zip(table.start[:-1], table.start[1:], strict=True)):
            for axon in table.axons[start:stop]:
                follow((name, neuron), axon)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("compartments", [1024, 16])
def test_every_synapse_is_found_again(seed, compartments):
    net = network(seed)
    tables = tables_of(map_network(net, {**read_chip("loihi1").limits, "compartments": compartments}), LAVA)
    check_tables(tables)
    assert [core.number for core in tables.cores] == sorted(core.number for core in tables.cores)
    assert (len(tables.cores) > 2) == (compartments == 16)
    assert followed(tables) == stated(net)


def test_population_axons_are_followed_too():
    net = alike(0)
    tables = tables_of(map_network(net, {**read_chip("loihi1").limits, "input_axons": 4}), LAVA)
    check_tables(tables)
    axons = np.concatenate([table.axons for table in tables.inputs.values()])
    assert {16, 32} & set(axons["popType"].tolist())
    for table in tables.inputs.values():  # a number of a population, the same wherever it sends
        shared = table.axons[table.axons["popType"] > 0]
        assert shared["popId"].max(initial=0) < len(np.unique(shared["dstSynMapId"]))
    assert followed(tables) == stated(net)


@pytest.mark.parametrize("seed", range(2))
def test_every_neuron_has_its_registers(seed):
    net = network(seed)
    tables = tables_of(map_network(net, {**read_chip("loihi1").limits, "compartments": 16}), LAVA)
    cores = {core.number: core for core in tables.cores}
    for name, pieces in tables.populations.items():
        p = net.populations[name]
        assert sum(piece.size for piece in pieces) == p.size
        for piece in pieces:
            core = cores[piece.core]
            for i in range(piece.size):
                n, cx = piece.neuron + i, core.cx[piece.compartment + i]
                profile = core.registers["cxProfileCfg"][cx["cxProfile"]]
                assert (profile["decayU"], profile["decayV"], profile["refractDelay"]) == (
                    p.du[n], p.dv[n], p.refractory[n],
                )  # fmt: skip
                assert core.registers["vthProfileCfg"][cx["vthProfile"]]["vth"] == p.threshold[n]
                assert (cx["bias"], cx["biasExp"]) == (p.bias_mantissa[n], p.bias_exponent[n])
                assert tuple(core.state[piece.compartment + i].tolist()) == (p.u[n], p.v[n])
