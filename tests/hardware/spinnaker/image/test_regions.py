"""Regions of a core that describe its neurons: reading back what was written."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    core_region,
    decode_core_region,
    decode_parameter_region,
    decode_synapse_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel


def test_parameters_survive():
    rng = np.random.default_rng(2)
    n = 3
    one = np.full((n, 1), 32768)
    neuron = np.concatenate(
        [rng.integers(-(10**6), 10**6, (n, 2)), one, 20 * one, one * 0, -one, one, one * 0, one], axis=1
    )
    synapse = np.concatenate([5 * one, one * 0, 3 * one, one * 0, one], axis=1)
    words = parameter_region(neuron, np.zeros((n, 0)), one * 7, synapse)
    constants, state = decode_parameter_region(words, CoreModel.IF_CURR_EXP, n, "core")
    np.testing.assert_array_equal(state.v, neuron[:, 0])
    assert (constants.threshold == 7 * 32768).all()
    with pytest.raises(FileFormatError, match="core"):
        decode_parameter_region(words[:-1], CoreModel.IF_CURR_EXP, n, "core")


def test_core_regions_survive():
    core = CoreParameters(neurons=5, key=0x800, atoms=64, delay_bits=4, shifts=(3, 2))
    n, key = decode_core_region(core_region(core), "core")
    assert decode_synapse_region(synapse_region(core), n, key, "core") == core
