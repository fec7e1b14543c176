from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import DescriptionError
from neurosim.neurons.options import Discretisation, Reset
from neurosim.nn.neurons.learnable import differentiable, to_held

N, DT = 5, 1e-3
EULER = Discretisation.EULER
MODELS = [
    neurons.LIF(tau_membrane=np.linspace(3e-3, 9e-3, N), threshold=0.8, current=0.4, resistance=2.0),
    neurons.LIF(
        tau_membrane=8e-3, threshold=np.linspace(0.5, 1, N), reset=Reset.BY_SUBTRACTION, discretisation=EULER
    ),
    neurons.IntegrateAndFire(threshold=0.9, current=3.0, reset=Reset.BY_SUBTRACTION),
    neurons.CurrentLIF(
        tau_membrane=5e-3, tau_synapse=np.array([2e-3, 5e-3, 5.01e-3, 5.3e-3, 40e-3]), current=0.1
    ),
    neurons.CurrentLIF(tau_membrane=6e-3, tau_synapse=3e-3, discretisation=EULER, reset=Reset.BY_SUBTRACTION),
    neurons.AdaptiveLIF(tau_adaptation=np.linspace(10e-3, 40e-3, N), threshold_jump=0.2, threshold=0.6),
    neurons.AdaptiveLIF(tau_adaptation=30e-3, discretisation=EULER, reset=Reset.BY_SUBTRACTION),
    neurons.LeakyIntegrator(tau_membrane=12e-3, current=0.3),
]
LEARNABLE = {
    neurons.LIF: nn.LIF, neurons.IntegrateAndFire: nn.IntegrateAndFire, neurons.CurrentLIF: nn.CurrentLIF,
    neurons.AdaptiveLIF: nn.AdaptiveLIF, neurons.LeakyIntegrator: nn.LeakyIntegrator,
}  # fmt: skip


