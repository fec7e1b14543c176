"""Programs of neurons that spikes reach as jumps of the potential or of currents: IF_curr_delta and IF_curr_exp.

LIF, LeakyIntegrator -> IF_curr_delta with R = 1 / (1 - exp_TC): a weight of one moves v by one
IntegrateAndFire     -> the same with the smallest leak there is, exp_TC = 1 - 2**-14. Of the potential above
                        V_rest the core then takes off one unit in the last place for each whole 1/2, so nothing
                        leaks between V_rest and V_rest + 1/2; the potential is scaled into this range
CurrentLIF           -> IF_curr_exp; weights carry the factor that makes one spike move v by k w, as in the network
DualCurrentLIF       -> the same, with a time constant and a factor for each receptor
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE, accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, Words
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.decay import LARGEST_DECAY, membrane_words
from neurosim.hardware.spinnaker.quantise.potential_scale import (
    RANGE,
    largest,
    leaky_scale,
    perfect_scale,
    power_of_two,
)
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
from neurosim.neurons import CurrentLIF, DualCurrentLIF, IntegrateAndFire

__all__ = ["current_program"]

Float = NDArray[np.float64]
_NEGLIGIBLE = 2.0**-17  # relative error of a jump; weights are rounded to 16 bits anyway


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The coefficients of a population's step, [n] each; of either receptor, [2, n], ``gain``, ``memory`` (decay factor
    of the current, 0 without) and ``i_init`` (excitatory minus inhibitory is the current)."""

    where: str
    decay: Float
    drive: Float
    gain: Float
    memory: Float
    v_rest: Float
    v_init: Float
    i_init: Float
    v_reset: Float
    threshold: Float | None
    refractory: Float


def _wanted(population: PlanPopulation, dt: float) -> _Wanted:
    k = by_neuron(population, population.model.coefficients(dt))
    initial = by_neuron(population, population.model.initial(dt))
    zero, one = np.zeros(population.size), np.ones(population.size)
    if isinstance(population.model, DualCurrentLIF):
        gain = [k["gain_excitatory"], k["gain_inhibitory"]]
        memory = [k["decay_excitatory"], k["decay_inhibitory"]]
        i_init = [initial["i_excitatory"], -initial["i_inhibitory"]]
    else:
        gain, memory = [k.get("gain", one)] * 2, [k.get("decay_synapse", zero)] * 2
        i = initial.get("i", zero)
        i_init = [np.maximum(i, 0.0), np.maximum(-i, 0.0)]
    return _Wanted(
        where=f"population {population.name!r}",
        decay=k["decay"],
        drive=k["drive"],
        gain=np.stack(gain),
        memory=np.stack(memory),
        v_rest=k["v_rest"],
        v_init=initial["v"],
        i_init=np.stack(i_init),
        v_reset=k.get("v_reset", k["v_rest"]),
        threshold=k.get("threshold"),
        refractory=np.rint(k.get("refractory_steps", zero)),
    )


def current_program(population: PlanPopulation, dt: float, activity: Activity, lag: int = 0) -> NeuronProgram:
    """See `neuron_program.program`."""
    want, n = _wanted(population, dt), population.size
    where, model = want.where, population.model
    if want.threshold is not None:
        check_potentials(where, want.v_reset, want.v_init, want.threshold, lag)
    perfect, current_based = (
        isinstance(model, IntegrateAndFire),
        isinstance(model, (CurrentLIF, DualCurrentLIF)),
    )
    leak = _leak(want)
    reach = np.maximum(activity.inputs, np.abs(want.i_init))
    if perfect and want.threshold is not None:
        inhibited = bool(activity.arrivals[1].any())
        placed = perfect_scale(
            want.v_reset, want.v_init, want.threshold, reach.max(axis=0) + np.abs(want.drive), inhibited
        )
    else:
        levels = [want.v_init, want.v_reset, want.v_rest]
        levels += [] if want.threshold is None else [want.threshold]
        placed = leaky_scale(
            levels, want.v_rest, want.threshold, (want.gain * reach).max(axis=0), want.drive, leak
        )
    scale = placed.scale
    membrane = _membrane(want, scale, leak, reach, current_based)
    losses = [] if perfect else _leak_losses(where, want.decay, membrane.exp_tc)
    if want.threshold is not None and placed.sticks > USELESS:
        raise CapacityError(
            "the strongest input leaves no range of s16.15 for the way to the threshold",
            where=where,
            value=f"{largest(reach):g} in one step",
            limit=f"{largest(reach) * USELESS / placed.sticks / 2:g}",  # scales are powers of two
            remedy="Give typical inputs as calibration, or reduce weights or the membrane's time constant",
        )
    losses += sticking_losses(where, placed.sticks)
    states = {"v": (scale, placed.offset)}
    if current_based:
        synapse, factors, to_value, lost = _exponential(want, scale / membrane.moved, lag)
        if isinstance(model, CurrentLIF):
            states["i"] = (float(np.median(to_value)), 0.0)
        losses += lost
    else:
        synapse = np.zeros((n, 2), np.int64)
        near = np.abs(membrane.moved - 1.0) < _NEGLIGIBLE
        factors = np.tile(np.where(near, scale, scale / membrane.moved), (2, 1))

    def potential(v: Float) -> Words:
        return accum((v - placed.offset) * scale, where)

    neuron = [
        potential(want.v_init),
        potential(placed.v_rest),
        membrane.c_m,
        membrane.tau_m,
        accum(want.drive * scale / membrane.moved, where),
        potential(want.v_reset),
        accum(want.refractory, where),
        np.full(n, lag),
        np.full(n, ONE),
    ]
    threshold = np.full(n, NEVER)
    if want.threshold is not None:
        way = np.abs(want.threshold - placed.v_rest) * scale * ONE
        lifted = np.clip(membrane.moved - 1.0, 0.0, _NEGLIGIBLE) * way
        when = vars(model).get("spike_when")
        threshold = threshold_words((want.threshold - placed.offset) * scale, when, np.ceil(lifted) + 1)
    if np.any(threshold > NEVER):
        raise CapacityError("the threshold does not fit s16.15", where=where, value=largest(threshold / ONE))
    return NeuronProgram(
        model=CoreModel.IF_CURR_EXP if current_based else CoreModel.IF_CURR_DELTA,
        neuron=np.stack(neuron, axis=1),
        inputs=np.zeros((n, 0), np.int64) if current_based else np.full((n, 1), ONE),
        threshold=threshold,
        synapse=synapse,
        factors=factors,
        shifts=left_shifts(factors, activity, where),
        states=states,
        losses=tuple(losses),
        derived={"decay": membrane.exp_tc / ONE, "resistance": membrane.resistance / ONE},
        split=split_of(model),
    )


