"""What separates a chip's neurons from the float engine's, each part to be switched on or off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.hardware.loihi.device_network import DevicePopulation
from neurosim.hardware.loihi.quantise.registers import QuantisedPopulation
from neurosim.hardware.loihi.quantise.required_registers import demand_of

__all__ = ["NeuronNumbers", "Rounding", "numbers_of"]

Floats = NDArray[np.float64]

TIE = 1e-12
"""Relative distance within which a float potential counts as at its threshold: its sums are taken in another order than
the engine's."""


class Rounding(Enum):
    """A way in which the numbers of the chip differ from those of the float engine."""

    WEIGHTS = "weights"
    """stored in 8 bits"""
    DECAYS = "decays"
    """in 4096ths"""
    THRESHOLD = "threshold"
    """a multiple of 64"""
    BIAS = "bias"
    """13 bits and an exponent"""
    START = "initial state"
    """whole numbers"""
    STATE = "state"
    """decaying currents and potentials cut to whole numbers in every step"""
    OVERFLOW = "overflow"
    """registers that wrap or saturate"""


@dataclass(frozen=True, eq=False, kw_only=True)
class NeuronNumbers:
    """Numbers of n neurons in units of the chip's registers, float64 [n] each; potentials are relative to rest.

    ``reached``: a potential equal to the threshold spikes as well. ``refractory``: dead steps plus one.
    """

    keep_u: Floats
    keep_v: Floats
    bias: Floats
    threshold: Floats
    u: Floats
    v: Floats
    refractory: Floats
    reached: bool


def numbers_of(
    population: PlanPopulation,
    quantised: QuantisedPopulation,
    device: DevicePopulation,
    dt: float,
    rounded: Collection[Rounding],
) -> NeuronNumbers:
    """The numbers of a population: the chip's where ``rounded`` says so, the description's elsewhere."""
    demand, scale = demand_of(population, dt), quantised.scale

    def pick(rounding: Rounding, chip: NDArray[Any], wanted: Floats) -> Floats:
        return np.ascontiguousarray(chip if rounding in rounded else wanted, dtype=np.float64)

    keep_u, keep_v = device.decays
    wanted = np.full(population.size, np.inf)
    if demand.threshold is not None:
        # v > threshold, or v >= it, whatever the last bits of the sums are
        wanted = demand.threshold * scale * (1 + TIE if demand.exceeded else 1 - TIE)
    chip = device.threshold << 6 if device.spiking else np.full(population.size, np.inf)
    return NeuronNumbers(
        keep_u=pick(Rounding.DECAYS, keep_u, demand.keep_u),
        keep_v=pick(Rounding.DECAYS, keep_v, demand.keep_v),
        bias=pick(Rounding.BIAS, device.bias, demand.drive * scale),
        threshold=pick(Rounding.THRESHOLD, chip, wanted),
        u=pick(Rounding.START, device.u, demand.initial_current * demand.gain * scale),
        v=pick(Rounding.START, device.v, demand.initial * scale),
        refractory=device.refractory.astype(np.float64),
        reached=Rounding.THRESHOLD not in rounded,
    )
