from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.numerics.delay_slots import delay_dense
from neurosim.hardware.loihi.numerics.weights import dense, effective, sign_mode


@pytest.mark.reference("loihi/delay_dense*.npz")
def test_matches_lava(reference_file):
    with np.load(reference_file) as f:
        spikes = {"bin": f["s_binary"], "grad": f["s_graded"]}
        matrix = f["weights"]
        cases = [re.fullmatch(r"a_(bin|grad)_(d\d+)_exp(-?\d+)_nwb(\d+)", key) for key in f.files]
        found = [case for case in cases if case]
        for case in found:
            kind, delays, exponent, bits = case.groups()
            stored = effective(matrix, sign_mode(matrix), int(bits))
            ours = delay_dense(spikes[kind], stored, f["delays_" + delays], int(exponent))
            assert np.array_equal(ours, f[case.string]), case.string
        assert found


@given(st.integers(0, 63), st.integers(-3, 3))
def test_one_common_delay_is_a_shift_in_time(delay, exponent):
    rng = np.random.default_rng(0)
    weight, spikes = rng.integers(-128, 127, (4, 5)) * 2, rng.integers(0, 2, (80, 5))
    out = delay_dense(spikes, weight, np.full((4, 5), delay), exponent)
    assert not out[: delay + 1].any()
    assert np.array_equal(out[delay + 1 :], dense(weight, spikes[: 80 - delay - 1], exponent))


@given(st.integers(0, 2**32), st.integers(-4, 3), st.integers(0, 9))
def test_every_spike_arrives_after_its_delay_in_a_sum_of_its_own_step(seed, exponent, longest):
    rng = np.random.default_rng(seed)
    weight, spikes = rng.integers(-256, 256, (3, 4)), rng.integers(-3, 4, (12, 4))
    delays = rng.integers(0, longest + 1, (3, 4))
    expected = np.zeros((40, 3), np.int64)
    for t in range(12):
        for o in range(3):
            for d in range(longest + 1):
                part = sum(int(weight[o, i] * spikes[t, i]) for i in range(4) if delays[o, i] == d)
                expected[t + 1 + d, o] += part * 2**exponent if exponent >= 0 else part // 2**-exponent
    assert np.array_equal(delay_dense(spikes, weight, delays, exponent), expected[:12])


def test_floor_is_taken_of_each_partial_sum():
    spikes = np.array([[1, 0], [0, 1], [0, 0], [0, 0]])  # both arrive in step 2
    out = delay_dense(spikes, np.array([[1, 1]]), np.array([[1, 0]]), -1)
    assert out[:, 0].tolist() == [0, 0, 0, 0]  # floor(1/2) + floor(1/2), not floor(2/2)


def test_delay_out_of_range():
    with pytest.raises(CapacityError, match="63"):
        delay_dense(np.zeros((2, 1), dtype=int), np.ones((1, 1), dtype=int), np.full((1, 1), 64), 0)
