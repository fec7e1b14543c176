"""Work of the cores, counted synapse by synapse."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.mapping.map_network import sites
from neurosim.hardware.loihi.report.activity import activity

LIMITS = {"compartments": 8, "cores_per_tile": 1, "tiles_x": 3, "tiles_y": 3, "cores": 9}


def test_it_is_what_one_counts_by_hand(compile_by_hand, make_two_layers, make_noise):
    """Six cores on a mesh of single cores: operations, messages, tiles crossed, compartments that receive something."""
    made = compile_by_hand(make_two_layers(), limits=LIMITS)
    mapped, network = made.mapped, made.mapped.network
    spikes = {
        **make_noise(steps=25, rate=0.2),
        "a": make_noise(40, steps=25, rate=0.1, seed=1)["in"],
        "b": make_noise(5, steps=25, rate=0.1, seed=2)["in"],
    }
    # each cell counts once in the populations: a neuron spikes at most once in a step
    for name in ("a", "b"):
        s = spikes[name]
        spikes[name] = type(s)(s.sample, s.step, s.neuron, shape=s.shape, dt=s.dt, steps=25, samples=2)
    found = activity(mapped, spikes)
    cores, at = mapped.cores, sites(mapped.limits)
    assert len(cores) >= 6
    first, inputs = network.first_neuron, sum(network.inputs.values())
    core_of, compartment_of = mapped.placed
    neuron_at = {place: n for n, place in enumerate(zip(core_of, compartment_of, strict=True))}
    operations, messages = np.zeros((50, len(cores))), np.zeros((50, len(cores)))
    received = np.zeros((50, len(core_of)), bool)
    hops, from_host = np.zeros(2), 0
    for name, s in spikes.items():
        for b, t, n, c in zip(s.sample, s.step, s.neuron, s.counts_of_cells(), strict=True):
            for k, core in enumerate(cores):
                axons = core.axons
                for entry in np.flatnonzero(axons.source == first[name] + n):
                    axon = axons.of_atom[entry]
                    begin = axons.pointer[axon] + axons.atom[entry] * axons.length[axon]
                    synapses = slice(begin, begin + axons.length[axon])
                    operations[25 * b + t, k] += c * axons.length[axon]
                    stored = core.synapses
                    for place, weight, delay in zip(
                        axons.base[axon] + stored.compartment[synapses],
                        stored.weight[synapses],
                        stored.delay[synapses],
                        strict=True,
                    ):
                        if weight and t + 1 + delay < 25:
                            received[25 * b + t + 1 + delay, neuron_at[k, place]] = True
                    if name == "in":
                        from_host += c
                        continue
                    here = core_of[first[name] - inputs + n]
                    messages[25 * b + t, here] += 1
                    hops += np.abs(np.subtract(at[cores[here].number], at[core.number]))
    np.testing.assert_array_equal(found.operations, operations)
    np.testing.assert_array_equal(found.messages, messages)
    np.testing.assert_array_equal(found.hops, hops)
    assert found.inputs == from_host
    active = np.stack([received[:, core_of == k].sum(axis=1) for k in range(len(cores))], axis=1)
    np.testing.assert_array_equal(found.active, active)
    assert found.compartments.sum() == 45
    assert found.steps == 50
    assert sum(found.way) <= 4


@pytest.mark.parametrize("steps", [0, 3])
def test_silence(compile_by_hand, make_two_layers, make_noise, steps):
    made = compile_by_hand(make_two_layers())
    spikes = {
        name: make_noise(n, steps=steps, samples=1, rate=0.0)["in"]
        for name, n in (("in", 24), ("a", 40), ("b", 5))
    }
    found = activity(made.mapped, spikes)
    assert found.steps == steps
    assert found.operations.sum() == found.active.sum() == found.hops.sum() == found.inputs == 0
