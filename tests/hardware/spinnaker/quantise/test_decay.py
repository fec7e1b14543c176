"""Words whose derived constants come close to the decay factors asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.numerics.derived_constants import (
    CoreModel,
    neuron_words,
    synapse_state_words,
)
from neurosim.hardware.spinnaker.quantise.decay import LARGEST_DECAY, membrane_words, synapse_tau_word

ONE = 32768


def derived(tau, c):
    _, _, r, exp_tc, *_ = neuron_words(np.array([[0, 0, c, tau, 0, 0, 0, 0, ONE]]))[0]
    return int(exp_tc), int(r)


@given(st.floats(0.0, 1.0))
def test_the_core_derives_what_was_promised(factor):
    """The nearest decay factor to 1.04 + 0.5 units of its exponential, R just above 1 / (1 - decay)."""
    tau, c, exp_tc, r = membrane_words(factor, None, "here")
    assert derived(tau, c) == (exp_tc, r)
    assert abs(exp_tc - min(factor * ONE, LARGEST_DECAY)) <= 1.1
    moved = (ONE - exp_tc) * r / ONE**2
    assert 1.0 - 1e-9 <= moved <= 1.0 + 5e-4


@given(st.floats(0.2, 0.9999), st.floats(0.05, 200.0))
def test_a_resistance_of_choice(factor, resistance):
    tau, c, exp_tc, r = membrane_words(factor, resistance, "here")
    assert derived(tau, c) == (exp_tc, r)
    assert r / ONE == pytest.approx(resistance, rel=1e-3 + resistance * ONE / tau)  # c is a whole word


@given(st.floats(0.01, 0.9999))
def test_synapses(factor):
    tau, kept, arriving = synapse_tau_word(factor, "here")
    words = synapse_state_words(CoreModel.IF_CURR_EXP, [[tau, 0, tau, 0, ONE]])[0]
    assert (words[0] / 2**32, words[1] / 2**32) == (kept, arriving)
    assert kept == pytest.approx(factor, abs=4e-5)
    assert arriving == pytest.approx((1 - factor) / -np.log(factor), rel=0.03)


@pytest.mark.parametrize("factor", [-0.1, 1.1])
def test_impossible_factors_are_refused(factor):
    with pytest.raises(UnsupportedError, match="population 'a'"):
        membrane_words(factor, None, "population 'a'")


def test_a_current_without_memory_is_refused():
    with pytest.raises(UnsupportedError, match="memory"):
        synapse_tau_word(0.0, "here")
