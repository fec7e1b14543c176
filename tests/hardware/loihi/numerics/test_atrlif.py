from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics import atrlif
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.numerics.atrlif import Parameters
from neurosim.hardware.loihi.numerics.overflow import Cause

NAMES = ("i", "v", "theta", "r")


def parameters(f) -> Parameters:
    return Parameters(
        **{name: float(f["p_" + name]) for name in Parameters.__dataclass_fields__ if "p_" + name in f.files}
    )


def given_or(f, name: str, default: int):
    return f[name] if name in f.files else default


@pytest.mark.reference("loihi/atrlif_fixed_*.npz")
@pytest.mark.parametrize("run", [atrlif.run, atrlif.reference])
def test_fixed_point_matches_lava(reference_file, run):
    with np.load(reference_file) as f:
        bias = shift(given_or(f, "p_bias_mant", 0), given_or(f, "p_bias_exp", 0))
        found = run(f["a_in"], parameters(f), bias=bias)
        for name in NAMES:
            assert np.array_equal(getattr(found, name), f[name]), name
        assert np.array_equal(found.spike, f["s"])


@pytest.mark.reference("loihi/atrlif_float_*.npz")
def test_floating_point_matches_lava(reference_file):
    with np.load(reference_file) as f:
        found = atrlif.run_float(f["a_in"], parameters(f), bias=given_or(f, "p_bias_mant", 0))
        assert np.array_equal(found.spike, f["s"])
        for name in NAMES:  # the same operations in the same order and precision
            assert np.array_equal(getattr(found, name), f[name]), name


FRACTION = st.floats(0, 1)


@given(
    st.lists(st.integers(-(2**18), 2**18), min_size=1, max_size=20),
    st.builds(
        Parameters, delta_i=FRACTION, delta_v=FRACTION, delta_theta=FRACTION, delta_r=FRACTION,
        theta_0=st.integers(0, 4095), theta_step=st.integers(0, 4095),
    ),
    st.integers(-524160, 524160),
)  # fmt: skip
def test_kernel_equals_plain_numpy(values, p, bias):
    a = np.array(values)[:, None]
    found, plain = atrlif.run(a, p, bias=bias), atrlif.reference(a, p, bias=bias)
    for name in (*NAMES, "spike"):
        assert np.array_equal(getattr(found, name), getattr(plain, name)), name
    assert np.array_equal(found.overflows.count, plain.overflows.count)
    assert len(found.overflows.rows) == found.overflows.count.sum()


def test_a_spike_raises_the_threshold_and_keeps_the_potential():
    p = Parameters(delta_i=1 - 1 / 4096, delta_v=0, delta_theta=0, delta_r=0, theta_0=5, theta_step=3)
    found = atrlif.run(np.array([[5], [0], [0]]), p)
    assert found.spike[:, 0].tolist() == [1, 0, 0]  # met by equality
    assert found.v[:, 0].tolist() == [5 << 6] * 3
    assert found.theta[:, 0].tolist() == [8 << 6] * 3
    assert found.r[:, 0].tolist() == [10 << 6] * 3


def test_overflow_is_located():
    p = Parameters(delta_i=0, delta_v=0)
    found = atrlif.run(np.array([[0, 0], [0, (1 << 17) + 1]]), p)
    assert found.i[1].tolist() == [0, -(1 << 23) + 64]
    assert found.overflows.rows.tolist() == [[Cause.CURRENT, 1, 1, (1 << 23) + 64]]


@pytest.mark.parametrize("run", [atrlif.run, atrlif.reference])
def test_a_decay_is_a_fraction_of_4096_parts(run):
    p = Parameters(delta_i=0.3, delta_v=0.5, theta_0=4000)
    found = run(np.array([[100_000], [0], [0]]), p)
    # i keeps 4096 - 1228.8 - 1 parts: the product is cut, then shifted; v keeps 2048 whole parts
    i = [6_400_000, (64_000_00 * 28662 // 10) >> 12]
    i.append((i[1] * 28662 // 10) >> 12)
    assert found.i[:, 0].tolist() == i
    v = [i[0], i[0] // 2 + i[1]]
    assert found.v[:, 0].tolist() == [*v, v[1] // 2 + i[2]]


@pytest.mark.parametrize("run", [atrlif.run, atrlif.reference])
def test_the_largest_potentials_are_no_overflow(run):
    m = (1 << 23) - 1
    found = run(np.zeros((1, 2), np.int64), Parameters(), bias=[m, -m])
    assert found.v.tolist() == [[m, -m]]
    assert not found.overflows.count[[Cause.UPPER, Cause.LOWER]].any()


def test_floating_point_model_in_numbers_that_halve():
    p = Parameters(delta_i=0.5, delta_v=0.25, delta_theta=0.5, delta_r=0.75, theta_0=5, theta_step=4)
    found = atrlif.run_float([[8.0], [0.0], [0.0]], p, bias=1.0)
    assert found.i[:, 0].tolist() == [8, 4, 2]
    assert found.v[:, 0].tolist() == [9, 11.75, 11.8125]
    assert found.spike[:, 0].tolist() == [1, 1, 0]
    assert found.theta[:, 0].tolist() == [9, 11, 8]  # 5, then 7, each raised by 4; then decays
    assert found.r[:, 0].tolist() == [10, 16.5, 4.125]  # 2 * 5; 2.5 + 2 * 7; then decays
