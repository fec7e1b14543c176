"""Reports as JSON and back: frozen dataclasses of numbers, texts, tuples and each other."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar

from neurosim.errors import FileFormatError

__all__ = ["report_from_json", "report_to_json"]

Report = TypeVar("Report")

_FORMAT = 1


def report_to_json(report: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON values, and the number of the format."""
    return {"format": _FORMAT, **asdict(report)}


def report_from_json(kind: type[Report], values: Mapping[str, Any], name: str) -> Report:
    """The report that `report_to_json` wrote.

    Args:
        kind: its class. name: whose report it is, for errors.

    Raises:
        FileFormatError: another format, or something missing or of another type.
    """
    if values.get("format") != _FORMAT:
        raise FileFormatError(
            "unknown format", where=f"{name} report", value=values.get("format"), limit=_FORMAT
        )
    report: Report = _decode(kind, {k: v for k, v in values.items() if k != "format"}, f"{name} report")
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
    elif kind in (int, str, bool) and type(value) is kind:
        return value
    raise FileFormatError("is damaged", where=where, value=str(value)[:60], limit=str(kind))
