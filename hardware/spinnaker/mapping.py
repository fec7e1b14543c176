"""From a legal, retimed plan to a build: quantise, partition, place, route, emit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.spinnaker.activity import calibrated_activity, safe_activity
from neurosim.hardware.spinnaker.keys import KeySpace, Sender, allocate
from neurosim.hardware.spinnaker.machine import Machine, read_limits, read_machine
from neurosim.hardware.spinnaker.machine_image import MachineImage, Vertex, write_image
from neurosim.hardware.spinnaker.neuron_program import NeuronProgram, program
from neurosim.hardware.spinnaker.partition import atoms_per_core, dtcm_bytes
from neurosim.hardware.spinnaker.placement import place_cores
from neurosim.hardware.spinnaker.population_table import encode_table, entry_for
from neurosim.hardware.spinnaker.pynn_script import write_script
from neurosim.hardware.spinnaker.regions import (
    CoreParameters,
    Region,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.ring_buffer import index_bits
from neurosim.hardware.spinnaker.routes import Place, build_tables
from neurosim.hardware.spinnaker.rows import RowFormat, block_words, join_blocks
from neurosim.hardware.target import Build, Site, Usage
from neurosim.losses import Loss, LossKind, LossReport
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.target import SpiNNaker

__all__ = ["QuantisedProjection", "map_plan"]

Uint32 = NDArray[np.uint32]
_LARGEST_RAW = 0xFFFF


@dataclass(frozen=True, eq=False)
class QuantisedProjection:
    """Synapses of a projection as the machine holds them; those whose weight rounds to zero are gone.

    ``source``, ``target``: neurons of the populations; ``raw``: magnitudes; ``receptor``: 1 where the weight is
    negative.
    """

    name: str
    pre: str
    post: str
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    raw: NDArray[np.int64]
    receptor: NDArray[np.int64]
    delay: NDArray[np.int64]


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
    projections, held = [], {}
    for p in plan.projections:
        quantised, held[p.name], lost = _quantise(p, programs[p.post])
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
    keys = allocate([Sender(name=n, size=plan.size_of(n), atoms=atoms[n]) for n in order])

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
    usage, layout = _usage(image, sdram, projections, limits, machine)
    return Build(
        target=target,
        manifest=_manifest(plan, lag, target, programs, atoms),
        files={**write_image(image), **script},
        losses=LossReport(losses),
        usage=usage,
        layout=layout,
        weights=held,
        details=_details(plan, programs, atoms),
    )


def _quantise(
    p: PlanProjection, post: NeuronProgram
) -> tuple[QuantisedProjection, NDArray[np.float64], list[Loss]]:
    """The projection as the machine holds it, its weights in the network's units, and what rounding lost."""
    receptor = (p.weight < 0).astype(np.int64)
    unit = (
        post.factor[p.target] * 2.0 ** (15 - np.array(post.shifts))[receptor]
    )  # raw weight of a weight of one
    raw = np.rint(np.abs(p.weight.astype(np.float64)) * unit).astype(np.int64)
    where = f"projection {p.name!r}"
    if np.any(raw > _LARGEST_RAW):
        raise CapacityError(
            "a weight needs more than 16 bits",
            where=where,
            value=float(np.abs(p.weight).max()),
            limit=_LARGEST_RAW,
        )
    held = np.where(receptor, -raw, raw) / unit
    losses = rounding_loss(where, p.weight, held)
    kept = raw > 0
    if not kept.all():
        what = f"{np.count_nonzero(~kept)} of {len(raw)} weights round to zero; share"
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=float(np.mean(~kept))))
    columns = (
        p.pre_index.astype(np.int64),
        p.target.astype(np.int64),
        raw,
        receptor,
        p.delay.astype(np.int64),
    )
    return QuantisedProjection(p.name, p.pre, p.post, *(c[kept] for c in columns)), held, losses


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
            pairs = np.unique(np.stack([p.source // atoms[p.pre], p.target // atoms[p.post]]), axis=1)
            for source, to in pairs.T.tolist():
                targets[p.pre][source].add(places[p.post][to])
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


def _usage(
    image: MachineImage,
    sdram: list[int],
    projections: list[QuantisedProjection],
    limits: Mapping[str, Any],
    machine: Machine,
) -> tuple[tuple[Usage, ...], tuple[Site, ...]]:
    per_chip: dict[tuple[int, int], int] = {}
    for v, need in zip(image.vertices, sdram, strict=True):
        per_chip[v.x, v.y] = per_chip.get((v.x, v.y), 0) + need
    longest = max((len(t) for t in image.tables.values()), default=0)
    usage = (
        Usage("cores", len(image.vertices), sum(map(len, machine.cores.values()))),
        Usage("chips", len(per_chip), len(machine.cores)),
        Usage("synapses", sum(len(p.raw) for p in projections)),
        Usage("memory of the fullest chip, B", max(per_chip.values(), default=0), limits["sdram_bytes"]),
        Usage("router entries, fullest chip", longest, limits["router_entries"]),
        Usage("router entries in all", sum(map(len, image.tables.values()))),
    )
    layout = tuple(
        Site(
            unit=f"core {v.p}",
            x=v.x,
            y=v.y,
            label=v.label,
            load=min(1.0, (v.hi - v.lo) / limits["atoms_per_core"]) if v.model else 0.0,
        )
        for v in image.vertices
    )
    return usage, layout


def _details(plan: Plan, programs: Mapping[str, NeuronProgram], atoms: Mapping[str, int]) -> str:
    lines = ["population                 program        neurons  cores   scale of v  weight unit exc/inh"]
    for name, p in programs.items():
        size = plan.size_of(name)
        unit = [2.0 ** (s - 15) / float(np.mean(p.factor)) for s in p.shifts]
        lines.append(
            f"{name:<26} {p.model.name:<14} {size:7} {math.ceil(size / atoms[name]):6}   {p.states['v'][0]:10g}"
            f"  {unit[0]:.3g} / {unit[1]:.3g}" + (f"  ({p.note})" if p.note else "")
        )
    return "\n".join(lines)
