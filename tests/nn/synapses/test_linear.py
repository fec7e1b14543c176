from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.spikes import Spikes


class Halves:
    """A quantiser to multiples of 1/2 that passes gradients straight through."""

    def __call__(self, weight):
        return weight + ((weight * 2).round() / 2 - weight).detach()


class Shift:
    """A "noise" that tells seed and index."""

    def __call__(self, weight, *, seed, index):
        return weight + 100 * seed + index


def test_arrivals_are_weighted_spikes_of_the_same_step():
    layer = nn.Linear(4, 3, dtype=torch.float64)
    x = torch.tensor(np.random.default_rng(0).normal(size=(5, 2, 4)))
    out, state = layer(x)
    assert state is None
    np.testing.assert_allclose(
        out.detach().numpy(), np.einsum("tbi,oi->tbo", x.numpy(), layer.weight.detach().numpy()), rtol=1e-12
    )


def test_first_weights_are_uniform_and_seeded():
    weight = nn.Linear(600, 500, gain=2.0, seed=3).weight
    bound = 2.0 * (6 / 600) ** 0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert abs(weight.mean().item()) < 5 * bound / 3**0.5 / weight.numel() ** 0.5
    assert torch.equal(weight, nn.Linear(600, 500, gain=2.0, seed=3).weight)
    assert not torch.equal(weight, nn.Linear(600, 500, gain=2.0, seed=4).weight)


def test_quantiser_always_and_noise_in_training_only():
    layer = nn.Linear(4, 3, quantiser=Halves(), noise=Shift(), seed=2)
    assert isinstance(layer.quantiser, nn.Quantiser)
    assert isinstance(layer.noise, nn.NoiseModel)
    layer.noise_index = 7
    clean = (layer.weight * 2).round() / 2
    assert torch.equal(layer.effective_weight(), clean + 207)
    layer.eval()
    assert torch.equal(layer.effective_weight(), clean)
    layer.effective_weight().sum().backward()
    assert torch.equal(layer.weight.grad, torch.ones(3, 4))


def test_bad_sizes_are_refused():
    with pytest.raises(DescriptionError, match=r"n_in.*Spikes\.size"):
        nn.Linear((2, 8, 8), 3)
    with pytest.raises(DescriptionError, match="n_in"):
        nn.Linear(0, 3)
    with pytest.raises(ShapeError, match=r"\[T, B, 4\]"):
        nn.Linear(4, 3)(torch.zeros(2, 4))
    with pytest.raises(DataError, match="batch_tensor"):
        nn.Linear(4, 3)(Spikes([], [], [], shape=4, dt=1e-3, steps=2))
