"""What a target is, and what compiling for it gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import UnsupportedError
from neurosim.hardware.build_report import Analysis, write_build_report
from neurosim.hardware.manifest import FileContent, Manifest, read_manifest, write_folder
from neurosim.loss_report import LossReport
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.emulator import Device

__all__ = [
    "Build",
    "Feature",
    "Site",
    "Support",
    "SupportKind",
    "Target",
    "Transport",
    "Usage",
    "load",
    "targets",
]


class Feature(Enum):
    """Options of a description that targets treat differently. `neurosim.hardware.compiler.legalise` finds them."""

    LIF = "model LIF"
    CURRENT_LIF = "model CurrentLIF"
    DUAL_CURRENT_LIF = "model DualCurrentLIF"
    CONDUCTANCE_LIF = "model ConductanceLIF"
    INTEGRATE_AND_FIRE = "model IntegrateAndFire"
    LEAKY_INTEGRATOR = "model LeakyIntegrator"
    OTHER_MODEL = "another neuron model"
    RECEPTORS = "several receptors"
    HETEROGENEOUS = "parameters that differ within a population"
    SPIKE_WHEN_REACHED = "spike when v >= threshold"
    SPIKE_WHEN_EXCEEDED = "spike when v > threshold"
    RESET_TO_VALUE = "reset to a value"
    RESET_BY_SUBTRACTION = "reset by subtraction"
    RESET_NONE = "spikes without a reset"
    RESET_NEXT_STEP = "reset in the next step"
    RESET_NOT_AT_REST = "reset value other than the resting potential"
    REFRACTORY = "refractory period"
    REFRACTORY_KEEP = "arrivals kept while refractory"
    REFRACTORY_INTEGRATE = "integration while refractory"
    EULER = "Euler discretisation"
    EXPONENTIAL_EULER = "exponential Euler discretisation"
    CURRENT = "constant external current"
    INITIAL_STATE = "initial potential other than the resting potential"
    DIMENSIONLESS = "potentials and weights as float numbers"
    ZERO_DELAY = "zero delay between layers"
    SYNAPTIC_DELAY = "a delay per synapse"
    PLASTICITY = "plastic synapses"
    GRADED_INPUT = "several spikes of one input in one step"
    SOURCE = "inputs with a source of their own"
    DRIVE = "drives (background noise, injected currents)"


class SupportKind(Enum):
    """How a target treats a feature."""

    NATIVE = "native"
    EXACT = "rewritten exactly"
    APPROXIMATED = "approximated"
    REFUSED = "refused"


@dataclass(frozen=True)
class Support:
    """How a target treats a feature, and a note that says what becomes of it (or what to do instead)."""

    kind: SupportKind
    note: str = ""


@dataclass(frozen=True)
class Transport:
    """Delays in steps that the machine can hold between spike and arrival; ``maximum`` None: no limit here.

    ``holds_start``: whether the machine can keep a population in its initial state until its lag has passed. Where it
    cannot, populations that do not rest at the start begin in an earlier state, if there is one that leads there: the
    target is then handed an initial state, whatever its ``support`` says of those in a description.
    """

    minimum: int
    maximum: int | None = None
    holds_start: bool = False


@dataclass(frozen=True)
class Usage:
    """How much of a resource a build takes, in all; ``limit`` None: none known."""

    resource: str
    used: float
    limit: float | None = None


@dataclass(frozen=True)
class Site:
    """A core or tile on the map of a build: position, what it holds, and how full it is (0 to 1)."""

    unit: str
    x: int
    y: int
    label: str
    load: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Build:
    """What compiling gives: the files, and what is worth knowing about them.

    ``weights`` are those the device holds, in the network's units: projection -> one number a synapse in the order of
    the plan. A float run with them shows what rounding weights alone does. ``analysis`` makes the target's own report,
    where it has one; its options are the target's.
    """

    target: Target
    manifest: Manifest
    files: Mapping[str, FileContent]
    losses: LossReport = field(default_factory=LossReport)
    usage: tuple[Usage, ...] = ()
    layout: tuple[Site, ...] = ()
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    details: str = ""
    analysis: Callable[..., Analysis] | None = field(default=None, repr=False)

    def report(self) -> str:
        """A readable summary: resources against limits, losses, details of the target."""
        lines = [f"{self.target.name}: dt = {self.manifest.dt:g} s"]
        for u in self.usage:
            share = "" if u.limit is None else f" of {_amount(u.limit)} ({100 * u.used / u.limit:.1f} %)"
            lines.append(f"  {u.resource:<28} {_amount(u.used)}{share}")
        if self.details:
            lines += ["", self.details.rstrip()]
        if self.analysis is not None:
            lines += ["", str(self.analysis())]
        return "\n".join([*lines, "", "Losses:", str(self.losses), ""])

    def analyse(self, **options: Any) -> Analysis:
        """The target's own report as data.

        Args:
            options: those of the target; SpiNNaker takes ``rate`` and ``spikes``, see
                `neurosim.hardware.spinnaker.report.analyse_build`, Loihi ``inputs`` and ``duration``, see
                `neurosim.hardware.loihi.report.analyse_build`.

        Raises:
            UnsupportedError: the target has none.
        """
        if self.analysis is None:
            raise UnsupportedError("has no report of its own", where=f"target {self.target.name!r}")
        return self.analysis(**options)

    def write_report(self, folder: str | os.PathLike[str], **options: Any) -> tuple[Path, Path]:
        """Write ``report.html``, one page that needs no other file, and the same numbers as ``report.json``.

        Args:
            options: see `analyse`.

        Raises:
            MissingExtraError: matplotlib cannot be imported.
        """
        found = None if self.analysis is None else self.analysis(**options)
        return write_build_report(self, folder, found)

    def save(self, folder: str | os.PathLike[str]) -> Manifest:
        """Write the build folder, whole or not at all."""
        return write_folder(folder, self.manifest, self.files)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


class Target(Protocol):
    """A machine to compile for. A frozen dataclass: the profile and its options."""

    @property
    def name(self) -> str: ...
    @property
    def limits(self) -> Mapping[str, Any]: ...
    @property
    def support(self) -> Mapping[Feature, Support]: ...
    @property
    def transport(self) -> Transport: ...

    def map(self, plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None) -> Build:
        """Quantise, partition, place and emit a legal, retimed plan.

        Raises:
            CapacityError: a limit is exceeded.
            UnsupportedError: something the target cannot express.
        """
        ...


def targets() -> dict[str, Any]:
    """The target modules that are installed, by name (entry points ``neurosim.targets``), imported when loaded."""
    return {e.name: e for e in entry_points(group="neurosim.targets")}


def load(folder: str | os.PathLike[str]) -> Device:
    """The emulator of a build folder. It reads the manifest and the files it names, and nothing else.

    Raises:
        FileFormatError: the folder is not a build, or is damaged.
        UnsupportedError: its target is not installed.
    """
    manifest = read_manifest(folder)
    found = targets()
    if manifest.target not in found:
        raise UnsupportedError(
            "no such target is installed", where=str(folder), value=manifest.target, limit=sorted(found)
        )
    open_build: Callable[[Path, Manifest], Device] = found[manifest.target].load().load
    return open_build(Path(folder), manifest)


def with_losses(build: Build, losses: LossReport, network: str, version: str) -> Build:
    """The build with the losses of the shared passes in front, in its manifest too."""
    from dataclasses import asdict

    every = losses + build.losses
    manifest = replace(
        build.manifest,
        losses=tuple(loss.to_json() for loss in every),
        usage=tuple(asdict(u) for u in build.usage),
        layout=tuple(asdict(s) for s in build.layout),
        network=network,
        neurosim=version,
    )
    return replace(build, losses=every, manifest=manifest)
