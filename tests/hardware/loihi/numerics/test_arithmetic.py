from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numba import njit

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.numerics import arithmetic as a

STATE = st.integers(-(2**25), 2**25)


@pytest.mark.parametrize(
    ("x", "keep", "expected"), [(-3, 4095, -2), (-1, 4095, 0), (-4096, 4095, -4095), (5, 0, 0), (7, 4096, 7)]
)
def test_decay_published_values(x, keep, expected):
    assert a.decay(x, keep) == expected


LIMITS = [0, 4095, 2**12, 2**21, 2**23, 2**24, 3 * 2**23]
EDGES = sorted({sign * (limit + near) for limit in LIMITS for near in (-2, -1, 0, 1, 2) for sign in (-1, 1)})
"""Both sides of every limit of a register, and of the third turn at which a single wrap fails."""


@njit
def decay_each(x, keep, out):
    for i in range(x.size):
        for k in range(keep.size):
            out[i, k] = a.decay(x[i], keep[k])


def test_decay_of_every_edge_by_every_factor():
    """Decays of 12 bits, and -1 and 4096 which keep everything and nothing: factors 0 to 4096."""
    x, keep = np.array(EDGES), np.arange(4097)
    out = np.zeros((len(x), len(keep)), np.int64)
    decay_each(x, keep, out)
    products = np.abs(x).astype(object)[:, None] * keep  # Python's integers
    expected = np.sign(x)[:, None] * (products // 4096)
    assert np.array_equal(out, expected.astype(np.int64))
    assert np.array_equal(a.decay_array(x[:, None], keep), out)


@given(STATE, st.integers(0, 4096))
def test_decay_is_the_exact_fraction_rounded_toward_zero(x, keep):
    # independent form (brian2-loihi): x - sign(x) * ceil(|x| * d / 4096) with d = 4096 - keep
    d = 4096 - keep
    expected = x - np.sign(x) * -((-abs(x) * d) // 4096)
    assert a.decay(x, keep) == expected
    assert a.decay_array(np.array([x]), keep)[0] == expected


@given(st.integers(-(2**62), 2**62), st.integers(0, 4096))
def test_decay_of_states_whose_product_is_beyond_64_bits(x, keep):
    """Currents without a limit get there by graded spikes."""
    out = np.zeros((1, 1), np.int64)
    decay_each(np.array([x]), np.array([keep]), out)
    expected = (1 if x >= 0 else -1) * (abs(x) * keep // 4096)  # Python's integers
    assert out[0, 0] == expected
    assert a.decay_array(np.array([x]), keep)[0] == expected


@given(st.integers(-(2**40), 2**40), st.integers(2, 30))
def test_wrap_is_twos_complement(x, bits):
    expected = int.from_bytes((x % 2**bits << (64 - bits)).to_bytes(8, "little"), "little", signed=True) >> (
        64 - bits
    )
    assert a.wrap(x, bits) == expected
    assert a.wrap_array(np.array([x]), bits)[0] == expected


@pytest.mark.parametrize("bits", [22, 24])
def test_wrap_around_every_edge(bits):
    half = 2 ** (bits - 1)
    for x in EDGES:
        expected = next(y for k in range(-9, 10) if -half <= (y := x + k * 2 * half) < half)
        assert a.wrap(x, bits) == expected
        assert a.wrap_array(np.array(x), bits) == expected


def test_wrap_of_every_number_in_a_small_register():
    x = np.arange(-1024, 1025)
    for bits in range(2, 11):
        turns = np.resize(np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1)), 4097)  # counting up, over and over
        expected = turns[x + 1024 + (2 ** (bits - 1) - 1024) % 2**bits]
        assert np.array_equal(a.wrap_array(x, bits), expected)
        assert [a.wrap(int(i), bits) for i in x] == expected.tolist()


def test_wrap_once_around_every_edge():
    m = 2**23
    for x in EDGES:
        y = x - 2 * m if x > m else x + 2 * m if x <= -m else x  # only one of the two can be needed
        assert a.wrap_once(x) == y
        assert a.wrap_once_array(np.array(x)) == y
        if -3 * m < x <= 3 * m:
            assert -m < y <= m
            assert (y - x) % (2 * m) == 0
        else:
            assert not -m < y <= m


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


def test_every_mantissa_of_a_bias_with_every_exponent():
    """Lava takes negative exponents too, and rounds toward minus infinity."""
    mantissa, exponent = np.arange(-4096, 4096), np.arange(-7, 8)
    expected = [[m << e if e >= 0 else m // 2**-e for e in exponent.tolist()] for m in mantissa.tolist()]
    assert np.array_equal(a.shift(mantissa[:, None], exponent), expected)


@given(st.lists(st.floats(-4095 * 128, 4095 * 128), min_size=1, max_size=20))
def test_bias_fields_hold_the_bias_to_half_a_step(biases):
    mantissa, exponent = a.bias_fields(biases)
    assert np.all(np.abs(mantissa) <= 4095)
    assert np.all((exponent >= 0) & (exponent <= 7))
    assert np.all(np.abs(mantissa * 2.0**exponent - biases) <= 2.0**exponent / 2)


def test_every_bias_that_fields_can_hold_is_held_exactly():
    for exponent in range(8):
        held = np.arange(-4095, 4096) * 2**exponent
        mantissas, exponents = a.bias_fields(held)
        assert np.array_equal(mantissas << exponents, held)
        assert np.all(exponents <= exponent)


def test_bias_out_of_range_is_refused():
    with pytest.raises(CapacityError, match="524160"):
        a.bias_fields([4095 * 128 + 1])


@pytest.mark.reference("loihi/nl_bias_manexp*.npz")
def test_bias_fields_match_nengo_loihi(reference_file):
    with np.load(reference_file) as f:
        mantissa, exponent = a.bias_fields(f["bias"])
        assert np.array_equal(mantissa, f["man"])
        assert np.array_equal(exponent, f["exp"])