def learning_layer(model, dtype=torch.float64):
    return nn.neuron_layer(model, N, dt=DT, learn=LEARNABLE[type(model)].LEARNABLE, dtype=dtype)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_formulas_are_the_models_coefficients(model):
    held = {
        name: torch.tensor(to_held(name, getattr(model, name), DT), requires_grad=True)
        for name in LEARNABLE[type(model)].LEARNABLE
    }
    coefficients = model.coefficients(DT)
    found = differentiable(model, DT, held)
    assert found
    for name, value in found.items():
        expected = np.broadcast_to(coefficients[name], value.shape)
        np.testing.assert_allclose(value.detach().numpy(), expected, rtol=1e-13, atol=1e-15)
    inputs = [a for a in held.values() if a.requires_grad]
    for name in found:  # tau_synapse = tau_membrane among them, where the gain is a quotient of two zeros
        assert torch.autograd.gradcheck(
            lambda *some, name=name: differentiable(model, DT, dict(zip(held, some, strict=True)))[name],
            inputs,
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_layer_has_the_learnt_model(model, dtype):
    layer = learning_layer(model, dtype)
    plain = nn.neuron_layer(layer.model, N, dt=DT)
    torch.testing.assert_close(layer.table(torch.float64), plain.table(torch.float64), rtol=0, atol=0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(1.25)
    learnt = layer.model
    assert type(learnt) is type(model)
    for name in layer.learn:
        value = getattr(model, name)
        np.testing.assert_allclose(getattr(learnt, name), 1.25 * value, rtol=1e-6)
        assert np.shape(getattr(learnt, name)) == np.shape(value)
    plain = nn.neuron_layer(learnt, N, dt=DT)
    assert torch.equal(layer.table(torch.float64), plain.table(torch.float64))


def test_parameters_get_the_gradients_of_the_readouts_finite_differences():
    model = neurons.LeakyIntegrator(tau_membrane=np.linspace(3e-3, 9e-3, N), current=0.2)
    layer = learning_layer(model)
    x = torch.tensor(np.random.default_rng(0).normal(size=(12, 2, N)))
    weight = torch.tensor(np.random.default_rng(1).normal(size=(12, 2, N)))
    (layer(x)[0] * weight).sum().backward()

    def loss(**changed):
        other = learning_layer(model)
        with torch.no_grad():
            for name, change in changed.items():
                getattr(other, name).add_(change)
        return float((other(x)[0] * weight).sum().detach())

    for name in layer.learn:
        parameter = getattr(layer, name)
        for k in range(parameter.numel()):
            change = torch.zeros(parameter.numel(), dtype=torch.float64)
            change[k] = 1e-6
            change = change.reshape(parameter.shape)
            slope = (loss(**{name: change}) - loss(**{name: -change})) / 2e-6
            np.testing.assert_allclose(parameter.grad.reshape(-1)[k], slope, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS[1:6:2], ids=lambda m: type(m).__name__)
def test_the_engine_spikes_as_what_was_learnt(model):
    layer = learning_layer(model)
    module = nn.Sequential(nn.Linear(4, N, seed=3, gain=2.5, dtype=torch.float64), layer)
    with torch.no_grad():  # sums of such weights are exact in any order
        module.pairs()[0][0].weight.mul_(64).round_().div_(64)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.02)
    x = torch.tensor((np.random.default_rng(2).random((60, 1, 4)) < 0.4).astype(float))
    for _ in range(3):
        optimiser.zero_grad()
        (module(x)[0].mean() - 0.3).square().backward()
        assert all(p.grad.abs().max() > 0 for p in layer.parameters())
        optimiser.step()
        module.constrain_()
    assert layer.model != model
    out, _ = module(x)
    net, _ = nn.to_network(module)
    recording = ns.simulate(net, {"input": x.numpy()}, record={"output": "spikes"})
    assert out.sum() > 5
    assert np.array_equal(recording["output"].spikes.dense(), out.detach().numpy())


def test_parameters_are_put_back_into_their_range():
    layer = nn.CurrentLIF(
        neurons.CurrentLIF(threshold=np.array([-50.0, -55.0]), v_reset=-65.0, v_rest=-65.0), 2, dt=DT,
        learn=("tau_membrane", "tau_synapse", "threshold"),
    )  # fmt: skip
    with torch.no_grad():
        layer.tau_membrane.fill_(-3.0)
        layer.tau_synapse.fill_(torch.inf)
        layer.threshold.copy_(torch.tensor([-80.0, -54.0]))
    layer.constrain_()
    assert layer.tau_membrane.item() == pytest.approx(0.1)
    assert layer.tau_synapse.item() == 1e6
    torch.testing.assert_close(layer.threshold.data, torch.tensor([-65 + 0.15, -54.0]))
    euler = nn.LIF(
        neurons.LIF(discretisation=EULER, reset=Reset.BY_SUBTRACTION), 2, dt=DT, learn=("tau_membrane",)
    )
    euler.tau_membrane.data.fill_(0.5)
    euler.constrain_()
    assert euler.model.tau_membrane == pytest.approx(DT)


def test_one_threshold_stays_above_every_reset():
    layer = nn.LIF(neurons.LIF(v_reset=np.array([0.0, 0.5, -0.5])), 3, dt=DT, learn="threshold")
    layer.threshold.data.fill_(-1.0)
    layer.constrain_()
    assert layer.threshold.item() == pytest.approx(0.505)


def test_only_what_is_asked_for_learns():
    assert not list(nn.LIF(neurons.LIF(), N, dt=DT).parameters())
    layer = nn.LIF(neurons.LIF(), N, dt=DT, learn="threshold")
    assert [name for name, _ in layer.named_parameters()] == ["threshold"]
    with pytest.raises(DescriptionError, match=r"LIF.learn.*v_reset.*tau_membrane"):
        nn.LIF(neurons.LIF(), N, dt=DT, learn=("v_reset",))
    again = nn.LIF(neurons.LIF(threshold=3.0), N, dt=DT, learn="threshold")
    again.load_state_dict(layer.state_dict())
    assert again.model == layer.model


def test_on_a_devices_grid_values_are_the_devices_and_gradients_pass():
    layer = learning_layer(MODELS[0])

    def rounded(model):
        return neurons.LIF(tau_membrane=5e-3, threshold=round(model.threshold), current=0.4, resistance=2.0)

    exact = layer.table(torch.float64)
    layer.quantiser = rounded
    held = layer.table(torch.float64)
    assert torch.equal(held, nn.LIF(rounded(MODELS[0]), N, dt=DT).table(torch.float64))
    weight = torch.tensor(np.random.default_rng(0).normal(size=held.shape))
    grads = [torch.autograd.grad((table * weight).sum(), [*layer.parameters()]) for table in (held, exact)]
    assert all(a.abs().max() > 0 and torch.equal(a, b) for a, b in zip(*grads, strict=True))
