"""The report as data: frozen, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.hardware.report_json import report_from_json, report_to_json
from neurosim.hardware.spinnaker.report.cell_load import CellLoad, Sampled
from neurosim.hardware.spinnaker.report.delay_use import DelayUse
from neurosim.hardware.spinnaker.report.energy import Energy
from neurosim.hardware.spinnaker.report.headroom import Headroom
from neurosim.hardware.spinnaker.report.occupancy import ChipUse, CoreUse, PopulationUse
from neurosim.hardware.spinnaker.report.traffic import Traffic
from neurosim.hardware.spinnaker.report.weight_error import WeightError

__all__ = ["SpiNNakerReport"]


@dataclass(frozen=True, kw_only=True)
class SpiNNakerReport:
    """What a network takes and loses on the machine.

    Attributes:
        step: seconds a step takes on the machine. dt: seconds of network time in it.
        rate: spikes a second of network time that predictions assume of every neuron whose spikes are not given.
        headroom: every limit, with the place where it is tightest.
        populations, cores, chips: what is where.
        weights: rounding, a row for each projection and receptor; empty where the wanted weights are not known.
        delays: a row for each projection.
        cells: what the weights can do to ring-buffer cells. sampled: what given spikes do to them, if any were given.
        traffic: packets on the links. energy: an estimate.
    """

    machine: str
    step: float
    dt: float
    rate: float
    headroom: tuple[Headroom, ...]
    populations: tuple[PopulationUse, ...]
    cores: tuple[CoreUse, ...]
    chips: tuple[ChipUse, ...]
    weights: tuple[WeightError, ...]
    delays: tuple[DelayUse, ...]
    cells: tuple[CellLoad, ...]
    sampled: tuple[Sampled, ...]
    traffic: Traffic
    energy: Energy

    def __str__(self) -> str:
        from neurosim.hardware.spinnaker.report.text import text_of

        return text_of(self)

    @property
    def panels(self) -> Mapping[str, str]:
        """Sections of an HTML report, see `neurosim.hardware.build_report.Analysis`."""
        from neurosim.hardware.spinnaker.report.panels import PANELS

        return PANELS

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return report_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SpiNNakerReport:
        """The report that `to_json` wrote.

        Raises:
            FileFormatError: another format, or something missing or of another type.
        """
        return report_from_json(cls, values, "SpiNNaker")
