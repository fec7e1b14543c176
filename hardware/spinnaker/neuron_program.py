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
from neurosim.hardware.spinnaker.activity import Activity
from neurosim.hardware.spinnaker.arithmetic import ONE, accum
from neurosim.hardware.spinnaker.constants import CoreModel, Words
from neurosim.hardware.spinnaker.decay import LARGEST_DECAY, membrane_words, synapse_tau_word
from neurosim.losses import Loss, LossKind
from neurosim.neurons import CurrentLIF, IntegrateAndFire, SpikeWhen

__all__ = ["NeuronProgram", "program"]

Float = NDArray[np.float64]
_RANGE = 64000.0  # s16.15 reaches to 65536
_FINE, _COARSE = 4096.0, 64.0  # wanted range of a potential from reset to threshold, in device units
_NEVER = 2**31 - 1  # a threshold that is not reached
_LARGEST_SHIFT = 15
_NEGLIGIBLE = 2.0**-17  # relative error of a jump; weights are rounded to 16 bits anyway


@dataclass(frozen=True, eq=False)
class NeuronProgram:
    """Parameter words of n neurons, and what the host has to know.

    ``neuron`` [n, 9], ``inputs`` [n, k], ``threshold`` [n], ``synapse`` [n, 2 or 5] as `constants.derive` takes them;
    ``factor`` [n]: device weight of an arriving weight of one; ``shifts``: left shift of both receptors; ``states``:
    variable -> (scale, offset); ``note``: what to know about ranges.
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
    note: str = ""
    derived: dict[str, Float] = field(default_factory=dict)


def program(population: PlanPopulation, dt: float, activity: Activity, lag: int = 0) -> NeuronProgram:
    """Choose scale, words and shifts of a population.

    Args:
        lag: steps by which the population is behind network time. Its neurons start refractory for as long, which holds
            their initial potential.

    Raises:
        UnsupportedError: parameters the machine has no counterpart for.
        CapacityError: values that do not fit s16.15 at any useful scale.
    """
    where, model, n = f"population {population.name!r}", population.model, population.size

    def flat(value: object) -> Float:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), population.shape).reshape(-1))

    k = {name: flat(value) for name, value in model.coefficients(dt).items()}
    initial = {name: flat(value) for name, value in model.initial(dt).items()}
    decay, drive = k["decay"], k["drive"]
    v_rest, v_init = k["v_rest"], initial["v"]
    threshold, v_reset = k.get("threshold"), k.get("v_reset", v_rest)
    if threshold is not None and np.any(v_reset >= threshold):
        raise UnsupportedError(
            "the reset potential is not below the threshold: such a neuron fires in every step on SpiNNaker, "
            "also while refractory",
            where=where,
            value=float(v_reset.max()),
            limit=f"< {float(threshold.min()):g}",
            remedy="Lower v_reset",
        )
    if lag and threshold is not None and np.any(v_init >= threshold):
        raise UnsupportedError(
            "the initial potential is not below the threshold: a neuron that waits for its first step would fire",
            where=where,
            value=_largest(v_init),
            limit=f"< {float(threshold.min()):g}",
            remedy="Lower v_init, or use delays of at least dt on the way to this population",
        )
    perfect, current_based = isinstance(model, IntegrateAndFire), isinstance(model, CurrentLIF)

    # leak first: the factor that is really there decides about ranges and weights
    cells = [membrane_words(f, None, where) for f in np.unique(decay)]
    at = np.unique(decay, return_inverse=True)[1].reshape(-1)
    exp_tc = np.array([c[2] for c in cells])[at]
    leak = 1.0 - exp_tc / ONE
    losses = [] if perfect else _leak_losses(where, decay, exp_tc)

    # scale and offset
    gain = k["gain"] if current_based else np.ones(n)
    i_init = initial.get("i", np.zeros(n))
    memory = k.get("decay_synapse", np.zeros(n))
    reach = np.maximum(activity.inputs.max(axis=0), np.abs(i_init))
    if perfect:
        lowest, span = _perfect_range(activity, v_reset, v_init, threshold)
        offset, scale = (
            lowest,
            _power_of_two(min(0.5 / span, 3.8 / max(_largest(reach + np.abs(drive)), 1e-12))),
        )
        v_rest, note = np.full(n, lowest), ""
    else:
        offset = float(v_rest[0]) if np.all(v_rest == v_rest[0]) else 0.0
        levels = [v_rest, v_init, v_reset, *([] if threshold is None else [threshold])]
        static = np.max([np.abs(x - offset) for x in levels], axis=0)
        steady = (gain * reach + np.abs(drive)) / leak + np.abs(v_rest - offset)
        span = (
            0.0
            if threshold is None
            else _largest(np.maximum(threshold - v_reset, np.abs(threshold - v_rest)))
        )
        scale, note = _scale(static, steady, span, gain * reach)

    # membrane and synapses
    scale_i = 1.0
    if current_based:
        fits = min(_RANGE / 2 / max(_largest(reach), 1e-12), _smallest(gain * scale / (2 * leak)))
        scale_i = _power_of_two(fits)
    pairs, at = np.unique(np.stack([decay, gain * scale / scale_i]), axis=1, return_inverse=True)
    cells = [
        membrane_words(f, r / (1.0 - e / ONE) if current_based else None, where)
        for (f, r), e in zip(pairs.T, _of(exp_tc, at.reshape(-1), pairs.shape[1]), strict=True)
    ]
    tau_m, c_m, exp_tc, resistance = (np.array(c)[at.reshape(-1)] for c in zip(*cells, strict=True))
    moved = (1.0 - exp_tc / ONE) * resistance / ONE  # of v by an input of one, device units
    if current_based:
        taus, at = np.unique(memory, return_inverse=True)
        tau, kept, arriving = (
            np.array(c)[at.reshape(-1)] for c in zip(*(synapse_tau_word(f, where) for f in taus), strict=True)
        )
        to_value = gain * scale / moved
        factor = to_value / arriving
        value = accum(np.abs(i_init) * to_value * kept ** (1.0 - lag), where)  # it decays while they are held
        zero, one = np.zeros(n, np.int64), np.full(n, ONE)
        synapse = np.stack(
            [tau, np.where(i_init > 0, value, zero), tau, np.where(i_init < 0, value, zero), one], axis=1
        )
        inputs, core = np.zeros((n, 0), np.int64), CoreModel.IF_CURR_EXP
        losses += _decay_losses(where, "synaptic", memory, kept)
    else:
        exact = np.abs(moved - 1.0) < _NEGLIGIBLE
        factor = np.where(exact, scale, scale / moved)
        synapse, inputs, core = np.zeros((n, 2), np.int64), np.full((n, 1), ONE), CoreModel.IF_CURR_DELTA

    def potential(v: Float) -> Words:
        return accum((v - offset) * scale, where)

    i_offset = accum(drive * scale / moved, where)
    refractory = np.rint(k.get("refractory_steps", np.zeros(n)))
    neuron = np.stack(
        [
            potential(v_init), potential(v_rest), c_m, tau_m, i_offset, potential(v_reset),
            accum(refractory, where), np.full(n, lag), np.full(n, ONE),
        ],
        axis=1,
    )  # fmt: skip
    limit = np.full(n, _NEVER)
    if threshold is not None:
        lifted = (
            np.ceil(np.clip(moved - 1.0, 0.0, _NEGLIGIBLE) * np.abs(threshold - v_rest) * scale * ONE) + 1
        )
        limit = _limit((threshold - offset) * scale, vars(model).get("spike_when"), lifted)
    if np.any(limit > _NEVER):
        raise CapacityError("the threshold does not fit s16.15", where=where, value=_largest(limit / ONE))
    states = {"v": (scale, offset)}
    if current_based:
        states["i"] = (float(np.median(to_value)), 0.0)
    shifts = _shifts(factor, activity, where)
    return NeuronProgram(
        core, neuron, inputs, limit, synapse, factor, shifts, states, tuple(losses), note,
        {"decay": exp_tc / ONE, "resistance": resistance / ONE},
    )  # fmt: skip


def _of(values: Words, group: Words, groups: int) -> Words:
    """One value of each group (all values of a group are equal)."""
    out = np.zeros(groups, dtype=np.int64)
    out[group] = values
    return out


def _largest(x: Float) -> float:
    return float(np.max(x, initial=0.0))


def _smallest(x: Float) -> float:
    return float(np.min(x))


def _power_of_two(x: float) -> float:
    """The largest power of two that is not above x."""
    return 2.0 ** math.floor(math.log2(x))


def _scale(static: Float, steady: Float, span: float, jump: Float) -> tuple[float, str]:
    """Scale of a leaky potential: fine enough, and so that alpha = in R + V_rest and alpha - V fit s16.15.

    Args:
        static: largest of the potentials that are parameters, [n].
        steady: largest potential that the input would hold the neuron at, [n].
        span: reset to threshold; 0 without threshold.
        jump: largest change of the potential by the input of one step, [n].
    """
    need = _largest(steady + np.maximum(steady, static))
    fits = _RANGE / need if need > 0 else math.inf
    unit = span or _largest(jump) or _largest(static) or 1.0
    fine, coarse = _power_of_two(_FINE / unit), _power_of_two(2 * _COARSE / unit)
    scale = _power_of_two(min(fits, fine))
    if scale >= coarse or not span:
        return scale, ""
    scale = min(coarse, _power_of_two(_RANGE / 2 / _largest(static)))
    return (
        scale,
        f"sums wrap if a neuron's input exceeds {fits / scale:.2g} of what all its synapses deliver at once",
    )


def _perfect_range(
    activity: Activity, v_reset: Float, v_init: Float, threshold: Float | None
) -> tuple[float, float]:
    """Lowest potential that is kept without leak, and the distance from there to the threshold."""
    low = min(_smallest(v_reset), _smallest(v_init))
    high = _largest(threshold - low) + low if threshold is not None else low + 1.0
    if activity.arrivals[1].any():  # inhibition: as much room below as above
        low -= high - low
    return low, high - low


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
        need = _largest(
            factor * np.maximum(activity.arrivals[receptor] * (1 + 2**-8), activity.weights[receptor])
        )
        shift = 0 if need <= 0 else max(0, math.ceil(math.log2(need * ONE / 65535.0)))
        if (
            shift > _LARGEST_SHIFT
            and _largest(factor * activity.weights[receptor]) * 2.0 ** (15 - _LARGEST_SHIFT) > 65535
        ):
            raise CapacityError(
                "a weight does not fit s16.15 together with the membrane's range",
                where=where,
                value=_largest(activity.weights[receptor]),
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
    error = _largest(np.abs(got - wanted) / np.maximum(1.0 - wanted, 1e-12))
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
