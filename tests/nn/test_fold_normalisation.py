from __future__ import annotations

import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import UnsupportedError

DT = 1e-3
DOUBLE = {"dtype": torch.float64}


def normalisation(shape):
    norm = nn.BatchNorm(shape, **DOUBLE)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in (norm.scale, norm.shift, norm.mean, norm.variance):
            values.copy_(torch.rand(len(values), generator=generator, **DOUBLE) + 0.2)
    return norm


def make():
    lif = nn.LIF(neurons.LIF(refractory=2e-3), (3, 4), dt=DT, learn=("tau_membrane",), **DOUBLE)
    current = nn.CurrentLIF(neurons.CurrentLIF(resistance=8.0), 6, dt=DT)
    return nn.Sequential(
        nn.Conv1d((2, 6), 3, 3, gain=2.0, **DOUBLE), normalisation((3, 4)), lif,
        nn.SumPool((3, 4), 2), nn.DelayLinear(6, 6, 4, gain=2.0, **DOUBLE), normalisation(6),
        nn.Recurrent(current, nn.Linear(6, 6, gain=0.3, **DOUBLE)),
        nn.Linear(6, 2, **DOUBLE), nn.LeakyIntegrator(neurons.LeakyIntegrator(), 2, dt=DT),
    ).eval()  # fmt: skip


def test_the_folded_module_does_the_same():
    net = make()
    folded = nn.fold_normalisation(net)
    assert [type(layer).__name__ for layer in folded.layers] == [
        "Conv1d", "LIF", "SumPool", "DelayLinear", "Recurrent", "Linear", "LeakyIntegrator",
    ]  # fmt: skip
    x = (torch.rand(30, 3, 12, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    with torch.no_grad():
        for mine, whole in zip(folded.trace(x)[0], net.trace(x)[0], strict=True):
            assert whole.any()
            torch.testing.assert_close(mine, whole, rtol=1e-10, atol=1e-12)


def test_the_folded_module_is_trained_by_itself():
    net = make()
    before = [p.clone() for p in net.parameters()]
    folded = nn.fold_normalisation(net)
    assert "layers.1.tau_membrane" in dict(folded.named_parameters())
    with torch.no_grad():
        for p in folded.parameters():
            p += 1
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), before, strict=True))


def test_weights_that_neurons_share_have_one_scale():
    lif = nn.LIF(neurons.LIF(), (3, 4), dt=DT)
    net = nn.Sequential(nn.Conv1d((2, 6), 3, 3, **DOUBLE), normalisation(12), lif)
    with pytest.raises(UnsupportedError, match="one by one"):
        nn.fold_normalisation(net)
