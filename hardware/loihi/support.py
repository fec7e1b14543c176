"""Which features of a description the chips take, and how."""

from __future__ import annotations

from collections.abc import Mapping

from neurosim.hardware.target import Feature, Support, SupportKind

__all__ = ["LOIHI1_SUPPORT", "LOIHI2_SUPPORT"]

_NATIVE, _EXACT, _REFUSED = SupportKind.NATIVE, SupportKind.EXACT, SupportKind.REFUSED

_COMMON: Mapping[Feature, Support] = {
    Feature.LIF: Support(_NATIVE, "current decay 4095 (no memory), 12-bit voltage decay"),
    Feature.CURRENT_LIF: Support(_EXACT, "the register u holds k i: k is folded into the weights"),
    Feature.DUAL_CURRENT_LIF: Support(_REFUSED, "Use CurrentLIF: a compartment has one synaptic current"),
    Feature.CONDUCTANCE_LIF: Support(
        _REFUSED, "Use CurrentLIF: a compartment adds currents, which do not see v"
    ),
    Feature.INTEGRATE_AND_FIRE: Support(_NATIVE, "voltage decay 0"),
    Feature.LEAKY_INTEGRATOR: Support(_EXACT, "a compartment whose threshold is out of reach"),
    Feature.OTHER_MODEL: Support(
        _REFUSED,
        "Use LIF, CurrentLIF, IntegrateAndFire or LeakyIntegrator: the compartment has no other equation",
    ),
    Feature.RECEPTORS: Support(_REFUSED, "Use a model with one receptor"),
    Feature.HETEROGENEOUS: Support(_NATIVE, "as many distinct values on a core as it has profile registers"),
    Feature.SPIKE_WHEN_REACHED: Support(
        _EXACT, "> threshold - 1; thresholds come in steps of 64 register values"
    ),
    Feature.SPIKE_WHEN_EXCEEDED: Support(_NATIVE),
    Feature.RESET_TO_VALUE: Support(_NATIVE, "to rest; potentials are shifted so that rest is 0"),
    Feature.RESET_BY_SUBTRACTION: Support(_REFUSED, "Use Reset.TO_VALUE: the compartment resets to 0"),
    Feature.RESET_NONE: Support(_REFUSED, "Use Reset.TO_VALUE: the compartment resets with every spike"),
    Feature.RESET_NEXT_STEP: Support(_REFUSED, "Use ResetTiming.SAME_STEP: the chip resets with the spike"),
    Feature.RESET_NOT_AT_REST: Support(_REFUSED, "Set v_reset = v_rest: both are 0 in the compartment"),
    Feature.REFRACTORY: Support(_NATIVE, "up to 62 steps"),
    Feature.REFRACTORY_KEEP: Support(_REFUSED, "Use RefractoryInput.DROP: the compartment holds v at rest"),
    Feature.REFRACTORY_INTEGRATE: Support(
        _REFUSED, "Use RefractoryInput.DROP: the compartment holds v at rest"
    ),
    Feature.EULER: Support(_EXACT, "only the decay factors differ"),
    Feature.EXPONENTIAL_EULER: Support(_REFUSED, "Use a model with exact steps: compartments are linear"),
    Feature.CURRENT: Support(_NATIVE, "bias of 13 bits with exponent"),
    Feature.INITIAL_STATE: Support(_NATIVE, "written before the run"),
    Feature.DIMENSIONLESS: Support(_EXACT, "scaled for each population; the rounding is in the loss report"),
    Feature.ZERO_DELAY: Support(_EXACT, "retimed: a spike arrives at the earliest in the next step"),
    Feature.SYNAPTIC_DELAY: Support(_NATIVE, "1 to 63 steps from spike to arrival"),
    Feature.PLASTICITY: Support(_REFUSED, "Compile the trained weights without plasticity"),
    Feature.GRADED_INPUT: Support(_NATIVE, "the host sends several spikes"),
    Feature.SOURCE: Support(_REFUSED, "Describe the input without a source, and pass its spikes to emulate"),
    Feature.DRIVE: Support(
        _REFUSED, "Send the noise as spikes of an input; a constant current is the model's"
    ),
}

LOIHI1_SUPPORT: Mapping[Feature, Support] = _COMMON

LOIHI2_SUPPORT: Mapping[Feature, Support] = {
    **_COMMON,
    Feature.REFRACTORY: Support(_REFUSED, "Set refractory=0 or use Loihi1: Lava's fixed-point LIF has none"),
}
