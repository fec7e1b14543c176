"""The report as data: frozen, and the same as JSON."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.report.cell_load import CellLoad, Sampled
from neurosim.hardware.spinnaker.report.delay_use import DelayUse
from neurosim.hardware.spinnaker.report.energy import Energy
from neurosim.hardware.spinnaker.report.headroom import Headroom
from neurosim.hardware.spinnaker.report.occupancy import ChipUse, CoreUse, PopulationUse
from neurosim.hardware.spinnaker.report.traffic import Traffic
from neurosim.hardware.spinnaker.report.weight_error import WeightError

__all__ = ["SpiNNakerReport"]

_FORMAT = 1


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
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SpiNNakerReport:
        """The report that `to_json` wrote.

        Raises:
            FileFormatError: another format, or something missing or of another type.
        """
        if values.get("format") != _FORMAT:
            raise FileFormatError(
                "unknown format", where="SpiNNaker report", value=values.get("format"), limit=_FORMAT
            )
        report: SpiNNakerReport = _decode(cls, {k: v for k, v in values.items() if k != "format"}, "report")
        return report


def _decode(kind: Any, value: Any, where: str) -> Any:
    """A value of an annotated type from JSON."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(inner) == len(value):
            return tuple(
                _decode(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(inner, value, strict=True))
            )
    elif origin is types.UnionType:
        return None if value is None else _decode(arguments[0], value, where)
    elif is_dataclass(kind) and isinstance(value, Mapping) and isinstance(kind, type):
        hints, names = typing.get_type_hints(kind), [f.name for f in fields(kind)]
        if set(value) == set(names):
            return kind(**{n: _decode(hints[n], value[n], f"{where}.{n}") for n in names})
    elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif kind in (int, str) and type(value) is kind:
        return value
    raise FileFormatError("is damaged", where=f"SpiNNaker {where}", value=str(value)[:60], limit=str(kind))