def _leak(want: _Wanted) -> Float:
    """1 - decay factor of a step as the core will derive it, [n]."""
    different, at = np.unique(want.decay, return_inverse=True)
    exp_tc = np.array([membrane_words(f, None, want.where)[2] for f in different.tolist()])
    return np.asarray(1.0 - exp_tc[at.reshape(-1)] / ONE)


@dataclass(frozen=True, eq=False)
class _Membrane:
    """Words [n] each, and ``moved`` [n]: change of V by an input of one."""

    tau_m: Words
    c_m: Words
    exp_tc: Words
    resistance: Words
    moved: Float


def _membrane(want: _Wanted, scale: float, leak: Float, reach: Float, current_based: bool) -> _Membrane:
    """Time constant and capacitance: R = 1 / leak for delta synapses, else so that synaptic values use their range."""
    moved = np.zeros(len(leak))  # 0: whatever 1 / leak gives
    if current_based:
        gain = want.gain.max(axis=0)
        fits = min(RANGE / 2 / max(largest(reach), 1e-12), float(np.min(gain * scale / (2 * leak))))
        moved = gain * scale / power_of_two(fits)
    cells, at = np.unique(np.stack([want.decay, moved / leak]), axis=1, return_inverse=True)
    words = [membrane_words(f, r or None, want.where) for f, r in cells.T.tolist()]
    tau_m, c_m, exp_tc, resistance = np.array(words, dtype=np.int64)[at.reshape(-1)].T
    return _Membrane(tau_m, c_m, exp_tc, resistance, (1.0 - exp_tc / ONE) * resistance / ONE)


def _exponential(want: _Wanted, per_value: Float, lag: int) -> tuple[Words, Float, Float, list[Loss]]:
    """Words of the synapses [n, 5], the factors of weights, the synaptic values of a current of one, and losses.

    Args:
        per_value: synaptic value that moves v by one, [n].
    """
    to_value = want.gain * per_value
    tau, kept, arriving = synapse_columns(want.memory, want.where)
    # a value decays while v is held
    start = accum(want.i_init * to_value * kept ** (1.0 - lag), want.where)
    stacked = np.stack([tau[0], start[0], tau[1], start[1], np.full_like(tau[0], ONE)], axis=1)
    return stacked, to_value / arriving, to_value, decay_losses(want.where, "synaptic", want.memory, kept)


def _leak_losses(where: str, decay: Float, exp_tc: Words) -> list[Loss]:
    if np.any(decay * ONE > LARGEST_DECAY + 0.5):
        tau = 1.0 / (1.0 - LARGEST_DECAY / ONE)
        return [
            Loss(
                kind=LossKind.APPROXIMATED,
                where=where,
                what=f"the leak is that of tau_membrane = {tau:.0f} steps, the longest the machine has; relative error",
                amount=float(np.max(np.abs((1 - exp_tc / ONE) / np.maximum(1 - decay, 1e-12) - 1))),
            )
        ]
    return decay_losses(where, "membrane", decay, exp_tc / ONE)
