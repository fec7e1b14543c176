from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import UnsupportedError
from neurosim.nn.synapses.blur import BlurredDelayLinear, BlurSide, blurred, gaussian
from neurosim.nn.synapses.dcls import dcls_kernel
from neurosim.nn.synapses.delay_linear import DelayLinear


def spikes(steps=40, batch=2, n=5, seed=0):
    x = np.random.default_rng(seed).uniform(size=(steps, batch, n)) < 0.1
    return torch.tensor(x, dtype=torch.float64)


@pytest.mark.parametrize("side", BlurSide)
@pytest.mark.parametrize(("sigma", "block"), [(0.0, 8), (0.3, 8), (2.0, 8), (2.0, 128), (9.0, 5)])
def test_it_is_the_filter(side, sigma, block):
    x = torch.tensor(np.random.default_rng(1).normal(size=(30, 2, 3)))
    h, ahead = gaussian(sigma, side, x.dtype)
    assert h.sum() == pytest.approx(1.0)
    assert ahead == (len(h) // 2 if side is BlurSide.BOTH else 0)
    expected = np.stack(
        [[np.convolve(x[:, b, k], h)[ahead : ahead + 30] for k in range(3)] for b in range(2)]
    )
    np.testing.assert_allclose(blurred(x, h, ahead, block).permute(1, 2, 0), expected, rtol=1e-12, atol=1e-14)


def test_an_impulse_is_spread_and_not_in_evaluation():
    layer = BlurredDelayLinear(1, 1, 8, sigma=1.0, side=BlurSide.BOTH, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.delay.fill_(5.0)
    x = torch.zeros(30, 1, 1, dtype=torch.float64)
    x[8] = 1
    out = layer(x)[0][:, 0, 0]
    n = torch.arange(30.0, dtype=torch.float64) - 13
    near = torch.exp(-0.5 * n**2) * (n.abs() <= 4)
    torch.testing.assert_close(out, 2 * near / near.sum())
    layer.eval()
    assert layer(x)[0][13].item() == 2.0
    layer.train().sigma = 0.0
    assert layer(x)[0][13].item() == 2.0


def test_far_from_the_ends_it_is_the_kernel_of_dcls():
    # the total variation between both is 0.0004 for sigma 12 and 0.004 for 4 (they agree in the limit of wide kernels)
    d, sigma = 40.3, 4.0
    one = torch.ones(1, 1, dtype=torch.float64)
    theirs = dcls_kernel(one, d * one, 81, sigma - 0.27)[0, :, 0]
    taps = torch.zeros(81, 1, 1, dtype=torch.float64)
    taps[40], taps[41] = 0.7, 0.3
    mine = blurred(taps, *gaussian(sigma, BlurSide.BOTH, taps.dtype))[:, 0, 0]
    assert (mine - theirs).abs().sum() / 2 < 0.01


def test_a_run_in_parts_is_the_run():
    layer = BlurredDelayLinear(5, 4, 6, sigma=1.5, dtype=torch.float64)
    x = spikes()
    whole, state, parts = layer(x)[0], None, []
    for a, b in ((0, 2), (2, 5), (5, 23), (23, 40)):
        out, state = layer(x[a:b], state)
        parts.append(out)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-12, atol=1e-12)
    layer.side = BlurSide.BOTH
    with pytest.raises(UnsupportedError, match="CAUSAL"):
        layer(x, state)


def test_a_synapse_that_misses_its_spike_learns_through_the_blur_only():
    x = torch.zeros(40, 1, 1, dtype=torch.float64)
    x[2] = 1
    goal = torch.zeros(40, dtype=torch.float64)
    goal[27] = 1  # an arrival is wanted after 25 steps; the delay is 5
    slopes = {}
    for kind, options in ((DelayLinear, {}), (BlurredDelayLinear, {"sigma": 10.0, "side": BlurSide.BOTH})):
        layer = kind(1, 1, 30, dtype=torch.float64, **options)
        with torch.no_grad():
            layer.weight.fill_(1.0)
            layer.delay.fill_(5.3)
        (layer(x)[0][:, 0, 0] * goal).sum().backward()
        slopes[kind] = layer.delay.grad.item()
    assert slopes[DelayLinear] == 0.0
    assert slopes[BlurredDelayLinear] > 1e-4
