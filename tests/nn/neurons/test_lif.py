from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.nn.surrogate import heaviside

T, B, N, DT = 40, 3, 6, 1e-3
SOME = {"threshold": 0.9, "v_reset": -0.1, "v_init": 0.2, "refractory": np.linspace(0, 3e-3, N)}
MODELS = [
    neurons.LIF(tau_membrane=np.linspace(3e-3, 20e-3, N), v_rest=0.1, current=0.3, **SOME),
    neurons.LIF(tau_membrane=5e-3, reset=Reset.BY_SUBTRACTION, spike_when=SpikeWhen.EXCEEDED),
    neurons.LIF(tau_membrane=5e-3, discretisation=Discretisation.EULER, refractory=2e-3),
    neurons.LIF(refractory_input=RefractoryInput.KEEP, refractory=2e-3),
    neurons.LIF(refractory_input=RefractoryInput.INTEGRATE, refractory=2e-3),
    neurons.IntegrateAndFire(current=5.0, **SOME),
    neurons.CurrentLIF(tau_synapse=4e-3, v_rest=0.1, **SOME),
    neurons.CurrentLIF(tau_synapse=20e-3, refractory_input=RefractoryInput.KEEP, refractory=2e-3),
    neurons.AdaptiveLIF(tau_adaptation=30e-3, threshold_jump=np.linspace(0.0, 0.5, N), **SOME),
    neurons.AdaptiveLIF(reset=Reset.BY_SUBTRACTION, spike_when=SpikeWhen.EXCEEDED),
    neurons.LeakyIntegrator(tau_membrane=8e-3, v_rest=-0.2, v_init=0.5, current=0.2),
]


def arrivals(model, seed=0):
    scale = 8.0 if isinstance(model, neurons.CurrentLIF) else 1.0
    x = np.random.default_rng(seed).normal(0.15, 0.4, (T, B, N)) * scale
    return torch.tensor(x, requires_grad=True)


def stepped(model, x):
    """The model's own step, neuron by neuron in plain Python: spikes and v [T, B, N]."""

    def of(values, j):
        return [float(np.broadcast_to(v, (N,))[j]) for v in values]

    spikes, v = np.zeros((T, B, N)), np.zeros((T, B, N))
    options = [getattr(model, name) for name in model.OPTIONS]
    for b in range(B):
        for j in range(N):
            state = of(model.initial(DT).values(), j)
            coefficients = of(model.coefficients(DT).values(), j)
            for t in range(T):
                *state, spike = model.step(*state, x[t, b, j], *coefficients, *options)
                spikes[t, b, j], v[t, b, j] = spike, state[0]
    return spikes, v


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_a_layer_computes_its_models_step(model):
    layer = nn.neuron_layer(model, N, dt=DT)
    x = arrivals(model)
    out, state = layer(x)
    spikes, v = stepped(model, x.detach().numpy())
    if not model.SPIKES:
        assert np.array_equal(out.detach().numpy(), v)
        return
    assert 0.02 < spikes.mean() < 0.5
    assert np.array_equal(out.detach().numpy(), spikes)
    assert np.array_equal(state.v.detach().numpy(), v[-1])


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_a_run_in_two_parts_is_the_run(model):
    layer = nn.neuron_layer(model, N, dt=DT)
    x = arrivals(model, seed=1)
    whole, _ = layer(x)
    head, state = layer(x[:17])
    tail, _ = layer(x[17:], state)
    torch.testing.assert_close(torch.cat([head, tail]), whole, rtol=1e-12, atol=1e-12)
    (a,), (b,) = (torch.autograd.grad(y.square().sum(), x) for y in (whole, torch.cat([head, tail])))
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    assert a.abs().max() > 0


def test_the_gradient_of_a_readout_is_its_finite_difference():
    layer = nn.LeakyIntegrator(MODELS[-1], 2, dt=DT)
    x = torch.tensor(np.random.default_rng(2).normal(size=(5, 2, 2)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], (x,))


