from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, ShapeError
from neurosim.neurons.options import RefractoryInput
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule, MembraneState
from neurosim.nn.ops.events import attached, events_of
from neurosim.nn.ops.recurrent import recurrent
from neurosim.nn.reference import (
    adaptive as reference_adaptive,
    membrane as reference_membrane,
    recurrent as reference,
)
from neurosim.nn.surrogate import Arctan, SuperSpike, Triangle

T, B, N, R = 14, 18, 11, 5
"""More samples than a tile has lanes, more neurons than a block of synapses."""


class Own:
    """A surrogate that no kernel knows."""

    def derivative(self, u):
        return torch.exp(-u.square())


def make_rule(**options):
    held = np.random.default_rng(1).integers(0, 3, N) if options.pop("holds", False) else np.zeros(N)
    return MembraneRule(refractory=held.astype(np.int32), **options)


def make_table(adaptive, rule, dtype):
    rng = np.random.default_rng(2)
    threshold = rng.uniform(0.8, 1.2, N)
    reset = -threshold if rule.subtract and not adaptive else rng.uniform(0.0, 0.3, N)
    more = (rng.uniform(0.7, 0.9, N), rng.uniform(0.05, 0.2, N)) if adaptive else (
        (rng.uniform(0.5, 0.9, N), rng.uniform(0.4, 0.6, N)) if rule.synaptic else (np.zeros(N), np.ones(N))
    )  # fmt: skip
    rows = (
        rng.uniform(0.6, 0.95, N),
        rng.uniform(-0.1, 0.1, N),
        rng.uniform(0, 0.1, N),
        threshold,
        reset,
        *more,
    )
    learnable, fixed = (rows, ()) if adaptive or rule.synaptic else (rows[:5], rows[5:])
    table = torch.tensor(np.stack(learnable), dtype=dtype, requires_grad=dtype == torch.float64)
    return table, torch.cat([table, *(torch.tensor(row, dtype=dtype)[None] for row in fixed)])


def inputs(delayed, dtype):
    rng = np.random.default_rng(3)

    def leaf(a):
        return torch.tensor(a, dtype=dtype, requires_grad=True)

    longest = R if delayed else 1
    return {
        "x": leaf(rng.normal(0.1, 0.5, (T, B, N))),
        "v": leaf(rng.normal(0, 0.3, (B, N))),
        "second": leaf(rng.uniform(0, 0.3, (B, N))),
        "pending": leaf(rng.normal(0, 0.3, (longest, B, N))),
        "weight": leaf(rng.normal(0, 0.6, (N, N))),
        "delay": leaf(rng.uniform(1.01, longest - 0.01, (N, N))) if delayed else None,
    }


def by_reference(x, state, pending, weight, delay, table, rule, surrogate, *, detach_reset=True):
    step = reference_adaptive.adaptive if isinstance(state, AdaptiveState) else reference_membrane.membrane

    def neurons(arrivals, before):
        return step(arrivals, before, table, rule, surrogate, detach_reset=detach_reset)

    return reference.recurrent(x, pending, weight, delay, neurons, state)


def start(adaptive, rule, given):
    held = (
        torch.from_numpy(np.random.default_rng(4).integers(0, 2, (B, N)).astype(np.int32))
        if rule.holds
        else None
    )
    if adaptive:
        return AdaptiveState(given["v"], given["second"], held)
    return MembraneState(given["v"], given["second"] if rule.synaptic else None, held)


def run(
    function,
    rule,
    *,
    adaptive=False,
    delayed=False,
    surrogate=None,
    detach=True,
    dtype=torch.float64,
    cut=None,
):
    """Spikes, pending arrivals, last state and gradients of all that they came from."""
    given, (learnable, table) = inputs(delayed, dtype), make_table(adaptive, rule, dtype)
    state, pending, spikes = start(adaptive, rule, given), given["pending"], []
    for part in (given["x"],) if cut is None else (given["x"][:cut], given["x"][cut:]):
        out, pending, state = function(
            part, state, pending, given["weight"], given["delay"], table, rule, surrogate or Triangle(),
            detach_reset=detach,
        )  # fmt: skip
        spikes.append(out)
    out = torch.cat(spikes)
    rng = np.random.default_rng(5)
    values = [a for a in (out, pending, *state) if a is not None]
    loss = sum(
        (a * torch.tensor(rng.normal(size=a.shape), dtype=dtype)).sum()
        for a in values
        if a.is_floating_point()
    )
    leaves = [a for a in (*given.values(), learnable) if a is not None and a.requires_grad]
    grads = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [a.detach() for a in values], [g for g in grads if g is not None]


