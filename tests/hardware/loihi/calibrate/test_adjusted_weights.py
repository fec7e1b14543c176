from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.simulate import simulate
from neurosim.hardware.loihi.calibrate.adjusted_weights import adjust_weights
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.numerics.weights import SignMode, is_common
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, quantise_network
from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.hardware.loihi.signs import Signs
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, LeakyIntegrator
from neurosim.spikes import Spikes

LIMITS = read_chip("loihi1").limits
BITS = 3


def case(model, weight=None, seed=0):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0.1, 0.3, (40, 6)) if weight is None else weight
    net = Network(dt=1e-3)
    source, pool = net.input("in", shape=(len(weight),)), net.population("p", weight.shape[1], model)
    net.connect(source, pool, AllToAll(), weight=weight, delay=1e-3 * rng.integers(1, 5, weight.shape))
    plan = lower(net)
    x = Spikes.from_dense((rng.random((60, 8, len(weight))) < 0.15).astype(np.uint8), dt=1e-3)
    record = "spikes" if model.SPIKES else "v"
    part = simulate(plan, {"in": x}, record={"p": record})["p"]
    network = quantise_network(plan, LIMITS, signs=Signs.SPLIT, weight_bits=BITS)
    return plan, network, x, part.spikes if model.SPIKES else part.v


def potential_error(plan, network, x, wanted):
    """RMS error of the potential in float arithmetic, spikes given: dense sums over the filtered inputs."""
    (p,) = plan.projections
    q, s = network.populations["p"], network.synapses[p.name]
    demand = demand_of(plan.populations["p"], plan.dt)
    held = s.weight * np.exp2(6.0 + s.exponent) / q.scale
    wrong = held - p.weight * demand.gain[p.target]
    fired = wanted.dense(bool) if isinstance(wanted, Spikes) else np.zeros((x.steps, x.samples, 6), bool)
    given, u, v, total = x.dense(float), 0.0, 0.0, 0.0
    for t in range(x.steps):
        q_t = np.zeros((x.samples, 6))
        for d in np.unique(p.delay).tolist():
            if t >= d:
                mine = p.delay == d
                matrix = np.zeros((40, 6))
                np.add.at(matrix, (p.pre_index[mine], p.target[mine]), wrong[mine])
                q_t += given[t - d] @ matrix
        u = u * demand.keep_u + q_t
        v = v * demand.keep_v + u
        total += np.sum(v**2)
        v = np.where(fired[t], 0.0, v)
    return np.sqrt(total / (x.steps * x.samples * 6))


@pytest.mark.parametrize("model", [LIF(), CurrentLIF(tau_synapse=3e-3), LeakyIntegrator(tau_membrane=5e-3)])
def test_weights_rounded_together_leave_a_smaller_error_of_the_potential(model):
    plan, network, x, wanted = case(model)
    demand = demand_of(plan.populations["p"], plan.dt)
    adjusted, moved = adjust_weights(plan, "p", demand, network, {"in": x}, wanted, BITS)
    before, after = (potential_error(plan, n, x, wanted) for n in (network, adjusted))
    assert moved > 0
    assert after < 0.9 * before
    a, b = network.synapses["in->p"], adjusted.synapses["in->p"]
    step = 1 << (8 - BITS)
    assert np.abs(a.weight - b.weight).max() == step  # the other neighbour, not further
    for mode in np.unique(b.mode).tolist():
        for e in np.unique(b.exponent).tolist():
            assert is_common(b.weight[(b.mode == mode) & (b.exponent == e)], e, SignMode(mode))
    assert not np.any(b.weight % step)


def test_the_same_with_any_number_of_threads(monkeypatch):
    plan, network, x, wanted = case(LIF())
    demand, found = demand_of(plan.populations["p"], plan.dt), []
    for threads in ("1", "3"):
        monkeypatch.setenv("NEUROSIM_THREADS", threads)
        found.append(adjust_weights(plan, "p", demand, network, {"in": x}, wanted, BITS)[0])
    assert np.array_equal(*(n.synapses["in->p"].weight for n in found))


def test_weights_that_are_held_exactly_stay():
    plan, network, x, wanted = case(LIF(), np.random.default_rng(0).integers(-7, 8, (40, 6)) / 14)
    demand = demand_of(plan.populations["p"], plan.dt)
    assert network.synapses["in->p"].error < 1e-12
    assert adjust_weights(plan, "p", demand, network, {"in": x}, wanted, BITS) == (network, 0)


def test_shared_weights_stay_equal():
    """A kernel of a convolution is stored once: its weights are rounded by their value alone."""
    plan, network, x, wanted = case(LIF(), np.tile(np.random.default_rng(0).normal(0.1, 0.3, (40, 1)), 6))
    assert isinstance(network, QuantisedNetwork)
    demand = demand_of(plan.populations["p"], plan.dt)
    assert adjust_weights(plan, "p", demand, network, {"in": x}, wanted, BITS)[1] == 0
