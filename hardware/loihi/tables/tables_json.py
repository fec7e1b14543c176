"""The tables of a chip as JSON, for tools without HDF5; `tables.layout` says what is in every table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from neurosim.hardware.loihi.tables.chip_tables import ChipTables
from neurosim.hardware.loihi.tables.table_files import FORMAT, VERSION
from neurosim.hardware.loihi.tables.table_rows import core_rows, input_rows, piece_rows

__all__ = ["tables_json"]


def tables_json(tables: ChipTables) -> str:
    """Groups, names and fields as in the file; a table is an object of its columns, each a list of numbers or text."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "numerics": tables.numerics,
        "cores": {f"{core.number:05d}": _columns(core_rows(core)) for core in tables.cores},
        "populations": {
            f"{i:05d}": {"name": name, **_columns({"pieces": piece_rows(pieces)})}
            for i, (name, pieces) in enumerate(tables.populations.items())
        },
        "inputs": {
            f"{i:05d}": {"name": name, **_columns(input_rows(table))}
            for i, (name, table) in enumerate(tables.inputs.items())
        },
    }
    return json.dumps(content, indent=1) + "\n"


def _columns(tables: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, list[Any]]]:
    return {
        name: {
            field: [
                value.decode("ascii") if isinstance(value, bytes) else value for value in rows[field].tolist()
            ]
            for field in rows.dtype.names or ()
        }
        for name, rows in tables.items()
    }
