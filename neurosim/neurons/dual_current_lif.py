"""The leaky integrate-and-fire neuron with separate excitatory and inhibitory exponential current synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.current_lif import current_gain
from neurosim.neurons.membrane import LeakyMembrane, membrane_step
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import ResetTiming
from neurosim.parameters import Value, parameter

__all__ = ["DualCurrentLIF"]


class DualCurrentLIF(LeakyMembrane):
    r"""Leaky integrate-and-fire with two synaptic currents; a weight is a jump of the current of its receptor.

    .. math:: \tau_e \dot i_e = -i_e, \qquad \tau_i \dot i_i = -i_i, \qquad
              \tau_m \dot v = v_\mathrm{rest} - v + R (i_e + i_i + I)

    One step, with x_s the arrivals at receptor s, a = exp(-dt/tau_membrane), b_s = exp(-dt/tau_s) and
    k_s = R tau_s/(tau_s - tau_m) (b_s - a) (Euler: a = 1 - dt/tau_m, b_s = 1 - dt/tau_s, k_s = R dt/tau_m)::

        i_s <- b_s i_s + x_s
        v <- v_rest + a (v - v_rest) + k_e i_e + k_i i_i + (1 - a) R I
        spike if v >= threshold ; reset ; refractory for round(refractory/dt) steps, in which the currents run on

    The receptors differ in their time constants alone: what inhibits has a negative weight. Vogels and Abbott,
    J. Neurosci. 25 (2005), is the network of this model ("CUBA"); exact integration after Rotter and Diesmann, Biol.
    Cybern. 81 (1999), as in NEST's ``iaf_psc_exp``.

    Attributes:
        tau_membrane: membrane time constant, s.
        tau_excitatory, tau_inhibitory: time constants of the currents, s.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        i_excitatory_init, i_inhibitory_init: initial currents.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "i_excitatory", "i_inhibitory", "refractory_left")
    RECEPTORS: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    OPTIONS: ClassVar[tuple[str, ...]] = ("reset", "spike_when", "reset_timing", "refractory_input")

    tau_excitatory: Value = parameter(default=5e-3, unit="s", above=0.0)
    tau_inhibitory: Value = parameter(default=10e-3, unit="s", above=0.0)
    i_excitatory_init: Value = parameter(default=0.0, unit="A")
    i_inhibitory_init: Value = parameter(default=0.0, unit="A")
    reset_timing: ResetTiming = ResetTiming.SAME_STEP

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {
            "v": self.initial_potential(),
            "i_excitatory": self.i_excitatory_init,
            "i_inhibitory": self.i_inhibitory_init,
            "refractory_left": 0.0,
        }

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        tau, r, rule = self.tau_membrane, self.resistance, self.discretisation
        return {
            "decay_excitatory": decay_factor(dt, self.tau_excitatory, rule),
            "decay_inhibitory": decay_factor(dt, self.tau_inhibitory, rule),
            "gain_excitatory": current_gain(dt, tau, self.tau_excitatory, r, rule),
            "gain_inhibitory": current_gain(dt, tau, self.tau_inhibitory, r, rule),
            **self.membrane_coefficients(dt),
        }

    @staticmethod
    def step(
        v: Any,
        i_excitatory: Any,
        i_inhibitory: Any,
        refractory_left: Any,
        excitatory: Any,
        inhibitory: Any,
        decay_excitatory: Any,
        decay_inhibitory: Any,
        gain_excitatory: Any,
        gain_inhibitory: Any,
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
        i_excitatory = decay_excitatory * i_excitatory + excitatory
        i_inhibitory = decay_inhibitory * i_inhibitory + inhibitory
        v, refractory_left, spike = membrane_step(
            v, refractory_left, gain_excitatory * i_excitatory + gain_inhibitory * i_inhibitory,
            decay, v_rest, drive, threshold, v_reset, refractory_steps,
            reset, spike_when, reset_timing, refractory_input,
        )  # fmt: skip
        return v, i_excitatory, i_inhibitory, refractory_left, spike
