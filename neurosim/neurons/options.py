"""Named options of neuron models. They are compiled into the kernel, so a choice costs nothing while running."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Discretisation", "RefractoryInput", "Reset", "ResetTiming", "SpikeWhen"]


class Reset(IntEnum):
    """What a spike does to the potential."""

    TO_VALUE = 0
    """v becomes v_reset"""
    BY_SUBTRACTION = 1
    """the threshold is subtracted from v"""
    NONE = 2
    """v goes on; a neuron above the threshold spikes in every step"""


class SpikeWhen(IntEnum):
    """The comparison with the threshold."""

    REACHED = 0
    """v >= threshold"""
    EXCEEDED = 1
    """v > threshold"""


class ResetTiming(IntEnum):
    """When the reset takes place."""

    SAME_STEP = 0
    """in the step of the spike"""
    NEXT_STEP = 1
    """in the next step: to a value before the leak, by subtraction after it (snnTorch's ``reset_delay=True``)"""


class RefractoryInput(IntEnum):
    """What happens to v while the neuron is refractory."""

    DROP = 0
    """v is held, arrivals to v are dropped"""
    KEEP = 1
    """v does not leak, arrivals are added to it"""
    INTEGRATE = 2
    """v runs on as usual; only the spike is suppressed"""


class Discretisation(IntEnum):
    """How the differential equation becomes a step."""

    EXACT = 0
    """exponential decay factors, exp(-dt/tau)"""
    EULER = 1
    """forward Euler, 1 - dt/tau"""
    EXPONENTIAL_EULER = 2
    """what the equation is linear in relaxes exactly to a target that is held over the step"""
    TWO_HALF_STEPS = 3
    """Euler twice over half a step for the potential, then once for the rest, as in Izhikevich's published code"""
