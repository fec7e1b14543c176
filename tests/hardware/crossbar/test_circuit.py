from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import DescriptionError, ShapeError
from neurosim.hardware.crossbar.circuit import gate, ideal_currents, solve, transfer

RTOL = 1e-9  # outputs, element by element; two exact solvers of one circuit agree to about 1e-11


def close_to_largest(got, want, what):
    """Voltages and inner currents near zero are round-off: compare with the largest of the array."""
    assert np.abs(got - want).max() <= RTOL * max(np.abs(want).max(), 1e-300), what


@pytest.mark.reference("crossbar/bc_[0-9]*.npz")
def test_every_voltage_and_current_matches_badcrossbar(reference_file: Path):
    with np.load(reference_file) as z:
        np.testing.assert_allclose(ideal_currents(z["G"], z["V"]), z["I_ideal"], rtol=RTOL)
        got = solve(z["G"], z["V"], r_word=float(z["r_wl"]), r_bit=float(z["r_bl"]))
        np.testing.assert_allclose(got.output, z["I_out"], rtol=RTOL)
        for mine, key in (
            (got.word_voltage, "V_wl"),
            (got.bit_voltage, "V_bl"),
            (got.cell, "I_dev"),
            (got.word, "I_wl"),
            (got.bit, "I_bl"),
        ):
            close_to_largest(mine, z[key], key)


@pytest.mark.reference("crossbar/bc_geff_*.npz")
def test_transfer_matrix_matches_badcrossbar(reference_file: Path):
    with np.load(reference_file) as z:
        r = float(z["r_i"])
        t = transfer(z["G"], r_word=r, r_bit=r)
        np.testing.assert_allclose(t, z["T"], rtol=RTOL, atol=1e-300)
        np.testing.assert_allclose(z["V"].T @ t, z["I_out"], rtol=RTOL)


@pytest.mark.reference("crossbar/bc_gated_*.npz")
def test_grounded_and_gated_rows_match_badcrossbar(reference_file: Path):
    with np.load(reference_file) as z:
        r = float(z["r_i"])
        grounded = solve(z["G"], z["V"], r_word=r, r_bit=r).output[0]
        gated = solve(gate(z["G"], z["active"]), z["V"], r_word=r, r_bit=r).output[0]
        np.testing.assert_allclose(grounded, z["I_grounded"], rtol=RTOL)
        np.testing.assert_allclose(gated, z["I_gated"], rtol=RTOL)
        np.testing.assert_allclose(ideal_currents(z["G"], z["V"]), z["I_ideal"], rtol=RTOL)


def test_one_cell_is_a_series_circuit():
    got = solve([[1e-3]], [1.0], r_word=200.0, r_bit=300.0)
    assert got.output[0, 0] == pytest.approx(1.0 / (1000.0 + 500.0), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    m=st.integers(1, 7),
    n=st.integers(1, 7),
    r_word=st.sampled_from([0.0, 0.5, 20.0]),
    r_bit=st.sampled_from([0.0, 0.5, 20.0]),
    seed=st.integers(0, 1000),
)
def test_solution_obeys_kirchhoff_and_the_transfer_matrix(m, n, r_word, r_bit, seed):
    rng = np.random.default_rng(seed)
    g = rng.uniform(0, 1e-4, (m, n)) * (rng.random((m, n)) > 0.2)
    v = rng.uniform(-0.2, 0.2, (m, 3))
    got = solve(g, v, r_word=r_word, r_bit=r_bit)
    left = np.concatenate([v[:, None], got.word_voltage], axis=1)
    below = np.concatenate([got.bit_voltage, np.zeros((1, n, 3))])
    np.testing.assert_allclose(
        -np.diff(left, axis=1), r_word * got.word, atol=1e-13
    )  # Ohm's law on every segment
    np.testing.assert_allclose(-np.diff(below, axis=0), r_bit * got.bit, atol=1e-13)
    np.testing.assert_allclose(
        v.T @ transfer(g, r_word=r_word, r_bit=r_bit), got.output, rtol=1e-9, atol=1e-18
    )
    if r_word == r_bit == 0:
        np.testing.assert_allclose(got.output, ideal_currents(g, v), rtol=1e-12, atol=1e-20)


def test_bad_arrays_are_refused():
    with pytest.raises(ShapeError):
        solve(np.ones((2, 2)), np.ones(3), r_word=1, r_bit=1)
    with pytest.raises(ShapeError):
        ideal_currents(np.ones(3), np.ones(3))
    with pytest.raises(DescriptionError):
        solve([[-1.0]], [1.0], r_word=1, r_bit=1)
    with pytest.raises(DescriptionError):
        transfer([[1.0]], r_word=-1.0, r_bit=0.0)
