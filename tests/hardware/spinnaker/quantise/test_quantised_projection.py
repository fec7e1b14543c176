"""Rounded weights: against NumPy in one go, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.plan import PlanPopulation, PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.quantise import quantised_projection
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.neuron_program import program
from neurosim.hardware.spinnaker.quantise.quantised_projection import HeldWeights, held_weights, quantise
from neurosim.hardware.spinnaker.quantise.row_chunks import row_chunks
from neurosim.loss_report import LossKind
from neurosim.neurons import LIF

N_PRE, N_POST = 9, 20


def projection(seed=0, n=60, weight=None, delay=None):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 0.3, n) * rng.choice([0, 1e-9, 1], n) if weight is None else weight
    delay = rng.integers(1, 9, n) if delay is None else delay
    pre = rng.integers(0, N_PRE, n)
    return PlanProjection(
        "p", "a", "b", rows_from(pre, rng.integers(0, N_POST, n), weight, delay, N_PRE, N_POST)
    )


def target():
    bounds = np.full((2, N_POST), 4.0)
    return program(PlanPopulation("b", (N_POST,), LIF()), 1e-3, Activity(bounds, bounds, bounds / 4))


@given(st.integers(0, 80), st.integers(1, 30), st.booleans(), st.booleans())
def test_pieces_make_up_the_projection(n, most, same_weight, same_delay):
    p = projection(n, n, 0.25 if same_weight else None, 3 if same_delay else None)
    pieces = list(row_chunks(p, most))
    assert sum(c.n_pre for c in pieces) == N_PRE
    assert all(c.n_synapses <= most or c.n_pre == 1 for c in pieces)
    first = np.cumsum([0, *(c.n_pre for c in pieces)])
    for whole, of in (
        (p.target, lambda c: c.target),
        (p.weight, lambda c: c.weight),
        (p.delay, lambda c: c.delay),
    ):
        np.testing.assert_array_equal(np.concatenate([of(c) for c in pieces]), whole)
    np.testing.assert_array_equal(
        np.concatenate([c.pre_index + f for c, f in zip(pieces, first, strict=False)]), p.pre_index
    )


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_weights_are_rounded_to_the_unit_of_their_receptor(most, monkeypatch):
    monkeypatch.setattr(quantised_projection, "row_chunks", lambda p: row_chunks(p, most))
    p, post = projection(), target()
    unit = post.factors[0, p.target] * 2.0 ** (15 - np.array(post.shifts)[(p.weight < 0).astype(int)])
    raw = np.rint(np.abs(p.weight) * unit)
    held = np.sign(p.weight) * raw / unit
    np.testing.assert_array_equal(held_weights(p, post), held)
    np.testing.assert_array_equal(HeldWeights.of({"p": (p, post)})["p"], held)
    found = quantise(p, post)
    assert [q.name for q in found.parts] == ["p excitatory", "p inhibitory"]
    for receptor, q in enumerate(found.parts):
        here = (raw > 0) & ((p.weight < 0) == receptor)
        assert (q.receptor, q.pre, q.post, q.plastic) == (receptor, "a", "b", False)
        assert [a.dtype for a in (q.row_start, q.target, q.raw, q.delay)] == ["i8", "i4", "u2", "u2"]
        np.testing.assert_array_equal(q.sources(), p.pre_index[here])
        np.testing.assert_array_equal(q.target, p.target[here])
        np.testing.assert_array_equal(q.raw, raw[here])
        np.testing.assert_array_equal(q.delay, p.delay[here])
    rounded, gone = found.losses
    assert rounded.amount == pytest.approx(
        np.sqrt(np.mean((held - p.weight) ** 2) / np.mean(p.weight**2)), rel=1e-12
    )
    vanished = raw[p.weight != 0] == 0
    assert gone.amount == np.mean(vanished)
    assert f"{np.count_nonzero(vanished)} of {len(vanished)} weights" in gone.what


def test_exact_weights_lose_nothing():
    found = quantise(projection(weight=np.repeat([0.25, 0.5, 0.125], 20)), target())
    assert found.losses == ()
    assert len(found.parts) == 1


def test_a_projection_that_vanishes_is_no_rounding():
    """Compiling allows what rounding costs, but not that nothing is left; weights of zero are none to lose."""
    tiny = 1e-9 * np.r_[np.zeros(10), np.ones(50)]
    gone = quantise(projection(weight=tiny), target())
    assert gone.parts == ()
    assert gone.losses[-1].kind is LossKind.DROPPED
    assert "all 50 weights round to zero" in gone.losses[-1].what
    assert quantise(projection(weight=np.zeros(60)), target()).losses == ()


def test_a_weight_that_needs_more_bits_is_refused():
    with pytest.raises(CapacityError, match=r"'p'.*1000.*65535"):
        quantise(projection(weight=np.r_[np.ones(59), -1000.0]), target())
