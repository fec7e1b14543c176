"""The report as data: frozen, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.hardware.loihi.report.divergence import FirstDivergence
from neurosim.hardware.loihi.report.effect import Effect, OwnEffect
from neurosim.hardware.loihi.report.energy import Energy, Latency
from neurosim.hardware.loihi.report.headroom import CoreUse, Headroom
from neurosim.hardware.loihi.report.rounding_error import PopulationRounding, ProjectionRounding
from neurosim.hardware.report_json import report_from_json, report_to_json

__all__ = ["LoihiReport", "Run"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the cores did on given inputs: numbers of a step, on average over steps and samples.

    Attributes:
        basis: what the inputs are, in words. steps: of a sample, on the machine.
        operations: synaptic operations. updates: of neurons; active: those of them that something arrived at.
        messages: spikes sent from core to core; inputs: from the host to cores.
        hops: tiles crossed by messages. way: the longest way of one, in tiles east-west and north-south.
    """

    basis: str
    samples: int
    steps: int
    operations: float
    updates: float
    active: float
    messages: float
    inputs: float
    hops: float
    way: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class LoihiReport:
    """What a network takes and loses on the chip.

    Attributes:
        chip, fit: how the chip is called, and what it means that the network fits its limits.
        numerics: the public model whose arithmetic is emulated. dt: seconds of network time in a step.
        headroom: every limit, with the core where it is tightest. cores: those in use.
        populations, projections: rounding; empty where the wanted numbers are not known.
        run: what the cores did; None without inputs. The rows below are empty then.
        effects: spikes of the chip beside those of the float engine. own_effects: the same of each population alone.
        divergence: the first difference and its cause; None where all spikes agree.
        latency, energy: estimates; None where nobody has published the constants.
    """

    chip: str
    fit: str
    numerics: str
    dt: float
    headroom: tuple[Headroom, ...]
    cores: tuple[CoreUse, ...]
    populations: tuple[PopulationRounding, ...] = ()
    projections: tuple[ProjectionRounding, ...] = ()
    run: Run | None = None
    effects: tuple[Effect, ...] = ()
    own_effects: tuple[OwnEffect, ...] = ()
    divergence: FirstDivergence | None = None
    latency: Latency | None = None
    energy: Energy | None = None

    def __str__(self) -> str:
        from neurosim.hardware.loihi.report.text import text_of

        return text_of(self)

    @property
    def panels(self) -> Mapping[str, str]:
        """Sections of an HTML report, see `neurosim.hardware.build_report.Analysis`."""
        from neurosim.hardware.loihi.report.panels import PANELS

        return PANELS

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return report_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LoihiReport:
        """The report that `to_json` wrote.

        Raises:
            FileFormatError: another format, or something missing or of another type.
        """
        return report_from_json(cls, values, "Loihi")
