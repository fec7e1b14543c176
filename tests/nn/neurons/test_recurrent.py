from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.neurons.options import RefractoryInput, Reset
from neurosim.nn.reference.membrane import membrane
from neurosim.nn.reference.recurrent import recurrent as reference

T, B, N, DT = 40, 3, 12, 1e-3
MODELS = {
    "LIF": neurons.LIF(tau_membrane=np.linspace(3e-3, 20e-3, N), v_rest=0.1, refractory=2e-3, current=0.2),
    "by subtraction": neurons.LIF(tau_membrane=5e-3, reset=Reset.BY_SUBTRACTION),
    "IntegrateAndFire": neurons.IntegrateAndFire(current=20.0),
    "CurrentLIF": neurons.CurrentLIF(
        tau_synapse=4e-3, refractory=1e-3, refractory_input=RefractoryInput.KEEP, threshold=0.7
    ),
    "AdaptiveLIF": neurons.AdaptiveLIF(tau_adaptation=20e-3, threshold_jump=0.2, threshold=0.8),
}


def layer(model, *, longest=None, seed=0, learn=()):
    double = {
        "dtype": torch.float64,
        "seed": seed,
        "gain": 2.0 if isinstance(model, neurons.CurrentLIF) else 0.5,
    }
    synapses = nn.Linear(N, N, **double) if longest is None else (
        nn.DelayLinear(N, N, longest, minimum_delay=1, **double)
    )  # fmt: skip
    return nn.Recurrent(nn.neuron_layer(model, N, dt=DT, learn=learn, dtype=torch.float64), synapses)


def spikes_in(seed=0):
    return torch.tensor((np.random.default_rng(seed).random((T, B, N)) < 0.15) * 1.0)


@pytest.mark.parametrize("longest", [None, 6])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_engine_computes_the_same_spikes(model, longest):
    module = layer(model, longest=longest)
    onto = nn.Linear(
        N, N, dtype=torch.float64, seed=1, gain=4.0 if isinstance(model, neurons.CurrentLIF) else 1.0
    )
    delay = DT
    if longest is not None:
        assert module.synapses.round_delays_() > 0
        delay = module.synapses.delay.detach().numpy().T * DT
    x = spikes_in()
    net = ns.Network(dt=DT)
    net.input("in", N)
    net.population("n", N, module.model)
    net.connect("in", "n", ns.AllToAll(), weight=onto.weight.detach().numpy().T)
    net.connect("n", "n", ns.AllToAll(), weight=module.synapses.weight.detach().numpy().T, delay=delay)
    recording = ns.simulate(
        net, {"in": ns.Spikes.from_dense(x.numpy(), dt=DT)}, record={"n": ns.Record("spikes")}
    )
    out, _ = module(onto(x)[0])
    assert 0.03 < out.mean() < 0.5
    assert np.array_equal(recording["n"].spikes.dense(), out.detach().numpy())
    alone, _ = module.neurons(onto(x)[0])
    assert not torch.equal(alone, out)


def test_neurons_and_synapses_learn_as_the_reference_says():
    module = layer(MODELS["CurrentLIF"], longest=5, learn=("tau_membrane", "tau_synapse", "threshold"))
    with torch.no_grad():
        module.synapses.delay[0, :2] = torch.tensor(
            [0.3, 6.0]
        )  # outside: they act as the ends, and can come back
    x = (spikes_in() * 3.0).requires_grad_()
    names = [
        "neurons.tau_membrane",
        "neurons.tau_synapse",
        "neurons.threshold",
        "synapses.weight",
        "synapses.delay",
    ]
    parameters = dict(module.named_parameters())
    assert sorted(parameters) == sorted(names)
    goal = torch.tensor(np.random.default_rng(1).normal(size=(T, B, N)))
    spikes, state = module(x)
    assert state.pending.shape == (5, B, N)
    delay = module.synapses.delay_steps().detach().requires_grad_()
    start, table = module.start(x), module.table(x.dtype)

    def step(arrivals, state):
        return membrane(arrivals, state, table, module.step_rule(), module.neurons.surrogate)

    expected, pending, _ = reference(x, start.pending, module.synapses.weight, delay, step, start.neurons)
    assert 0.03 < spikes.mean() < 0.6
    assert torch.equal(spikes, expected)
    mine = torch.autograd.grad(
        (spikes * goal).sum() + state.pending.sum(), [x, *(parameters[n] for n in names)]
    )
    wanted = [x, *(parameters[n] for n in names[:-1]), delay]
    theirs = torch.autograd.grad((expected * goal).sum() + pending.sum(), wanted)
    theirs[-1][0, :2], mine[-1][0, :2] = 0.0, 0.0  # on a kink the reference means both sides
    for a, b in zip(mine, theirs, strict=True):
        assert b.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10 * float(b.abs().max()))
    module.constrain_()
    delay = module.synapses.delay
    assert delay.min() >= 1
    assert delay.max() <= 5


