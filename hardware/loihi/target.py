"""The targets `Loihi1` and `Loihi2`: profile, options, and the way from a plan to a build."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurosim.engine.plan import Plan
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.emulator import Device
from neurosim.hardware.loihi.calibrate import Candidate, choose
from neurosim.hardware.loihi.core_tables import read_chip
from neurosim.hardware.loihi.emit import emit
from neurosim.hardware.loihi.emulator import LoihiDevice
from neurosim.hardware.loihi.limits import read_limits, read_limits_file
from neurosim.hardware.loihi.loaded_chip import read_chip_tables
from neurosim.hardware.loihi.netx import netx_file
from neurosim.hardware.loihi.numerics_profiles import BRIAN2_LOIHI, LAVA, NENGO_LOIHI, Numerics
from neurosim.hardware.loihi.partition import Partition, partition, sites
from neurosim.hardware.loihi.quantise import Signs
from neurosim.hardware.loihi.quantised_network import (
    QuantisedNetwork,
    held_weights,
    losses_of,
    quantise_network,
)
from neurosim.hardware.loihi.support import LOIHI1_SUPPORT, LOIHI2_SUPPORT
from neurosim.hardware.loihi.weights import WEIGHT_WIDTHS
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.target import Build, Feature, Site, Support, Transport, Usage
from neurosim.loss_report import LossReport
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["Loihi1", "Loihi2", "load"]

_NUMERICS = {n.name: n for n in (LAVA, NENGO_LOIHI, BRIAN2_LOIHI)}


class _Loihi(Parameters):
    """What both chips share. A subclass names its limits, features and arithmetic."""

    CHIP: ClassVar[str]
    NUMERICS: ClassVar[Numerics]
    SUPPORT: ClassVar[Mapping[Feature, Support]]

    signs: Signs = Signs.SPLIT
    weight_bits: int = 8
    chip_file: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.signs, str):
            with contextlib.suppress(ValueError):  # refused below, with the options
                object.__setattr__(self, "signs", Signs(self.signs))
        super().__post_init__()
        widths = WEIGHT_WIDTHS[2 if self.signs is Signs.MIXED else 1 :]
        if isinstance(self.weight_bits, bool) or self.weight_bits not in widths:
            raise DescriptionError(
                "is no width of a weight",
                where=f"{type(self).__name__}.weight_bits",
                value=self.weight_bits,
                limit=widths,
            )
        if self.chip_file is not None:
            _ = self.limits

    @property
    def name(self) -> str:
        """``"loihi1"`` or ``"loihi2"``."""
        return self.CHIP

    @property
    def limits(self) -> Mapping[str, int]:
        """Limits of a core and of the chip, from the TOML file of its name or from ``chip_file``."""
        return read_limits(self.CHIP) if self.chip_file is None else read_limits_file(self.chip_file)

    @property
    def support(self) -> Mapping[Feature, Support]:
        """How the features of a description are taken."""
        return self.SUPPORT

    @property
    def transport(self) -> Transport:
        """A spike takes one step, and up to 62 more in a synaptic delay."""
        return Transport(1, 1 + self.limits["delay_maximum"])

    def map(
        self, plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None = None
    ) -> Build:
        """Quantise, partition, place and emit.

        With ``calibration`` (typical inputs by name, in network time) several choices of the weight scales are emulated
        and compared with the float engine, and the one whose spike counts are nearest is taken.

        Raises:
            CapacityError: a limit is exceeded, or a population falls silent or saturates on the calibration inputs.
            UnsupportedError: something that no register expresses.
        """
        if calibration is None:
            candidate = self._candidate(plan, lag, 100.0)
        else:
            candidate = choose(
                lambda percentile: self._candidate(plan, lag, percentile),
                plan,
                lag,
                calibration,
                self.NUMERICS,
            )
        network, placed = candidate.network, candidate.partition
        return Build(
            target=self,
            manifest=candidate.manifest,
            files=candidate.files,
            losses=LossReport(losses_of(network)),
            usage=_usage(placed, self.limits),
            layout=_layout(placed, self.limits),
            weights=held_weights(plan, network),
            details=_details(network, placed, candidate),
        )

    def _candidate(self, plan: Plan, lag: Mapping[str, int], percentile: float) -> Candidate:
        network, extra, notes = self._quantise(plan, percentile)
        placed = partition(plan, network, self.limits)
        files = {**emit(plan, network, placed, self.NUMERICS), **extra}
        manifest = self._manifest(plan, lag, network, percentile)
        return Candidate(percentile, network, placed, files, manifest, notes)

    def _quantise(
        self, plan: Plan, percentile: float
    ) -> tuple[QuantisedNetwork, dict[str, bytes], tuple[str, ...]]:
        """The network in registers, files beside the tables, and lines for the report."""
        network = quantise_network(
            plan, self.limits, signs=self.signs, weight_bits=self.weight_bits, percentile=percentile
        )
        return network, {}, ()

    def _manifest(
        self, plan: Plan, lag: Mapping[str, int], network: QuantisedNetwork, percentile: float
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
            profile=self.CHIP,
            dt=plan.dt,
            inputs={name: PopulationEntry(shape=shape, lag=lag[name]) for name, shape in plan.inputs.items()},
            populations=populations,
            outputs=plan.outputs,
            settings={
                "signs": self.signs.value,
                "weight_bits": self.weight_bits,
                "percentile": percentile,
                "numerics": self.NUMERICS.name,
            },
        )


class Loihi1(_Loihi):
    """Intel's first Loihi, in the arithmetic of nengo-loihi's emulator: 22-bit accumulators, refractory counters.

    Attributes:
        signs: how projections with weights of both signs are stored.
        weight_bits: of a stored weight, 1 (2 with `Signs.MIXED`) to 6 or 8; fewer take less synapse memory.
        chip_file: a TOML file with the limits of another chip, laid out like ``loihi1.toml`` beside this module.
    """

    CHIP: ClassVar[str] = "loihi1"
    NUMERICS: ClassVar[Numerics] = NENGO_LOIHI
    SUPPORT: ClassVar[Mapping[Feature, Support]] = LOIHI1_SUPPORT

    signs: Signs = Signs.SPLIT


class Loihi2(_Loihi):
    """Intel's Loihi 2 with leaky integrate-and-fire neurons, in the arithmetic of Lava's bit-accurate models.

    A chain of layers also comes out as ``network.net``, which lava-dl's netx loads; see
    `neurosim.hardware.loihi.netx` for what such a file can hold.

    Attributes:
        signs: how projections with weights of both signs are stored; a netx file needs `Signs.MIXED`.
        weight_bits: of a stored weight, 1 (2 with `Signs.MIXED`) to 6 or 8; fewer take less synapse memory.
        chip_file: a TOML file with the limits of another chip, laid out like ``loihi2.toml`` beside this module.
    """

    CHIP: ClassVar[str] = "loihi2"
    NUMERICS: ClassVar[Numerics] = LAVA
    SUPPORT: ClassVar[Mapping[Feature, Support]] = LOIHI2_SUPPORT

    signs: Signs = Signs.MIXED

    def _quantise(
        self, plan: Plan, percentile: float
    ) -> tuple[QuantisedNetwork, dict[str, bytes], tuple[str, ...]]:
        if self.signs is not Signs.MIXED:
            reason = "such a file needs signs=Signs.MIXED"
        elif percentile != 100.0:
            reason = "the largest weights have an exponent of their own"
        else:  # the file holds no exponent: try to do without
            network = quantise_network(
                plan, self.limits, signs=self.signs, weight_bits=self.weight_bits, exponent=0
            )
            content = netx_file(plan, network)
            if isinstance(content, bytes):
                note = "network.net: the same network for lava-dl's netx"
                return network, {"network.net": content}, (note,)
            reason = content
        network, _, _ = super()._quantise(plan, percentile)
        return network, {}, (f"no network.net for lava-dl's netx: {reason}",)


def load(folder: Path, manifest: Manifest) -> Device:
    """The emulator of a build folder of `Loihi1` or `Loihi2`."""
    numerics = _NUMERICS.get(str(read_chip(folder / "chip.json").get("numerics")))
    if numerics is None:
        raise FileFormatError(
            "names no arithmetic of ours", where=str(folder / "chip.json"), limit=sorted(_NUMERICS)
        )
    return LoihiDevice(manifest, read_chip_tables(folder), numerics)


def _usage(placed: Partition, limits: Mapping[str, int]) -> tuple[Usage, ...]:
    def total(name: str) -> int:
        return sum(load[name] for load in placed.loads)

    def most(name: str) -> int:
        return max(load[name] for load in placed.loads)

    return (
        Usage("cores", len(placed.slices), limits["cores"]),
        Usage("compartments", total("compartments"), limits["cores"] * limits["compartments"]),
        Usage("synapses", sum(len(s.source) for s in placed.synapses)),
        Usage("synapse memory (bit)", total("synapse_bits"), limits["cores"] * limits["synapse_bits"]),
        Usage("synapse memory, fullest core", most("synapse_bits"), limits["synapse_bits"]),
        Usage("input axons, fullest core", most("input_axons"), limits["input_axons"]),
        Usage("output axons, fullest core", most("output_axons"), limits["output_axons"]),
    )


def _layout(placed: Partition, limits: Mapping[str, int]) -> tuple[Site, ...]:
    at = sites(limits)
    found = []
    for i, part in enumerate(placed.slices):
        core = int(placed.core[i])
        x, y = at[core]
        full = max(placed.loads[i][name] / limits[name] for name in placed.loads[i])
        label = f"core {core}: {part.population}[{part.neurons.start}:{part.neurons.stop}]"
        found.append(Site("core", x, y, label, full))
    return tuple(found)


def _details(network: QuantisedNetwork, placed: Partition, candidate: Candidate) -> str:
    lines = ["population            cores        scale   threshold  exponents"]
    for name, p in network.populations.items():
        cores = sum(part.population == name for part in placed.slices)
        mine = [s for part, s in zip(placed.slices, placed.synapses, strict=True) if part.population == name]
        formats = {f.exponent for s in mine for f in s.formats}
        threshold = f"{int(p.threshold.max()) << 6:11d}" if p.spiking else "       none"
        lines.append(f"{name:<20} {cores:6d} {p.scale:12.6g} {threshold}  {sorted(formats)}")
    return "\n".join([*lines, *candidate.notes])
