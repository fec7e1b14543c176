from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from neurosim.nn.cpu.delay_bits import has_tables
from neurosim.nn.ops.delays import Pass, Way, cheapest, delayed_linear
from neurosim.nn.reference import delays as reference


def make(seed, *, steps=20, batch=3, n_pre=5, n_post=4, longest=6, density=0.1, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 4, (steps, batch, n_pre)) * (rng.uniform(size=(steps, batch, n_pre)) < density)
    # whole delays are left out: the kernel has a kink there, and autograd's value depends on how it is written
    whole, part = rng.integers(0, max(longest, 1), (n_post, n_pre)), rng.uniform(0.01, 0.99, (n_post, n_pre))
    values = (x, rng.normal(size=(n_post, n_pre)), whole + part if longest else 0 * part)
    return [torch.tensor(a, dtype=dtype, requires_grad=True) for a in values], rng


def compare(tensors, rng, longest, tolerance):
    outs = [f(*tensors, n) for f, n in ((delayed_linear, longest), (reference.delayed_linear, longest + 1))]
    torch.testing.assert_close(outs[0], outs[1], rtol=tolerance, atol=tolerance)
    weight = torch.tensor(rng.normal(size=outs[0].shape), dtype=outs[0].dtype)
    mine, theirs = (torch.autograd.grad((out * weight).sum(), tensors) for out in outs)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
    return mine


