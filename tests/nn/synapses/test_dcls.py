from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.synapses.dcls import DclsLinear, DclsShape, dcls_kernel


def spikes(steps=20, batch=2, n=5, density=0.15, seed=0):
    x = np.random.default_rng(seed).uniform(size=(steps, batch, n)) < density
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


@pytest.mark.filterwarnings("ignore")  # the package's own
@pytest.mark.parametrize("shape", DclsShape)
@pytest.mark.parametrize(("taps", "sigma"), [(7, 0.0), (7, 0.23), (9, 3.0), (25, 12.0)])
def test_it_computes_what_the_package_computes(shape, taps, sigma):
    modules = pytest.importorskip("DCLS.construct.modules", reason="needs the dcls package")
    theirs = modules.Dcls1d(
        5, 4, kernel_count=1, dilated_kernel_size=taps, bias=False, version=shape.value
    ).double()
    mine = DclsLinear(5, 4, taps - 1, sigma=sigma, shape=shape, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(mine.weight[:, :, None])
        theirs.P.copy_((taps - 1 - taps // 2 - mine.delay)[None, :, :, None])
        theirs.SIG.fill_(sigma)
    x = spikes()
    out = mine(x)[0]
    expected = theirs(torch.nn.functional.pad(x.permute(1, 2, 0), (taps - 1, 0))).permute(2, 0, 1)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    slope = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    grads = torch.autograd.grad((out * slope).sum(), (x, mine.weight, mine.delay))
    wanted = torch.autograd.grad((expected * slope).sum(), (x, theirs.weight, theirs.P))
    for a, b in zip(grads, (wanted[0], wanted[1][..., 0], -wanted[2][0, ..., 0]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_kernels_are_normalised_and_narrow_ones_hold_one_tap():
    weight = torch.tensor([[2.0, -1.0]], dtype=torch.float64)
    delay = torch.tensor([[3.0, 0.4]], dtype=torch.float64)
    wide, narrow = (dcls_kernel(weight, delay, 9, s) for s in (6.0, 0.0))
    for kernel in (wide, narrow):
        torch.testing.assert_close(kernel.sum(1), weight.T, rtol=1e-6, atol=0)
    assert narrow[0, 3, 0] == pytest.approx(2.0, rel=3e-3)  # 2 exp(-1 / (2 0.27^2)) of it lie beside
    assert wide.std() < narrow.std()


def test_in_evaluation_delays_are_whole():
    layer = DclsLinear(5, 4, 6, dtype=torch.float64).eval()
    x = spikes()
    out = layer(x)[0]
    layer.round_delays_()
    torch.testing.assert_close(layer(x)[0], out, rtol=1e-12, atol=1e-12)
    layer.train().shape = DclsShape.TRIANGLE
    layer.sigma = 0.0
    torch.testing.assert_close(layer(x)[0], out, rtol=1e-6, atol=1e-6)  # theirs divides by 1 + 1e-7


@pytest.mark.parametrize("training", [True, False])
def test_a_run_in_parts_is_the_run(training):
    layer = DclsLinear(5, 4, 6, dtype=torch.float64).train(training)
    x = spikes().detach()
    whole, state, parts = layer(x)[0], None, []
    for a, b in ((0, 2), (2, 3), (3, 20)):
        out, state = layer(x[a:b], state)
        parts.append(out)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-12, atol=1e-12)
