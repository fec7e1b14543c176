"""Section 12 of docs/contracts.md: what every layer does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import neurosim as ns  # noqa: E402
from neurosim import nn  # noqa: E402
from neurosim.nn.state import detached  # noqa: E402

LIF, DT = ns.LIF(tau_membrane=5e-3, threshold=0.5, refractory=2e-3), 1e-3
LAYERS = {
    "LIF": lambda: nn.LIF(LIF, 6, dt=DT),
    "CurrentLIF": lambda: nn.CurrentLIF(ns.CurrentLIF(threshold=0.1), 6, dt=DT),
    "AdaptiveLIF": lambda: nn.AdaptiveLIF(ns.AdaptiveLIF(threshold=0.5), 6, dt=DT),
    "IntegrateAndFire": lambda: nn.IntegrateAndFire(ns.IntegrateAndFire(), 6, dt=DT),
    "LeakyIntegrator": lambda: nn.LeakyIntegrator(ns.LeakyIntegrator(), 6, dt=DT),
    "Recurrent": lambda: nn.Recurrent(nn.LIF(LIF, 6, dt=DT), nn.DelayLinear(6, 6, 4, minimum_delay=1)),
    "Linear": lambda: nn.Linear(6, 5),
    "DelayLinear": lambda: nn.DelayLinear(6, 5, 4),
    "AxonalDelayLinear": lambda: nn.AxonalDelayLinear(6, 5, 4),
    "DendriticDelayLinear": lambda: nn.DendriticDelayLinear(6, 5, 4),
    "BlurredDelayLinear": lambda: nn.BlurredDelayLinear(6, 5, 4, sigma=1.0),
    "DclsLinear": lambda: nn.DclsLinear(6, 5, 4),
    "SparseLinear": lambda: nn.SparseLinear(6, 5, fan_in=2),
    "SparseDelayLinear": lambda: nn.SparseDelayLinear(6, 5, 4, fan_in=2),
    "Conv1d": lambda: nn.Conv1d((2, 3), 2, 2),
    "Conv2d": lambda: nn.Conv2d((1, 2, 3), 2, 2),
    "SumPool": lambda: nn.SumPool((1, 2, 3), (2, 1)),
    "AveragePool": lambda: nn.AveragePool((1, 2, 3), (2, 1)),
    "MaxPool": lambda: nn.MaxPool((1, 2, 3), (2, 1)),
    "Dropout": lambda: nn.Dropout(0.5),
}


def flat(state):
    if state is None:
        return []
    return [state] if isinstance(state, torch.Tensor) else [part for parts in state for part in flat(parts)]


def test_every_layer_is_here():
    bases = (nn.Neurons, nn.Synapses, nn.Transform)
    exported = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    layers = {name for name in exported if issubclass(getattr(nn, name), bases)} - {b.__name__ for b in bases}
    assert layers <= set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_12_a_run_in_parts_with_states_passed_on_is_the_run(name):
    layer = LAYERS[name]()
    x = (torch.rand(11, 3, 6, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    if name == "Dropout":
        layer = layer.train()
    whole, _ = layer(x)
    layer = LAYERS[name]()
    first, state = layer(x[:4])
    assert all(isinstance(part, torch.Tensor) for part in flat(state))
    second, last = layer(x[4:], detached(state))
    assert whole.shape == (11, 3, getattr(layer, "n_out", None) or 6)
    assert whole.dtype == x.dtype
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-6)
    assert not any(part.requires_grad for part in flat(detached(last)))


@pytest.mark.parametrize("name", LAYERS)
def test_12_parameters_are_put_back_into_their_range(name):
    layer = LAYERS[name]()
    delay = getattr(layer, "delay", None)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(100.0)
    if hasattr(layer, "constrain_"):
        layer.constrain_()
    if delay is not None:
        assert delay.max() <= layer.max_delay_steps
