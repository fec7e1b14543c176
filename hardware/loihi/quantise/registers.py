"""From numbers to registers: weights of 8 bits with exponents, decays of 12 bits, thresholds in steps of 64.

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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.loihi.device_network import DevicePopulation, held_decays
from neurosim.hardware.loihi.numerics.arithmetic import BIAS_MANTISSA_MAX, bias_fields, shift
from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range, weight_step
from neurosim.hardware.loihi.quantise.choice import Choice
from neurosim.hardware.loihi.quantise.required_registers import Demand
from neurosim.hardware.loihi.signs import Signs

__all__ = [
    "LEVELS",
    "LSB",
    "QuantisedPopulation",
    "QuantisedSynapses",
    "SignFormat",
    "decay_registers",
    "quantise_registers",
    "quantise_synapses",
    "round_acting",
    "sign_formats",
    "with_stored",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LSB = 64
"""What a stored weight of one with exponent zero adds to the state; also the step of thresholds."""

LEVELS = 4
"""Most exponents that weights of one sign have: each takes a synapse format of the core, and blocks of its memory."""

_ACTS, _PARTS = np.exp2(6.0 + np.arange(64)), np.exp2(-np.arange(64.0))
"""What a stored weight of one adds to the state, and the part of a weight that is stored, by exponent."""
_TIE = 1e-6
"""Relative distance below which a scaled threshold counts as a multiple of 64: weights may be float32."""
_EXACT = 1e-6
"""Distance from a register value below which a number is that value: parameters may be float32."""
_NEAREST = Choice()
_WIDEST_TIE = 0.5
"""The same in register values: one above a multiple of 64 is no multiple."""


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


@dataclass(frozen=True, kw_only=True)
class QuantisedSynapses:
    """Stored weights; ``weight * 2^(6 + exponent)`` acts on the state. Arrays int64 [n_syn] in the order of the plan.

    Attributes:
        mode: `SignMode` of each synapse.
        error: root mean square of the rounding error over that of the weights.
        zeroed: synapses whose weight became zero.
    """

    weight: Ints
    exponent: Ints
    mode: Ints
    error: float
    zeroed: int

    @property
    def acting(self) -> Floats:
        """What the stored weights add to the state, float64 [n_syn]."""
        return self.weight * _ACTS[self.exponent]


class SignFormat(NamedTuple):
    """How the weights of one sign are stored: range and distance of the stored ones, and their exponent."""

    mode: SignMode
    exponent: int
    low: int
    high: int
    step: int

    @property
    def top(self) -> float:
        """The largest magnitude, in steps of one, that is rounded into the range."""
        return (self.high if self.mode is SignMode.MIXED else max(self.high, -self.low)) + self.step / 2


def sign_formats(
    acting: Floats,
    scale: float,
    *,
    signs: Signs,
    exponent_maximum: int,
    weight_bits: int = 8,
    exponent: int | None = None,
) -> tuple[SignFormat, SignFormat]:
    """Formats of excitatory and inhibitory weights, with the least exponents that hold them; if mixed, one for both."""
    highest, lowest = (float(f(initial=0.0)) for f in (acting.max, acting.min))

    def of(mode: SignMode, largest: float) -> SignFormat:
        step = weight_step(mode, weight_bits)
        low, high = (int(x / step) * step for x in weight_range(mode))
        fmt = SignFormat(mode, 0, low, high, step)
        least = _least_exponent(largest * (scale / LSB), fmt.top, exponent_maximum)
        return fmt._replace(exponent=least if exponent is None else exponent)

    if signs is Signs.MIXED and lowest < 0 < highest:
        both = of(SignMode.MIXED, max(highest, -lowest))
        return both, both
    return of(SignMode.EXCITATORY, highest), of(SignMode.INHIBITORY, -lowest)


def round_acting(
    acting: Floats,
    scale: float,
    *,
    signs: Signs,
    exponent_maximum: int,
    weight_bits: int = 8,
    exponent: int | None = None,
) -> Floats:
    """What the weights that `quantise_synapses` stores do to the potential; any shape, and little work."""
    up, down = sign_formats(
        acting,
        scale,
        signs=signs,
        exponent_maximum=exponent_maximum,
        weight_bits=weight_bits,
        exponent=exponent,
    )
    unit: Floats | float = up.step * _ACTS[up.exponent] / scale
    if up.exponent != down.exponent:
        unit = np.where(acting >= 0, unit, down.step * _ACTS[down.exponent] / scale)
    held = acting / unit
    np.rint(held, out=held)
    np.clip(held, down.low / down.step, up.high / up.step, out=held)
    held *= unit
    return held


def quantise_synapses(
    acting: Floats,
    scale: float,
    *,
    signs: Signs,
    exponent_maximum: int,
    weight_bits: int = 8,
    percentile: float = 100.0,
    exponent: int | None = None,
) -> QuantisedSynapses:
    """Round what synapses do to the potential (weight times gain) to stored weights.

    Weights up to the percentile of their magnitudes share the least exponent that holds them; each larger one has the
    least that holds it (of at most `LEVELS` for a sign), so that nothing is clipped. ``exponent`` forces one for all.
    With fewer ``weight_bits`` the low bits are zero.
    """
    up, down = sign_formats(
        acting,
        scale,
        signs=signs,
        exponent_maximum=exponent_maximum,
        weight_bits=weight_bits,
        exponent=exponent,
    )
    positive = acting >= 0
    exponents = np.where(positive, up.exponent, down.exponent)
    if percentile != 100.0 and exponent is None:
        units = np.abs(acting) * (scale / LSB)
        for fmt in {up, down}:
            members = np.ones_like(positive) if up is down else positive if fmt is up else ~positive
            if members.any():
                bulk = float(np.percentile(units[members], percentile, method="lower"))
                least = _least_exponent(bulk, fmt.top, exponent_maximum)
                needed = np.log2(np.maximum(units[members] / fmt.top * (1 - 1e-12), 1e-300))
                level = np.clip(np.ceil(needed), least, fmt.exponent).astype(np.int64)
                second = max(least, fmt.exponent - LEVELS + 2)
                exponents[members] = np.where(level > least, np.maximum(level, second), least)
    rounded = np.rint(acting * (scale / LSB) * _PARTS[exponents] / up.step) * up.step
    weight = np.clip(rounded, down.low, up.high).astype(np.int64)
    modes = np.where(positive, int(up.mode), int(down.mode))
    return _synapses(acting, scale, weight, exponents, modes)


def with_stored(s: QuantisedSynapses, weight: Ints, acting: Floats, scale: float) -> QuantisedSynapses:
    """The same synapses with other stored weights, in the same formats."""
    return _synapses(acting, scale, weight, s.exponent, s.mode)


def _synapses(acting: Floats, scale: float, weight: Ints, exponent: Ints, mode: Ints) -> QuantisedSynapses:
    power = float(np.sqrt(np.mean(acting**2))) if acting.size else 0.0
    acted = weight * (_ACTS[exponent] / scale)
    return QuantisedSynapses(
        weight=weight,
        exponent=exponent,
        mode=mode,
        error=float(np.sqrt(np.mean((acted - acting) ** 2))) / power if power else 0.0,
        zeroed=int(np.count_nonzero((weight == 0) & (acting != 0))),
    )


def _least_exponent(size: float, top: float, maximum: int) -> int:
    return int(np.clip(np.ceil(np.log2(max(size / top * (1 - 1e-12), 1e-300))), 0, maximum))


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
            else "Set refractory=0, or compile for Loihi1()",
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
