"""Tables of a core as rows of their layout, and back; and whether values are in the range of their registers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.tables.chip_tables import ChipTables, CoreTables, InputTable, Piece
from neurosim.hardware.loihi.tables.layout import (
    CORE_TABLES,
    INPUT_TABLES,
    MOST_ROWS,
    MOST_ROWS_OF_A_FILE,
    POPULATION_TABLES,
    TEXT_BYTES,
    Field,
    Table,
)

__all__ = [
    "check_row_count",
    "check_tables",
    "core_of_rows",
    "core_rows",
    "input_of_rows",
    "input_rows",
    "piece_rows",
    "pieces_of_rows",
]

Rows = NDArray[Any]

_PROFILES = ("cxProfileCfg", "vthProfileCfg")
_SINGLE = ("dendriteSharedCfg", "dendriteAccumCfg", "numUpdates")
_COLUMNS = {
    "cxCfg": "cx",
    "cxState": "state",
    "synapses": "synapses",
    "synapseMap": "synapse_map",
    "axons": "axons",
}
_PROGRAM = ("name", "first", "size")


def core_rows(core: CoreTables) -> dict[str, Rows]:
    """All tables of a core by name, in the order of `CORE_TABLES`."""
    registers = core.registers
    programs = registers["programs"]
    unused = dict.fromkeys(CORE_TABLES["synapseFmt"].dtype.names or (), 0)
    listed: dict[str, Iterable[Mapping[str, Any]]] = {
        **{name: registers[name] for name in _PROFILES},
        "synapseFmt": [fmt or unused for fmt in registers["synapseFmt"]],
        **{name: [registers[name]] for name in _SINGLE},
        "programs": [{name: p[name] for name in _PROGRAM} for p in programs],
        "programNumbers": [
            {"row": i, "name": name, "value": value}
            for i, p in enumerate(programs)
            for name, value in p.items()
            if name not in _PROGRAM
        ],
    }
    rows = {name: _rows(CORE_TABLES[name], values, core.number) for name, values in listed.items()}
    rows |= {name: getattr(core, attribute) for name, attribute in _COLUMNS.items()}
    rows["cxMetaState"] = _phases(len(core.cx))
    return {name: rows[name] for name in CORE_TABLES}


def core_of_rows(number: int, rows: Mapping[str, Rows], where: str) -> CoreTables:
    """A core of its tables.

    Raises:
        FileFormatError: tables that contradict each other, or values outside their registers.
    """
    for name, table in CORE_TABLES.items():
        _check(table, rows[name], where)
    formats = rows["synapseFmt"]
    if not len(formats) or not (formats["wgtBits"][1:].all() and formats["fanoutType"][1:].all()):
        raise FileFormatError("has a format without weights or sign", where=f"{where}/synapseFmt")
    if not np.array_equal(rows["cxMetaState"], _phases(len(rows["cxCfg"]))):
        raise FileFormatError("does not fit the compartments", where=f"{where}/cxMetaState")
    programs = [_plain(row) for row in _dicts(rows["programs"])]
    for row in _dicts(rows["programNumbers"]):
        if row["row"] >= len(programs):
            raise FileFormatError("a number of a program that is not there", where=f"{where}/programNumbers")
        programs[row["row"]][_text(row["name"])] = row["value"]
    registers: dict[str, Any] = {name: _dicts(rows[name]) for name in _PROFILES}
    registers["synapseFmt"] = [None, *_dicts(formats[1:])]
    registers |= {name: _dicts(rows[name])[0] for name in _SINGLE}
    registers["programs"] = programs
    columns = {attribute: rows[name] for name, attribute in _COLUMNS.items()}
    return CoreTables(number=number, registers=registers, **columns)


def piece_rows(pieces: Iterable[Piece]) -> Rows:
    """The table ``pieces`` of a population."""
    return np.array(
        [(p.core, p.compartment, p.neuron, p.size) for p in pieces], dtype=POPULATION_TABLES["pieces"].dtype
    )


def pieces_of_rows(rows: Rows, where: str) -> tuple[Piece, ...]:
    """The pieces of a population of their table."""
    _check(POPULATION_TABLES["pieces"], rows, where)
    return tuple(Piece(*row) for row in rows.tolist())


def input_rows(table: InputTable) -> dict[str, Rows]:
    """The tables of an input."""
    start = np.zeros(len(table.start), dtype=INPUT_TABLES["start"].dtype)
    start["axon"] = table.start
    return {"start": start, "axons": table.axons}


def input_of_rows(rows: Mapping[str, Rows], where: str) -> InputTable:
    """An input of its tables."""
    for name, table in INPUT_TABLES.items():
        _check(table, rows[name], where)
    return InputTable(start=rows["start"]["axon"].astype(np.int64), axons=rows["axons"])


def check_tables(tables: ChipTables) -> None:
    """Whether every value is in the range of its register.

    Raises:
        FileFormatError: one is not, or a table is too long; names core, table, row and field.
    """
    total = dict.fromkeys(CORE_TABLES, 0)
    for core in tables.cores:
        for name, rows in core_rows(core).items():
            total[name] += len(rows)
            check_row_count(name, len(rows), total[name], f"core {core.number}/{name}")
            _check(CORE_TABLES[name], rows, f"core {core.number}")


def check_row_count(name: str, rows: int, total: int, where: str) -> None:
    """Whether a table may have so many rows, and all tables of this name of a file so many in ``total``.

    Raises:
        FileFormatError: it may not.
    """
    if rows > (most := MOST_ROWS.get(name, rows)):
        raise FileFormatError("has more rows than pointers can name", where=where, value=rows, limit=most)
    if total > (most := MOST_ROWS_OF_A_FILE.get(name, total)):
        raise FileFormatError(
            f"has, with the other tables {name}, more rows than a file may hold",
            where=where,
            value=total,
            limit=most,
        )


def _phases(compartments: int) -> Rows:
    groups = np.zeros(-(-compartments // 4) * 4, dtype=np.uint8)
    groups[:compartments] = 2
    return groups.view(CORE_TABLES["cxMetaState"].dtype)


def _rows(table: Table, values: Iterable[Mapping[str, Any]], core: int) -> Rows:
    """Rows of mappings; a number that does not fit its column is refused, not wrapped."""
    values, where = list(values), f"core {core}"
    rows = np.zeros(len(values), dtype=table.dtype)
    for field in table.fields:
        column = [value[field.name] for value in values]
        if field.type.startswith("S"):
            texts = [str(text) for text in column]
            if any(not t.isascii() or not 0 < len(t) <= TEXT_BYTES or "\0" in t for t in texts):
                raise FileFormatError(
                    "a name is no short ASCII text", where=f"{where}/{table.name}", value=texts
                )
            rows[field.name] = texts
        else:
            if not all(isinstance(n, (int, np.integer)) for n in column):
                raise FileFormatError(
                    f"register {field.name} holds no whole number", where=f"{where}/{table.name}"
                )
            numbers = np.array(column, dtype=np.int64)
            _in_range(numbers, field, f"{where}/{table.name}")
            rows[field.name] = numbers
    return rows


def _check(table: Table, rows: Rows, where: str) -> None:
    if table.rows is not None and len(rows) != table.rows:
        raise FileFormatError(
            "has another number of rows", where=f"{where}/{table.name}", value=len(rows), limit=table.rows
        )
    for field in table.fields:
        if not field.type.startswith("S"):
            _in_range(rows[field.name], field, f"{where}/{table.name}")


def _in_range(values: NDArray[Any], field: Field, where: str) -> None:
    if len(values) and (int(values.min()) < field.low or int(values.max()) > field.high):
        row = int(np.argmax((values < field.low) | (values > field.high)))
        raise FileFormatError(
            f"register {field.name} holds {int(values[row])}, not {field.low} to {field.high}",
            where=f"{where}, row {row}",
        )


def _dicts(rows: Rows) -> list[dict[str, Any]]:
    names = rows.dtype.names or ()
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _text(value) if isinstance(value, bytes) else value for name, value in row.items()}


def _text(value: bytes) -> str:
    return value.decode("ascii")
