from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.numerics import arithmetic as a

STATE = st.integers(-(2**25), 2**25)


@pytest.mark.parametrize(
    ("x", "keep", "expected"), [(-3, 4095, -2), (-1, 4095, 0), (-4096, 4095, -4095), (5, 0, 0), (7, 4096, 7)]
)
def test_decay_published_values(x, keep, expected):
    assert a.decay(x, keep) == expected


@given(STATE, st.integers(0, 4096))
def test_decay_is_the_exact_fraction_rounded_toward_zero(x, keep):
    # independent form (brian2-loihi): x - sign(x) * ceil(|x| * d / 4096) with d = 4096 - keep
    d = 4096 - keep
    expected = x - np.sign(x) * -((-abs(x) * d) // 4096)
    assert a.decay(x, keep) == expected
    assert a.decay_array(np.array([x]), keep)[0] == expected


@given(st.integers(-(2**40), 2**40), st.integers(2, 30))
def test_wrap_is_twos_complement(x, bits):
    expected = int.from_bytes((x % 2**bits << (64 - bits)).to_bytes(8, "little"), "little", signed=True) >> (
        64 - bits
    )
    assert a.wrap(x, bits) == expected
    assert a.wrap_array(np.array([x]), bits)[0] == expected


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (2**23, 2**23),
        (2**23 + 1, -(2**23) + 1),
        (-(2**23), 2**23),
        (-(2**23) + 1, -(2**23) + 1),
        (3 * 2**23 + 5, 2**23 + 5),
    ],
)
def test_wrap_once_is_no_modulo(x, expected):
    assert a.wrap_once(x) == expected
    assert a.wrap_once_array(np.array([x]))[0] == expected


@given(st.integers(-4096, 4095), st.integers(-7, 7))
def test_shift_floors(x, e):
    assert a.shift(x, e) == (x * 2**e if e >= 0 else x // 2**-e)


@given(st.lists(st.floats(-4095 * 128, 4095 * 128), min_size=1, max_size=20))
def test_bias_fields_hold_the_bias_to_half_a_step(biases):
    mantissa, exponent = a.bias_fields(biases)
    assert np.all(np.abs(mantissa) <= 4095)
    assert np.all((exponent >= 0) & (exponent <= 7))
    assert np.all(np.abs(mantissa * 2.0**exponent - biases) <= 2.0**exponent / 2)


def test_bias_out_of_range_is_refused():
    with pytest.raises(CapacityError, match="524160"):
        a.bias_fields([4095 * 128 + 1])


@pytest.mark.reference("loihi/nl_bias_manexp*.npz")
def test_bias_fields_match_nengo_loihi(reference_file):
    with np.load(reference_file) as f:
        mantissa, exponent = a.bias_fields(f["bias"])
        assert np.array_equal(mantissa, f["man"])
        assert np.array_equal(exponent, f["exp"])
