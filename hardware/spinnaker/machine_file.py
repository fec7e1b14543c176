"""A user's own machine: a TOML file that gives its size and what of it does not work.

width = 12                      # or boards = 3; one board if neither is given
height = 12
missing_chips = [[4, 4]]        # x, y
missing_cores = [[0, 0, 5]]     # x, y, processor
missing_links = [[3, 3, 0]]     # x, y, link: 0 east, 1 north-east, 2 north, 3 west, 4 south-west, 5 south
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.spinnaker.machine import Machine, Missing, build_machine, machine_size

__all__ = ["describe_machine", "machine_from", "read_machine_file"]

_LARGEST_FILE = 1 << 20
_SIZES = ("boards", "width", "height")
_PARTS = {"missing_chips": 2, "missing_cores": 3, "missing_links": 3}


def read_machine_file(path: str | Path, profile: str = "spinn5", boards: int | None = None) -> Machine:
    """The machine of a file. ``boards``: its size if the file gives none.

    Raises:
        FileFormatError: the file cannot be read, is larger than 1 MiB, or is not TOML of this form.
        DescriptionError: it describes a machine that cannot be.
    """
    where = f"machine file {Path(path).name!r}"
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise FileFormatError("is too large", where=where, limit=f"{_LARGEST_FILE} bytes")
        table = tomllib.loads(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileFormatError("cannot be read", where=where, value=str(error)) from error
    return machine_from(table, profile, boards, where=where)


def machine_from(
    table: Mapping[str, Any], profile: str = "spinn5", boards: int | None = None, *, where: str = "machine"
) -> Machine:
    """The machine that a table with the entries of a file describes, see `read_machine_file`."""
    if not isinstance(table, Mapping):
        raise FileFormatError("is not a table", where=where, value=type(table).__name__)
    unknown = set(table) - {*_SIZES, *_PARTS}
    if unknown:
        raise FileFormatError(
            "unknown entry", where=where, value=min(unknown), limit=f"one of {', '.join((*_SIZES, *_PARTS))}"
        )
    sizes = {name: table[name] for name in _SIZES if name in table}
    for name, n in sizes.items():
        if type(n) is not int or n < 1:
            raise FileFormatError(f"{name} is not a positive integer", where=where, value=n)
    if sizes and boards is not None:
        raise DescriptionError(
            "the size of the machine is given twice",
            where=where,
            value=f"boards={boards} and {', '.join(sizes)}",
            remedy="Leave it out of the file or of the target",
        )
    if set(sizes) not in ({"boards"}, {"width", "height"}, set()):
        raise FileFormatError("give boards, or width and height", where=where, value=", ".join(sizes))
    width, height = machine_size(sizes.get("boards", boards or 1))
    parts = {name: _parts(table.get(name, []), n, f"{where}, {name}") for name, n in _PARTS.items()}
    missing = Missing(
        chips=parts["missing_chips"], cores=parts["missing_cores"], links=parts["missing_links"]
    )
    return build_machine(
        sizes.get("width", width), sizes.get("height", height), missing=missing, profile=profile
    )


def _parts(found: Any, length: int, where: str) -> frozenset[Any]:
    if not isinstance(found, list) or any(
        not isinstance(part, list) or len(part) != length or any(type(n) is not int for n in part)
        for part in found
    ):
        raise FileFormatError(f"is not a list of lists of {length} integers", where=where)
    return frozenset(tuple(part) for part in found)


def describe_machine(machine: Machine) -> dict[str, Any]:
    """The table that `machine_from` makes the same machine of, for JSON or TOML."""
    missing = machine.missing
    return {
        "width": machine.width,
        "height": machine.height,
        "missing_chips": [list(part) for part in sorted(missing.chips)],
        "missing_cores": [list(part) for part in sorted(missing.cores)],
        "missing_links": [list(part) for part in sorted(missing.links)],
    }
