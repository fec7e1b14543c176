"""The leaky integrate-and-fire neuron with voltage-jump synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.membrane import check_reset_timing, membrane_step
from neurosim.neurons.model import NeuronModel, decay_factor, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Value, parameter

__all__ = ["LIF"]


class LIF(NeuronModel):
    r"""Leaky integrate-and-fire; an arriving weight is a jump of the potential.

    .. math:: \tau_m \dot v = v_\mathrm{rest} - v + R I

    One step, with x the arrivals and a = exp(-dt/tau_membrane) (Euler: 1 - dt/tau_membrane)::

        v <- v_rest + a (v - v_rest) + (1 - a) R I + x
        spike if v >= threshold ; reset ; refractory for round(refractory/dt) steps

    The arrivals of a step are not decayed in that step (Rotter and Diesmann, Biol. Cybern. 81, 1999, give the exact
    integration on a grid).

    Attributes:
        tau_membrane: membrane time constant, s.
        threshold: spike threshold, in the unit of the potential.
        v_rest, v_reset, v_init: resting, reset and initial potential; v_init None means v_rest.
        resistance, current: R and the constant external current I; their product has the unit of the potential.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "refractory_left")
    CURRENT: ClassVar[str | None] = "drive"
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "reset_timing", "refractory_input")

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
    reset_timing: ResetTiming = ResetTiming.SAME_STEP
    refractory_input: RefractoryInput = RefractoryInput.DROP
    discretisation: Discretisation = Discretisation.EXACT

    def __post_init__(self) -> None:
        super().__post_init__()
        check_reset_timing(self)

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.v_rest if self.v_init is None else self.v_init, "refractory_left": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        a = decay_factor(dt, self.tau_membrane, self.discretisation)
        return {
            "decay": a,
            "v_rest": self.v_rest,
            "drive": (1.0 - a) * self.resistance * self.current,
            "threshold": self.threshold,
            "v_reset": self.v_reset,
            "refractory_steps": refractory_steps(dt, self.refractory),
        }

    def current_gain(self, dt: float) -> Value:
        return (1.0 - decay_factor(dt, self.tau_membrane, self.discretisation)) * self.resistance

    @staticmethod
    def step(
        v: Any,
        refractory_left: Any,
        x: Any,
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
        return membrane_step(
            v, refractory_left, x, decay, v_rest, drive, threshold, v_reset, refractory_steps,
            reset, spike_when, reset_timing, refractory_input,
        )  # fmt: skip
