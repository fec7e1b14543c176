"""From a mapped network to its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from neurosim.engine.inputs import checked_inputs, steps_of
from neurosim.engine.plan import Plan
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.hardware.emulator import Overflow, machine_inputs
from neurosim.hardware.loihi.chip import ChipDescription
from neurosim.hardware.loihi.emulator.device import device_of
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.hardware.loihi.report.activity import Activity, activity
from neurosim.hardware.loihi.report.divergence import first_divergence
from neurosim.hardware.loihi.report.effect import effects, own_effects
from neurosim.hardware.loihi.report.energy import energy, latency
from neurosim.hardware.loihi.report.headroom import core_uses, headroom
from neurosim.hardware.loihi.report.loihi_report import LoihiReport, Run
from neurosim.hardware.loihi.report.population_replay import PopulationReplay
from neurosim.hardware.loihi.report.rounding_error import population_roundings, projection_roundings
from neurosim.hardware.loihi.tables.chip_tables import ChipTables
from neurosim.hardware.manifest import Manifest
from neurosim.spikes import Spikes

__all__ = ["MOST_SAMPLES", "Compiled", "analyse", "analyse_build", "analyse_device", "with_activity"]

MOST_SAMPLES = 16
"""Samples of the calibration inputs that a report runs when it is given no inputs of its own."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Compiled:
    """A network at every stage of compiling; ``plan`` is legal and retimed by ``lag``."""

    plan: Plan
    lag: Mapping[str, int]
    quantised: QuantisedNetwork
    mapped: MappedNetwork
    tables: ChipTables
    manifest: Manifest


def analyse(mapped: MappedNetwork, chip: ChipDescription, *, numerics: str, dt: float) -> LoihiReport:
    """What a network takes of the chip, from its mapping alone."""
    cores = core_uses(mapped)
    return LoihiReport(
        chip=chip.label,
        fit=chip.fit.value,
        numerics=numerics,
        dt=dt,
        headroom=tuple(headroom(mapped, cores)),
        cores=cores,
    )


def with_activity(
    report: LoihiReport,
    mapped: MappedNetwork,
    chip: ChipDescription,
    spikes: Mapping[str, Spikes],
    basis: str,
) -> LoihiReport:
    """The report with what the cores do, and the time and energy that this takes.

    Args:
        spikes: of every input and population, in machine time. basis: what the inputs are, in words.
    """
    found = activity(mapped, spikes)
    if not found.steps or not mapped.cores:
        return report
    limits = mapped.limits
    tiles = len({(c.x, c.y) for c in report.cores})
    numbers = tuple(c.number for c in mapped.cores)
    slowest = joules = None
    if chip.time:
        slowest = latency(found, chip.time, tiles, limits["tiles_x"] * limits["tiles_y"], numbers)
    if chip.energy and slowest is not None:
        joules = energy(found, chip.energy, slowest.mean)
    first = next(iter(spikes.values()))
    return replace(report, run=_run(found, basis, first), latency=slowest, energy=joules)


def analyse_device(
    mapped: MappedNetwork,
    tables: ChipTables,
    manifest: Manifest,
    chip: ChipDescription,
    *,
    inputs: Mapping[str, Spikes] | None = None,
    duration: float | None = None,
) -> LoihiReport:
    """Report on a network that came in the numbers of the chip: nothing was rounded, and nothing is compared.

    Args:
        inputs, duration: see `analyse_build`.
    """
    report = analyse(mapped, chip, numerics=tables.numerics, dt=manifest.dt)
    if inputs is None and duration is None:
        return report
    given, steps = _machine_inputs(manifest, inputs or {}, duration)
    record = {name: Record("spikes") for name in manifest.populations}
    found = device_of(manifest, tables).run(given, steps, record, 0, Overflow.AS_CHIP)
    spikes = {name: _spikes(p.spikes) for name, p in found.items()}
    return with_activity(report, mapped, chip, {**given, **spikes}, "the given inputs")


