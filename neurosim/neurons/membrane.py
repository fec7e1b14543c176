"""What membranes with a threshold share: leak, input, refractory period, spike and reset."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.errors import DescriptionError
from neurosim.neurons.options import RefractoryInput, Reset, ResetTiming, SpikeWhen

__all__ = ["check_reset_timing", "membrane_step"]


def membrane_step(
    v: Any,
    refractory_left: Any,
    jump: Any,
    decay: Any,
    v_rest: Any,
    drive: Any,
    threshold: Any,
    v_reset: Any,
    refractory_steps: Any,
    reset: Any,
    spike_when: Any,
    reset_timing: Any,
    refractory_input: Any,
) -> tuple[Any, ...]:
    """One step of v <- v_rest + decay (v - v_rest) + drive + jump, then spike and reset: (v, refractory_left, spike).

    ``jump`` is what the synapses add to v in this step; ``drive`` what the constant current adds.
    """
    held = refractory_left > 0.0
    if held:
        refractory_left -= 1.0
    if reset_timing == ResetTiming.NEXT_STEP:
        due = v > threshold if spike_when == SpikeWhen.EXCEEDED else v >= threshold
        if due and reset == Reset.TO_VALUE:
            v = v_reset
        v = v_rest + decay * (v - v_rest) + drive + jump
        if due and reset == Reset.BY_SUBTRACTION:
            v -= threshold
    elif not held or refractory_input == RefractoryInput.INTEGRATE:
        v = v_rest + decay * (v - v_rest) + drive + jump
    elif refractory_input == RefractoryInput.KEEP:
        v += jump
    spike = v > threshold if spike_when == SpikeWhen.EXCEEDED else v >= threshold
    if held:
        spike = False
    if spike:
        refractory_left = refractory_steps
        if reset_timing == ResetTiming.SAME_STEP:
            v = v_reset if reset == Reset.TO_VALUE else v - threshold
    return v, refractory_left, spike


def check_reset_timing(model: Any) -> None:
    """A reset one step late is defined without a refractory period only."""
    if model.reset_timing is ResetTiming.NEXT_STEP and np.any(np.asarray(model.refractory) > 0):
        raise DescriptionError(
            "a reset in the next step cannot be combined with a refractory period",
            where=f"{type(model).__name__}.reset_timing",
            remedy="Use ResetTiming.SAME_STEP, or refractory=0",
        )
