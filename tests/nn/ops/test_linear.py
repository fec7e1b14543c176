from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.ops import linear as op


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
@pytest.mark.parametrize("n_post", [1, 20, 300])  # 300: more than a block, not a multiple of 16
@pytest.mark.parametrize("counts", [False, True])
def test_sums_of_rows_are_the_matrix_product(dtype, tolerance, n_post, counts):
    rng = np.random.default_rng(n_post)
    x = (rng.random((7, 3, 40)) < 0.15) * (rng.integers(1, 4, (7, 3, 40)) if counts else 1.0)
    results = []
    for densest in (op.DENSE_ABOVE, 0.0):
        x_, w = torch.tensor(x, dtype=dtype, requires_grad=True), torch.empty(n_post, 40, dtype=dtype)
        w.copy_(torch.from_numpy(rng.normal(size=w.shape))) if not results else w.copy_(results[0][3])
        weight = w.clone().requires_grad_()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(op, "DENSE_ABOVE", densest)
            out = op.linear(x_, weight)
        (out * torch.linspace(-1, 1, out.numel(), dtype=dtype).reshape(out.shape)).sum().backward()
        results.append((out.detach(), weight.grad, x_.grad, w))
    assert type(out.grad_fn).__name__ != "_LinearBackward"
    for ours, product in zip(*results, strict=True):
        torch.testing.assert_close(ours, product, rtol=tolerance, atol=tolerance * 10)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    x = (torch.rand(20, 6, 50, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("NEUROSIM_THREADS", threads)
        w = torch.linspace(-1, 1, 50 * 70).reshape(70, 50).requires_grad_()
        out = op.linear(x, w)
        out.square().sum().backward()
        results.append((out.detach(), w.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("shape", [(0, 2, 3), (2, 0, 3)])
def test_nothing_gives_nothing(shape):
    w = torch.ones(4, 3, requires_grad=True)
    out = op.linear(torch.zeros(shape), w)
    assert out.shape == (*shape[:2], 4)
    out.sum().backward()
    assert not w.grad.any()
