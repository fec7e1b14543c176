from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.synapses.delayed import DelayGrid


def spikes(steps=30, batch=2, n=5, seed=0):
    x = np.random.default_rng(seed).uniform(size=(steps, batch, n)) < 0.1
    return torch.tensor(x, dtype=torch.float64)


def test_first_delays_fill_the_range():
    delay = nn.DelayLinear(300, 200, 15, minimum_delay=3).delay
    assert delay.min() >= 3
    assert delay.max() <= 15
    assert delay.mean().item() == pytest.approx(9, abs=0.05)
    assert delay.std().item() == pytest.approx(12 / 12**0.5, rel=0.01)


def test_a_run_in_parts_is_the_run():
    layer = nn.DelayLinear(5, 4, 6, dtype=torch.float64)
    x = spikes()
    whole, _ = layer(x)
    state, parts = None, []
    for a, b in ((0, 2), (2, 3), (3, 20), (20, 30)):  # pieces shorter than the longest delay too
        out, state = layer(x[a:b], state)
        parts.append(out)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-12, atol=1e-12)
    assert len(state) == 6


def test_gradients_pass_through_the_state():
    layer = nn.DelayLinear(5, 4, 6, dtype=torch.float64)
    x = spikes().requires_grad_()
    first, state = layer(x[:9])
    parts = torch.cat([first, layer(x[9:], state)[0]])
    wrt = (x, layer.weight, layer.delay)
    grads = [torch.autograd.grad(y.square().sum(), wrt) for y in (parts, layer(x)[0])]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_whole_delays_are_learnt_straight_through():
    real = nn.DelayLinear(5, 4, 6, dtype=torch.float64)
    whole = nn.DelayLinear(5, 4, 6, grid=DelayGrid.WHOLE, dtype=torch.float64)
    x = spikes().requires_grad_()
    out = whole(x)[0]
    slope = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    delay_of_real = torch.autograd.grad((real(x)[0] * slope).sum(), real.delay)[0]
    grads = torch.autograd.grad((out * slope).sum(), (x, whole.weight, whole.delay))
    assert torch.equal(grads[2], delay_of_real)
    real.round_delays_()
    assert torch.equal(whole.delay_steps(), real.delay_steps())
    rounded = real(x)[0]
    torch.testing.assert_close(out, rounded, rtol=1e-12, atol=1e-12)
    for a, b in zip(grads[:2], torch.autograd.grad((rounded * slope).sum(), (x, real.weight)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_rounding_makes_every_delay_whole_and_tells_by_how_much():
    layer = nn.DelayLinear(2, 2, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.delay.copy_(torch.tensor([[0.0, 0.5], [1.25, 7.0]]))
    layer.constrain_()
    assert layer.round_delays_() == 0.5
    assert layer.delay.tolist() == [[0, 1], [1, 4]]
    assert layer.round_delays_() == 0.0


def test_a_delay_beyond_the_end_acts_as_the_end_and_can_come_back():
    layer = nn.DelayLinear(1, 1, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.delay.fill_(9.0)
    x = torch.zeros(8, 1, 1, dtype=torch.float64)
    x[0] = 1
    out, _ = layer(x)
    assert out[:, 0, 0].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    (out * torch.arange(8)[:, None, None]).sum().backward()
    assert layer.delay.grad.item() == 1.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_delays_beyond_an_end_act_as_the_end_to_the_last_bit(dtype):
    # a little before the end would be another pair of steps, and another gradient
    layer = nn.DelayLinear(50, 40, 9, minimum_delay=3, dtype=dtype)
    with torch.no_grad():
        layer.delay.copy_(torch.linspace(-20, 30, 2000).reshape(40, 50))
    assert layer.learnt_delays().min() == 3
    assert layer.learnt_delays().max() == 9
    assert torch.equal(layer.learnt_delays(), layer.delay.clamp(3, 9))


def test_delays_are_learnt_from_spike_times():
    # one synapse must find the delay at which its arrival meets the target step
    layer = nn.DelayLinear(1, 1, 12, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.delay.fill_(2.3)
    x = torch.zeros(20, 1, 1, dtype=torch.float64)
    x[1] = 1
    steps = torch.arange(20)[:, None, None]
    for _ in range(200):
        arrival = (layer(x)[0] * steps).sum()
        (grad,) = torch.autograd.grad((arrival - 10) ** 2, layer.delay)
        with torch.no_grad():
            layer.delay -= 0.05 * grad
    assert layer.delay.item() == pytest.approx(9.0, abs=1e-6)


@pytest.mark.parametrize(("longest", "shortest"), [(3, 4), (-1, 0), (2.5, 0), (3, 1.5), (3, -1)])
def test_a_bad_range_is_refused(longest, shortest):
    with pytest.raises(DescriptionError, match="minimum_delay"):
        nn.DelayLinear(2, 2, longest, minimum_delay=shortest)


@pytest.mark.parametrize("kind", [nn.DelayLinear, nn.DendriticDelayLinear])
@pytest.mark.parametrize("grid", DelayGrid)
def test_a_delay_that_is_not_a_number_has_no_arrivals_that_are(kind, grid):
    layer = kind(2, 2, 3, grid=grid)
    with torch.no_grad():
        layer.delay[0] = torch.nan
    out, _ = layer(torch.ones(6, 1, 2))
    assert torch.isnan(out[..., 0]).any()
    assert torch.isfinite(out[..., 1]).all()


def test_a_state_of_another_batch_is_refused():
    layer = nn.DelayLinear(2, 2, 3)
    _, state = layer(torch.zeros(5, 4, 2))
    with pytest.raises(ShapeError, match="state"):
        layer(torch.zeros(5, 3, 2), state)
    with pytest.raises(ShapeError, match="state"):
        layer(torch.zeros(5, 4, 2), state.double())
