"""The resistive crossbar as a target: its limits, what it supports, and compiling for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError, DescriptionError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.crossbar.calibration import calibrated
from neurosim.hardware.crossbar.cells import Compensation
from neurosim.hardware.crossbar.emulator import Machine
from neurosim.hardware.crossbar.files import profile_toml, pulse_toml, tile_csv, write_blocks
from neurosim.hardware.crossbar.limits import limits
from neurosim.hardware.crossbar.mapping import Block, Scaling, TileShape, held_weights, map_projection
from neurosim.hardware.crossbar.profile import Profile, read_profile
from neurosim.hardware.crossbar.report import conductance_report, losses_of, sites_of
from neurosim.hardware.emulator import machine_inputs
from neurosim.hardware.manifest import FileContent, Manifest, PopulationEntry
from neurosim.hardware.target import Build, Feature, Support, SupportKind, Transport, Usage
from neurosim.loss_report import Loss, LossReport
from neurosim.network import Network
from neurosim.parameters import Parameters, parameter
from neurosim.spikes import Spikes

__all__ = ["Crossbar"]

_NATIVE = Support(SupportKind.NATIVE, "neurons are digital, in float64")
_ONE_SUM = Support(
    SupportKind.REFUSED, "Use a model with one receptor: the columns of a population are read as one sum"
)
_SUPPORT = dict.fromkeys(Feature, _NATIVE) | {
    Feature.SYNAPTIC_DELAY: Support(
        SupportKind.NATIVE, "a word line for every pair of neuron and delay; digital buffer"
    ),
    Feature.ZERO_DELAY: Support(
        SupportKind.NATIVE, "populations are read one after the other within the step"
    ),
    Feature.GRADED_INPUT: Support(SupportKind.NATIVE, "read pulses on the word line, 15 at most in a step"),
    Feature.CURRENT: Support(SupportKind.NATIVE, "added digitally"),
    Feature.OTHER_MODEL: Support(SupportKind.NATIVE, "its own step function, if it is registered for saving"),
    Feature.DUAL_CURRENT_LIF: _ONE_SUM,
    Feature.CONDUCTANCE_LIF: _ONE_SUM,
    Feature.RECEPTORS: _ONE_SUM,
    Feature.SOURCE: Support(
        SupportKind.REFUSED, "Describe the input without a source, and pass its spikes to emulate"
    ),
    Feature.DRIVE: Support(
        SupportKind.REFUSED, "Send the noise as spikes of an input; a constant current is the model's"
    ),
    Feature.DIMENSIONLESS: Support(
        SupportKind.NATIVE, "weights become conductances; see the losses of the build"
    ),
    Feature.PLASTICITY: Support(
        SupportKind.REFUSED, "Conductances are written once; freeze the weights before compiling"
    ),
}
MOST_LEVELS = 1 << 16
"""More levels of a cell are as good as any conductance."""
_FLOAT32 = 1e-6
"""Relative errors below this are those of float32 numbers themselves and are not reported."""
CALIBRATION_SEED = 0
"""The device whose currents set the ADC ranges, and whose weight errors are reported."""


class Crossbar(Parameters):
    """Resistive crossbars with digital neurons.

    Attributes:
        profile: of the memory cells: a name (see `profile_names`), a TOML file, or a `Profile`. It holds programming
            error, drift, read noise (on where the profile has it) and stuck cells; ``profile.replace`` changes them.
        rows, columns: word and bit lines of a tile; a signed column takes two bit lines.
        adc_bits: resolution of the ADC of every signed column; None: the default in ``limits``.
        wire_resistance: of each segment of word and bit line, ohm. Unless 0, every tile is solved exactly, once a
            device, with idle word lines grounded.
        scaling: over which weights the largest one sets the scale to conductance.
        levels: equally spaced conductances that cells are programmed to, from the lowest to the highest of the
            profile; None: any.
        age: seconds between programming and reading, for profiles with drift; None: the profile's.
        compensation: what is done digitally about drift.
    """

    profile: str | Path | Profile = "rram-wan-1d"
    rows: int = 128
    columns: int = 128
    adc_bits: int | None = None
    wire_resistance: float = parameter(default=0.0, unit="ohm", minimum=0.0)
    scaling: Scaling = Scaling.COLUMN
    levels: int | None = None
    age: float | None = parameter(default=None, unit="s", minimum=0.0)
    compensation: Compensation = Compensation.GLOBAL

    def __post_init__(self) -> None:
        super().__post_init__()
        most = self.limits
        if self.adc_bits is None:
            object.__setattr__(self, "adc_bits", most["adc_bits_default"])
        bits = (most["adc_bits_minimum"], most["adc_bits_maximum"])
        for name, low, high in (
            ("rows", 1, most["rows"]),
            ("columns", 2, most["columns"]),
            ("adc_bits", *bits),
            ("levels", 2, MOST_LEVELS),
        ):
            value = getattr(self, name)
            if name == "levels" and value is None:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, np.integer))
                or not low <= value <= high
            ):
                raise DescriptionError(
                    "is out of range", where=f"Crossbar.{name}", value=value, limit=f"{low} to {high}"
                )
        if self.columns % 2:
            raise DescriptionError("must be even", where="Crossbar.columns", value=self.columns)
        _ = self.cell

    @property
    def name(self) -> str:
        """The target's name in manifests and entry points."""
        return "crossbar"

    @cached_property
    def cell(self) -> Profile:
        """The device profile that ``profile`` names, at the age that is set."""
        profile = self.profile if isinstance(self.profile, Profile) else read_profile(self.profile)
        if self.age is None:
            return profile
        return profile.replace(drift=profile.drift.replace(age=self.age))

    @property
    def limits(self) -> Mapping[str, Any]:
        """What the machine around the cells can do, from ``limits.toml``."""
        return limits()

    @property
    def support(self) -> Mapping[Feature, Support]:
        """How each feature of a network is treated."""
        return _SUPPORT

    @property
    def transport(self) -> Transport:
        """The digital buffer delivers within the step or up to its depth later."""
        return Transport(0, self.limits["delay_steps"])

    def map(self, plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None) -> Build:
        """Place a legal, retimed plan on tiles and emit the files.

        Raises:
            CapacityError: more tiles than can be numbered.
        """
        shape = TileShape(self.rows, self.columns)
        blocks: list[Block] = []
        tiles = 0
        for p in plan.projections:
            mapped = map_projection(p, shape, self.cell, self.scaling, first_tile=tiles, levels=self.levels)
            tiles += sum(len(block.full_scale) for block in mapped)
            blocks += mapped
        if tiles > self.limits["tiles"]:
            raise CapacityError(
                "too many tiles",
                where=self.name,
                value=tiles,
                limit=self.limits["tiles"],
                remedy="Use larger tiles",
            )
        held = {
            p.name: held_weights(p, [b for b in blocks if b.projection == p.name]) for p in plan.projections
        }
        order = [name for stage in plan.stages for name in stage.populations]
        machine = Machine(
            dt=plan.dt,
            inputs=dict(plan.inputs),
            populations={
                name: (plan.populations[name].shape, plan.populations[name].model) for name in order
            },
            lag=dict(lag),
            blocks=tuple(blocks),
            shape=shape,
            profile=self.cell,
            adc_bits=int(self.adc_bits or 0),
            wire=self.wire_resistance,
            compensation=self.compensation,
            input_count=self.limits["input_count"],
        )
        if calibration:
            machine = replace(
                machine,
                blocks=calibrated(machine, *_machine_time(calibration, plan, lag), seed=CALIBRATION_SEED),
            )
        return self._build(plan, lag, machine, order, held)

    def _build(
        self,
        plan: Plan,
        lag: Mapping[str, int],
        machine: Machine,
        order: list[str],
        held: dict[str, NDArray[np.float64]],
    ) -> Build:
        cells = sum(int(b.programmed.sum()) for b in machine.blocks)
        usage = (
            Usage("tiles", machine.tiles, self.limits["tiles"]),
            Usage("cells programmed", cells, machine.tiles * self.rows * self.columns),
            Usage("word lines", sum(b.lines for b in machine.blocks), machine.tiles * self.rows),
            Usage(
                "longest delay (steps)",
                max((p.max_delay for p in plan.projections), default=0),
                self.limits["delay_steps"],
            ),
        )
        manifest = Manifest(
            target=self.name,
            profile=self.cell.name,
            dt=plan.dt,
            inputs={n: PopulationEntry(shape=tuple(s), lag=lag.get(n, 0)) for n, s in plan.inputs.items()},
            populations={
                n: PopulationEntry(shape=p.shape, lag=lag.get(n, 0)) for n, p in plan.populations.items()
            },
            outputs=plan.outputs,
            settings={
                "rows": self.rows,
                "columns": self.columns,
                "adc_bits": machine.adc_bits,
                "wire_ohm": float(self.wire_resistance),
                "input_count": machine.input_count,
                "scaling": self.scaling.value,
                "levels": self.levels,
                "compensation": self.compensation.value,
                "order": order,
            },
        )
        return Build(
            target=self,
            manifest=manifest,
            files=_files(plan, machine),
            losses=self._level_losses(plan, held) + losses_of(machine, seed=CALIBRATION_SEED),
            usage=usage,
            layout=sites_of(machine),
            weights=held,
            details=conductance_report(machine, seed=CALIBRATION_SEED),
        )

    def _level_losses(self, plan: Plan, held: Mapping[str, NDArray[np.float64]]) -> LossReport:
        lost: list[Loss] = []
        if self.levels is not None:
            for p in plan.projections:
                lost += rounding_loss(f"projection {p.name!r}", p.weight, held[p.name])
        return LossReport([loss for loss in lost if (loss.amount or 0.0) > _FLOAT32])


