from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosim.hardware.loihi import Signs  # noqa: E402
from neurosim.hardware.loihi.quantise import quantise_synapses  # noqa: E402
from neurosim.hardware.loihi.training import WeightQuantiser  # noqa: E402
from neurosim.nn.protocols import Quantiser  # noqa: E402


@pytest.mark.parametrize("signs", Signs)
@pytest.mark.parametrize("low", [-1.0, 0.1])
def test_rounds_as_compiling_does(signs, low):
    weight = (
        torch.rand(40, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * (1 - low) + low
    )
    weight[0, 0] = 1.0
    flat = weight.numpy().reshape(-1)
    top = 254 if signs is Signs.MIXED and low < 0 else 255
    stored = quantise_synapses(flat, top * 64, signs=signs, exponent_maximum=7)
    assert WeightQuantiser(signs=signs)(weight).numpy().reshape(-1) == pytest.approx(
        stored.weight / top, abs=1e-12
    )
    assert not np.any(stored.exponent)


def test_gradient_passes_straight_through():
    weight = torch.randn(5, 4, requires_grad=True)
    (WeightQuantiser()(weight) * torch.arange(20.0).reshape(5, 4)).sum().backward()
    assert torch.equal(weight.grad, torch.arange(20.0).reshape(5, 4))


def test_is_a_quantiser_and_leaves_zeros():
    assert isinstance(WeightQuantiser(), Quantiser)
    assert not WeightQuantiser()(torch.zeros(3, 3)).any()
