"""STDP parameters of a script, found from the tables of a rule. Whole scripts are tested in test_pynn_script.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.numerics.pair_rule import decay_table, pair_rule
from neurosim.hardware.spinnaker.scripts.stdp_terms import mechanism, tau_of
from neurosim.plasticity.options import Dependence, Pairing


@given(st.floats(0.5, 200.0), st.sampled_from([0.1, 1.0]))
def test_time_constants_are_found_from_their_tables(tau, step):
    table = decay_table(tau, step)
    np.testing.assert_array_equal(decay_table(tau_of(table, step), step), table)
    assert tau_of(decay_table(20.0, step), step) == 20.0


def test_a_table_that_no_time_constant_has():
    with pytest.raises(UnsupportedError, match="no time constant"):
        tau_of(np.array([2048, 100, 2000, 5], np.int16), 1.0)


@pytest.mark.parametrize("dependence", [Dependence.ADDITIVE, Dependence.MULTIPLICATIVE])
def test_the_call_has_the_numbers_of_the_rule(dependence):
    """Of conductances bounds are 1024 times larger on the machine, and amplitudes if they are in the weights' unit."""
    rule = pair_rule(
        tau_plus=15.0, tau_minus=25.0, a_plus=0.25, a_minus=0.5, w_min=0.0, w_max=0.75, time_step=1.0,
        weight_scale=1024.0, dependence=dependence, pairing=Pairing.NEAREST,
    )  # fmt: skip
    call = mechanism(rule, 1, 1.0, 1024.0)
    assert "SpikeNearestPairRule(tau_plus=15.0, tau_minus=25.0, A_plus=0.25, A_minus=0.5)" in call
    assert f"{dependence.name.title()}WeightDependence(w_min=0.0, w_max=0.75)" in call
