r"""The program of neurons with conductances: ConductanceLIF -> IF_cond_exp.

With E and I the two reversal potentials, q = 1 - exp_TC and R' = tau_m/c_m, a step of the core is

    V <- V + q (V_rest - V + R' (g_e (E - V) + g_i (I - V) + I_offset)),        g_s = value_s / 1024

and the network's, in the Euler discretisation, with rate p = dt/tau_membrane and total 1 + R (g_e + g_i)

    v <- v + p (v_rest - v + R (g_e (E_e - v) + g_i (E_i - v) + I))

They are one if q = p and R' g' = R g; conductances of core and network both are used with the arrivals of the step,
before they decay. So exp_TC = 1 - p as near as there is, and weights carry the factor p R/(q R') that is left of it.
R' is free: it is made so small that values use their 32 bits, of which the core drops ten before it multiplies.

Exponential Euler, the network's default, takes (1 - exp(-p total))/total for p: a step that is shorter the higher the
conductance, which the core does not know. exp_TC = exp(-p) is right at rest; the error at the largest conductances is
reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE, accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.decay import membrane_words
from neurosim.hardware.spinnaker.quantise.potential_scale import RANGE, largest, leaky_scale
from neurosim.hardware.spinnaker.quantise.program_words import (
    NEVER,
    USELESS,
    NeuronProgram,
    by_neuron,
    check_potentials,
    decay_losses,
    left_shifts,
    sticking_losses,
    synapse_columns,
    threshold_words,
)
from neurosim.hardware.spinnaker.quantise.receptors import split_of
from neurosim.loss_report import Loss, LossKind
from neurosim.neurons import Discretisation

__all__ = ["conductance_program"]

Float = NDArray[np.float64]
_SCALE = 1024.0  # of synaptic values
_LARGEST = 31.0  # conductance on the machine: value = 1024 g stays below half the range of s16.15
_LEAST_RESISTANCE = 2.0**-6  # below, the words of R' get coarse, and values are fine enough


def conductance_program(
    population: PlanPopulation, dt: float, activity: Activity, lag: int = 0
) -> NeuronProgram:
    """See `neuron_program.program`."""
    where, n, model = f"population {population.name!r}", population.size, population.model
    k = by_neuron(population, model.coefficients(dt))
    initial = by_neuron(population, model.initial(dt))
    reversal = np.stack([k["reversal_excitatory"], k["reversal_inhibitory"]])
    memory = np.stack([k["decay_excitatory"], k["decay_inhibitory"]])
    g_init = np.stack([initial["g_excitatory"], initial["g_inhibitory"]])
    v_rest, v_reset, threshold, v_init = k["v_rest"], k["v_reset"], k["threshold"], initial["v"]
    check_potentials(where, v_reset, v_init, threshold, lag)
    exponential = vars(model)["discretisation"] is Discretisation.EXPONENTIAL_EULER
    rate = -np.expm1(-k["rate"]) if exponential else k["rate"]

    # exp_TC, and how large conductances and what they do can get, as multiples of the leak
    leak = 1.0 - _words(1.0 - rate, None, where)[2] / ONE
    reach = np.maximum(activity.inputs, g_init) * k["resistance"] * rate / leak
    levels = [v_init, v_reset, v_rest, threshold, *reversal]
    low, high = np.min(levels, axis=0), np.max(levels, axis=0)
    pulled = (reach * np.maximum(reversal - low, high - reversal)).sum(axis=0)
    drive = k["drive"] * rate
    placed = leaky_scale(levels, v_rest, threshold, leak * pulled, drive, leak)
    scale = placed.scale
    if placed.sticks > USELESS:
        raise CapacityError(
            "the largest conductances leave no range of s16.15 for the way to the threshold",
            where=where,
            value=f"{largest(reach):g} times the leak",
            limit=f"{largest(reach) * USELESS / placed.sticks / 2:g} times the leak",  # scales are powers of two
            remedy="Give typical inputs as calibration, or reduce the weights",
        )
    wanted = np.maximum(np.maximum(reach.max(axis=0) / _LARGEST, scale * pulled / RANGE), _LEAST_RESISTANCE)
    tau_m, c_m, exp_tc, resistance = _words(1.0 - rate, wanted, where)
    moved = leak * resistance / ONE  # change of V by an input of one
    to_value = np.tile(_SCALE * k["resistance"] * rate / moved, (2, 1))
    tau, kept, arriving = synapse_columns(memory, where)
    start = accum(g_init * to_value * kept ** (1.0 - lag), where)  # values decay while V is held
    factors = to_value / arriving

    def potential(v: Float) -> NDArray[np.int64]:
        return accum((v - placed.offset) * scale, where)

    neuron = [
        potential(v_init),
        potential(v_rest),
        c_m,
        tau_m,
        accum(drive * scale / moved, where),
        potential(v_reset),
        accum(np.rint(k["refractory_steps"]), where),
        np.full(n, lag),
        np.full(n, ONE),
    ]
    limit = threshold_words((threshold - placed.offset) * scale, vars(model)["spike_when"], np.zeros(n))
    if np.any(limit > NEVER):
        raise CapacityError("the threshold does not fit s16.15", where=where, value=largest(limit / ONE))
    return NeuronProgram(
        model=CoreModel.IF_COND_EXP,
        neuron=np.stack(neuron, axis=1),
        inputs=np.stack([potential(e) for e in reversal], axis=1),
        threshold=limit,
        synapse=np.stack([tau[0], start[0], tau[1], start[1], np.full(n, ONE)], axis=1),
        factors=factors,
        shifts=left_shifts(factors, activity, where),
        states={"v": (scale, placed.offset)},
        losses=(
            *decay_losses(where, "membrane", 1.0 - rate, exp_tc / ONE),
            *decay_losses(where, "synaptic", memory, kept),
            *sticking_losses(where, placed.sticks),
            *(_longer_steps(where, k["rate"], reach) if exponential else ()),
        ),
        derived={"decay": exp_tc / ONE, "resistance": resistance / ONE},
        split=split_of(model),
    )


def _words(decay: Float, resistance: Float | None, where: str) -> NDArray[np.int64]:
    """[4, n] words of tau_m and c_m, and of the derived exp_TC and R'."""
    wanted = np.full(len(decay), np.nan) if resistance is None else resistance
    cells, at = np.unique(np.stack([decay, np.nan_to_num(wanted)]), axis=1, return_inverse=True)
    words = [membrane_words(f, r or None, where) for f, r in cells.T.tolist()]
    return np.array(words, dtype=np.int64)[at.reshape(-1)].T


def _longer_steps(where: str, rate: Float, reach: Float) -> tuple[Loss, ...]:
    """How much further V moves in a step than by exponential Euler, where conductances are largest."""
    total = 1.0 + reach.sum(axis=0)
    further = largest(np.expm1(-rate) * total / np.expm1(-rate * total) - 1.0)
    what = "steps at the largest conductance are those of Euler, relative to exponential Euler longer by"
    return (Loss(kind=LossKind.APPROXIMATED, where=where, what=what, amount=further),)
