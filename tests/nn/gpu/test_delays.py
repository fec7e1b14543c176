"""Triton kernels, in Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

os.environ.setdefault("TRITON_INTERPRET", "0" if torch.cuda.is_available() else "1")
pytest.importorskip("triton")

from neurosim.nn.gpu import delays as gpu
from neurosim.nn.reference.delays import delayed_linear

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_all_passes_are_those_of_the_dense_kernel(dtype):
    rng = np.random.default_rng(0)
    steps, samples, n_pre, n_post, longest = 11, 3, 4, 5, 6
    x = torch.tensor(
        rng.integers(1, 3, (steps, samples, n_pre)) * (rng.random((steps, samples, n_pre)) < 0.3),
        dtype=dtype, requires_grad=True,
    )  # fmt: skip
    weight = torch.tensor(rng.normal(size=(n_post, n_pre)), dtype=dtype, requires_grad=True)
    delay = torch.tensor(rng.uniform(0.01, longest - 0.01, (n_post, n_pre)), dtype=dtype, requires_grad=True)
    grad = torch.tensor(rng.normal(size=(steps, samples, n_post)), dtype=dtype)
    wanted = delayed_linear(x, weight, delay, longest + 1)
    wanted.backward(grad)

    w, d = weight.detach().T.contiguous(), delay.detach().T
    m = d.floor()
    f = d - m
    taps = gpu.Taps(*(a.contiguous().to(DEVICE) for a in (m.to(torch.int32), w * (1 - f), w * f)))
    xs, g = x.detach().to(DEVICE), grad.to(DEVICE)
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    for out in (gpu.arrivals(xs, taps, block=4), gpu.arrivals_dense(xs, taps, time=4, block=2)):
        torch.testing.assert_close(out.cpu(), wanted.detach(), **tolerance)
    torch.testing.assert_close(gpu.input_gradient(g, taps, time=4, block=2).cpu(), x.grad, **tolerance)
    a0, a1 = (a.cpu() for a in gpu.tap_gradients(xs, g, taps, block=4))
    torch.testing.assert_close(((1 - f) * a0 + f * a1).T, weight.grad, **tolerance)
    torch.testing.assert_close((w * (a1 - a0)).T, delay.grad, **tolerance)
