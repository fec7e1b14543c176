from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.reference import delays as reference
from neurosim.nn.synapses.delayed import DelayGrid
from neurosim.nn.synapses.neuron_delays import AxonalDelayLinear, DendriticDelayLinear

KINDS = [AxonalDelayLinear, DendriticDelayLinear]


def spikes(steps=25, batch=2, n=5, seed=0):
    x = np.random.default_rng(seed).uniform(size=(steps, batch, n)) < 0.2
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_layer_of_synapses_that_share_delays(kind):
    layer = kind(5, 4, 6, minimum_delay=1, dtype=torch.float64)
    assert layer.delay.shape == ((5,) if kind is AxonalDelayLinear else (4,))
    assert layer.delay.min() >= 1
    assert layer.delay.max() <= 6
    x = spikes()
    out = layer(x)[0]
    expected = reference.delayed_linear(x, layer.weight, layer.delay_steps(), 7)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    slope = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    wrt = (x, layer.weight, layer.delay)
    for a, b in zip(*(torch.autograd.grad((y * slope).sum(), wrt) for y in (out, expected)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", DelayGrid)
def test_a_run_in_parts_is_the_run(kind, grid):
    layer = kind(5, 4, 6, grid=grid, dtype=torch.float64)
    x = spikes()
    whole, state, parts = layer(x)[0], None, []
    for a, b in ((0, 2), (2, 3), (3, 25)):
        out, state = layer(x[a:b], state)
        parts.append(out)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-12, atol=1e-12)
    grads = [torch.autograd.grad(y.square().sum(), layer.delay)[0] for y in (torch.cat(parts), whole)]
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_delays_are_those_of_the_rounded_layer(kind):
    layer = kind(5, 4, 6, grid=DelayGrid.WHOLE, dtype=torch.float64)
    x = spikes()
    out, steps = layer(x)[0], layer.delay_steps()
    assert torch.equal(steps, steps.round())
    assert 0 < layer.round_delays_() <= 0.5
    assert torch.equal(layer.delay_steps(), steps)
    torch.testing.assert_close(layer(x)[0], out, rtol=1e-12, atol=1e-12)
