"""From numbers to the registers of neurons: decays of 12 bits, thresholds in steps of 64, biases with exponents.

A population's potential is held as v_register = (v - offset) * scale, with the offset at rest, so that the chip's
reset to zero is a reset to rest; `neurosim.hardware.loihi.quantise.scale` chooses the scale.

A spike needs v_register > 64 * mantissa. Without a leak potentials are multiples of 64, and "v >= threshold" is exact
with the largest mantissa below the scaled threshold. With a leak the nearest mantissa is taken; where the scaled
threshold is itself a multiple of 64, as when a weight equals the threshold, the one below it, so that reaching it
counts: a spike may come when the potential is up to 63 register values short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.loihi.device_network import DevicePopulation, held_decays
from neurosim.hardware.loihi.numerics.arithmetic import BIAS_MANTISSA_MAX, bias_fields, shift
from neurosim.hardware.loihi.quantise.choice import Choice
from neurosim.hardware.loihi.quantise.required_registers import Demand
from neurosim.hardware.loihi.quantise.stored_weights import LSB

__all__ = ["QuantisedPopulation", "decay_registers", "quantise_registers"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TIE = 1e-6
"""Relative distance below which a scaled threshold counts as a multiple of 64: weights may be float32."""
_WIDEST_TIE = 0.5
"""The same in register values: one above a multiple of 64 is no multiple."""
_EXACT = 1e-6
"""Distance from a register value below which a number is that value: parameters may be float32."""
_NEAREST = Choice()


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedPopulation(DevicePopulation):
    """Register values of a population, what joins them to the network's units, and the largest errors.

    Attributes:
        scale, offset: v_register = (v - offset) * scale.
        gain: float64 [size]; u_register = i * gain * scale.
        decay_error: of a decay factor; threshold_error: relative; bias_error: in units of the potential.
    """

    scale: float
    offset: float
    gain: Floats
    decay_error: float
    threshold_error: float
    bias_error: float


def _threshold_mantissa(scaled: Floats, slack: Floats, no_leak: NDArray[np.bool_], exceeded: bool) -> Ints:
    """The mantissa m for which v > 64 m is nearest to v >= scaled (or v > scaled)."""
    if exceeded:
        below = np.floor((scaled + slack) / LSB)
        return np.where(no_leak, below, np.rint(scaled / LSB)).astype(np.int64)
    below = np.ceil((scaled - slack) / LSB) - 1
    tie = np.abs(scaled - LSB * np.rint(scaled / LSB)) <= slack
    nearest = np.rint((scaled - 1) / LSB)
    return np.where(no_leak | tie, below, nearest).astype(np.int64)


def decay_registers(keep_u: Floats, keep_v: Floats) -> tuple[Ints, Ints]:
    """du and dv of what a step leaves of the current and of the potential: 4095 - du and 4096 - dv in 4096."""
    du = np.clip(4095 - np.rint(4096 * keep_u), 0, 4095).astype(np.int64)
    return du, np.clip(4096 - np.rint(4096 * keep_v), 0, 4095).astype(np.int64)


def _stepped(register: Ints, steps: int, exact: Floats, highest: int, lowest: int = 0) -> Ints:
    """Registers so many steps further, but for those that hold their number exactly."""
    moved = np.clip(register + steps, lowest, highest)
    return np.where(np.abs(register - exact) > _EXACT, moved, register)


def quantise_registers(
    name: str, demand: Demand, scale: float, limits: Mapping[str, int], choice: Choice = _NEAREST
) -> QuantisedPopulation:
    """Round what a population asks for to register values: the nearest, or as far from them as the choice says.

    Raises:
        UnsupportedError, CapacityError: a refractory period, threshold or bias that its register cannot hold.
    """
    where, n = f"population {name!r}", len(demand.keep_v)
    longest = int(demand.refractory.max(initial=0))
    if longest + 1 > limits["refractory_maximum"]:
        most = limits["refractory_maximum"] - 1
        raise UnsupportedError(
            "the refractory period is too long for its register"
            if most
            else "this chip has no refractory period",
            where=where,
            value=f"{longest} steps",
            limit=f"{most} steps",
            remedy="Shorten it, or use a larger time step"
            if most
            else "Set refractory=0, or compile for a chip that has one, as Loihi 1 has",
        )
    du, dv = decay_registers(demand.keep_u, demand.keep_v)
    du = _stepped(du, choice.du, 4095 - 4096 * demand.keep_u, 4095)
    dv = _stepped(dv, choice.dv, 4096 - 4096 * demand.keep_v, 4095)
    largest = limits["threshold_mantissa_maximum"]
    mantissa, threshold_error = np.full(n, largest, dtype=np.int64), 0.0
    if demand.threshold is not None:
        scaled = demand.threshold * scale
        slack = np.clip(scaled * _TIE, _TIE, _WIDEST_TIE)
        mantissa = _threshold_mantissa(scaled, slack, dv == 0, demand.exceeded) + choice.threshold
        if mantissa.min() < 1 or mantissa.max() > largest:
            raise CapacityError(
                "thresholds do not fit their register beside these weights",
                where=where,
                value=f"mantissas {mantissa.min()} to {mantissa.max()}",
                limit=f"1 to {largest}",
                remedy="Bring thresholds and weights of the population closer together",
            )
        reached = np.where(dv == 0, (mantissa + 1) * LSB, mantissa * LSB + 1)
        effective = mantissa * LSB if demand.exceeded else reached
        threshold_error = float(np.max(np.abs(effective - scaled) / scaled))
    bias_mantissa, bias_exponent = bias_fields(demand.drive * scale)
    exact = demand.drive * scale / np.exp2(bias_exponent)
    bias_mantissa = _stepped(bias_mantissa, choice.bias, exact, BIAS_MANTISSA_MAX, -BIAS_MANTISSA_MAX)
    bias = shift(bias_mantissa, bias_exponent)
    keep_u, keep_v = held_decays(du, dv)
    decay_error = np.maximum(np.abs(keep_u - demand.keep_u), np.abs(keep_v - demand.keep_v))
    return QuantisedPopulation(
        name=name,
        size=n,
        scale=scale,
        offset=demand.offset,
        gain=demand.gain,
        du=du,
        dv=dv,
        threshold=mantissa,
        bias_mantissa=bias_mantissa,
        bias_exponent=bias_exponent,
        refractory=demand.refractory + 1,
        u=np.rint(demand.initial_current * demand.gain * scale).astype(np.int64),
        v=np.rint(demand.initial * scale).astype(np.int64),
        decay_error=float(decay_error.max()),
        threshold_error=threshold_error,
        bias_error=float(np.max(np.abs(bias / scale - demand.drive))),
        spiking=demand.threshold is not None,
    )