CASES = {
    "jumps": {"rule": make_rule()},
    "jumps by subtraction": {"rule": make_rule(subtract=True, exceeded=True), "detach": False, "delayed": True},
    "currents held": {"rule": make_rule(synaptic=True, holds=True), "detach": False, "delayed": True},
    "currents kept": {
        "rule": make_rule(synaptic=True, holds=True, held_input=RefractoryInput.KEEP), "surrogate": Arctan(),
    },
    "adaptive": {"rule": make_rule(holds=True), "adaptive": True, "surrogate": SuperSpike(), "detach": False},
    "adaptive by subtraction": {"rule": make_rule(subtract=True), "adaptive": True, "delayed": True},
    "own surrogate": {"rule": make_rule(), "surrogate": Own(), "delayed": True},
    "adaptive, own surrogate": {"rule": make_rule(), "surrogate": Own(), "adaptive": True},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_kernel_is_the_reference(case):
    values, grads = run(recurrent, **case)
    expected, expected_grads = run(by_reference, **case)
    assert 0.03 < values[0].mean() < 0.6
    for mine, theirs in zip(values, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    assert len(grads) == len(expected_grads) >= 5
    for mine, theirs in zip(grads, expected_grads, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10 * float(theirs.abs().max()))


@pytest.mark.parametrize("cut", [2, 9])
@pytest.mark.parametrize("name", ["jumps", "currents held", "adaptive by subtraction"])
def test_a_run_in_two_parts_is_the_run(name, cut):
    values, grads = run(recurrent, **CASES[name])
    parts, parts_grads = run(recurrent, **CASES[name], cut=cut)
    assert all(torch.equal(a, b) for a, b in zip(values, parts, strict=True))
    for a, b in zip(grads, parts_grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11 * float(a.abs().max()))


def test_threads_do_not_change_a_bit(monkeypatch):
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("NEUROSIM_THREADS", threads)
        results.append(
            [part for name in ("jumps", "currents held") for part in run(recurrent, **CASES[name])]
        )
    for other in results[1:]:
        for mine, first in zip(other, results[0], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine, first, strict=True))


@pytest.mark.slow  # compiles the kernels again
def test_single_precision_and_the_list_of_spikes():
    case = CASES["jumps by subtraction"]
    values, grads = run(recurrent, **case, dtype=torch.float32)
    expected, expected_grads = run(by_reference, **case, dtype=torch.float32)
    assert torch.equal(values[0], expected[0])
    for mine, theirs in zip(grads, expected_grads, strict=True):  # sums of a few hundred terms
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))
    given, rule = inputs(True, torch.float32), make_rule()
    arguments = given["weight"], given["delay"], make_table(False, rule, torch.float32)[1], rule, Triangle()
    with torch.no_grad():
        out, *_ = recurrent(given["x"], start(False, rule, given), given["pending"], *arguments)
    events, scanned = attached(out), events_of(out.clone())
    assert np.array_equal(events.row, scanned.row)
    assert np.array_equal(events.neuron, scanned.neuron)


def test_a_window_of_arrivals_moves_on():
    """Many steps, and delays longer than the steps that the window has to spare."""
    rng = np.random.default_rng(0)
    steps, n, longest = 150, 3, 70
    x = torch.tensor(rng.normal(0.2, 0.5, (steps, 2, n)), requires_grad=True)
    row = torch.tensor([0.8, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    weight, delay = torch.tensor(rng.normal(0, 0.5, (n, n))), torch.tensor(rng.uniform(1, longest, (n, n)))
    state, pending = MembraneState(torch.zeros_like(x[0])), torch.zeros(longest, 2, n, dtype=torch.float64)
    rule = MembraneRule(refractory=np.zeros(n, np.int32))
    results = []
    for function in (recurrent, by_reference):
        out, rest, last = function(
            x, state, pending, weight, delay, row[:, None].expand(7, n), rule, Arctan()
        )
        loss = (out * x.detach()).sum() + rest.sum() + last.v.sum()
        grads = torch.autograd.grad(loss, (x, row))
        results.append((out, rest, grads[0], grads[1][:5]))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-9)


def test_what_does_not_fit_is_refused():
    rule, given = make_rule(), inputs(False, torch.float64)
    _, table = make_table(False, rule, torch.float64)
    state = start(False, rule, given)

    def call(**changed):
        parts = {**given, **changed}
        recurrent(
            parts["x"], state, parts["pending"], parts["weight"], parts["delay"], table, rule, Triangle()
        )  # fmt: skip

    with pytest.raises(ShapeError, match="recurrent synapses"):
        call(weight=given["weight"][:, :-1])
    with pytest.raises(DataError, match="another type"):
        call(weight=given["weight"].float())
    with pytest.raises(ShapeError, match="pending"):
        call(pending=given["pending"][:, :-1])
    with pytest.raises(ShapeError, match="pending"):
        call(pending=given["pending"][:0])
