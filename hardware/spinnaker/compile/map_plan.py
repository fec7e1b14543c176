"""From a legal, retimed plan to a build: quantise, map, emit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from neurosim.engine.plan import Plan
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.spinnaker.compile.build import build_of
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.mapping.core_limits import check_plastic_delays
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.mapping.reach_delays import choose_atoms
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram
from neurosim.hardware.spinnaker.quantise.quantised_plan import from_plan
from neurosim.hardware.spinnaker.report.usage import details_of
from neurosim.hardware.spinnaker.report.weight_error import plan_weight_errors
from neurosim.hardware.target import Build
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.target import SpiNNaker

__all__ = ["map_plan"]

_STEP_MS = 1.0


def map_plan(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None, target: SpiNNaker
) -> Build:
    """See `neurosim.hardware.target.Target.map`."""
    quantised = from_plan(plan, lag, calibration, target)
    network = choose_atoms(quantised.network, target.atoms_per_core, target.limits, target.long_delays)
    check_plastic_delays(network)
    mapped = map_network(network, target.read_machine(), target.limits)
    return build_of(
        mapped,
        target=target,
        manifest=_manifest(plan, lag, target, quantised.programs, network),
        losses=quantised.losses,
        weights=quantised.weights,
        details=details_of(quantised.programs, network),
        errors=partial(plan_weight_errors, plan, quantised),
        sample=quantised.spikes,
        units=quantised.units,
    )


def _manifest(
    plan: Plan,
    lag: Mapping[str, int],
    target: SpiNNaker,
    programs: Mapping[str, NeuronProgram],
    network: DeviceNetwork,
) -> Manifest:
    populations = network.populations
    return Manifest(
        target="spinnaker",
        profile=target.profile,
        dt=plan.dt,
        inputs={n: PopulationEntry(shape=shape, lag=lag.get(n, 0)) for n, shape in plan.inputs.items()},
        populations={
            n: PopulationEntry(shape=p.shape, lag=lag.get(n, 0), states=programs[n].states)
            for n, p in plan.populations.items()
        },
        outputs=plan.outputs,
        settings={
            "timestep_ms": _STEP_MS,
            "time_scale_factor": _STEP_MS * 1e-3 / plan.dt,
            "atoms_per_core": {n: populations[n].atoms for n in plan.populations},
            "left_shift": {n: list(populations[n].shifts) for n in plan.populations},
        },
    )
