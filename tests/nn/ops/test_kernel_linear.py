from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.ops.kernel_linear import kernel_linear


def make(density, steps=12, length=5):
    rng = np.random.default_rng(3)
    x = rng.integers(1, 4, (steps, 3, 6)) * (rng.uniform(size=(steps, 3, 6)) < density)
    values = x, rng.normal(size=(6, length, 4))
    return [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in values]


def convolved(x, kernel):
    length = kernel.shape[1]
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), (length - 1, 0))
    return torch.nn.functional.conv1d(padded, kernel.permute(2, 0, 1).flip(-1)).permute(2, 0, 1)


@pytest.mark.parametrize("density", [0.1, 0.9])  # by spikes, by matrix products
@pytest.mark.parametrize(("length", "skip"), [(5, 0), (5, 3), (20, 0), (20, 7), (1, 0)])
def test_it_is_a_convolution(density, length, skip):
    tensors = make(density, length=length)
    mine, theirs = kernel_linear(*tensors, skip=skip), convolved(*tensors)[skip:]
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    weight = torch.linspace(-1, 1, mine.numel(), dtype=mine.dtype).reshape(mine.shape)
    for a, b in zip(*(torch.autograd.grad((y * weight).sum(), tensors) for y in (mine, theirs)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
