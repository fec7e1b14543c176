"""From a plan to a build: quantise, map, emit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.calibrate.choose import Candidate, choose
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.map_network import map_network, sites
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.loihi.netx.from_network import netx_file
from neurosim.hardware.loihi.quantise.quantised_plan import (
    QuantisedNetwork,
    device_network,
    held_weights,
    losses_of,
    quantise_network,
)
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_files import write_tables
from neurosim.hardware.loihi.target import Loihi2, LoihiTarget
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.target import Build, Site, Usage
from neurosim.loss_report import LossReport
from neurosim.spikes import Spikes

__all__ = ["map_plan"]


def map_plan(
    plan: Plan, lag: Mapping[str, int], target: LoihiTarget, calibration: Mapping[str, Spikes] | None
) -> Build:
    """Quantise, map and emit a legal, retimed plan.

    With ``calibration`` (typical inputs by name, in network time) several choices of the weight scales are emulated and
    compared with the float engine, and the one whose spike counts are nearest is taken.

    Raises:
        CapacityError: a limit is exceeded, or a population falls silent or saturates on the calibration inputs.
        UnsupportedError: something that no register expresses.
    """
    if calibration is None:
        candidate = _candidate(plan, lag, target, 100.0)
    else:
        candidate = choose(lambda p: _candidate(plan, lag, target, p), plan, lag, calibration)
    network = candidate.network
    return Build(
        target=target,
        manifest=candidate.manifest,
        files=candidate.files,
        losses=LossReport(losses_of(network)),
        usage=_usage(candidate.mapped),
        layout=_layout(candidate.mapped),
        weights=held_weights(plan, network),
        details=_details(candidate),
    )


def _candidate(plan: Plan, lag: Mapping[str, int], target: LoihiTarget, percentile: float) -> Candidate:
    network, extra, notes = _quantise(plan, target, percentile)
    mapped = map_network(device_network(plan, network), target.limits)
    tables = tables_of(mapped, target.numerics)
    files = {**write_tables(tables), **extra}
    manifest = _manifest(plan, lag, target, network, percentile)
    return Candidate(percentile, network, mapped, tables, files, manifest, notes)


def _quantise(
    plan: Plan, target: LoihiTarget, percentile: float
) -> tuple[QuantisedNetwork, dict[str, bytes], tuple[str, ...]]:
    """The network in registers, files beside the tables, and lines for the report."""
    notes: tuple[str, ...] = ()
    if isinstance(target, Loihi2):
        if target.signs is not Signs.MIXED:
            reason = "such a file needs signs=Signs.MIXED"
        elif percentile != 100.0:
            reason = "the largest weights have an exponent of their own"
        else:  # the file holds no exponent: try to do without
            network = quantise_network(
                plan, target.limits, signs=target.signs, weight_bits=target.weight_bits, exponent=0
            )
            content = netx_file(plan, network)
            if isinstance(content, bytes):
                note = "network.net: the same network for lava-dl's netx"
                return network, {"network.net": content}, (note,)
            reason = content
        notes = (f"no network.net for lava-dl's netx: {reason}",)
    network = quantise_network(
        plan, target.limits, signs=target.signs, weight_bits=target.weight_bits, percentile=percentile
    )
    return network, {}, notes


def _manifest(
    plan: Plan, lag: Mapping[str, int], target: LoihiTarget, network: QuantisedNetwork, percentile: float
) -> Manifest:
    populations = {}
    for name, p in plan.populations.items():
        q = network.populations[name]
        states = {"v": (q.scale, q.offset)}
        if "i" in p.model.STATE and np.all(q.gain == q.gain[0]):
            states["i"] = (q.scale * float(q.gain[0]), 0.0)
        if "refractory_left" in p.model.STATE:
            states["refractory_left"] = (1.0, 0.0)
        populations[name] = PopulationEntry(shape=p.shape, lag=lag[name], states=states)
    return Manifest(
        target="loihi",
        profile=target.CHIP,
        dt=plan.dt,
        inputs={name: PopulationEntry(shape=shape, lag=lag[name]) for name, shape in plan.inputs.items()},
        populations=populations,
        outputs=plan.outputs,
        settings={
            "signs": target.signs.value,
            "weight_bits": target.weight_bits,
            "percentile": percentile,
            "numerics": target.numerics.name,
        },
    )


def _usage(mapped: MappedNetwork) -> tuple[Usage, ...]:
    loads, limits = [core.loads for core in mapped.cores], mapped.limits

    def total(name: str) -> int:
        return sum(load[name] for load in loads)

    def most(name: str) -> int:
        return max(load[name] for load in loads)

    return (
        Usage("cores", len(mapped.cores), limits["cores"]),
        Usage("compartments", total("compartments"), limits["cores"] * limits["compartments"]),
        Usage("synapses", sum(len(c.synapses.compartment) for c in mapped.cores)),
        Usage("synapse memory (bit)", total("synapse_bits"), limits["cores"] * limits["synapse_bits"]),
        Usage("synapse memory, fullest core", most("synapse_bits"), limits["synapse_bits"]),
        Usage("input axons, fullest core", most("input_axons"), limits["input_axons"]),
        Usage("output axons, fullest core", most("output_axons"), limits["output_axons"]),
    )


def _layout(mapped: MappedNetwork) -> tuple[Site, ...]:
    at = sites(mapped.limits)
    found = []
    for core in mapped.cores:
        x, y = at[core.number]
        full = max(core.loads[name] / mapped.limits[name] for name in core.loads)
        parts = ", ".join(f"{s.population}[{s.neurons.start}:{s.neurons.stop}]" for s in core.slices)
        found.append(Site("core", x, y, f"core {core.number}: {parts}", full))
    return tuple(found)


def _details(candidate: Candidate) -> str:
    lines = ["population            cores        scale   threshold  exponents"]
    mapped: MappedNetwork = candidate.mapped
    device: DeviceNetwork = mapped.network
    for name, p in candidate.network.populations.items():
        cores = sum(any(s.population == name for s in core.slices) for core in mapped.cores)
        exponents = sorted(
            {e for q in device.incoming(name) for e in np.unique(q.exponent[q.weight != 0]).tolist()}
        )
        threshold = f"{int(p.threshold.max()) << 6:11d}" if p.spiking else "       none"
        lines.append(f"{name:<20} {cores:6d} {p.scale:12.6g} {threshold}  {exponents}")
    return "\n".join([*lines, *candidate.notes])
