"""The leaky integrate-and-fire neuron with exponential current synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from neurosim.neurons.membrane import LeakyMembrane, membrane_step
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import Discretisation, ResetTiming
from neurosim.parameters import Value, parameter

__all__ = ["CurrentLIF", "current_gain"]


class CurrentLIF(LeakyMembrane):
    r"""Leaky integrate-and-fire; an arriving weight is a jump of the synaptic current i.

    .. math:: \tau_s \dot i = -i, \qquad \tau_m \dot v = v_\mathrm{rest} - v + R (i + I)

    One step, with x the arrivals, a = exp(-dt/tau_membrane), b = exp(-dt/tau_synapse) and
    k = R tau_s/(tau_s - tau_m) (b - a) (Euler: a = 1 - dt/tau_m, b = 1 - dt/tau_s, k = R dt/tau_m)::

        i <- b i + x
        v <- v_rest + a (v - v_rest) + k i + (1 - a) R I
        spike if v >= threshold ; reset ; refractory for round(refractory/dt) steps, in which i runs on

    Source: exact integration on a grid, Rotter and Diesmann, Biol. Cybern. 81 (1999); NIR's CubaLIF has the same
    equations (Pedersen et al., Nat. Commun. 15, 2024).

    Attributes:
        tau_membrane, tau_synapse: time constants, s.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        i_init: initial synaptic current.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "i", "refractory_left")
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "reset_timing", "refractory_input")

    tau_synapse: Value = parameter(default=5e-3, unit="s", above=0.0)
    i_init: Value = parameter(default=0.0, unit="A")
    reset_timing: ResetTiming = ResetTiming.SAME_STEP

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.initial_potential(), "i": self.i_init, "refractory_left": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        rule = self.discretisation
        return {
            "decay_synapse": decay_factor(dt, self.tau_synapse, rule),
            "gain": current_gain(dt, self.tau_membrane, self.tau_synapse, self.resistance, rule),
            **self.membrane_coefficients(dt),
        }

    @staticmethod
    def step(
        v: Any,
        i: Any,
        refractory_left: Any,
        x: Any,
        decay_synapse: Any,
        gain: Any,
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
        i = decay_synapse * i + x
        v, refractory_left, spike = membrane_step(
            v, refractory_left, gain * i, decay, v_rest, drive, threshold, v_reset, refractory_steps,
            reset, spike_when, reset_timing, refractory_input,
        )  # fmt: skip
        return v, i, refractory_left, spike


def current_gain(
    dt: float, tau_membrane: Value, tau_synapse: Value, resistance: Value, rule: Discretisation
) -> Value:
    """k: the potential that a unit of synaptic current adds within one step, stable where the time constants meet.

    With d = dt (1/tau_m - 1/tau_s), (b - a) tau_s/(tau_s - tau_m) = (dt/tau_m) (b - a)/d. For a small d, b - a is
    taken as a expm1(d), which does not cancel; for a large one that would overflow.
    """
    if rule is Discretisation.EULER:
        return resistance * dt / tau_membrane
    m, s = dt / np.asarray(tau_membrane), dt / np.asarray(tau_synapse)
    d = np.asarray(m - s)
    small = np.clip(d, -1.0, 1.0)
    ratio = np.where(
        np.abs(d) <= 1.0,
        np.exp(-m) * np.where(small == 0.0, 1.0, np.expm1(small) / np.where(small == 0.0, 1.0, small)),
        (np.exp(-s) - np.exp(-m)) / np.where(d == 0.0, 1.0, d),
    )
    k = np.asarray(resistance * m * ratio)
    return k if k.ndim else float(k)
