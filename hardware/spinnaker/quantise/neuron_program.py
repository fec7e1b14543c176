"""From a population of the network to the parameters of a SpiNNaker neuron program.

Potentials of a network are plain numbers; on the machine they are s16.15. Each population gets one scale, a power of
two (so that nothing is rounded by it), and an offset: device value = (network value - offset) * scale.

    LIF, LeakyIntegrator -> IF_curr_delta with R = 1 / (1 - exp_TC): a weight of one moves v by one
    IntegrateAndFire     -> the same with the smallest leak there is, exp_TC = 1 - 2**-14. Of the potential above
                            V_rest the core then takes off one unit in the last place for each whole 1/2, so nothing
                            leaks between V_rest and V_rest + 1/2; the potential is scaled into this range
    CurrentLIF           -> IF_curr_exp; weights carry the factor that makes one spike move v by k w, as in the network
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE, accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, Words
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.decay import LARGEST_DECAY, membrane_words, synapse_tau_word
from neurosim.hardware.spinnaker.quantise.potential_scale import (
    RANGE,
    largest,
    leaky_scale,
    perfect_scale,
    power_of_two,
)
from neurosim.loss_report import Loss, LossKind
from neurosim.neurons import CurrentLIF, IntegrateAndFire, SpikeWhen

__all__ = ["NeuronProgram", "program"]

Float = NDArray[np.float64]
_NEVER = 2**31 - 1  # a threshold that is not reached
_LARGEST_SHIFT = 15
_STICKS, _USELESS = 1e-3, 0.1  # reported, refused from here on
_NEGLIGIBLE = 2.0**-17  # relative error of a jump; weights are rounded to 16 bits anyway


@dataclass(frozen=True, eq=False)
class NeuronProgram:
    """Parameter words of n neurons, and what the host has to know.

    ``neuron`` [n, 9], ``inputs`` [n, k], ``threshold`` [n], ``synapse`` [n, 2 or 5] as `constants.derive` takes them;
    ``factor`` [n]: device weight of an arriving weight of one; ``shifts``: left shift of both receptors; ``states``:
    variable -> (scale, offset).
    """

    model: CoreModel
    neuron: Words
    inputs: Words
    threshold: Words
    synapse: Words
    factor: Float
    shifts: tuple[int, int]
    states: dict[str, tuple[float, float]]
    losses: tuple[Loss, ...] = ()
    derived: dict[str, Float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The coefficients of a population's step, [n] each; ``memory``: decay factor of the current (0 without)."""

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
    def flat(value: object) -> Float:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), population.shape).reshape(-1))

    k = {name: flat(value) for name, value in population.model.coefficients(dt).items()}
    initial = {name: flat(value) for name, value in population.model.initial(dt).items()}
    zero, one = np.zeros(population.size), np.ones(population.size)
    return _Wanted(
        where=f"population {population.name!r}",
        decay=k["decay"],
        drive=k["drive"],
        gain=k.get("gain", one),
        memory=k.get("decay_synapse", zero),
        v_rest=k["v_rest"],
        v_init=initial["v"],
        i_init=initial.get("i", zero),
        v_reset=k.get("v_reset", k["v_rest"]),
        threshold=k.get("threshold"),
        refractory=np.rint(k.get("refractory_steps", zero)),
    )


def program(population: PlanPopulation, dt: float, activity: Activity, lag: int = 0) -> NeuronProgram:
    """Choose scale, words and shifts of a population.

    Args:
        lag: steps by which the population is behind network time. Its neurons start refractory for as long, which holds
            their initial potential.

    Raises:
        UnsupportedError: parameters the machine has no counterpart for.
        CapacityError: values that do not fit s16.15 at any useful scale.
    """
    want, n = _wanted(population, dt), population.size
    where, model = want.where, population.model
    _check(want, lag)
    perfect, current_based = isinstance(model, IntegrateAndFire), isinstance(model, CurrentLIF)
    leak = _leak(want)
    reach = np.maximum(activity.inputs.max(axis=0), np.abs(want.i_init))
    if perfect and want.threshold is not None:
        inhibited = bool(activity.arrivals[1].any())
        placed = perfect_scale(
            want.v_reset, want.v_init, want.threshold, reach + np.abs(want.drive), inhibited
        )
    else:
        levels = [want.v_init, want.v_reset, want.v_rest]
        levels += [] if want.threshold is None else [want.threshold]
        placed = leaky_scale(levels, want.v_rest, want.threshold, want.gain * reach, want.drive, leak)
    scale = placed.scale
    membrane = _membrane(want, scale, leak, reach, current_based)
    losses = [] if perfect else _leak_losses(where, want.decay, membrane.exp_tc)
    if want.threshold is not None and placed.sticks > _USELESS:
        raise CapacityError(
            "the strongest input leaves no range of s16.15 for the way to the threshold",
            where=where,
            value=f"{largest(reach):g} in one step",
            remedy="Give typical inputs as calibration, or reduce weights or the membrane's time constant",
        )
    if placed.sticks > _STICKS:
        what = (
            "potentials come to rest above v_rest, relative to the threshold (calibration makes them finer)"
        )
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=placed.sticks))
    states = {"v": (scale, placed.offset)}
    if current_based:
        synapse, factor, to_value, lost = _exponential(want, scale / membrane.moved, lag)
        states["i"] = (float(np.median(to_value)), 0.0)
        losses += lost
    else:
        synapse = np.zeros((n, 2), np.int64)
        factor = np.where(np.abs(membrane.moved - 1.0) < _NEGLIGIBLE, scale, scale / membrane.moved)

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
    threshold = np.full(n, _NEVER)
    if want.threshold is not None:
        way = np.abs(want.threshold - placed.v_rest) * scale * ONE
        lifted = np.clip(membrane.moved - 1.0, 0.0, _NEGLIGIBLE) * way
        when = vars(model).get("spike_when")
        threshold = _limit((want.threshold - placed.offset) * scale, when, np.ceil(lifted) + 1)
    if np.any(threshold > _NEVER):
        raise CapacityError("the threshold does not fit s16.15", where=where, value=largest(threshold / ONE))
    return NeuronProgram(
        model=CoreModel.IF_CURR_EXP if current_based else CoreModel.IF_CURR_DELTA,
        neuron=np.stack(neuron, axis=1),
        inputs=np.zeros((n, 0), np.int64) if current_based else np.full((n, 1), ONE),
        threshold=threshold,
        synapse=synapse,
        factor=factor,
        shifts=_shifts(factor, activity, where),
        states=states,
        losses=tuple(losses),
        derived={"decay": membrane.exp_tc / ONE, "resistance": membrane.resistance / ONE},
    )


