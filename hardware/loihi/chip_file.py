"""Files of chips of the Loihi kind, in TOML.

Two chips ship beside this module, ``loihi1.toml`` and ``loihi2.toml``. One of one's own is a file laid out like them,
or one that says what it is based on and gives the numbers that differ::

    [chip]
    base = "loihi1"
    name = "small-loihi"

    [limits]
    cores = { value = 8, source = "the board on my desk" }
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.chip import COSTS, LIMITS, ChipDescription, Fit
from neurosim.hardware.loihi.numerics.profiles import PROFILES

__all__ = ["read_chip", "read_chip_file"]

_LARGEST_FILE = 1 << 20
_SHIPPED = ("loihi1", "loihi2")


@cache
def read_chip(name: str) -> ChipDescription:
    """A shipped chip, ``"loihi1"`` or ``"loihi2"``."""
    text = (resources.files("neurosim.hardware.loihi") / f"{name}.toml").read_text("utf-8")
    return _described(tomllib.loads(text), f"{name}.toml", None, name)


def read_chip_file(path: str | os.PathLike[str]) -> ChipDescription:
    """A chip of one's own.

    Raises:
        FileFormatError: no such file, more than 1 MiB, names missing or unknown, values out of range or without a
            source; says which name of which file.
    """
    where = str(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise FileFormatError("is too large", where=where, limit=f"{_LARGEST_FILE} bytes")
        table = tomllib.loads(content.decode("utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise FileFormatError(f"cannot be read: {error}", where=where) from None
    chip = table.get("chip")
    name = chip.get("base") if isinstance(chip, dict) else None
    if name is not None and name not in _SHIPPED:
        raise FileFormatError(
            "no such chip to be based on", where=f"{where}, chip.base", value=name, limit=_SHIPPED
        )
    return _described(table, where, None if name is None else read_chip(name), name)


def _described(
    table: Mapping[str, Any], where: str, base: ChipDescription | None, origin: str | None
) -> ChipDescription:
    unknown = sorted(set(table) - {"chip", "limits", *COSTS})
    if unknown:
        raise FileFormatError(
            "unknown section", where=where, value=unknown[0], limit=["chip", "limits", *COSTS]
        )
    sections = {name: _section(table, name, where) for name in ("chip", "limits", *COSTS)}
    about = _about(sections["chip"], where, base)
    sources = dict(base.sources) if base else {}
    limits = dict(base.limits) if base else {}
    limits.update(_numbers(sections["limits"], "limits", tuple(LIMITS), where, sources, whole=True))
    _check_limits(limits, where)
    costs: dict[str, Mapping[str, float]] = {}
    for name, entries in COSTS.items():
        given = _numbers(sections[name], name, entries, where, sources, whole=False)
        missing = [entry for entry in entries if given and entry not in given]
        if missing:
            raise FileFormatError(
                "is missing: numbers of two publications are not to be mixed, so give all of the section or none",
                where=f"{where}, {name}.{missing[0]}",
            )
        costs[name] = MappingProxyType(given or dict(getattr(base, name, {})))
    return ChipDescription(
        name=about["name"],
        label=about.get("label", about["name"]),
        base=origin,
        numerics=about["numerics"],
        fit=Fit(about.get("fit", Fit.MODEL_FEASIBLE.value)),
        limits=MappingProxyType(limits),
        energy=costs["energy"],
        time=costs["time"],
        sources=MappingProxyType(sources),
    )


def _section(table: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    section = table.get(name, {})
    if not isinstance(section, dict):
        raise FileFormatError("is not a section", where=f"{where}, {name}", value=repr(section))
    return section


def _about(chip: Mapping[str, Any], where: str, base: ChipDescription | None) -> dict[str, str]:
    choices = {
        "name": None,
        "label": None,
        "base": list(_SHIPPED),
        "numerics": sorted(PROFILES),
        "fit": [fit.value for fit in Fit],
    }
    for key, value in chip.items():
        if key not in choices:
            raise FileFormatError("unknown entry", where=f"{where}, chip.{key}", limit=sorted(choices))
        allowed = choices[key]
        if not isinstance(value, str) or not value or (allowed is not None and value not in allowed):
            raise FileFormatError(
                "is not valid", where=f"{where}, chip.{key}", value=repr(value), limit=allowed or "a text"
            )
    about = dict(chip)
    if base is not None:
        about.setdefault("numerics", base.numerics)
    for key in ("name", "numerics"):
        if key not in about:
            raise FileFormatError("is missing", where=f"{where}, chip.{key}", limit=choices[key] or "a text")
    return about


def _numbers(
    section: Mapping[str, Any],
    name: str,
    known: tuple[str, ...],
    where: str,
    sources: dict[str, str],
    *,
    whole: bool,
) -> dict[str, Any]:
    """The values of a section; their sources go into ``sources``."""
    found: dict[str, Any] = {}
    for key, entry in section.items():
        place = f"{where}, {name}.{key}"
        if key not in known:
            raise FileFormatError("unknown number", where=place, limit=sorted(known))
        value = entry.get("value") if isinstance(entry, dict) else None
        source = entry.get("source") if isinstance(entry, dict) else None
        kinds = int if whole else (int, float)
        if (
            not isinstance(value, kinds)
            or isinstance(value, bool)
            or not isinstance(source, str)
            or not source
        ):
            kind = "whole number" if whole else "number"
            raise FileFormatError(f"needs a {kind} as value and a source", where=place, value=repr(entry))
        if set(entry) != {"value", "source"}:
            raise FileFormatError("has more than a value and a source", where=place, value=sorted(entry))
        if whole:
            low, high = LIMITS[key]
            if not low <= value <= high:
                raise FileFormatError("is out of range", where=place, value=value, limit=f"{low} to {high}")
        elif not (math.isfinite(value) and value >= 0):
            raise FileFormatError("is out of range", where=place, value=value, limit="0 or more")
        found[key] = value if whole else float(value)
        sources[f"{name}.{key}"] = source
    return found


def _check_limits(limits: Mapping[str, int], where: str) -> None:
    missing = [name for name in LIMITS if name not in limits]
    if missing:
        raise FileFormatError(
            "is missing, and the chip is based on no other", where=f"{where}, limits.{missing[0]}"
        )
    room = limits["tiles_x"] * limits["tiles_y"] * limits["cores_per_tile"]
    if limits["cores"] > room:
        raise FileFormatError(
            "more cores than the tiles hold",
            where=f"{where}, limits.cores",
            value=limits["cores"],
            limit=room,
        )
    if limits["delay_bits_minimum"] > limits["delay_bits_maximum"]:
        raise FileFormatError(
            "is above the maximum",
            where=f"{where}, limits.delay_bits_minimum",
            value=limits["delay_bits_minimum"],
            limit=limits["delay_bits_maximum"],
        )
    if limits["delay_maximum"] > (1 << limits["delay_bits_maximum"]) - 2:
        raise FileFormatError(
            "needs more slots than delay_bits_maximum gives",
            where=f"{where}, limits.delay_maximum",
            value=limits["delay_maximum"],
            limit=max(0, (1 << limits["delay_bits_maximum"]) - 2),
        )
    if limits["accumulators"] < 1 << limits["delay_bits_minimum"]:
        raise FileFormatError(
            "leave no room for one compartment",
            where=f"{where}, limits.accumulators",
            value=limits["accumulators"],
            limit=1 << limits["delay_bits_minimum"],
        )
