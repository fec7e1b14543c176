"""SpiNNaker as a target of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.engine.plan import Plan
from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.long_delays import LongDelays
from neurosim.hardware.spinnaker.machine import Machine, read_limits, read_machine
from neurosim.hardware.spinnaker.machine_file import read_machine_file
from neurosim.hardware.target import Build, Feature, Support, SupportKind, Transport
from neurosim.spikes import Spikes

__all__ = ["SUPPORT", "SpiNNaker"]

_NATIVE, _EXACT, _APPROXIMATED, _REFUSED = (
    SupportKind.NATIVE,
    SupportKind.EXACT,
    SupportKind.APPROXIMATED,
    SupportKind.REFUSED,
)

SUPPORT: Mapping[Feature, Support] = {
    Feature.LIF: Support(_NATIVE, "IF_curr_delta"),
    Feature.CURRENT_LIF: Support(_NATIVE, "IF_curr_exp"),
    Feature.DUAL_CURRENT_LIF: Support(
        _NATIVE,
        "IF_curr_exp; with two time constants, excitatory weights are positive and inhibitory ones negative",
    ),
    Feature.CONDUCTANCE_LIF: Support(_NATIVE, "IF_cond_exp; with 15 bits below the point for conductances"),
    Feature.INTEGRATE_AND_FIRE: Support(
        _APPROXIMATED,
        "IF_curr_delta with the slowest leak (a time constant of 16384 steps), which rounding undoes between the "
        "lowest potential in use and the threshold; 14 bits for that range",
    ),
    Feature.LEAKY_INTEGRATOR: Support(_EXACT, "IF_curr_delta with a threshold out of reach"),
    Feature.OTHER_MODEL: Support(
        _REFUSED, "Use LIF, CurrentLIF, DualCurrentLIF, ConductanceLIF, IntegrateAndFire or LeakyIntegrator"
    ),
    Feature.RECEPTORS: Support(_NATIVE, "excitatory and inhibitory"),
    Feature.HETEROGENEOUS: Support(_NATIVE, "parameters are words of each neuron"),
    Feature.SPIKE_WHEN_REACHED: Support(_NATIVE),
    Feature.SPIKE_WHEN_EXCEEDED: Support(
        _EXACT, "the threshold is higher by what rounding may add, less than 1e-5 of it"
    ),
    Feature.RESET_TO_VALUE: Support(_NATIVE),
    Feature.RESET_BY_SUBTRACTION: Support(
        _REFUSED, "Use Reset.TO_VALUE: the neuron programs only reset to a value"
    ),
    Feature.RESET_NONE: Support(_REFUSED, "Use Reset.TO_VALUE: the neuron programs reset with every spike"),
    Feature.RESET_NEXT_STEP: Support(_REFUSED, "Use ResetTiming.SAME_STEP"),
    Feature.RESET_NOT_AT_REST: Support(_NATIVE, "the reset value must be below the threshold"),
    Feature.REFRACTORY: Support(_NATIVE),
    Feature.REFRACTORY_KEEP: Support(_REFUSED, "Use RefractoryInput.DROP"),
    Feature.REFRACTORY_INTEGRATE: Support(_REFUSED, "Use RefractoryInput.DROP"),
    Feature.EULER: Support(_EXACT, "time constants are chosen that give the same decay factors"),
    Feature.EXPONENTIAL_EULER: Support(
        _APPROXIMATED, "by Euler steps: longer the higher the conductance; Discretisation.EULER is exact"
    ),
    Feature.CURRENT: Support(_NATIVE),
    Feature.INITIAL_STATE: Support(_NATIVE),
    Feature.DIMENSIONLESS: Support(
        _EXACT,
        "scaled by a power of two for each population, then rounded to 16-bit weights (in the loss report)",
    ),
    Feature.ZERO_DELAY: Support(_EXACT, "retimed: a packet takes at least one step"),
    Feature.SYNAPTIC_DELAY: Support(
        _NATIVE, "long delays take delay cores, or smaller cores, whose ring buffers have more slots"
    ),
    Feature.PLASTICITY: Support(
        _NATIVE,
        "STDP and MirroredSTDP of all pairs, additive or multiplicative; one rule a population, with "
        "DelaySite.DENDRITIC, SameStep.DEPRESSING, WeightUpdate.AT_PRESYNAPTIC and Delivered.AFTER",
    ),
    Feature.GRADED_INPUT: Support(_EXACT, "a packet for each spike"),
    Feature.SOURCE: Support(_REFUSED, "Describe the input without a source, and pass its spikes to emulate"),
    Feature.DRIVE: Support(
        _REFUSED, "Send the noise as spikes of an input; a constant current is the model's"
    ),
}


@dataclass(frozen=True, kw_only=True)
class SpiNNaker:
    """SpiNN-5 boards of 48 chips each with the neuron programs of sPyNNaker 7.4.1.

    One step of the network is one machine step of 1 ms, whatever dt: the network runs slower than real time by
    1 ms / dt. Potentials are scaled for each population; the manifest holds the factors.

    Attributes:
        atoms_per_core: neurons on a core at most; fewer are taken where delays need more ring-buffer slots, or rows
            and memory demand it.
        boards: at least that many; several come as whole triads of three.
        machine: path of a TOML file that says what of the machine does not work (and may give its size), see
            `machine_file`.
        long_delays: what becomes of delays beyond the ring-buffer slots of a core.
        profile: the board, a TOML file beside this module.
    """

    atoms_per_core: int = 256
    boards: int = 1
    machine: str | None = None
    long_delays: LongDelays = LongDelays.AUTO
    profile: str = "spinn5"

    def __post_init__(self) -> None:
        most = read_limits(self.profile)["atoms_per_core"]
        if not isinstance(self.atoms_per_core, int) or not 1 <= self.atoms_per_core <= most:
            raise DescriptionError(
                "is out of range",
                where="SpiNNaker.atoms_per_core",
                value=self.atoms_per_core,
                limit=f"1 to {most}",
            )
        if not isinstance(self.long_delays, LongDelays):
            raise DescriptionError(
                "is not a LongDelays",
                where="SpiNNaker.long_delays",
                value=self.long_delays,
                limit=[str(policy) for policy in LongDelays],
            )
        if self.machine is None:
            read_machine(self.profile, self.boards)

    def read_machine(self) -> Machine:
        """The machine to map to.

        Raises:
            FileFormatError: the file of the machine cannot be read.
            DescriptionError: it describes a machine that cannot be.
        """
        if self.machine is None:
            return read_machine(self.profile, self.boards)
        return read_machine_file(self.machine, self.profile, None if self.boards == 1 else self.boards)

    @property
    def name(self) -> str:
        """``"spinnaker"``"""
        return "spinnaker"

    @property
    def limits(self) -> Mapping[str, Any]:
        """Limits of the board by name."""
        return read_limits(self.profile)

    @property
    def support(self) -> Mapping[Feature, Support]:
        """What becomes of each feature of a description."""
        return SUPPORT

    @property
    def transport(self) -> Transport:
        """Delays of one step to as many as a core with few neurons has slots for."""
        return Transport(1, int(self.limits["delay_slots"]), holds_start=True)

    def map(self, plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None) -> Build:
        """Quantise, partition, place, route and emit a legal, retimed plan.

        Raises:
            CapacityError: the network does not fit the board.
            UnsupportedError: a parameter has no counterpart on the machine.
        """
        from neurosim.hardware.spinnaker.compile.map_plan import map_plan

        return map_plan(plan, lag, calibration, self)
