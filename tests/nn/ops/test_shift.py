from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from neurosim.nn.ops.shift import shift
from neurosim.nn.reference import delays as reference


def make(seed, *, steps=15, batch=3, n=4, longest=5):
    rng = np.random.default_rng(seed)
    delay = rng.integers(0, longest, n) + rng.uniform(0.01, 0.99, n)  # not whole: see tests of delays
    x = torch.tensor(rng.normal(size=(steps, batch, n)), requires_grad=True)
    return x, torch.tensor(delay, requires_grad=True), rng


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**16),
    steps=st.integers(1, 12),
    batch=st.integers(1, 3),
    n=st.integers(1, 5),
    longest=st.integers(1, 15),
    skip=st.integers(0, 3),
)
def test_it_is_the_delayed_synapse_from_a_neuron_to_itself(seed, longest, skip, **shape):
    x, delay, rng = make(seed, longest=longest, **shape)
    skip = min(skip, len(x))
    n = len(delay)
    mine = shift(x, delay, longest, skip=skip)
    theirs = reference.delayed_linear(
        x, torch.eye(n, dtype=x.dtype), delay[:, None].expand(n, n), longest + 1
    )
    torch.testing.assert_close(mine, theirs[skip:], rtol=1e-12, atol=1e-12)
    weight = torch.tensor(rng.normal(size=mine.shape))
    for a, b in zip(
        *(torch.autograd.grad((y * weight).sum(), (x, delay)) for y in (mine, theirs[skip:])), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_whole_delays_go_to_the_nearest_step_and_learn_as_real_ones():
    x, delay, rng = make(1)
    weight = torch.tensor(rng.normal(size=x.shape))
    real, whole = (shift(x, delay, 5, whole=w) for w in (False, True))
    torch.testing.assert_close(whole, shift(x, (delay + 0.5).floor(), 5))
    a, b = (torch.autograd.grad((y * weight).sum(), delay)[0] for y in (real, whole))
    assert torch.equal(a, b)


@pytest.mark.parametrize("d", [-2.0, 0.0, 3.0, 9.0])
def test_delays_outside_the_range_are_clamped(d):
    x, delay, _ = make(2)
    y, m = shift(x, torch.full_like(delay, d), 5), int(min(max(d, 0), 5))
    torch.testing.assert_close(y[m:], x[: len(x) - m])
    assert not y[:m].any()
