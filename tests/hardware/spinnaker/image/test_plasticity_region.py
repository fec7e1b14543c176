"""Region 7 of a core: against the host's words, and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.plasticity_region import (
    decode_plasticity_region,
    plasticity_region,
    program_suffix,
)
from neurosim.hardware.spinnaker.numerics.pair_rule import pair_rule
from neurosim.plasticity.options import Dependence, Pairing


@pytest.mark.reference("spinnaker/net_*.npz")
def test_words_of_the_host(reference_file):
    with np.load(reference_file) as file:
        if "region_SynapseDynamics" not in file:
            pytest.skip(f"{reference_file.stem} does not learn")
        numbers = json.loads(str(file["net"]))["stdp"]
        rule = {k.lower(): v for k, v in numbers.items() if k != "rule"}
        ours = plasticity_region(pair_rule(**rule, time_step=float(file["dt"])))
        np.testing.assert_array_equal(ours, file["region_SynapseDynamics"])


@given(
    taus=st.tuples(st.floats(0.05, 200), st.floats(0.05, 200)),
    a=st.tuples(st.floats(-10, 10), st.floats(-10, 10)),
    dependence=st.sampled_from([Dependence.ADDITIVE, Dependence.MULTIPLICATIVE]),
    pairing=st.sampled_from(Pairing),
    backprop=st.booleans(),
)
def test_a_rule_survives(taus, a, dependence, pairing, backprop):
    rule = pair_rule(
        tau_plus=taus[0], tau_minus=taus[1], a_plus=a[0], a_minus=a[1], w_min=-1.0, w_max=3.0, time_step=1.0,
        dependence=dependence, pairing=pairing, backprop_delay=backprop,
    )  # fmt: skip
    assert decode_plasticity_region(plasticity_region(rule), "core", dependence, pairing).same_as(rule)


def test_words_that_contradict_themselves_are_refused():
    rule = pair_rule(
        tau_plus=2.0, tau_minus=2.0, a_plus=0.1, a_minus=0.1, w_min=0.0, w_max=1.0, time_step=1.0
    )
    words = plasticity_region(rule)
    assert program_suffix(rule) == "_stdp_mad_pair_additive"
    for cut in range(len(words)):
        with pytest.raises(FileFormatError, match="core"):
            decode_plasticity_region(words[:cut], "core")
    shifted = words.copy()
    shifted[1] |= 1 << 16
    with pytest.raises(FileFormatError, match="time shift"):
        decode_plasticity_region(shifted, "core")
