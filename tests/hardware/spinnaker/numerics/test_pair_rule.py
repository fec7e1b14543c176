"""The pair rule in device numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError, DescriptionError
from neurosim.hardware.spinnaker.numerics.pair_rule import STDP_ONE, PairRule, decay_table, pair_rule
from neurosim.plasticity.options import Dependence

NUMBERS = {"tau_plus": 20.0, "tau_minus": 30.0, "a_plus": 0.05, "a_minus": 0.06, "w_min": 0.0, "w_max": 5.0}


@given(tau=st.floats(0.01, 500.0), dt=st.floats(0.1, 10.0))
def test_a_table_is_the_exponential_truncated_and_ends_below_one(tau, dt):
    table = decay_table(tau, dt)
    exact = STDP_ONE * np.exp(-np.arange(len(table)) * dt / tau)
    assert len(table) % 2 == 0
    assert table[0] == STDP_ONE
    assert np.all((table <= exact) & (table > exact - 1))
    assert STDP_ONE * np.exp(-len(table) * dt / tau) <= 1 + 1e-9


def test_a_table_that_its_length_cannot_say_is_refused():
    assert len(decay_table(8000.0, 1.0)) == 60998  # 8000 ln 2048 = 60996.6, up to an even number
    with pytest.raises(CapacityError, match="too long"):
        decay_table(9000.0, 1.0)


def test_conductances_scale_bounds_and_additive_amplitudes():
    additive = pair_rule(**NUMBERS, time_step=1.0, weight_scale=1024.0)
    multiplicative = pair_rule(
        **NUMBERS, time_step=1.0, weight_scale=1024.0, dependence=Dependence.MULTIPLICATIVE
    )
    unit = 32768 * 1024
    assert additive.words[0].tolist() == [0, 5 * unit, round(0.05 * unit), round(0.06 * unit)]
    assert multiplicative.words[1].tolist() == [0, 5 * unit, 1638, 1966]


def test_rules_differ_if_a_number_does():
    rule = pair_rule(**NUMBERS, time_step=1.0)
    assert rule.same_as(pair_rule(**NUMBERS, time_step=1.0))
    for name in NUMBERS:
        assert not rule.same_as(pair_rule(**{**NUMBERS, name: 7.0}, time_step=1.0))
    assert not rule.same_as(pair_rule(**NUMBERS, time_step=1.0, dependence=Dependence.MULTIPLICATIVE))


def test_what_the_machine_has_no_program_for_is_refused():
    with pytest.raises(DescriptionError, match="no such dependence"):
        pair_rule(**NUMBERS, time_step=1.0, dependence=Dependence.POWER_LAW)
    table = decay_table(20.0, 1.0)
    with pytest.raises(DescriptionError, match="shape"):
        PairRule(lut_plus=table, lut_minus=table, words=np.zeros((4, 2), np.int64))
    with pytest.raises(CapacityError):
        pair_rule(**{**NUMBERS, "w_max": 70000.0}, time_step=1.0)
