"""From weights to what a synapse stores: 8 bits or fewer, a sign mode and an exponent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range, weight_step
from neurosim.hardware.loihi.signs import Signs

__all__ = [
    "LEVELS",
    "LSB",
    "QuantisedSynapses",
    "SignFormat",
    "WeightForm",
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


@dataclass(frozen=True, kw_only=True)
class WeightForm:
    """How the weights onto a population are to be stored.

    Attributes:
        signs: of a projection with weights of both signs.
        exponent_maximum: the largest that the chip has.
        bits: of a stored weight; with fewer than 8 the low bits are zero.
        percentile: weights up to this percentile of the magnitudes share the least exponent that holds them.
        exponent: of all weights, or None to choose.
    """

    signs: Signs
    exponent_maximum: int
    bits: int = 8
    percentile: float = 100.0
    exponent: int | None = None


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


def sign_formats(acting: Floats, scale: float, form: WeightForm) -> tuple[SignFormat, SignFormat]:
    """Formats of excitatory and inhibitory weights, with the least exponents that hold them; if mixed, one for both."""
    highest, lowest = (float(f(initial=0.0)) for f in (acting.max, acting.min))

    def of(mode: SignMode, largest: float) -> SignFormat:
        step = weight_step(mode, form.bits)
        low, high = (int(x / step) * step for x in weight_range(mode))
        fmt = SignFormat(mode, 0, low, high, step)
        least = _least_exponent(largest * (scale / LSB), fmt.top, form.exponent_maximum)
        return fmt._replace(exponent=least if form.exponent is None else form.exponent)

    if form.signs is Signs.MIXED and lowest < 0 < highest:
        both = of(SignMode.MIXED, max(highest, -lowest))
        return both, both
    return of(SignMode.EXCITATORY, highest), of(SignMode.INHIBITORY, -lowest)


def round_acting(acting: Floats, scale: float, form: WeightForm) -> Floats:
    """What the weights that `quantise_synapses` stores do to the potential; any shape, and little work.

    All weights of a sign share an exponent, whatever the percentile of the form.
    """
    up, down = sign_formats(acting, scale, form)
    unit: Floats | float = up.step * _ACTS[up.exponent] / scale
    if up.exponent != down.exponent:
        unit = np.where(acting >= 0, unit, down.step * _ACTS[down.exponent] / scale)
    held = acting / unit
    np.rint(held, out=held)
    np.clip(held, down.low / down.step, up.high / up.step, out=held)
    held *= unit
    return held


def quantise_synapses(acting: Floats, scale: float, form: WeightForm) -> QuantisedSynapses:
    """Round what synapses do to the potential (weight times gain), float64 [n_syn], to stored weights.

    Weights above the percentile of the form have the least exponent that holds them (of at most `LEVELS` for a sign),
    so that nothing is clipped.
    """
    up, down = sign_formats(acting, scale, form)
    positive = acting >= 0
    exponents = np.where(positive, up.exponent, down.exponent)
    if form.percentile != 100.0 and form.exponent is None:
        units = np.abs(acting) * (scale / LSB)
        for fmt in {up, down}:
            members = np.ones_like(positive) if up is down else positive if fmt is up else ~positive
            if members.any():
                bulk = float(np.percentile(units[members], form.percentile, method="lower"))
                least = _least_exponent(bulk, fmt.top, form.exponent_maximum)
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
