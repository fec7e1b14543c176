"""Parameter words of a population as the host sends them; the core derives its constants from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, Words
from neurosim.hardware.spinnaker.pynn.conversion import s1615
from neurosim.hardware.spinnaker.pynn.network import PyNNPopulation

__all__ = ["MODELS", "ParameterWords", "parameter_words"]

MODELS = {
    "IF_curr_exp": CoreModel.IF_CURR_EXP,
    "IF_curr_delta": CoreModel.IF_CURR_DELTA,
    "IF_cond_exp": CoreModel.IF_COND_EXP,
}
"""Neuron program of each cell."""

_POSITIVE = ("cm", "tau_m", "tau_syn_E", "tau_syn_I")
"""What the core divides by, with a divider for positive numbers."""


class ParameterWords(NamedTuple):
    """``neuron`` [n, 9], ``inputs`` [n, k], ``threshold`` [n], ``synapse`` [n, 2 or 5], see `DevicePopulation`."""

    neuron: Words
    inputs: Words
    threshold: Words
    synapse: Words


def parameter_words(population: PyNNPopulation, timestep_us: int) -> ParameterWords:
    """The words of all neurons of a population.

    Raises:
        CapacityError: a parameter is outside the range of s16.15.
        DescriptionError: a parameter that must be positive rounds to zero or less, or a refractory time is negative.
    """
    n, model = population.size, MODELS[population.cell]

    def word(name: str) -> NDArray[np.int64]:
        where = f"population {population.name!r}, {name}"
        words = s1615(population.value(name), where)
        least = 1 if name in _POSITIVE else 0 if name == "tau_refrac" else None
        if least is not None and np.any(words < least):
            raise DescriptionError(
                "is too small for the machine, which counts in units of 2**-15",
                where=where,
                value=float(population.value(name)[np.argmin(words)]),
                limit=f">= {least / 2**15:g}",
            )
        return words

    timer = population.value("refract_timer")
    if np.any((timer != np.rint(timer)) | (np.abs(timer) >= 2**31)):
        raise DescriptionError("is a number of steps", where=f"population {population.name!r}, refract_timer")
    step = np.broadcast_to(s1615(timestep_us / 1000, "time step"), (n,))
    if np.any(step < 1):
        raise DescriptionError(
            "rounds to zero on the machine", where="time step", value=timestep_us, limit=">= 16 us"
        )
    names = ("v", "v_rest", "cm", "tau_m", "i_offset", "v_reset", "tau_refrac")
    neuron = np.stack([*map(word, names), timer.astype(np.int64), step], axis=1)
    value = (word("isyn_exc"), word("isyn_inh"))
    if model is CoreModel.IF_CURR_DELTA:
        return ParameterWords(neuron, step[:, None].copy(), word("v_thresh"), np.stack(value, axis=1))
    inputs = np.zeros((n, 0), np.int64)
    if model is CoreModel.IF_COND_EXP:
        inputs = np.stack([word("e_rev_E"), word("e_rev_I")], axis=1)
    synapse = np.stack([word("tau_syn_E"), value[0], word("tau_syn_I"), value[1], step], axis=1)
    return ParameterWords(neuron, inputs, word("v_thresh"), synapse)
