"""The leaky integrate-and-fire neuron with excitatory and inhibitory alpha-shaped conductances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.conductance_membrane import ConductanceMembrane, conductance_step
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import Discretisation
from neurosim.parameters import Value

__all__ = ["AlphaConductanceLIF"]


class AlphaConductanceLIF(ConductanceMembrane):
    r"""Leaky integrate-and-fire with two alpha-shaped synaptic conductances.

    .. math:: \tau_s \dot h_s = -h_s, \qquad \tau_s \dot g_s = h_s - g_s, \qquad
              \tau_m \dot v = v_\mathrm{rest} - v + R (g_e (E_e - v) + g_i (E_i - v) + I)

    A weight w is a jump of h: the conductance is w (t/tau) exp(-t/tau), with the integral w tau, that of the same
    weight in `ConductanceLIF`, and the peak w/e after tau. Where the weight is the peak p, as in NEST's
    ``iaf_cond_alpha``, it is e p here. Weights of both receptors are positive.

    One step, with x_s the arrivals at receptor s and b_s = exp(-dt/tau_s)::

        g_s <- b_s (g_s + dt/tau_s h_s) ; h_s <- b_s h_s + x_s
        v, spike, reset and refractory period as in `ConductanceLIF`, with g_s held over the step

    Euler: g_s <- g_s + dt/tau_s (h_s - g_s), h_s <- (1 - dt/tau_s) h_s + x_s. Source: the equations of NEST's
    ``iaf_cond_alpha``; alpha conductances after Rall, J. Neurophysiol. 30, 1138 (1967).

    Attributes:
        tau_membrane: membrane time constant, s.
        tau_excitatory, tau_inhibitory: time constants of the conductances, s.
        reversal_excitatory, reversal_inhibitory: E_e and E_i.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
        discretisation: EXPONENTIAL_EULER or EULER.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "v",
        "h_excitatory",
        "g_excitatory",
        "h_inhibitory",
        "g_inhibitory",
        "refractory_left",
    )

    def initial(self, dt: float) -> Mapping[str, Value]:
        return dict.fromkeys(self.STATE, 0.0) | {"v": self.initial_potential()}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        out: dict[str, Value] = {}
        for name, tau in (("excitatory", self.tau_excitatory), ("inhibitory", self.tau_inhibitory)):
            decay = decay_factor(dt, tau, self.discretisation)
            out[f"decay_{name}"] = decay
            out[f"rise_{name}"] = dt / tau * (1.0 if self.discretisation is Discretisation.EULER else decay)
        return out | dict(self.membrane_coefficients(dt))

    @staticmethod
    def step(
        v: Any,
        h_excitatory: Any,
        g_excitatory: Any,
        h_inhibitory: Any,
        g_inhibitory: Any,
        refractory_left: Any,
        excitatory: Any,
        inhibitory: Any,
        decay_excitatory: Any,
        rise_excitatory: Any,
        decay_inhibitory: Any,
        rise_inhibitory: Any,
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
        g_excitatory = decay_excitatory * g_excitatory + rise_excitatory * h_excitatory
        h_excitatory = decay_excitatory * h_excitatory + excitatory
        g_inhibitory = decay_inhibitory * g_inhibitory + rise_inhibitory * h_inhibitory
        h_inhibitory = decay_inhibitory * h_inhibitory + inhibitory
        v, refractory_left, spike = conductance_step(
            v, refractory_left, g_excitatory, g_inhibitory, reversal_excitatory, reversal_inhibitory, v_rest,
            resistance, drive, rate, threshold, v_reset, refractory_steps, spike_when, discretisation,
        )  # fmt: skip
        return v, h_excitatory, g_excitatory, h_inhibitory, g_inhibitory, refractory_left, spike