@pytest.mark.parametrize("longest", [None, 6])
def test_a_run_in_two_parts_is_the_run(longest):
    module = layer(MODELS["AdaptiveLIF"], longest=longest, learn="threshold")
    x = spikes_in(1).requires_grad_()
    whole, last = module(x)
    head, state = module(x[:3])
    tail, end = module(x[3:], state)
    assert torch.equal(torch.cat([head, tail]), whole)
    assert torch.equal(end.pending, last.pending)
    assert torch.equal(end.neurons.theta, last.neurons.theta)
    goal = torch.tensor(np.random.default_rng(1).normal(size=(T, B, N)))
    leaves = [x, *module.parameters()]
    for a, b in zip(
        *(torch.autograd.grad((y * goal).sum(), leaves) for y in (whole, torch.cat([head, tail]))),
        strict=True,
    ):
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11 * float(a.abs().max()))


@pytest.mark.parametrize("kind", [nn.AxonalDelayLinear, nn.DendriticDelayLinear])
def test_delays_by_neuron_are_delays_of_all_their_synapses(kind):
    neuron = nn.neuron_layer(MODELS["LIF"], N, dt=DT, learn="threshold", dtype=torch.float64)
    few = nn.Recurrent(neuron, kind(N, N, 6, minimum_delay=1, dtype=torch.float64))
    many = nn.Recurrent(neuron, nn.DelayLinear(N, N, 6, minimum_delay=1, dtype=torch.float64))
    with torch.no_grad():
        few.synapses.delay[0] = 6.0
        many.synapses.delay.copy_(few.synapses.delay_steps())
    goal = torch.tensor(np.random.default_rng(1).normal(size=(T, B, N)))
    delays = []
    for module in (few, many):
        out, _ = module(spikes_in() * 1.5)
        module.zero_grad()
        (out * goal).sum().backward()
        delays.append(module.synapses.delay.grad)
    axis = 0 if kind is nn.AxonalDelayLinear else 1
    assert delays[0].abs().max() > 0
    torch.testing.assert_close(delays[0], delays[1].sum(axis), rtol=1e-10, atol=1e-10)


def test_whole_delays_are_those_after_rounding():
    whole = nn.DelayLinear(N, N, 6, minimum_delay=1, dtype=torch.float64, grid=nn.DelayGrid.WHOLE)
    neuron = nn.neuron_layer(MODELS["LIF"], N, dt=DT, learn="threshold", dtype=torch.float64)
    module = nn.Recurrent(neuron, whole)
    out, _ = module(spikes_in() * 1.5)
    out.sum().backward()
    assert whole.delay.grad.abs().max() > 0
    whole.round_delays_()
    assert torch.equal(module(spikes_in() * 1.5)[0], out)


def test_it_stands_in_a_sequence():
    module = layer(MODELS["LIF"], longest=4)
    net = nn.Sequential(nn.Linear(7, N, dtype=torch.float64), module)
    assert module.size == N
    assert net.dt == DT
    outputs, states = net.trace(torch.ones(5, 2, 7, dtype=torch.float64))
    assert outputs[0].shape == (5, 2, N)
    assert isinstance(states[1], nn.RecurrentState)
    assert "LIF" in repr(module)
    module.surrogate, module.detach_reset, module.quantiser = nn.Triangle(), False, None
    assert (module.neurons.surrogate, module.neurons.detach_reset) == (nn.Triangle(), False)
    assert "DelayLinear" in repr(module)


@pytest.mark.parametrize("grid", nn.DelayGrid)
def test_a_training_that_diverged_gives_no_numbers_rather_than_memory_of_others(grid):
    synapses = nn.DelayLinear(N, N, 5, minimum_delay=1, grid=grid, dtype=torch.float64)
    module = nn.Recurrent(nn.LIF(neurons.LIF(), N, dt=DT), synapses)
    with torch.no_grad():
        synapses.delay[0, 1] = torch.nan
    x = torch.full((T, B, N), 0.5, dtype=torch.float64, requires_grad=True)
    spikes, state = module(x)
    assert torch.isnan(state.neurons.v[:, 0]).all()
    assert torch.isfinite(state.neurons.v[:, 1:]).all()
    spikes.sum().backward()


def test_what_cannot_come_back_is_refused():
    lif = nn.LIF(neurons.LIF(), N, dt=DT)
    with pytest.raises(ShapeError, match="do not fit the neurons"):
        nn.Recurrent(lif, nn.Linear(N, N + 1))
    with pytest.raises(DescriptionError, match="own step"):
        nn.Recurrent(lif, nn.DelayLinear(N, N, 5))
    with pytest.raises(UnsupportedError, match="spike"):
        nn.Recurrent(nn.LeakyIntegrator(neurons.LeakyIntegrator(), N, dt=DT), nn.Linear(N, N))
    with pytest.raises(DescriptionError, match="layer of synapses"):
        nn.Recurrent(lif, lif)
    with pytest.raises(DescriptionError, match="layer of neurons"):
        nn.Recurrent(nn.Linear(N, N), nn.Linear(N, N))
    with pytest.raises(ShapeError, match="arrivals"):
        nn.Recurrent(lif, nn.Linear(N, N))(torch.zeros(T, B, N + 1))