def _machine_time(
    given: Mapping[str, Spikes], plan: Plan, lag: Mapping[str, int]
) -> tuple[dict[str, Spikes], int]:
    longest = max(s.steps for s in given.values())
    steps = longest + max(lag.values(), default=0)
    samples = next(s.samples for s in given.values())
    return machine_inputs(given, plan.inputs, lag, dt=plan.dt, steps=(longest, steps), samples=samples), steps


def _files(plan: Plan, machine: Machine) -> dict[str, FileContent]:
    neurons = Network(dt=plan.dt, seed=plan.seed)
    for name, sensor in plan.inputs.items():
        neurons.input(name, sensor)
    for name, population in plan.populations.items():
        neurons.population(name, population.shape, population.model)
    blocks, shape, profile = machine.blocks, machine.shape, machine.profile
    files: dict[str, FileContent] = {
        "crossbar.h5": lambda path: write_blocks(path, blocks, shape, profile),
        "neurons.h5": neurons.save,
        "device.toml": profile_toml(profile),
        "pulse.toml": pulse_toml(profile),
    }
    for block in blocks:
        for tile, lines in block.tiles(shape):
            files[f"cells/tile_{tile:05d}.csv"] = _csv(block, lines, tile, profile)
    return files


def _csv(block: Block, lines: slice, tile: int, profile: Profile) -> FileContent:
    def write(path: Path) -> None:
        path.write_text(tile_csv(block, lines, tile, profile), encoding="utf-8")

    return write
