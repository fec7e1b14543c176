from __future__ import annotations

import pytest
import torch

from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError


def arrivals(steps, samples, n):
    generator = torch.Generator().manual_seed(steps)
    return 3 * torch.rand(steps, samples, n, dtype=torch.float64, generator=generator) - 1


@pytest.mark.parametrize("shape", [6, (3, 2), (3, 2, 4)])
def test_it_is_pytorchs_over_time_and_batch(shape):
    layer = nn.BatchNorm(shape, gain=0.5, momentum=0.2, epsilon=1e-3, dtype=torch.float64)
    axes = layer.shape
    theirs = torch.nn.BatchNorm1d(axes[0], eps=1e-3, momentum=0.2, dtype=torch.float64)
    torch.nn.init.constant_(theirs.weight, 0.5)
    for training in (True, True, False):
        layer.train(training)
        theirs.train(training)
        x = arrivals(5, 4, layer.size)
        expected = theirs(x.reshape(20, axes[0], -1)).reshape(x.shape)
        torch.testing.assert_close(layer(x)[0], expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(layer.mean, theirs.running_mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(layer.variance, theirs.running_var, rtol=1e-12, atol=1e-12)


def test_it_folds_into_a_line():
    layer = nn.BatchNorm((3, 2), dtype=torch.float64)
    with torch.no_grad():
        layer.scale.copy_(torch.tensor([0.5, -2.0, 3.0]))
        layer.shift.copy_(torch.tensor([1.0, 0.25, -1.0]))
    layer(arrivals(7, 3, 6))
    s, b = layer.eval().folded()
    x = arrivals(4, 3, 6)
    torch.testing.assert_close(layer(x)[0], s * x + b, rtol=1e-13, atol=1e-13)


def test_arrivals_stay_as_they_lie_in_memory():
    x = arrivals(4, 3, 6).transpose(0, 1).contiguous().transpose(0, 1)
    assert nn.BatchNorm(6, dtype=torch.float64)(x)[0].transpose(0, 1).is_contiguous()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="BatchNorm"):
        nn.BatchNorm(6)(torch.zeros(4, 3, 5))
    with pytest.raises(DataError, match="BatchNorm: is not a tensor"):
        nn.BatchNorm(6)(torch.zeros(4, 3, 6).numpy())
    with pytest.raises(DescriptionError, match="momentum"):
        nn.BatchNorm(6, momentum=0.0)
    with pytest.raises(DescriptionError, match="shape"):
        nn.BatchNorm((3, 0))
