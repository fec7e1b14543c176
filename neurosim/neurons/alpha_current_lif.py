"""The leaky integrate-and-fire neuron with excitatory and inhibitory alpha-shaped current synapses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from neurosim.neurons.current_lif import current_gain
from neurosim.neurons.membrane import LeakyMembrane, membrane_step
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import Discretisation, ResetTiming
from neurosim.parameters import Value, parameter

__all__ = ["AlphaCurrentLIF", "rise_gain"]


class AlphaCurrentLIF(LeakyMembrane):
    r"""Leaky integrate-and-fire with two alpha-shaped synaptic currents.

    .. math:: \tau_s \dot h_s = -h_s, \qquad \tau_s \dot i_s = h_s - i_s, \qquad
              \tau_m \dot v = v_\mathrm{rest} - v + R (i_e + i_i + I)

    A weight w is a jump of h: it lets the current flow as w (t/tau) exp(-t/tau), with the charge w tau, that of the
    same weight in `CurrentLIF`, and the peak w/e after tau. Where the weight is the peak p instead, as in NEST's
    ``iaf_psc_alpha``, it is e p here.

    One step, with x_s the arrivals at receptor s, a = exp(-dt/tau_membrane), b_s = exp(-dt/tau_s), k_s the gain of
    `CurrentLIF` and l_s what a unit of h adds to v within the step (`rise_gain`)::

        i_s <- b_s (i_s + dt/tau_s h_s) ; h_s <- b_s h_s + x_s
        v <- v_rest + a (v - v_rest) + sum over s (k_s i_s + l_s h_s) + (1 - a) R I
        spike if v >= threshold ; reset ; refractory for round(refractory/dt) steps, in which the currents run on

    Euler: a = 1 - dt/tau_m, i_s <- i_s + dt/tau_s (h_s - i_s), h_s <- (1 - dt/tau_s) h_s + x_s, k_s = R dt/tau_m,
    l_s = 0. Source: Rotter and Diesmann, Biol. Cybern. 81 (1999).

    Attributes:
        tau_membrane: membrane time constant, s.
        tau_excitatory, tau_inhibitory: time constants of the currents, s.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "v",
        "h_excitatory",
        "i_excitatory",
        "h_inhibitory",
        "i_inhibitory",
        "refractory_left",
    )
    RECEPTORS: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "reset_timing", "refractory_input")

    tau_excitatory: Value = parameter(default=5e-3, unit="s", above=0.0)
    tau_inhibitory: Value = parameter(default=10e-3, unit="s", above=0.0)
    reset_timing: ResetTiming = ResetTiming.SAME_STEP

    def initial(self, dt: float) -> Mapping[str, Value]:
        return dict.fromkeys(self.STATE, 0.0) | {"v": self.initial_potential()}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        tau, r, rule = self.tau_membrane, self.resistance, self.discretisation
        out: dict[str, Value] = {}
        for name, tau_s in (("excitatory", self.tau_excitatory), ("inhibitory", self.tau_inhibitory)):
            b = decay_factor(dt, tau_s, rule)
            out[f"decay_{name}"] = b
            out[f"rise_{name}"] = dt / tau_s * (1.0 if rule is Discretisation.EULER else b)
            out[f"gain_{name}"] = current_gain(dt, tau, tau_s, r, rule)
            out[f"gain_rise_{name}"] = rise_gain(dt, tau, tau_s, r, rule)
        return out | dict(self.membrane_coefficients(dt))

    @staticmethod
    def step(
        v: Any,
        h_excitatory: Any,
        i_excitatory: Any,
        h_inhibitory: Any,
        i_inhibitory: Any,
        refractory_left: Any,
        excitatory: Any,
        inhibitory: Any,
        decay_excitatory: Any,
        rise_excitatory: Any,
        gain_excitatory: Any,
        gain_rise_excitatory: Any,
        decay_inhibitory: Any,
        rise_inhibitory: Any,
        gain_inhibitory: Any,
        gain_rise_inhibitory: Any,
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
        i_excitatory = decay_excitatory * i_excitatory + rise_excitatory * h_excitatory
        h_excitatory = decay_excitatory * h_excitatory + excitatory
        i_inhibitory = decay_inhibitory * i_inhibitory + rise_inhibitory * h_inhibitory
        h_inhibitory = decay_inhibitory * h_inhibitory + inhibitory
        jump = (gain_excitatory * i_excitatory + gain_rise_excitatory * h_excitatory) + (
            gain_inhibitory * i_inhibitory + gain_rise_inhibitory * h_inhibitory
        )
        v, refractory_left, spike = membrane_step(
            v, refractory_left, jump, decay, v_rest, drive, threshold, v_reset, refractory_steps,
            reset, spike_when, reset_timing, refractory_input,
        )  # fmt: skip
        return v, h_excitatory, i_excitatory, h_inhibitory, i_inhibitory, refractory_left, spike


def rise_gain(
    dt: float, tau_membrane: Value, tau_synapse: Value, resistance: Value, rule: Discretisation
) -> Value:
    """l: the potential that a unit of h adds within one step, stable where the time constants meet.

    With m = dt/tau_m, s = dt/tau_s and d = m - s it is R m s exp(-m) times the integral of u exp(d u) over 0 < u < 1,
    which is ((d - 1) exp(d) + 1)/d^2. That cancels for a small d, where the integral is taken as a power series; for a
    large one exp(-m) goes into the bracket, so that nothing overflows.
    """
    if rule is Discretisation.EULER:
        return 0.0
    m, s = dt / np.asarray(tau_membrane), dt / np.asarray(tau_synapse)
    d = np.asarray(m - s)
    small = np.clip(d, -1.0, 1.0)
    series = sum(small**n / (math.factorial(n) * (n + 2)) for n in range(20))  # the next term is below 1e-19
    safe = np.where(d == 0.0, 1.0, d)
    closed = ((safe - 1.0) * np.exp(-s) + np.exp(-m)) / safe**2
    gain = np.asarray(resistance * m * s * np.where(np.abs(d) <= 1.0, np.exp(-m) * series, closed))
    return gain if gain.ndim else float(gain)
