"""The leaky integrate-and-fire neuron with excitatory and inhibitory exponential conductances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.conductance_membrane import ConductanceMembrane, conductance_step
from neurosim.neurons.model import decay_factor
from neurosim.parameters import Value, parameter

__all__ = ["ConductanceLIF"]


class ConductanceLIF(ConductanceMembrane):
    r"""Leaky integrate-and-fire with synaptic conductances; a weight is a jump of the conductance of its receptor.

    .. math:: \tau_e \dot g_e = -g_e, \qquad \tau_i \dot g_i = -g_i, \qquad
              \tau_m \dot v = v_\mathrm{rest} - v + R (g_e (E_e - v) + g_i (E_i - v) + I)

    One step, with x_s the arrivals at receptor s and b_s = exp(-dt/tau_s)::

        g_s <- b_s g_s + x_s
        v <- v_inf + exp(-dt/tau_v) (v - v_inf)      with   G = 1 + R (g_e + g_i),   tau_v = tau_membrane/G
             (while refractory v is held)                  v_inf = (v_rest + R (g_e E_e + g_i E_i + I))/G
        spike if v >= threshold ; v <- v_reset ; refractory for round(refractory/dt) steps, in which g_s runs on

    This is exponential Euler, which holds the conductances over the step; Euler: v <- v + dt/tau_v (v_inf - v) and
    b_s = 1 - dt/tau_s. With resistance 1 conductances and weights are multiples of the leak conductance. Weights of
    both receptors are positive: what inhibits does so by its reversal potential.

    Source: Vogels and Abbott, J. Neurosci. 25 (2005), whose network ("COBA") the defaults are for, in mV; equations as
    NEST's ``iaf_cond_exp``, exponential Euler as Brian2's method ``exponential_euler``.

    Attributes:
        tau_membrane: membrane time constant, s.
        tau_excitatory, tau_inhibitory: time constants of the conductances, s.
        reversal_excitatory, reversal_inhibitory: E_e and E_i.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        g_excitatory_init, g_inhibitory_init: initial conductances.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
        discretisation: EXPONENTIAL_EULER or EULER.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "g_excitatory", "g_inhibitory", "refractory_left")

    g_excitatory_init: Value = parameter(default=0.0, unit="S", minimum=0.0)
    g_inhibitory_init: Value = parameter(default=0.0, unit="S", minimum=0.0)

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {
            "v": self.initial_potential(),
            "g_excitatory": self.g_excitatory_init,
            "g_inhibitory": self.g_inhibitory_init,
            "refractory_left": 0.0,
        }

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return {
            "decay_excitatory": decay_factor(dt, self.tau_excitatory, self.discretisation),
            "decay_inhibitory": decay_factor(dt, self.tau_inhibitory, self.discretisation),
            **self.membrane_coefficients(dt),
        }

    @staticmethod
    def step(
        v: Any,
        g_excitatory: Any,
        g_inhibitory: Any,
        refractory_left: Any,
        excitatory: Any,
        inhibitory: Any,
        decay_excitatory: Any,
        decay_inhibitory: Any,
        reversal_excitatory: Any,
        reversal_inhibitory: Any,
        v_rest: Any,
        resistance: Any,
        drive: Any,
        rate: Any,
        threshold: Any,
        v_reset: Any,
        refractory_steps: Any,
        spike_when: Any,
        discretisation: Any,
    ) -> tuple[Any, ...]:
        g_excitatory = decay_excitatory * g_excitatory + excitatory
        g_inhibitory = decay_inhibitory * g_inhibitory + inhibitory
        v, refractory_left, spike = conductance_step(
            v, refractory_left, g_excitatory, g_inhibitory, reversal_excitatory, reversal_inhibitory, v_rest,
            resistance, drive, rate, threshold, v_reset, refractory_steps, spike_when, discretisation,
        )  # fmt: skip
        return v, g_excitatory, g_inhibitory, refractory_left, spike
