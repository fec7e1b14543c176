"""Networks of our own, from files through the emulator, against a plain simulation of their lists.

The simulation knows no cores, keys, rows or tables: a list of connections, and the arithmetic of a neuron on arrays.
What the host of sPyNNaker 7.4.1 does to synapses behind a delay extension it works out from which row a delay core asks
for.
"""

from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.engine.recording import Record
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, compile_pynn
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.pynn.host_network import device_network
from neurosim.loss_report import LossKind

STEPS = 400
RING_CELLS = 1 << 14


def wrap(x):
    return (x + 2**31) % 2**32 - 2**31


def slots_of(population):
    atoms = population.atoms()
    return RING_CELLS // 2 // max(2, 1 << (atoms - 1).bit_length())


def acting(network, p, delay):
    """(source, delay, connection) of every synapse as the delay cores make it act."""
    pre, post = network.population(p.pre), network.population(p.post)
    source, slots = p.table[:, 0].astype(int), slots_of(post)
    needs = {}
    for q in network.projections:
        if q.pre == p.pre:
            longest = np.rint(q.table[:, 3] / network.timestep).max(initial=1)
            needs[q.post] = max(needs.get(q.post, 0), int(longest))
    if needs[p.post] <= slots:
        return list(zip(source, delay, range(len(source)), strict=True))
    stages = max(-(-d // slots_of(network.population(name))) for name, d in needs.items()) - 1
    atoms, reads = pre.atoms(), {}
    for i in range(pre.size):
        core, local = divmod(i, atoms)
        here = min(atoms, pre.size - core * atoms)
        for s in range(1, stages + 1):
            reads[core * stages * atoms + (s - 1) * here + local] = (i, s)
    found = []
    for k, (i, d) in enumerate(zip(source.tolist(), delay.tolist(), strict=True)):
        stage = (d - 1) // slots
        if stage == 0:
            found.append((i, d, k))
            continue
        core, local = divmod(i, post.atoms())
        row = core * post.atoms() * stages + (stage - 1) * post.atoms() + local
        if row in reads:
            j, s = reads[row]
            found.append((j, d + slots * (s - stage), k))
    return found


def synapses_of(network, device):
    """Sender -> neuron -> [(post, receptor, target, delay, raw)]."""
    table = {p.name: [[] for _ in range(p.size)] for p in network.populations}
    for p, q in zip(network.projections, device.projections, strict=True):
        order = np.argsort(p.table[:, 0], kind="stable")
        raw, delay = np.zeros(len(order), int), np.zeros(len(order), int)
        raw[order], delay[order] = q.raw, q.delay
        for i, d, k in acting(network, p, delay):
            table[p.pre][i].append((p.post, q.receptor, int(p.table[k, 1]), int(d), int(raw[k])))
    return table


def simulate(network):
    """Spikes and potentials before each update of every population of neurons, and capped additions."""
    device = device_network(network)
    table, inputs = synapses_of(network, device), network.inputs(STEPS)
    neurons = {n: p for n, p in device.populations.items() if p.model is not None}
    derived = {n: derive(p.model, p.neuron, p.inputs, p.threshold, p.synapse) for n, p in neurons.items()}
    state = {n: {k: v.copy() for k, v in s._asdict().items()} for n, (_, s) in derived.items()}
    cells = {n: {} for n in neurons}
    spikes = {n: np.zeros((STEPS, p.size), bool) for n, p in neurons.items()}
    potential = {n: np.zeros((STEPS, p.size), np.int64) for n, p in neurons.items()}
    capped = 0
    for t in range(STEPS):
        for n, p in neurons.items():
            c, s = derived[n][0], state[n]
            ring = cells[n].pop(t, np.zeros((2, p.size), np.int64))
            for receptor, (value, init) in enumerate((("exc", c.init_exc), ("inh", c.init_inh))):
                x = wrap(ring[receptor] << p.shifts[receptor])
                s[value] = wrap(s[value] + (x if p.model is CoreModel.IF_CURR_DELTA else (x * init) >> 32))
            exc, inh, v = s["exc"], s["inh"], s["v"]
            potential[n][t] = v
            if p.model is CoreModel.IF_CURR_DELTA:
                exc, inh = wrap((exc * c.input_0) >> 15), wrap((inh * c.input_0) >> 15)
            if p.model is CoreModel.IF_COND_EXP:
                exc, inh = (
                    wrap(((exc >> 10) * wrap(c.input_0 - v)) >> 15),
                    wrap((-(inh >> 10) * wrap(c.input_1 - v)) >> 15),
                )
            alpha = wrap(wrap((wrap(exc - inh + c.i_offset) * c.resistance) >> 15) + c.v_rest)
            free = s["timer"] <= 0
            s["v"] = np.where(free, wrap(alpha - wrap((c.exp_tc * wrap(alpha - v)) >> 15)), v)
            s["timer"] = np.where(free, s["timer"], s["timer"] - 1)
            fired = s["v"] >= c.threshold
            s["v"], s["timer"] = np.where(fired, c.v_reset, s["v"]), np.where(fired, c.t_refract, s["timer"])
            spikes[n][t] = fired
            s["exc"], s["inh"] = (s["exc"] * c.decay_exc) >> 32, (s["inh"] * c.decay_inh) >> 32
        sent = {n: spikes[n][t].astype(int) for n in neurons}
        for n, x in inputs.items():
            sent[n] = x.dense()[t, 0].astype(int)
        for n, counts in sent.items():
            for i in np.repeat(np.arange(len(counts)), counts):
                for post, receptor, j, d, raw in table[n][i]:
                    cell = cells[post].setdefault(t + d, np.zeros((2, neurons[post].size), np.int64))[
                        receptor
                    ]
                    capped += cell[j] + raw > 0xFFFF
                    cell[j] = min(cell[j] + raw, 0xFFFF)
    return spikes, potential, int(capped)


def connections(rng, n_pre, n_post, probability, mean, longest):
    i, j = np.nonzero(rng.random((n_pre, n_post)) < probability)
    return np.stack(
        [i, j, np.abs(rng.normal(mean, mean / 3, len(i))), rng.uniform(0.5, longest, len(i))], axis=1
    )


def network(seed, populations, lists, timestep=1.0):
    rng = np.random.default_rng(seed)
    times = [(np.flatnonzero(rng.random(STEPS) < 0.03) * timestep).tolist() for _ in range(40)]
    source = {"name": "src", "size": 40, "cell": "SpikeSourceArray", "parameters": {"spike_times": times}}
    made = [PyNNPopulation(**(source | p if p["name"] == "src" else p)) for p in populations]
    sizes = {p.name: p.size for p in made}
    projections = [
        PyNNProjection(pre=a, post=b, receptor=r, connections=connections(rng, sizes[a], sizes[b], *numbers))
        for a, b, r, *numbers in lists
    ]
    return PyNNNetwork(populations=made, projections=projections, timestep=timestep)


EXC, INH = "excitatory", "inhibitory"
NETWORKS = {
    "parallel": network(
        1,
        [{"name": "src"}, {"name": "a", "size": 60, "atoms_per_core": 25}, {"name": "b", "size": 30}],
        [("src", "a", EXC, 0.3, 2.0, 8), ("b", "a", INH, 0.3, 1.0, 8), ("src", "a", INH, 0.1, 0.5, 8),
         ("a", "b", EXC, 0.3, 1.0, 60), ("src", "a", EXC, 0.1, 1.0, 3)],
    ),
    "saturate": network(
        2,
        [{"name": "src"}, {"name": "a", "size": 40, "max_expected_summed_weight": (1.5, 1.5)}],
        [("src", "a", EXC, 0.6, 1.0, 4), ("a", "a", INH, 0.2, 0.5, 4)],
    ),
    "cells": network(
        3,
        [{"name": "src"}, {"name": "a", "size": 40, "cell": "IF_curr_delta"},
         {"name": "b", "size": 30, "cell": "IF_cond_exp"}],
        [("src", "a", EXC, 0.3, 4.0, 9), ("a", "b", EXC, 0.4, 0.02, 9), ("src", "b", INH, 0.4, 0.01, 9)],
    ),
    "equal": network(
        4,
        [{"name": "src", "atoms_per_core": 20}, {"name": "a", "size": 40, "atoms_per_core": 20}],
        [("src", "a", EXC, 0.3, 3.0, 500), ("a", "a", EXC, 0.1, 0.5, 900)],
    ),
    "unequal": network(
        5,
        [{"name": "src"}, {"name": "a", "size": 70, "atoms_per_core": 64},
         {"name": "b", "size": 80, "atoms_per_core": 40}],
        [("src", "a", EXC, 0.5, 3.0, 400), ("a", "b", EXC, 0.3, 1.0, 300), ("src", "b", EXC, 0.2, 1.0, 90)],
    ),
    "several chips": network(
        6,
        [{"name": "src", "atoms_per_core": 7}, {"name": "a", "size": 120, "atoms_per_core": 5},
         {"name": "b", "size": 100, "atoms_per_core": 4, "cell": "IF_curr_delta"}],
        [("src", "a", EXC, 0.3, 2.0, 8), ("a", "b", EXC, 0.1, 2.0, 8), ("b", "a", INH, 0.1, 0.5, 8)],
    ),
    "short steps": network(
        7,
        [{"name": "src"}, {"name": "a", "size": 40}, {"name": "b", "size": 30, "cell": "IF_curr_delta"}],
        [("src", "a", EXC, 0.4, 2.0, 2), ("a", "b", EXC, 0.6, 2.0, 9), ("b", "a", INH, 0.1, 0.5, 1)],
        timestep=0.1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_and_potential(name, tmp_path):
    net = NETWORKS[name]
    compile_pynn(net, allow=tuple(LossKind)).save(tmp_path / "b")
    populations = [p.name for p in net.populations if not p.is_source]
    run = hardware.load(tmp_path / "b").emulate(
        net.inputs(STEPS), STEPS * net.timestep * 1e-3, record={n: Record("spikes", "v") for n in populations},
        overflow=hardware.Overflow.AS_CHIP,
    )  # fmt: skip
    spikes, potential, capped = simulate(net)
    for n in populations:
        assert int((run[n].spikes.dense()[:, 0] != spikes[n]).sum()) == 0
        assert int((np.rint(run[n].v[:-1, 0] * 2**15) != potential[n][1:]).sum()) == 0
        assert spikes[n].sum() > 10
    assert sum(e.count for e in run.events if e.kind == "saturation") == capped
    assert (capped > 0) == (name in ("saturate", "cells", "short steps"))


def test_the_host_loses_synapses_where_atoms_differ():
    """As many act as sPyNNaker's own bookkeeping leaves: fewer than there are, if source and target differ."""
    for name, lost in (("equal", False), ("unequal", True)):
        net = NETWORKS[name]
        acting_synapses = sum(len(x) for rows in synapses_of(net, device_network(net)).values() for x in rows)
        assert (acting_synapses < sum(len(p.table) for p in net.projections)) is lost
