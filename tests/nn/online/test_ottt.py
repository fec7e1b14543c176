from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import UnsupportedError
from neurosim.neurons.options import Reset
from neurosim.nn.online import OTTT

DT = 1e-3
LIF = neurons.LIF(tau_membrane=10e-3, threshold=1.0, reset=Reset.BY_SUBTRACTION)
CURRENT = neurons.CurrentLIF(
    tau_membrane=10e-3, tau_synapse=4e-3, threshold=1.0, resistance=3.0, reset=Reset.BY_SUBTRACTION
)
OPTIONS = {"dt": DT, "surrogate": nn.SuperSpike(beta=2.0)}


def spikes(steps: int, samples: int, n: int, share: float = 0.3) -> torch.Tensor:
    rng = np.random.default_rng(steps + n)
    return torch.tensor((rng.random((steps, samples, n)) < share).astype(float))


def online(module: nn.Sequential, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    rule, state, outputs = OTTT(module), None, []
    for x_t, w_t in zip(x, weight, strict=True):
        out, state = rule.step(x_t, state)
        (out * w_t).sum().backward()
        outputs.append(out.detach())
    return torch.stack(outputs)


@pytest.mark.parametrize("model", [LIF, CURRENT, neurons.LeakyIntegrator(tau_membrane=10e-3)])
@pytest.mark.parametrize("delays", [False, True])
def test_one_layer_learns_as_through_time(model, delays):
    options = {"dtype": torch.float64, "seed": 1}
    synapses = nn.DelayLinear(6, 5, 4, **options) if delays else nn.Linear(6, 5, **options)
    module = nn.Sequential(synapses, nn.neuron_layer(model, 5, **OPTIONS))
    x = spikes(30, 3, 6)
    weight = torch.tensor(np.random.default_rng(0).normal(size=(30, 3, 5)))
    out, _ = module(x)
    (out * weight).sum().backward()
    wanted = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    torch.testing.assert_close(online(module, x, weight), out.detach(), rtol=0, atol=1e-12)
    for parameter, gradient in zip(module.parameters(), wanted, strict=True):
        assert gradient.abs().max() > 0
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=1e-9)


def test_two_layers_follow_the_published_rule():
    """Against the sums written out: delta of each step times the trace of the input."""
    first, second = nn.Linear(6, 5, dtype=torch.float64), nn.Linear(5, 2, dtype=torch.float64, seed=1)
    module = nn.Sequential(first, nn.LIF(LIF, 5, **OPTIONS), second, nn.LIF(LIF, 2, **OPTIONS))
    x, weight = spikes(25, 3, 6), torch.tensor(np.random.default_rng(0).normal(size=(25, 3, 2)))
    out = online(module, x, weight)
    decay, surrogate = np.exp(-DT / 10e-3), OPTIONS["surrogate"]
    w1, w2 = (layer.weight.detach() for layer in (first, second))
    v1, v2, q0, q1 = (torch.zeros(3, n, dtype=torch.float64) for n in (5, 2, 6, 5))
    g1, g2 = torch.zeros_like(w1), torch.zeros_like(w2)
    for t in range(25):
        u1 = decay * v1 + x[t] @ w1.T
        s1 = (u1 >= 1).double()
        u2 = decay * v2 + s1 @ w2.T
        s2 = (u2 >= 1).double()
        v1, v2 = u1 - s1, u2 - s2
        q0, q1 = decay * q0 + x[t], decay * q1 + s1
        delta2 = weight[t] * surrogate.derivative(u2 - 1)
        delta1 = (delta2 @ w2) * surrogate.derivative(u1 - 1)
        g1, g2 = g1 + delta1.T @ q0, g2 + delta2.T @ q1
        assert torch.equal(out[t], s2)
    torch.testing.assert_close(first.weight.grad, g1, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(second.weight.grad, g2, rtol=1e-10, atol=1e-12)


def test_the_graph_holds_one_step():
    module = nn.Sequential(nn.Linear(6, 5, dtype=torch.float64), nn.LIF(LIF, 5, **OPTIONS))
    rule, state = OTTT(module), None
    for x_t in spikes(5, 2, 6):
        _, state = rule.step(x_t, state)
        parts = [state.layers[1].v, *state.traces[0].now, state.traces[0].past]
        assert not any(part.requires_grad for part in parts)


def test_neurons_with_other_time_constants_each_are_refused():
    model = neurons.LIF(tau_membrane=np.array([5e-3, 10e-3]))
    module = nn.Sequential(nn.Linear(3, 2), nn.LIF(model, 2, dt=DT))
    with pytest.raises(UnsupportedError, match="time constant"):
        OTTT(module)


def test_parameters_of_neurons_are_refused():
    module = nn.Sequential(nn.Linear(3, 2), nn.LIF(LIF, 2, dt=DT, learn="threshold"))
    with pytest.raises(UnsupportedError, match="do not learn online"):
        OTTT(module)
