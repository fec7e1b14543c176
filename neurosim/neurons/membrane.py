"""What linear membranes with a threshold share: parameters, leak, input, refractory period, spike and reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from neurosim.errors import DescriptionError
from neurosim.neurons.model import NeuronModel, decay_factor, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Value, parameter

__all__ = ["LeakyMembrane", "check_reset_timing", "membrane_step"]


class LeakyMembrane(NeuronModel):
    """Base of the leaky integrate-and-fire models: the parameters of their membrane, and what `membrane_step` takes of
    them.

    Attributes:
        tau_membrane: membrane time constant, s.
        threshold: spike threshold, in the unit of the potential.
        v_rest, v_reset, v_init: resting, reset and initial potential; v_init None means v_rest.
        resistance, current: R and the constant external current I; their product has the unit of the potential.
        refractory: absolute refractory period, s.
    """

    CURRENT: ClassVar[str | None] = "drive"
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = (Discretisation.EXACT, Discretisation.EULER)

    tau_membrane: Value = parameter(default=20e-3, unit="s", above=0.0)
    threshold: Value = parameter(default=1.0, unit="v")
    v_rest: Value = parameter(default=0.0, unit="v")
    v_reset: Value = parameter(default=0.0, unit="v")
    v_init: Value | None = parameter(default=None, unit="v")
    resistance: Value = parameter(default=1.0, unit="ohm")
    current: Value = parameter(default=0.0, unit="A")
    refractory: Value = parameter(default=0.0, unit="s", minimum=0.0)
    reset: Reset = Reset.TO_VALUE
    spike_when: SpikeWhen = SpikeWhen.REACHED
    refractory_input: RefractoryInput = RefractoryInput.DROP
    discretisation: Discretisation = Discretisation.EXACT

    def __post_init__(self) -> None:
        super().__post_init__()
        check_reset_timing(self)

    def decay(self, dt: float) -> Value:
        """What is left of a deviation from rest after a step."""
        return decay_factor(dt, self.tau_membrane, self.discretisation)

    def current_gain(self, dt: float) -> Value:
        return (1.0 - self.decay(dt)) * self.resistance

    def initial_potential(self) -> Value:
        """v before step 0."""
        return self.v_rest if self.v_init is None else self.v_init

    def membrane_coefficients(self, dt: float) -> Mapping[str, Value]:
        """The coefficients of `membrane_step` from ``decay`` to ``refractory_steps``, in its order."""
        return {
            "decay": self.decay(dt),
            "v_rest": self.v_rest,
            "drive": self.current_gain(dt) * self.current,
            "threshold": self.threshold,
            "v_reset": self.v_reset,
            "refractory_steps": refractory_steps(dt, self.refractory),
        }


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
            if reset == Reset.TO_VALUE:
                v = v_reset
            elif reset == Reset.BY_SUBTRACTION:
                v = v - threshold
    return v, refractory_left, spike


def check_reset_timing(model: Any) -> None:
    """A reset one step late is defined without a refractory period only."""
    if getattr(model, "reset_timing", None) is ResetTiming.NEXT_STEP and np.any(
        np.asarray(model.refractory) > 0
    ):
        raise DescriptionError(
            "a reset in the next step cannot be combined with a refractory period",
            where=f"{type(model).__name__}.reset_timing",
            remedy="Use ResetTiming.SAME_STEP, or refractory=0",
        )
