"""The adaptive leaky integrate-and-fire neuron: a threshold that rises with every spike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.membrane import LeakyMembrane, membrane_step
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import ResetTiming
from neurosim.parameters import Value, parameter

__all__ = ["AdaptiveLIF"]


class AdaptiveLIF(LeakyMembrane):
    r"""Leaky integrate-and-fire with an adaptive threshold (ALIF); an arriving weight is a jump of the potential.

    .. math:: \tau_m \dot v = v_\mathrm{rest} - v + R I, \qquad \tau_a \dot \theta = -\theta

    One step, with x the arrivals, a = exp(-dt/tau_membrane) and c = exp(-dt/tau_adaptation) (Euler: 1 - dt/tau)::

        theta <- c theta
        v <- v_rest + a (v - v_rest) + (1 - a) R I + x
        spike if v >= threshold + theta ; reset (by subtraction: of threshold + theta)
        theta <- theta + threshold_jump ; refractory for round(refractory/dt) steps, in which theta runs on

    Source: the adaptive neuron of LSNNs, Bellec, Salaj, Subramoney, Legenstein and Maass, NeurIPS 31 (2018). Their
    beta (1 - rho) for a spike is weighed in the step after it, so threshold_jump = beta (1 - rho)/rho with
    rho = exp(-dt/tau_adaptation), and their reset is `Reset.BY_SUBTRACTION`. For adaptation by a current see
    `AdEx`.

    Attributes:
        tau_membrane, tau_adaptation: time constants, s.
        threshold: of a neuron that has not spiked.
        threshold_jump: what a spike adds to the threshold.
        v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "theta", "refractory_left")
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "refractory_input")

    tau_adaptation: Value = parameter(default=200e-3, unit="s", above=0.0)
    threshold_jump: Value = parameter(default=0.1, unit="v")

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.initial_potential(), "theta": 0.0, "refractory_left": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return {
            "decay_theta": decay_factor(dt, self.tau_adaptation, self.discretisation),
            "threshold_jump": self.threshold_jump,
            **self.membrane_coefficients(dt),
        }

    @staticmethod
    def step(
        v: Any,
        theta: Any,
        refractory_left: Any,
        x: Any,
        decay_theta: Any,
        threshold_jump: Any,
        decay: Any,
        v_rest: Any,
        drive: Any,
        threshold: Any,
        v_reset: Any,
        refractory_steps: Any,
        reset: Any,
        spike_when: Any,
        refractory_input: Any,
    ) -> tuple[Any, ...]:
        theta = decay_theta * theta
        v, refractory_left, spike = membrane_step(
            v, refractory_left, x, decay, v_rest, drive, threshold + theta, v_reset, refractory_steps,
            reset, spike_when, ResetTiming.SAME_STEP, refractory_input,
        )  # fmt: skip
        if spike:
            theta = theta + threshold_jump
        return v, theta, refractory_left, spike
