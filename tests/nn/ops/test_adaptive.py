from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import ShapeError
from neurosim.neurons.options import RefractoryInput
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule
from neurosim.nn.ops import adaptive as fused
from neurosim.nn.ops.events import events_of
from neurosim.nn.reference import adaptive as reference
from neurosim.nn.surrogate import Arctan, SuperSpike, Triangle

T, B, N = 25, 3, 21


class Bump:
    """A surrogate that no kernel knows."""

    def derivative(self, u):
        return torch.exp(-u * u)


def make_rule(*, holds=True, **options):
    steps = np.random.default_rng(0).integers(0, 4, N)
    return MembraneRule(refractory=(steps * holds).astype(np.int32), **options)


def made():
    """x, the first state's v and theta, the table."""
    rng = np.random.default_rng(1)
    low, high = np.array(
        [[0.5, 1.0], [-0.2, 0.2], [0.0, 0.1], [0.6, 1.0], [0.0, 0.3], [0.7, 0.99], [0.0, 0.4]]
    ).T
    arrays = (
        rng.normal(0.25, 0.5, (T, B, N)), rng.normal(0, 0.3, (B, N)), rng.uniform(0, 0.2, (B, N)),
        rng.uniform(low[:, None], high[:, None], (7, N)),
    )  # fmt: skip
    return [torch.tensor(a, requires_grad=True) for a in arrays]


def run(module, rule, surrogate, *, detach_reset):
    x, v, theta, table = made()
    rng = np.random.default_rng(2)
    held = torch.tensor(rng.integers(0, 3, (B, N)), dtype=torch.int32) if rule.holds else None
    out, after = module.adaptive(
        x, AdaptiveState(v, theta, held), table, rule, surrogate, detach_reset=detach_reset
    )
    loss = sum((a * torch.tensor(rng.normal(size=a.shape))).sum() for a in (out, after.v, after.theta))
    return out, after, torch.autograd.grad(loss, (x, v, theta, table))


CASES = [
    (make_rule(), Triangle(), True),
    (make_rule(subtract=True, held_input=RefractoryInput.KEEP), SuperSpike(), False),
    (make_rule(exceeded=True, held_input=RefractoryInput.INTEGRATE), Bump(), False),
    (make_rule(holds=False), Arctan(), True),
    (make_rule(holds=False, subtract=True), Arctan(), True),
]


@pytest.mark.parametrize(("rule", "surrogate", "detach"), CASES)
def test_the_kernel_is_the_reference(rule, surrogate, detach):
    out, state, grads = run(fused, rule, surrogate, detach_reset=detach)
    r_out, r_state, r_grads = run(reference, rule, surrogate, detach_reset=detach)
    assert 0.02 < out.mean() < 0.5
    assert torch.equal(out, r_out)
    for mine, theirs in zip(state, r_state, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or torch.equal(mine, theirs)
    for mine, theirs in zip(grads, r_grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10 * float(theirs.abs().max()))


@pytest.mark.parametrize(("rule", "surrogate", "detach"), CASES[:4])
@pytest.mark.parametrize("cut", [0, 9, T])
def test_a_run_in_two_parts_is_the_run(rule, surrogate, detach, cut):
    x, v, theta, table = made()
    whole, last = fused.adaptive(x, AdaptiveState(v, theta), table, rule, surrogate, detach_reset=detach)
    head, middle = fused.adaptive(
        x[:cut], AdaptiveState(v, theta), table, rule, surrogate, detach_reset=detach
    )
    tail, end = fused.adaptive(x[cut:], middle, table, rule, surrogate, detach_reset=detach)
    parts = torch.cat([head, tail])
    assert torch.equal(parts, whole)
    assert all(a is None or torch.equal(a, b) for a, b in zip(last, end, strict=True))
    pairs = [
        torch.autograd.grad(y.square().sum() + s.theta.sum(), (x, table))
        for y, s in ((whole, last), (parts, end))
    ]
    for mine, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_without_a_jump_it_is_the_plain_membrane():
    from neurosim.nn.membrane_rule import MembraneState
    from neurosim.nn.ops.membrane import membrane

    x, v, theta, table = (a.detach() for a in made())
    table[6], plain = 0.0, table.clone()
    plain[5], plain[6] = 0.0, 1.0
    rule = make_rule()
    x.requires_grad_()
    mine, _ = fused.adaptive(x, AdaptiveState(v, theta * 0), table, rule, Arctan())
    theirs, _ = membrane(x, MembraneState(v), plain, rule, Arctan())
    assert torch.equal(mine, theirs)
    grads = [torch.autograd.grad(out.square().sum(), x)[0] for out in (mine, theirs)]
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


def test_lists_threads_and_emptiness(monkeypatch):
    results = []
    for n in ("1", "2", "3"):
        monkeypatch.setenv("NEUROSIM_THREADS", n)
        results.append(run(fused, CASES[1][0], Arctan(), detach_reset=True))
        events, scanned = results[-1][0].neurosim_events[1], events_of(results[-1][0].detach().clone())
        assert np.array_equal(events.row, scanned.row)
        assert np.array_equal(events.neuron, scanned.neuron)
    for out, _, grads in results[1:]:
        assert torch.equal(out, results[0][0])
        assert all(torch.equal(a, b) for a, b in zip(grads, results[0][2], strict=True))
    x, v, theta, table = made()
    for some in (x[:0], x[:, :0]):
        samples = some.shape[1]
        out, after = fused.adaptive(
            some, AdaptiveState(v[:samples], theta[:samples]), table, make_rule(), Arctan()
        )
        assert out.shape == some.shape
        assert torch.equal(after.theta, theta[:samples])
    with pytest.raises(ShapeError, match="theta"):
        fused.adaptive(x, AdaptiveState(v, theta[:1]), table, make_rule(), Arctan())
