from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from neurosim.errors import DataError, ShapeError
from neurosim.neurons.options import RefractoryInput
from neurosim.nn.cpu.membrane import DECAY_SYNAPSE, GAIN, RESET, THRESHOLD
from neurosim.nn.membrane_rule import MembraneRule, MembraneState
from neurosim.nn.ops import membrane as fused
from neurosim.nn.ops.events import events_of
from neurosim.nn.reference import membrane as reference
from neurosim.nn.surrogate import Arctan, SuperSpike, Triangle

T, B, N = 25, 3, 21  # more neurons than a vector has lanes


class Bump:
    """A surrogate that no kernel knows."""

    def derivative(self, u):
        return torch.exp(-u * u)


def make_rule(seed=0, *, holds=True, **options):
    steps = np.random.default_rng(seed).integers(0, 4, N)
    return MembraneRule(refractory=(steps * holds).astype(np.int32), **options)


def make_table(rule, dtype=torch.float64, seed=1):
    rng = np.random.default_rng(seed)
    low, high = np.array(
        [[0.5, 1.0], [-0.2, 0.2], [0.0, 0.1], [0.8, 1.2], [0.0, 0.3], [0.2, 0.9], [0.2, 1.0]]
    ).T
    rows = rng.uniform(low[:, None], high[:, None], (7, N))
    if not rule.synaptic:
        rows[DECAY_SYNAPSE], rows[GAIN] = 0.0, 1.0
    if rule.subtract:
        rows[RESET] = -rows[THRESHOLD]
    if not rule.spiking:
        rows[THRESHOLD] = np.inf
    return torch.tensor(rows, dtype=dtype, requires_grad=True)


def make_state(rule, dtype=torch.float64, seed=2):
    rng = np.random.default_rng(seed)
    v, i = (torch.tensor(rng.normal(0, 0.3, (B, N)), dtype=dtype, requires_grad=True) for _ in range(2))
    held = torch.tensor(rng.integers(0, 3, (B, N)), dtype=torch.int32)
    return MembraneState(v, i if rule.synaptic else None, held if rule.holds else None)


def make_x(dtype=torch.float64, steps=T, samples=B):
    x = np.random.default_rng(3).normal(0.2, 0.5, (steps, samples, N))
    return torch.tensor(x, dtype=dtype, requires_grad=True)


def run(module, rule, surrogate, dtype, *, detach_reset):
    """Output, last state, and gradients with respect to x, the first state and the table."""
    rng = np.random.default_rng(4)
    x, state, table = make_x(dtype), make_state(rule, dtype), make_table(rule, dtype)
    out, after = module.membrane(x, state, table, rule, surrogate, detach_reset=detach_reset)
    loss = (out * torch.tensor(rng.normal(size=(T, B, N)), dtype=dtype)).sum()
    for part in after[:2]:
        loss = (
            loss if part is None else loss + (part * torch.tensor(rng.normal(size=(B, N)), dtype=dtype)).sum()
        )
    wanted = [x, table, state.v, *([state.i] if rule.synaptic else [])]
    grads = torch.autograd.grad(loss, wanted)
    if not rule.synaptic:
        grads[1][DECAY_SYNAPSE:] = 0.0  # the operator has none for the current that is not there
    return out, after, grads


CASES = [
    (make_rule(), Triangle(), True),
    (make_rule(subtract=True), Arctan(), True),
    (make_rule(subtract=True, synaptic=True, held_input=RefractoryInput.KEEP), SuperSpike(), False),
    (make_rule(exceeded=True, synaptic=True), Triangle(), False),
    (make_rule(synaptic=True, held_input=RefractoryInput.INTEGRATE), Bump(), True),
    (make_rule(held_input=RefractoryInput.INTEGRATE), Triangle(), False),
    (make_rule(held_input=RefractoryInput.KEEP), Arctan(), True),
    (make_rule(holds=False, synaptic=True), Arctan(), True),
    (make_rule(holds=False, subtract=True), Bump(), False),
    (make_rule(holds=False, spiking=False, synaptic=True), Arctan(), True),
    (make_rule(holds=False, spiking=False), Arctan(), True),
]


@pytest.mark.parametrize(("rule", "surrogate", "detach"), CASES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_kernel_is_the_reference(rule, surrogate, detach, dtype):
    out, state, grads = run(fused, rule, surrogate, dtype, detach_reset=detach)
    r_out, r_state, r_grads = run(reference, rule, surrogate, dtype, detach_reset=detach)
    if rule.spiking:
        assert 0.02 < out.mean() < 0.5
    assert torch.equal(out, r_out)
    for mine, theirs in zip(state, r_state, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or torch.equal(mine, theirs)
    tolerance = (
        1e-10 if dtype == torch.float64 else 3e-4
    )  # float32: sums of 75 terms of order one, some cancelling
    for mine, theirs in zip(grads, r_grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))


def test_what_depends_on_a_readouts_coefficients_is_their_finite_difference():
    rule = MembraneRule(refractory=np.zeros(N, np.int32), spiking=False, synaptic=True)
    table, x, state = make_table(rule), make_x(steps=4, samples=2), make_state(rule)
    state = MembraneState(state.v[:2], state.i[:2])

    def potentials(x, v, i, some):
        full = torch.cat([some[:3], table[3:5], some[3:]])
        return fused.membrane(x, MembraneState(v, i), full, rule, Arctan())[0]

    some = torch.cat([table[:3], table[5:]]).detach().requires_grad_()
    inputs = (x, *(s.detach().requires_grad_() for s in (state.v, state.i)), some)
    assert torch.autograd.gradcheck(potentials, inputs, fast_mode=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, T), st.sampled_from(CASES), st.integers(1, 3))
