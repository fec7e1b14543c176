"""From a legal, retimed plan to a build: quantise, partition, place, route, emit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, write_image
from neurosim.hardware.spinnaker.image.population_table import encode_table, entry_for
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.image.rows import RowFormat, block_words, join_blocks
from neurosim.hardware.spinnaker.machine import read_limits, read_machine
from neurosim.hardware.spinnaker.mapping.keys import KeySpace, Sender, allocate
from neurosim.hardware.spinnaker.mapping.partition import atoms_per_core, dtcm_bytes
from neurosim.hardware.spinnaker.mapping.placement import place_cores
from neurosim.hardware.spinnaker.mapping.routes import Place, build_tables
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits
from neurosim.hardware.spinnaker.quantise.activity import calibrated_activity, safe_activity
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram, program
from neurosim.hardware.spinnaker.quantise.quantised_projection import QuantisedProjection, quantise
from neurosim.hardware.spinnaker.report import details_of, usage_of
from neurosim.hardware.spinnaker.scripts.pynn_script import write_script
from neurosim.hardware.target import Build
from neurosim.loss_report import Loss, LossReport
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.target import SpiNNaker

__all__ = ["map_plan"]

Uint32 = NDArray[np.uint32]


def map_plan(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None, target: SpiNNaker
) -> Build:
    """See `neurosim.hardware.target.Target.map`."""
    limits = read_limits(target.profile)
    bounds = None if calibration is None else calibrated_activity(plan, lag, calibration)
    programs = {
        name: program(p, plan.dt, bounds[name] if bounds else safe_activity(plan, p), lag.get(name, 0))
        for name, p in plan.populations.items()
    }
    losses: list[Loss] = [loss for p in programs.values() for loss in p.losses]
    projections: list[QuantisedProjection] = []
    held: dict[str, NDArray[np.float64]] = {}
    for p in plan.projections:
        quantised, held[p.name], lost = quantise(p, programs[p.post])
        projections.append(quantised)
        losses += lost

    atoms = {
        name: min(p.size, atoms_per_core(name, p.size, plan.incoming(name), target.atoms_per_core, limits))
        for name, p in plan.populations.items()
    }
    sending = {p.pre for p in projections if len(p.raw)}
    for name in plan.inputs:
        if name in sending:
            atoms[name] = min(plan.size_of(name), limits["table_neurons"] // 2 + 1)
    order = [n for n in (*plan.inputs, *plan.populations) if n in sending]
    keys = allocate(
        [Sender(name=n, size=plan.size_of(n), atoms=atoms[n], room=1 + (n in plan.inputs)) for n in order]
    )

    cores = [
        (name, lo, min(lo + atoms[name], plan.size_of(name)))
        for name in (*(n for n in plan.inputs if n in atoms), *plan.populations)
        for lo in range(0, plan.size_of(name), atoms[name])
    ]
    contents = {
        name: _regions(name, plan.size_of(name), atoms[name], projections, programs[name], keys, limits)
        for name in plan.populations
    }
    regions = [contents[name][lo // atoms[name]] if name in plan.populations else {} for name, lo, _ in cores]
    labels = [f"{name}({lo}:{hi - 1})" for name, lo, hi in cores]
    sdram = [4 * sum(len(w) for w in r.values()) for r in regions]
    machine = read_machine(target.profile)
    places = place_cores(machine, sdram, limits["sdram_bytes"], labels)
    vertices = []
    for (name, lo, hi), label, place in zip(cores, labels, places, strict=True):
        space = keys.get(name)
        vertices.append(
            Vertex(
                label=label, population=name, model=programs[name].model.name if name in programs else None, lo=lo,
                hi=hi, x=place[0], y=place[1], p=place[2], key=space.core_key(lo // atoms[name]) if space else None,
                mask=space.core_mask if space else None,
            )
        )  # fmt: skip
    of_population: dict[str, list[Place]] = {}
    for v in vertices:
        of_population.setdefault(v.population, []).append(v.place)
    tables = build_tables(
        machine,
        keys,
        of_population,
        _targets(keys, atoms, projections, of_population),
        limits["router_entries"],
    )
    image = MachineImage(tuple(vertices), dict(zip(places, regions, strict=True)), tables)
    script = write_script(plan, programs, projections, atoms)
    usage, layout = usage_of(image, sdram, projections, limits, machine)
    return Build(
        target=target,
        manifest=_manifest(plan, lag, target, programs, atoms),
        files={**write_image(image), **script},
        losses=LossReport(losses),
        usage=usage,
        layout=layout,
        weights=held,
        details=details_of(plan, programs, atoms),
    )


def _regions(
    name: str,
    size: int,
    atoms: int,
    projections: list[QuantisedProjection],
    neurons: NeuronProgram,
    keys: Mapping[str, KeySpace],
    limits: Mapping[str, Any],
) -> list[dict[int, Uint32]]:
    """The regions of every core of a population."""
    n_cores = -(-size // atoms)
    incoming = [p for p in projections if p.post == name and len(p.raw)]
    delay_bits = index_bits(max((int(p.delay.max()) for p in incoming), default=1))
    blocks: list[list[tuple[str, Uint32, int]]] = [[] for _ in range(n_cores)]
    layout = RowFormat(atoms)
    for p in incoming:
        core = p.target // atoms
        words = layout.encode(p.raw, p.delay, p.receptor, p.target % atoms)
        sources = keys[p.pre].sender.size
        length = int(np.unique(core * sources + p.source, return_counts=True)[1].max())
        order = np.argsort(core, kind="stable")
        edges = np.searchsorted(core[order], np.arange(n_cores + 1))
        for k in np.flatnonzero(np.diff(edges)):
            here = order[edges[k] : edges[k + 1]]
            blocks[k].append((p.pre, block_words(p.source[here], words[here], sources, length), length))
    out = []
    for k in range(n_cores):
        lo, hi = k * atoms, min((k + 1) * atoms, size)
        rows, starts = join_blocks([block for _, block, _ in blocks[k]])
        entries: dict[str, list[tuple[int, int]]] = {}
        for (pre, _, length), begin in zip(blocks[k], starts, strict=True):
            entries.setdefault(pre, []).append((begin, length))
        table = encode_table([entry_for(keys[pre], found) for pre, found in entries.items()])
        space = keys.get(name)
        core_words = CoreParameters(
            neurons=hi - lo,
            key=space.core_key(k) if space else None,
            atoms=atoms,
            delay_bits=delay_bits,
            shifts=neurons.shifts,
        )
        need = dtcm_bytes(atoms, delay_bits, len(table), max((length for *_, length in blocks[k]), default=0))
        if need > limits["dtcm_bytes"]:
            raise CapacityError(
                "a core does not have enough data memory",
                where=f"core {name}({lo}:{hi - 1})",
                value=f"{need} bytes",
                limit=f"{limits['dtcm_bytes']} bytes",
                remedy="Use fewer atoms per core",
            )
        part = slice(lo, hi)
        out.append(
            {
                int(Region.CORE): core_region(core_words),
                int(Region.PARAMETERS): parameter_region(
                    neurons.neuron[part], neurons.inputs[part], neurons.threshold[part], neurons.synapse[part]
                ),
                int(Region.SYNAPSE_PARAMETERS): synapse_region(core_words),
                int(Region.POPULATION_TABLE): table,
                int(Region.SYNAPTIC_ROWS): rows,
            }
        )
    return out


def _targets(
    keys: Mapping[str, KeySpace],
    atoms: Mapping[str, int],
    projections: list[QuantisedProjection],
    places: Mapping[str, list[Place]],
) -> dict[str, list[set[Place]]]:
    """For each core of each sender, the cores that hold synapses of it."""
    targets: dict[str, list[set[Place]]] = {
        n: [set() for _ in range(k.sender.cores)] for n, k in keys.items()
    }
    for p in projections:
        if len(p.raw):
            width = len(places[p.post])
            for pair in np.unique(p.source // atoms[p.pre] * width + p.target // atoms[p.post]).tolist():
                targets[p.pre][pair // width].add(places[p.post][pair % width])
    return targets


def _manifest(
    plan: Plan,
    lag: Mapping[str, int],
    target: SpiNNaker,
    programs: Mapping[str, NeuronProgram],
    atoms: Mapping[str, int],
) -> Manifest:
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
            "timestep_ms": 1.0,
            "time_scale_factor": 1e-3 / plan.dt,
            "atoms_per_core": {n: atoms[n] for n in plan.populations},
            "left_shift": {n: list(p.shifts) for n, p in programs.items()},
        },
    )
