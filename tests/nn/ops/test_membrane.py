from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.ops import membrane as fused
from neurosim.nn.ops.membrane import MembraneRule, MembraneState
from neurosim.nn.reference import membrane as reference
from neurosim.nn.surrogate import SuperSpike, Triangle

T, B, N = 25, 3, 7


def make_rule(rng, **options):
    return MembraneRule(
        decay=rng.uniform(0.5, 1.0, N),
        v_rest=rng.uniform(-0.2, 0.2, N),
        drive=rng.uniform(0.0, 0.1, N),
        threshold=rng.uniform(0.8, 1.2, N),
        reset=rng.uniform(0.0, 0.3, N),
        refractory=rng.integers(0, 4, N).astype(np.int32),
        **options,
    )


def run(module, rule, dtype, *, detach_reset):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(0.2, 0.5, (T, B, N)), dtype=dtype, requires_grad=True)
    v0 = torch.tensor(rng.normal(0, 0.3, (B, N)), dtype=dtype, requires_grad=True)
    held = torch.tensor(rng.integers(0, 3, (B, N)), dtype=torch.int32)
    to_spikes, to_v = (torch.tensor(rng.normal(size=s), dtype=dtype) for s in ((T, B, N), (B, N)))
    spikes, state = module.membrane(x, MembraneState(v0, held), rule, Triangle(), detach_reset=detach_reset)
    grads = torch.autograd.grad((spikes * to_spikes).sum() + (state.v * to_v).sum(), (x, v0))
    return spikes, state, grads


@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("held_input", list(RefractoryInput))
@pytest.mark.parametrize(("subtract", "exceeded"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_kernel_is_the_reference(subtract, exceeded, held_input, detach_reset, dtype):
    rule = make_rule(np.random.default_rng(1), subtract=subtract, exceeded=exceeded, held_input=held_input)
    spikes, state, grads = run(fused, rule, dtype, detach_reset=detach_reset)
    r_spikes, r_state, r_grads = run(reference, rule, dtype, detach_reset=detach_reset)
    assert 0.02 < spikes.mean() < 0.5
    assert torch.equal(spikes, r_spikes)
    assert torch.equal(state.v, r_state.v)
    assert torch.equal(state.held, r_state.held)
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5  # sums of a few dozen terms of order one
    for mine, theirs in zip(grads, r_grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("subtract", [True, False])
def test_a_run_in_two_parts_is_the_run(subtract):
    rule = make_rule(np.random.default_rng(2), subtract=subtract, exceeded=False)
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.normal(0.2, 0.5, (T, B, N)), requires_grad=True)
    state = MembraneState(torch.zeros(B, N, dtype=torch.float64), torch.zeros(B, N, dtype=torch.int32))
    whole, last = fused.membrane(x, state, rule, SuperSpike())
    head, middle = fused.membrane(x[:9], state, rule, SuperSpike())
    tail, end = fused.membrane(x[9:], middle, rule, SuperSpike())
    parts = torch.cat([head, tail])
    assert torch.equal(parts, whole)
    assert torch.equal(end.v, last.v)
    assert torch.equal(end.held, last.held)
    (a,) = torch.autograd.grad(whole.square().sum(), x)
    (b,) = torch.autograd.grad(parts.square().sum(), x)
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_threads_and_memory_layout_do_not_change_a_bit(monkeypatch):
    rule = make_rule(np.random.default_rng(2), subtract=False, exceeded=False)
    results = []
    for n in (1, 2, 5):
        monkeypatch.setenv("NEUROSIM_THREADS", str(n))
        results.append(run(fused, rule, torch.float32, detach_reset=True))
    for spikes, _, grads in results[1:]:
        assert torch.equal(spikes, results[0][0])
        assert all(torch.equal(a, b) for a, b in zip(grads, results[0][2], strict=True))


def test_the_filter_is_the_reference():
    rng = np.random.default_rng(4)
    decay = rng.uniform(0.5, 1.0, N)
    results = []
    for module in (fused, reference):
        rng = np.random.default_rng(5)
        x = torch.tensor(rng.normal(size=(T, B, N)), requires_grad=True)
        y0 = torch.tensor(rng.normal(size=(B, N)), requires_grad=True)
        out, last = module.exponential_filter(x, y0, decay)
        loss = (out * torch.tensor(rng.normal(size=(T, B, N)))).sum() + 3.0 * last.sum()
        results.append((out, last, torch.autograd.grad(loss, (x, y0))))
    (out, last, grads), (r_out, r_last, r_grads) = results
    assert torch.equal(out, r_out)
    assert torch.equal(last, r_last)
    for mine, theirs in zip(grads, r_grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_the_gradient_of_the_filter_is_its_finite_difference():
    decay = np.array([0.5, 0.9])
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 2, 2)), requires_grad=True)
    y = torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: fused.exponential_filter(x, y, decay), (x, y))
