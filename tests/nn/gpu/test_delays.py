"""Triton kernels, in Triton's interpreter where there is no GPU."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

os.environ.setdefault("TRITON_INTERPRET", "0" if torch.cuda.is_available() else "1")
pytest.importorskip("triton")

from neurosim.nn.gpu import delays as gpu
from neurosim.nn.ops import delays as ops
from neurosim.nn.reference.delays import delayed_linear

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_all_passes_are_those_of_the_dense_kernel(dtype, dense, monkeypatch):
    monkeypatch.setattr(gpu, "DENSE_ABOVE", 0.0 if dense else 1.0)
    monkeypatch.setattr(gpu, "WIDTH", 4)
    monkeypatch.setattr(gpu, "TILE", (4, 2))
    rng = np.random.default_rng(0)
    steps, samples, n_pre, n_post, longest = 9, 3, 4, 5, 6
    x = rng.integers(1, 3, (steps, samples, n_pre)) * (rng.random((steps, samples, n_pre)) < 0.3)
    weight, grad = rng.normal(size=(n_post, n_pre)), rng.normal(size=(steps, samples, n_post))
    delay = rng.uniform(0.01, longest - 0.01, (n_post, n_pre))
    results = []
    for device in ("cpu", DEVICE):
        inputs = [torch.tensor(a, dtype=dtype, device=device, requires_grad=True) for a in (x, weight, delay)]
        out = gpu.delayed_linear(*inputs, longest) if results else delayed_linear(*inputs, longest + 1)
        out.backward(torch.tensor(grad, dtype=dtype, device=device))
        results.append([out.detach().cpu(), *(a.grad.cpu() for a in inputs)])
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for wanted, mine in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=tolerance, atol=tolerance)


def test_whole_delays_and_steps_left_out_are_those_of_the_cpu():
    rng = np.random.default_rng(1)
    x = torch.tensor((rng.random((8, 2, 3)) < 0.4).astype(float))
    results = []
    for op, device in ((ops.delayed_linear, "cpu"), (gpu.delayed_linear, DEVICE)):
        rng = np.random.default_rng(2)
        weight = torch.tensor(rng.normal(size=(4, 3)), device=device, requires_grad=True)
        delay = torch.tensor(rng.uniform(0, 5, (4, 3)), device=device, requires_grad=True)
        out = op(x.to(device), weight, delay, 5, skip=3, whole=True)
        out.square().sum().backward()
        results.append([a.detach().cpu() for a in (out, weight.grad, delay.grad)])
    for wanted, mine in zip(*results, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-12, atol=1e-12)
