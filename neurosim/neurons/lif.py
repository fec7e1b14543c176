"""The leaky integrate-and-fire neuron with voltage-jump synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.membrane import LeakyMembrane, membrane_step
from neurosim.neurons.options import ResetTiming
from neurosim.parameters import Value

__all__ = ["LIF"]


class LIF(LeakyMembrane):
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
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "reset_timing", "refractory_input")

    reset_timing: ResetTiming = ResetTiming.SAME_STEP

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.initial_potential(), "refractory_left": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return self.membrane_coefficients(dt)

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