def test_a_run_in_two_parts_on_any_threads_is_the_run(cut, case, threads):
    rule, surrogate, detach = case
    x, state, table = make_x(), make_state(rule), make_table(rule)
    weight = torch.tensor(np.random.default_rng(5).normal(size=(T, B, N)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROSIM_THREADS", "1")
        whole, last = fused.membrane(x, state, table, rule, surrogate, detach_reset=detach)
        expected = torch.autograd.grad((whole * weight).sum(), (x, table))
        patch.setenv("NEUROSIM_THREADS", str(threads))
        head, middle = fused.membrane(x[:cut], state, table, rule, surrogate, detach_reset=detach)
        tail, end = fused.membrane(x[cut:], middle, table, rule, surrogate, detach_reset=detach)
        parts = torch.cat([head, tail])
        grads = torch.autograd.grad((parts * weight).sum(), (x, table))
    assert torch.equal(parts, whole)
    assert all(a is None or torch.equal(a, b) for a, b in zip(last, end, strict=True))
    for mine, theirs in zip(grads, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_threads_do_not_change_a_bit(monkeypatch):
    results = []
    for n in (1, 2, 5):
        monkeypatch.setenv("NEUROSIM_THREADS", str(n))
        results.append(run(fused, CASES[2][0], Arctan(), torch.float64, detach_reset=True))
    for out, _, grads in results[1:]:
        assert torch.equal(out, results[0][0])
        assert all(torch.equal(a, b) for a, b in zip(grads, results[0][2], strict=True))


@pytest.mark.parametrize("threads", ["1", "3"])
def test_spikes_carry_their_list(monkeypatch, threads):
    monkeypatch.setenv("NEUROSIM_THREADS", threads)
    rule = make_rule(holds=False)
    out, _ = fused.membrane(make_x(), make_state(rule), make_table(rule), rule, Arctan())
    events = out.neurosim_events[1]
    scanned = events_of(out.detach().clone())
    assert out.sum() > 50
    assert events_of(out) is events
    assert np.array_equal(events.row, scanned.row)
    assert np.array_equal(events.neuron, scanned.neuron)
    assert events.value is None
    assert events.shape == (T, B, N)


@pytest.mark.parametrize(("steps", "samples"), [(0, B), (T, 0)])
def test_nothing_in_is_nothing_out(steps, samples):
    rule = make_rule(synaptic=True)
    x, table = make_x(steps=steps, samples=samples), make_table(rule)
    state = MembraneState(*(part[:samples] for part in make_state(rule)))
    out, after = fused.membrane(x, state, table, rule, Arctan())
    assert out.shape == x.shape
    assert len(events_of(out).neuron) == 0
    assert all(torch.equal(a, b) for a, b in zip(after, state, strict=True))
    grads = torch.autograd.grad(out.sum() + after.v.sum(), (x, table, state.v))
    assert torch.equal(grads[2], torch.ones_like(state.v))
    assert not grads[1].any()


def test_inputs_are_left_alone_and_other_layouts_are_taken():
    rule = make_rule(synaptic=True)
    x, state, table = make_x(), make_state(rule), make_table(rule)
    copies = [a.detach().clone() for a in (x, *state, table)]
    out, _ = fused.membrane(x, state, table, rule, Arctan())
    out.sum().backward()  # the gradient that arrives is one number, spread out
    assert all(torch.equal(a, b) for a, b in zip(copies, (x, *state, table), strict=True))
    sample_major = x.detach().transpose(0, 1).contiguous().transpose(0, 1)
    again, _ = fused.membrane(sample_major, state, table, rule, Arctan())
    assert torch.equal(out, again)


def test_only_v_before_the_reset_is_kept():

    def bytes_kept(rule, table):
        out, _ = fused.membrane(make_x(), make_state(rule), table, rule, Arctan())
        node = out.grad_fn
        arrays = [node.before, node.phase, *(a.numpy() for a in node.saved_tensors if a is not None)]
        return sum(a.nbytes for a in arrays) - table.nbytes

    plain, refractory = make_rule(holds=False), make_rule()
    assert bytes_kept(plain, make_table(plain).detach()) == 8 * T * B * N
    assert bytes_kept(refractory, make_table(refractory).detach()) == (8 + 1) * T * B * N
    with torch.no_grad():
        assert (
            fused.membrane(make_x(), make_state(plain), make_table(plain), plain, Arctan())[0].grad_fn is None
        )


def test_what_does_not_fit_is_refused():
    rule = make_rule(synaptic=True)
    x, state, table = make_x(), make_state(rule), make_table(rule)
    with pytest.raises(ShapeError, match="arrivals"):
        fused.membrane(x[0], state, table, rule, Arctan())
    with pytest.raises(ShapeError, match="coefficients"):
        fused.membrane(x, state, table[:5], rule, Arctan())
    with pytest.raises(ShapeError, match="coefficients"):
        fused.membrane(x[..., 1:], state, table, rule, Arctan())
    with pytest.raises(ShapeError, match="state"):
        fused.membrane(x[:, 1:], state, table, rule, Arctan())
    with pytest.raises(DataError, match="state"):
        fused.membrane(x, state._replace(i=state.i.float()), table, rule, Arctan())
    with pytest.raises(DataError, match="coefficients"):
        fused.membrane(x, state, table.float(), rule, Arctan())