def test_spikes_and_gradients_are_those_of_spikingjelly():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    # its LIFNode without decaying inputs does v <- v - v/tau + x: our Euler step with dt/tau_membrane = 1/tau
    theirs = neuron.LIFNode(
        tau=4.0, decay_input=False, v_threshold=1.0, v_reset=0.0, detach_reset=True, step_mode="m",
        surrogate_function=surrogate.ATan(alpha=2.0),
    )  # fmt: skip
    model = neurons.LIF(tau_membrane=4 * DT, discretisation=Discretisation.EULER)
    mine = nn.LIF(model, N, dt=DT, surrogate=nn.Arctan(alpha=2.0))
    x = arrivals(model)
    outs = mine(x)[0], theirs(x)
    assert outs[0].sum() > 20
    assert torch.equal(*outs)
    weight = torch.tensor(np.random.default_rng(3).normal(size=(T, B, N)))
    grads = [torch.autograd.grad((out * weight).sum(), x)[0] for out in outs]
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reset", list(Reset))
@pytest.mark.parametrize("timing", list(ResetTiming))
def test_every_reset_is_the_engines(reset, timing):
    options = {"tau_membrane": 4e-3, "v_rest": 0.1, "v_reset": -0.2, "reset": reset, "reset_timing": timing}
    layer = nn.LIF(neurons.LIF(**options), N, dt=DT, learn=("threshold", "tau_membrane"), dtype=torch.float64)
    module = nn.Sequential(nn.Linear(6, N, gain=1.5, dtype=torch.float64), layer)
    x = torch.tensor((np.random.default_rng(0).random((40, 3, 6)) < 0.4).astype(float))
    out, _ = module(x)
    net, _ = nn.to_network(module)
    spikes = ns.simulate(net, {"input": x.numpy()})["output"].spikes.dense()
    assert 0.03 < out.mean() < 0.6
    np.testing.assert_array_equal(spikes, out.detach().numpy())


def test_a_late_subtraction_passes_gradients_to_what_learns():
    """Against the equation v <- a v + x - threshold s, differentiated by autograd."""
    model = neurons.LIF(tau_membrane=4e-3, reset=Reset.BY_SUBTRACTION, reset_timing=ResetTiming.NEXT_STEP)
    layer = nn.LIF(model, N, dt=DT, learn=("threshold", "tau_membrane"), dtype=torch.float64)
    x = torch.tensor(np.random.default_rng(1).normal(0.3, 0.5, (30, 2, N)))
    weight = torch.tensor(np.random.default_rng(2).normal(size=(30, 2, N)))
    (layer(x)[0] * weight).sum().backward()
    tau = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    v = s = torch.zeros(2, N, dtype=torch.float64)
    loss = 0.0
    for x_t, w_t in zip(x, weight, strict=True):
        v = torch.exp(-1 / tau) * v + x_t - threshold * s.detach()
        s = heaviside(v - threshold, nn.Arctan())
        loss = loss + (s * w_t).sum()
    loss.backward()
    torch.testing.assert_close(layer.threshold.grad.sum(), threshold.grad, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.tau_membrane.grad.sum(), tau.grad, rtol=1e-9, atol=1e-9)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DescriptionError, match="needs a neuron model"):
        nn.LIF(neurons.LeakyIntegrator(), N, dt=DT)
    with pytest.raises(DescriptionError, match="tau_membrane"):
        nn.LIF(neurons.LIF(tau_membrane=np.ones(N + 1)), N, dt=DT)
    for name, value in {"dt": 0.0, "surrogate": nn.Arctan}.items():
        with pytest.raises(DescriptionError, match=name):
            nn.LIF(neurons.LIF(), N, **({"dt": DT} | {name: value}))
    for shape in (0, (2, -3), 2.5):
        with pytest.raises(DescriptionError, match="shape"):
            nn.LIF(neurons.LIF(), shape, dt=DT)
    assert nn.LIF(neurons.LIF(), np.int64(N), dt=DT).shape == (N,)
    late = {"reset_timing": ResetTiming.NEXT_STEP}
    with pytest.raises(UnsupportedError, match="above the threshold"):
        nn.LIF(neurons.LIF(v_init=2.0, **late), N, dt=DT)
    forgetful = {"tau_membrane": DT, "discretisation": Discretisation.EULER, "reset": Reset.BY_SUBTRACTION}
    with pytest.raises(UnsupportedError, match="without memory"):
        nn.LIF(neurons.LIF(**forgetful, **late), N, dt=DT)
    with pytest.raises(ShapeError, match="arrivals"):
        nn.LIF(neurons.LIF(), N, dt=DT)(torch.zeros(T, B, N + 1))