def analyse_build(
    compiled: Compiled,
    chip: ChipDescription,
    sample: Mapping[str, Spikes] | None = None,
    *,
    inputs: Mapping[str, Spikes] | None = None,
    duration: float | None = None,
) -> LoihiReport:
    """Report on a build: what `Build.analyse` of this target calls, which gives the first three itself.

    The float engine and the emulated chip run the inputs, and are compared.

    Args:
        inputs: as `emulate` takes them; None: the calibration inputs, of which the first `MOST_SAMPLES` samples.
            Without either nothing is run, and effects, activity, time and energy are left out.
        duration: seconds; None: as long as the inputs.

    Raises:
        DataError, ShapeError: see `neurosim.hardware.emulator.Device.emulate`.
    """
    plan, mapped, manifest = compiled.plan, compiled.mapped, compiled.manifest
    report = analyse(mapped, chip, numerics=compiled.tables.numerics, dt=plan.dt)
    report = replace(
        report,
        populations=tuple(population_roundings(plan, compiled.quantised)),
        projections=tuple(projection_roundings(plan, compiled.quantised)),
    )
    basis = "the given inputs"
    if inputs is None and sample is not None:
        inputs = {name: _first(s) for name, s in sample.items()}
        basis = "the calibration inputs" + (
            f", first {MOST_SAMPLES} samples"
            if any(s.samples > MOST_SAMPLES for s in sample.values())
            else ""
        )
    if inputs is None and duration is None:
        return report
    given, steps = _machine_inputs(manifest, inputs or {}, duration)
    record = {name: Record("spikes") for name in plan.populations}
    floats = simulate(plan, given, steps * plan.dt, record=record)
    chips = device_of(manifest, compiled.tables).run(given, steps, record, 0, Overflow.AS_CHIP)
    wanted = {**given, **{name: _spikes(p.spikes) for name, p in floats.items()}}
    found = {name: _spikes(p.spikes) for name, p in chips.items()}
    replays = PopulationReplay(plan, compiled.quantised, mapped.network, PROFILES[compiled.tables.numerics])
    report = replace(
        report,
        effects=tuple(effects({n: wanted[n] for n in found}, found, chips.events)),
        own_effects=tuple(own_effects(replays, wanted)),
        divergence=first_divergence(replays, wanted, found, compiled.lag),
    )
    return with_activity(report, mapped, chip, {**given, **found}, basis)


def _first(s: Spikes) -> Spikes:
    return s if s.samples <= MOST_SAMPLES else s.select(range(MOST_SAMPLES))


def _machine_inputs(
    manifest: Manifest, inputs: Mapping[str, Spikes], duration: float | None
) -> tuple[dict[str, Spikes], int]:
    """Inputs that are given or silent, in machine time, and the steps that the machine needs for them."""
    shapes = {name: entry.shape for name, entry in manifest.inputs.items()}
    lag = {name: entry.lag for name, entry in manifest.inputs.items()}
    given = checked_inputs(inputs, shapes, manifest.dt)
    steps = steps_of(duration, given, manifest.dt)
    total = steps + manifest.max_lag
    samples = next((s.samples for s in given.values()), 1)
    found = machine_inputs(given, shapes, lag, dt=manifest.dt, steps=(steps, total), samples=samples)
    return found, total


def _spikes(found: Spikes | None) -> Spikes:
    assert found is not None  # they were recorded
    return found


def _run(found: Activity, basis: str, spikes: Spikes) -> Run:
    n = found.steps
    return Run(
        basis=basis,
        samples=spikes.samples,
        steps=spikes.steps,
        operations=float(found.operations.sum()) / n,
        updates=float(found.compartments.sum()),
        active=float(found.active.sum()) / n,
        messages=float(found.messages.sum()) / n,
        inputs=found.inputs / n,
        hops=float(found.hops.sum()) / n,
        way=found.way,
    )
