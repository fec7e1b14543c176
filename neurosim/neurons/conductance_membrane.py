"""What membranes with conductances share: parameters, integration, refractory period, spike and reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.exponential import relaxation
from neurosim.neurons.model import NeuronModel, refractory_steps
from neurosim.neurons.options import Discretisation, SpikeWhen
from neurosim.parameters import Value, parameter

__all__ = ["ConductanceMembrane", "conductance_step"]


class ConductanceMembrane(NeuronModel):
    """Base of the leaky integrate-and-fire models with conductances: parameters, and what `conductance_step` takes.

    Attributes:
        tau_membrane: membrane time constant, s.
        tau_excitatory, tau_inhibitory: time constants of the conductances, s.
        reversal_excitatory, reversal_inhibitory: E_e and E_i.
        threshold, v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
        discretisation: EXPONENTIAL_EULER or EULER.
    """

    RECEPTORS: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    CURRENT: ClassVar[str | None] = "drive"
    OPTIONS: ClassVar[tuple[str, ...]] = ("spike_when", "discretisation")
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = (
        Discretisation.EXPONENTIAL_EULER,
        Discretisation.EULER,
    )

    tau_membrane: Value = parameter(default=20e-3, unit="s", above=0.0)
    tau_excitatory: Value = parameter(default=5e-3, unit="s", above=0.0)
    tau_inhibitory: Value = parameter(default=10e-3, unit="s", above=0.0)
    reversal_excitatory: Value = parameter(default=0.0, unit="v")
    reversal_inhibitory: Value = parameter(default=-80.0, unit="v")
    threshold: Value = parameter(default=-50.0, unit="v")
    v_rest: Value = parameter(default=-60.0, unit="v")
    v_reset: Value = parameter(default=-60.0, unit="v")
    v_init: Value | None = parameter(default=None, unit="v")
    resistance: Value = parameter(default=1.0, unit="ohm", above=0.0)
    current: Value = parameter(default=0.0, unit="A")
    refractory: Value = parameter(default=5e-3, unit="s", minimum=0.0)
    spike_when: SpikeWhen = SpikeWhen.REACHED
    discretisation: Discretisation = Discretisation.EXPONENTIAL_EULER

    def current_gain(self, dt: float) -> Value:
        return self.resistance

    def initial_potential(self) -> Value:
        """v before step 0."""
        return self.v_rest if self.v_init is None else self.v_init

    def membrane_coefficients(self, dt: float) -> Mapping[str, Value]:
        """The coefficients of `conductance_step`, in its order."""
        return {
            "reversal_excitatory": self.reversal_excitatory,
            "reversal_inhibitory": self.reversal_inhibitory,
            "v_rest": self.v_rest,
            "resistance": self.resistance,
            "drive": self.resistance * self.current,
            "rate": dt / self.tau_membrane,
            "threshold": self.threshold,
            "v_reset": self.v_reset,
            "refractory_steps": refractory_steps(dt, self.refractory),
        }


def conductance_step(
    v: Any,
    refractory_left: Any,
    g_excitatory: Any,
    g_inhibitory: Any,
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
    """One step of the potential with conductances held over it, then spike and reset: (v, refractory_left, spike)."""
    total = 1.0 + resistance * (g_excitatory + g_inhibitory)
    pull = v_rest + drive + resistance * (
        g_excitatory * reversal_excitatory + g_inhibitory * reversal_inhibitory
    )  # fmt: skip
    held = refractory_left > 0.0
    if held:
        refractory_left -= 1.0
    elif discretisation == Discretisation.EXPONENTIAL_EULER:
        v += (pull / total - v) * relaxation(rate * total)
    else:
        v += rate * (pull - total * v)
    spike = v > threshold if spike_when == SpikeWhen.EXCEEDED else v >= threshold
    if held:
        spike = False
    if spike:
        refractory_left = refractory_steps
        v = v_reset
    return v, refractory_left, spike