def _check(want: _Wanted, lag: int) -> None:
    if want.threshold is None:
        return
    if np.any(want.v_reset >= want.threshold):
        raise UnsupportedError(
            "the reset potential is not below the threshold: such a neuron fires in every step on SpiNNaker, "
            "also while refractory",
            where=want.where,
            value=float(want.v_reset.max()),
            limit=f"< {float(want.threshold.min()):g}",
            remedy="Lower v_reset",
        )
    if lag and np.any(want.v_init >= want.threshold):
        raise UnsupportedError(
            "the initial potential is not below the threshold: a neuron that waits for its first step would fire",
            where=want.where,
            value=float(want.v_init.max()),
            limit=f"< {float(want.threshold.min()):g}",
            remedy="Lower v_init, or use delays of at least dt on the way to this population",
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
        fits = min(RANGE / 2 / max(largest(reach), 1e-12), float(np.min(want.gain * scale / (2 * leak))))
        moved = want.gain * scale / power_of_two(fits)
    cells, at = np.unique(np.stack([want.decay, moved / leak]), axis=1, return_inverse=True)
    words = [membrane_words(f, r or None, want.where) for f, r in cells.T.tolist()]
    tau_m, c_m, exp_tc, resistance = np.array(words, dtype=np.int64)[at.reshape(-1)].T
    return _Membrane(tau_m, c_m, exp_tc, resistance, (1.0 - exp_tc / ONE) * resistance / ONE)


def _exponential(want: _Wanted, per_value: Float, lag: int) -> tuple[Words, Float, Float, list[Loss]]:
    """Words of the synapses, the factor of weights, the synaptic value of a current of one, and losses.

    Args:
        per_value: synaptic value that moves v by one, [n].
    """
    different, at = np.unique(want.memory, return_inverse=True)
    words = [synapse_tau_word(f, want.where) for f in different.tolist()]
    tau, kept, arriving = (np.array(column)[at.reshape(-1)] for column in zip(*words, strict=True))
    to_value = want.gain * per_value
    start = accum(
        np.abs(want.i_init) * to_value * kept ** (1.0 - lag), want.where
    )  # it decays while v is held
    zero = np.zeros(len(tau), np.int64)
    exc, inh = np.where(want.i_init > 0, start, zero), np.where(want.i_init < 0, start, zero)
    stacked = np.stack([tau, exc, tau, inh, zero + ONE], axis=1)
    return stacked, to_value / arriving, to_value, _decay_losses(want.where, "synaptic", want.memory, kept)


def _limit(threshold: Float, when: object, lifted: Float) -> Words:
    """Threshold words: the smallest word that counts as reached, or as exceeded.

    A jump to it is never rounded down, but may come out ``lifted`` units higher; exceeding starts above that.
    """
    words = threshold * ONE
    near = np.rint(words)
    exact = np.abs(words - near) < 1e-6 * np.maximum(1.0, np.abs(near) * 2**-20)
    if when is SpikeWhen.EXCEEDED:
        return (np.where(exact, near, np.floor(words)) + 1 + lifted).astype(np.int64)
    return np.where(exact, near, np.ceil(words)).astype(np.int64)


def _shifts(factor: Float, activity: Activity, where: str) -> tuple[int, int]:
    """The smallest left shifts whose 16-bit cells hold the largest sums and the largest single weight."""
    shifts = []
    for receptor in range(2):
        need = largest(
            factor * np.maximum(activity.arrivals[receptor] * (1 + 2**-8), activity.weights[receptor])
        )
        shift = 0 if need <= 0 else max(0, math.ceil(math.log2(need * ONE / 65535.0)))
        if (
            shift > _LARGEST_SHIFT
            and largest(factor * activity.weights[receptor]) * 2.0 ** (15 - _LARGEST_SHIFT) > 65535
        ):
            raise CapacityError(
                "a weight does not fit s16.15 together with the membrane's range",
                where=where,
                value=largest(activity.weights[receptor]),
                remedy="Use smaller weights in relation to the threshold",
            )
        shifts.append(min(shift, _LARGEST_SHIFT))
    return shifts[0], shifts[1]


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
    return _decay_losses(where, "membrane", decay, exp_tc / ONE)


def _decay_losses(where: str, what: str, wanted: Float, got: Float) -> list[Loss]:
    """How far the leak of a step, 1 - factor, is off."""
    error = largest(np.abs(got - wanted) / np.maximum(1.0 - wanted, 1e-12))
    if error < 1e-9:
        return []
    return [
        Loss(
            kind=LossKind.ROUNDED,
            where=where,
            what=f"{what} decay rounded, relative error of the leak",
            amount=error,
        )
    ]
