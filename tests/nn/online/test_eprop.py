from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import UnsupportedError
from neurosim.neurons.options import Reset
from neurosim.nn.neurons.recurrent import Recurrent
from neurosim.nn.online import EProp, Feedback
from neurosim.nn.surrogate import heaviside

DT, STEPS = 1e-3, 30
SHARED = {"tau_membrane": 10e-3, "reset": Reset.BY_SUBTRACTION}
MODELS = {
    "LIF": neurons.LIF(threshold=1.0, **SHARED),
    "CurrentLIF": neurons.CurrentLIF(threshold=1.0, tau_synapse=4e-3, resistance=3.0, **SHARED),
    "AdaptiveLIF": neurons.AdaptiveLIF(threshold=0.7, tau_adaptation=20e-3, threshold_jump=0.3, **SHARED),
}
SURROGATE = nn.SuperSpike(beta=2.0)
KAPPA = float(np.exp(-DT / 15e-3))


def network(model, recurrent: bool) -> nn.Sequential:
    linear = {"dtype": torch.float64, "gain": 1.5}
    hidden = nn.neuron_layer(model, 5, dt=DT, surrogate=SURROGATE)
    if recurrent:
        hidden = Recurrent(hidden, nn.Linear(5, 5, seed=1, **linear))
    readout = nn.LeakyIntegrator(neurons.LeakyIntegrator(tau_membrane=15e-3), 3, dt=DT)
    return nn.Sequential(nn.Linear(6, 5, **linear), hidden, nn.Linear(5, 3, seed=2, **linear), readout)


def through_time(model, x, w_in, w_rec, w_out):
    """The readout, step by step; gradients stop at the recurrent spikes and at the reset."""
    c = model.coefficients(DT)
    v, i, theta, z = (torch.zeros(x.shape[1], 5, dtype=torch.float64) for _ in range(4))
    y, outputs = torch.zeros(x.shape[1], 3, dtype=torch.float64), []
    for x_t in x:
        arrivals = x_t @ w_in.T + z.detach() @ w_rec.T
        i = c.get("decay_synapse", 0.0) * i + arrivals
        v = c["decay"] * v + c.get("gain", 1.0) * i
        theta = c.get("decay_theta", 0.0) * (theta + c.get("threshold_jump", 0.0) * z)
        z = heaviside(v - c["threshold"] - theta, SURROGATE)
        v = v - (z * (c["threshold"] + theta)).detach()
        y = KAPPA * y + z @ w_out.T
        outputs.append(y)
    return torch.stack(outputs)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_symmetric_feedback_gives_the_gradient_without_paths_from_spike_to_spike(name, recurrent):
    model, module = MODELS[name], network(MODELS[name], recurrent)
    rng = np.random.default_rng(3)
    x = torch.tensor((rng.random((STEPS, 4, 6)) < 0.4).astype(float))
    error = torch.tensor(rng.normal(size=(STEPS, 4, 3)))
    parameters = list(module.parameters())
    w_in, w_rec, w_out = (
        parameters if recurrent else [parameters[0], torch.zeros(5, 5, dtype=torch.float64), parameters[1]]
    )
    wanted = through_time(model, x, w_in, w_rec, w_out)
    (wanted * error).sum().backward()
    gradients = [p.grad.clone() for p in parameters]
    module.zero_grad()
    rule, state = EProp(module), None
    for x_t, error_t, wanted_t in zip(x, error, wanted.detach(), strict=True):
        out, state = rule.step(x_t, state)
        torch.testing.assert_close(out, wanted_t, rtol=0, atol=1e-12)
        rule.learn(error_t, state)
    assert wanted.abs().sum() > 0
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert gradient.abs().max() > 0
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=1e-9)


def test_random_feedback_is_drawn_from_the_seed_and_teaches_the_readout_alike():
    grads = []
    for feedback, seed in (
        (Feedback.SYMMETRIC, 0),
        (Feedback.RANDOM, 0),
        (Feedback.RANDOM, 0),
        (Feedback.RANDOM, 1),
    ):
        module = network(MODELS["LIF"], False)
        rule, state = EProp(module, feedback=feedback, seed=seed), None
        for _ in range(8):
            _, state = rule.step(torch.ones(2, 6, dtype=torch.float64), state)
            rule.learn(torch.ones(2, 3, dtype=torch.float64), state)
        grads.append([p.grad for p in module.parameters()])
    assert all(torch.equal(grads[0][1], other[1]) for other in grads)
    assert torch.equal(grads[1][0], grads[2][0])
    assert not torch.equal(grads[1][0], grads[3][0])
    assert not torch.equal(grads[1][0], grads[0][0])


def test_what_it_cannot_train_is_refused():
    lif = nn.LIF(MODELS["LIF"], 5, dt=DT)
    with pytest.raises(UnsupportedError, match="e-prop trains"):
        EProp(nn.Sequential(nn.Linear(6, 5), lif))
    module = nn.Sequential(nn.DelayLinear(6, 5, 3), lif, *list(network(MODELS["LIF"], False).layers)[2:])
    with pytest.raises(UnsupportedError, match="DelayLinear"):
        EProp(module)
    rule = EProp(network(MODELS["LIF"], False))
    with pytest.raises(UnsupportedError, match="on the CPU"):
        rule.step(torch.zeros(2, 6, device="meta"))  # stands for a GPU
