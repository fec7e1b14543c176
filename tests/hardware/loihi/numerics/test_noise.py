from __future__ import annotations

from fractions import Fraction
from math import trunc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import chisquare

from neurosim import random
from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.noise import Noise, NoiseTarget, add_noise, noise_reference
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI

KEY = random.key(3, "device.noise")


def added(steps: int, n: int, noise: Noise) -> np.ndarray:
    x = np.zeros((steps, n), np.int64)
    for t in range(steps):
        add_noise(x[t], 0, n, np.uint64(KEY), t, noise.exponent, noise.offset)
    return x


@given(st.integers(1, 23), st.integers(-100, 100))
def test_is_the_published_formula_of_one_number(exponent, offset):
    """n = trunc((r + 64 offset) 2^(exponent - 7)), where exponent 7 without offset shows r itself."""
    r = noise_reference(20, 10, KEY, Noise(exponent=7))
    expected = [trunc((int(x) + 64 * offset) * Fraction(2) ** (exponent - 7)) for x in r.ravel()]
    noise = Noise(exponent=exponent, offset=offset)
    assert noise_reference(20, 10, KEY, noise).ravel().tolist() == expected
    assert added(20, 10, noise).ravel().tolist() == expected


def test_numbers_are_equally_likely_from_minus_127_to_127():
    counts = np.bincount(noise_reference(100, 2550, KEY, Noise(exponent=7)).ravel() + 127, minlength=255)
    assert len(counts) == 255
    assert chisquare(counts).pvalue > 1e-3


def test_depends_on_step_and_compartment_alone():
    noise = Noise(exponent=9)
    whole = added(30, 40, noise)
    part = np.zeros(40, np.int64)
    add_noise(part, 10, 25, np.uint64(KEY), 17, 9, 0)
    assert np.array_equal(part[10:25], whole[17, 10:25])
    assert not part[:10].any()
    assert not part[25:].any()


@pytest.mark.parametrize("target", NoiseTarget)
def test_is_added_before_the_register_it_targets_wraps(target):
    noise = noise_reference(200, 4, KEY, Noise(exponent=21))  # up to 2^21, as much as the accumulator holds
    registers = lif.Registers.of(4, du=0, dv=4095, threshold=131071 << 6, bias=500000)
    q = np.full((200, 4), 1 << 20)
    traces = []
    for run in (lif.run, lif.reference):
        if target is NoiseTarget.ARRIVALS:
            found = run(q + noise, registers, NENGO_LOIHI)
        else:
            found = run(q, registers, NENGO_LOIHI, membrane=noise)
        wrapped = found.overflows.count
        assert (wrapped[lif.Cause.ACCUMULATOR] > 0) == (target is NoiseTarget.ARRIVALS)
        assert wrapped[lif.Cause.BIAS] > 0
        traces.append(found)
    assert np.array_equal(traces[0].u, traces[1].u)
    assert np.array_equal(traces[0].v, traces[1].v)


def test_register_of_a_small_exponent_holds_one_less():
    assert [Noise(exponent=e).register_exponent for e in (1, 6, 7, 23)] == [0, 5, 7, 23]
    with pytest.raises(DescriptionError, match="1 to 23"):
        Noise(exponent=0)


def test_targets_have_the_values_of_the_register():
    assert [int(t) for t in (NoiseTarget.ARRIVALS, NoiseTarget.MEMBRANE)] == [0, 1]
