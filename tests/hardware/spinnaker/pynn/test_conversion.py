"""Host conversions against the documented examples."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.pynn.conversion import (
    delay_steps,
    raw_weights,
    s1615,
    spike_steps,
    weight_of,
    weight_scale,
)


def test_delays_round_half_to_even_and_are_at_least_one():
    assert delay_steps([2.5, 3.5, 0.2, 1.0, 16.1], 1000).tolist() == [2, 4, 1, 1, 16]
    assert delay_steps([0.25, 0.35], 100).tolist() == [2, 4]


def test_sign_is_dropped_and_nothing_is_clipped():
    """At shift 2 a weight unit is 2**-13; 8 needs 65536 of them and silently becomes 0."""
    assert raw_weights([1.0, -1.0, 8.0, 8.5], 2).tolist() == [8192, 8192, 0, 4096]
    assert raw_weights([0.5 / 8192, 1.5 / 8192, 2.5 / 8192], 2).tolist() == [0, 2, 2]


@given(st.integers(0, 65535), st.integers(0, 15))
def test_raw_weights_come_back(raw, shift):
    assert raw_weights(weight_of(raw, shift), shift) == raw
    assert weight_scale(shift) * 2**shift == 32768


def test_spike_times():
    """ceil(floor(ms * 1000) / timestep)"""
    assert spike_steps([0.0, 1.0, 1.0005, 1.002], 1000).tolist() == [0, 1, 1, 2]
    assert spike_steps(np.array([0.25]), 100).tolist() == [3]


@given(st.floats(-65536, 65535.9999) | st.integers(-65536, 65535).map(lambda k: (2 * k + 1) / 65536))
def test_words_round_the_decimal_text(x):
    """The rule of the host: half to even of the text, not of the binary number behind it."""
    assert s1615(x) == round(Decimal(str(x)) * 32768)


def test_the_text_of_a_tie_is_not_always_a_tie():
    """The exact number has more digits than its text, 2000.0001068115234, which lies beside the tie."""
    assert s1615(65536003.5 / 32768) == 65536003 != np.rint(65536003.5)