@pytest.mark.parametrize("density", [0.05, 0.15, 0.5, 1.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_values_and_gradients_are_those_of_the_dense_kernel(density, dtype, tolerance):
    tensors, rng = make(0, density=density, dtype=dtype)
    grads = compare(tensors, rng, 6, tolerance)
    assert all(g.abs().max() > 0.1 for g in grads)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    steps=st.integers(1, 12),
    batch=st.integers(1, 4),
    n_pre=st.integers(1, 6),
    n_post=st.integers(1, 6),
    longest=st.integers(1, 20),
    density=st.floats(0, 1),
)
def test_any_shape_and_density(seed, longest, **shape):
    tensors, rng = make(seed, longest=longest, **shape)
    compare(tensors, rng, longest, 1e-10)


@pytest.fixture(params=[Way.SPIKES, Way.TILES], ids=lambda way: way.name)
def way(request, monkeypatch):
    monkeypatch.setattr("neurosim.nn.ops.delays.cheapest", lambda *_, **__: request.param)
    return request.param


# whole tiles and parts of them; groups of neurons that are not full; a delay longer than the run
@pytest.mark.parametrize(
    "shape",
    [
        {"batch": 19, "n_pre": 37, "n_post": 21, "steps": 23, "longest": 9},
        {"batch": 16, "n_pre": 16, "n_post": 16, "steps": 9, "longest": 60},
        {"batch": 1, "n_pre": 3, "n_post": 1, "steps": 1, "longest": 1},
    ],
)
def test_each_way_is_exact(way, shape):
    for density in (0.05, 0.7):
        tensors, rng = make(4, density=density, **shape)
        compare(tensors, rng, shape["longest"], 1e-12)


def test_all_ways_add_up_arrivals_in_one_order(monkeypatch):
    outs = []
    for way in (Way.SPIKES, Way.TILES):
        monkeypatch.setattr("neurosim.nn.ops.delays.cheapest", lambda *_, way=way, **__: way)
        tensors, _ = make(5, batch=18, density=0.2, dtype=torch.float32)
        outs.append(delayed_linear(*tensors, 6))
    assert torch.equal(outs[0], outs[1])  # so a sample's spikes do not depend on how busy its batch is


def test_the_way_follows_density_and_length():
    shape = (100, 32, 700)
    for what, spikes, tables, way in (
        (Pass.ARRIVALS, 500_000, True, Way.TABLES),
        (Pass.ARRIVALS, 500_000, False, Way.TILES),
        (Pass.ARRIVALS, 20_000, True, Way.SPIKES),
        (Pass.SYNAPSES, 500_000, True, Way.TILES),
    ):
        assert cheapest(what, spikes, shape, 25, tables=tables) is way
    assert cheapest(Pass.SYNAPSES, 20_000, (10_000, 1, 700), 250) is Way.SPIKES


@pytest.mark.skipif(not has_tables(), reason="needs AVX-512")
@pytest.mark.parametrize(
    ("batch", "n_pre", "longest", "skip"), [(19, 21, 9, 0), (16, 32, 30, 5), (1, 1, 1, 0)]
)
def test_tables_hold_the_sums_of_the_taps(batch, n_pre, longest, skip, monkeypatch):
    (x, weight, delay), _ = make(8, steps=37, batch=batch, n_pre=n_pre, longest=longest, dtype=torch.float32)
    x = (x > 0).float()
    outs = []
    for way in (Way.TILES, Way.TABLES):
        monkeypatch.setattr("neurosim.nn.ops.delays.cheapest", lambda *_, way=way, **__: way)
        outs.append(delayed_linear(x, weight, delay, longest, skip=skip))
    torch.testing.assert_close(*outs, rtol=1e-5, atol=1e-5)
    assert outs[0].abs().max() > 0.1


def test_steps_that_are_skipped_count_as_the_past(way):
    tensors, rng = make(6, batch=17, steps=30, density=0.2)
    whole = delayed_linear(*tensors, 6)[11:]
    part = delayed_linear(*tensors, 6, skip=11)
    assert torch.equal(part, whole)
    weight = torch.tensor(rng.normal(size=part.shape))
    for a, b in zip(*(torch.autograd.grad((y * weight).sum(), tensors) for y in (part, whole)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_whole_delays_shift_and_have_the_derivative_to_the_right():
    x = torch.zeros(8, 1, 1, dtype=torch.float64)
    x[1] = 1.0
    weight = torch.full((1, 1), 2.0, dtype=torch.float64)
    slope = torch.arange(8.0, dtype=torch.float64).square()[:, None, None]
    for d, derivative in (
        (0, 2 * (4 - 1)),
        (3, 2 * (25 - 16)),
        (5, 2 * (36 - 25)),
    ):  # 5 is the longest: to the left
        delay = torch.full((1, 1), float(d), dtype=torch.float64, requires_grad=True)
        out = delayed_linear(x, weight, delay, 5)
        assert out[:, 0, 0].tolist() == [2.0 if t == 1 + d else 0.0 for t in range(8)]
        (grad,) = torch.autograd.grad((out * slope).sum(), delay)
        assert grad.item() == derivative


def test_delays_outside_the_range_are_clamped():
    (x, weight, _), _ = make(1)
    low, high = (delayed_linear(x, weight, torch.full_like(weight, v), 6) for v in (-3.0, 9.0))
    torch.testing.assert_close(low, x @ weight.T)
    torch.testing.assert_close(high[6:], (x @ weight.T)[:-6])
    assert not high[:6].any()


def test_no_delay_at_all():
    (x, weight, delay), _ = make(2, longest=0)
    torch.testing.assert_close(delayed_linear(x, weight, delay, 0), x @ weight.T)


@pytest.mark.parametrize("density", [0.1, 0.6])
def test_threads_batch_and_layout_do_not_change_a_bit(density, monkeypatch):
    tensors, _ = make(3, batch=7, density=density, dtype=torch.float32)
    x, weight, delay = tensors
    results = []
    for n in (1, 2, 3):
        monkeypatch.setenv("NEUROSIM_THREADS", str(n))
        out = delayed_linear(x, weight, delay, 6)
        results.append((out, *torch.autograd.grad(out.square().sum(), tensors)))
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True))
    alone = delayed_linear(x[:, 4:5], weight, delay, 6)
    assert torch.equal(alone, results[0][0][:, 4:5])
    laid_out = delayed_linear(x.transpose(0, 1).contiguous().transpose(0, 1), weight, delay, 6)
    assert torch.equal(laid_out, results[0][0])
