"""The tables of a chip as one HDF5 file, ``chip.h5``; `tables.layout` says what is in every table.

::

    (512 bytes of text)             format, version, and the SHA-256 of all that follows
    /  @format @version @numerics   numerics: name of the arithmetic, see `numerics.profiles`
    /cores/00007/                   the tables of core 7, one dataset each, a row being a record
    /populations/00000/ @name       pieces
    /inputs/00000/ @name            start, axons

Equal tables give equal bytes. The text in front is HDF5's user block: tools that read HDF5 skip it. Nothing of a file
is read as HDF5 before its version is known and its content is what was written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.tables.chip_tables import ChipTables, InputTable, Piece
from neurosim.hardware.loihi.tables.layout import CORE_TABLES, INPUT_TABLES, POPULATION_TABLES, Table
from neurosim.hardware.loihi.tables.table_rows import (
    check_row_count,
    check_tables,
    core_of_rows,
    core_rows,
    input_of_rows,
    input_rows,
    piece_rows,
    pieces_of_rows,
)
from neurosim.hardware.manifest import FileContent
from neurosim.network_file import open_file

__all__ = ["FILE", "VERSION", "read_tables", "seal", "write_tables"]

FILE = "chip.h5"
FORMAT = "neurosim loihi tables"
VERSION = 1

_BLOCK = 512
_CHUNK_ROWS = 1 << 16
_PACKED_ROWS = 1 << 10
"""Longer tables are compressed, in chunks."""
_DEFLATE = 1032
"""Deflate shrinks no data more than this."""
_MAX_BYTES = 16 * 2**30
_ANY_BYTES = 512 * 2**20
_SHRUNK = 64
"""Tables beyond `_ANY_BYTES` must not be more than so many times as large as their file: random weights shrink less."""
_MAX_GROUPS = 1 << 16
_MAX_CORES = 1 << 12
"""As many as a chip's description may have. A core takes milliseconds to read, and links to one cost a file nothing."""
_MAX_NAME = 1 << 15

Rows = NDArray[Any]


def write_tables(tables: ChipTables) -> dict[str, FileContent]:
    """The file of a build by its path. It is written when the build is.

    Raises:
        FileFormatError: a value that its register does not hold.
    """
    check_tables(tables)
    return {FILE: partial(_write, tables)}


def read_tables(folder: Path) -> ChipTables:
    """The tables in a build folder. Whether they point at each other is checked when they are loaded.

    Raises:
        FileFormatError: a file that is missing, damaged, changed, foreign, of a newer version, or holds what the
            registers do not.
    """
    path = folder / FILE
    _check_seal(path)
    with open_file(path) as file:
        reader = _Reader(path)
        cores = tuple(
            core_of_rows(number, reader.tables(group, CORE_TABLES), f"{path}, core {number}")
            for number, group in reader.groups(file, "cores")
        )
        populations: dict[str, tuple[Piece, ...]] = {}
        for _, group in reader.groups(file, "populations"):
            name = reader.name(group, populations)
            rows = reader.tables(group, POPULATION_TABLES)["pieces"]
            populations[name] = pieces_of_rows(rows, f"{path}, population {name!r}")
        inputs: dict[str, InputTable] = {}
        for _, group in reader.groups(file, "inputs"):
            name = reader.name(group, inputs)
            inputs[name] = input_of_rows(reader.tables(group, INPUT_TABLES), f"{path}, input {name!r}")
        return ChipTables(
            numerics=reader.text(file, "numerics"), cores=cores, populations=populations, inputs=inputs
        )


def seal(path: Path) -> None:
    """Write the text in front of a file of tables; to be done again after a change, or the file is refused."""
    digest = _digest(path)
    text = f"{FORMAT}\nversion {VERSION}\nsha256 {digest}\nHDF5 from byte {_BLOCK} on\n"
    with path.open("r+b") as file:
        file.write(text.encode().ljust(_BLOCK, b"\0"))


def _write(tables: ChipTables, path: Path) -> None:
    with h5py.File(path, "w", userblock_size=_BLOCK, track_order=False) as file:
        file.attrs.update({"format": _fixed(FORMAT), "version": VERSION, "numerics": _fixed(tables.numerics)})
        cores = file.create_group("cores")
        for core in tables.cores:
            _write_rows(cores.create_group(f"{core.number:05d}"), core_rows(core))
        populations = file.create_group("populations")
        for i, (name, pieces) in enumerate(tables.populations.items()):
            group = populations.create_group(f"{i:05d}")
            group.attrs["name"] = _fixed(name)
            _write_rows(group, {"pieces": piece_rows(pieces)})
        inputs = file.create_group("inputs")
        for i, (name, table) in enumerate(tables.inputs.items()):
            group = inputs.create_group(f"{i:05d}")
            group.attrs["name"] = _fixed(name)
            _write_rows(group, input_rows(table))
    seal(path)


def _write_rows(group: h5py.Group, tables: Mapping[str, Rows]) -> None:
    for name, rows in tables.items():
        packed: dict[str, Any] = {}
        if len(rows) > _PACKED_ROWS:
            packed = {
                "chunks": (min(len(rows), _CHUNK_ROWS),),
                "compression": "gzip",
                "compression_opts": 1,
                "shuffle": True,
            }
        group.create_dataset(name, data=rows, track_times=False, **packed)


def _fixed(text: str) -> NDArray[np.bytes_]:
    """Text of a fixed length, which HDF5 keeps where the attribute is; a last character keeps zeros at the end."""
    return np.array(text.encode(), dtype=f"S{max(len(text.encode()), 1)}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FileFormatError("no such file", where=str(path))
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error}", where=str(path)) from None


def _digest(path: Path) -> str:
    with _opened(path) as file:
        file.seek(_BLOCK)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_seal(path: Path) -> None:
    with _opened(path) as file:
        lines = file.read(_BLOCK).rstrip(b"\0").split(b"\n")
    if len(lines) < 3 or lines[0] != FORMAT.encode():
        raise FileFormatError("is no file of Loihi tables", where=str(path))
    key, _, version = lines[1].partition(b" ")
    if key != b"version" or not version.isdigit() or len(version) > 9:
        raise FileFormatError("names no version", where=str(path))
    if int(version) > VERSION:
        raise FileFormatError(
            "was made by a newer neurosim",
            where=str(path),
            value=f"version {int(version)}",
            limit=f"<= {VERSION}",
            remedy="Upgrade neurosim",
        )
    if int(version) < 1 or lines[2] != b"sha256 " + _digest(path).encode():
        raise FileFormatError(
            "is truncated or was changed since it was written", where=str(path), remedy="Compile again"
        )


class _Reader:
    """Looks at what an item declares before it reads it."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size
        self.bytes = 0
        self.count: Counter[str] = Counter()

    def fail(self, what: str, at: Any, **details: Any) -> FileFormatError:
        return FileFormatError(what, where=f"{self.path}:{at}", **details)

    def child(self, group: h5py.Group, name: str, kind: type) -> Any:
        at = f"{group.name}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise self.fail("is missing or a link", at)
        item = group[name]
        if not isinstance(item, kind):
            raise self.fail("is not a table" if kind is h5py.Dataset else "is not a group", at)
        return item

    def groups(self, file: h5py.File, name: str) -> list[tuple[int, h5py.Group]]:
        parent = self.child(file, name, h5py.Group)
        most = _MAX_CORES if name == "cores" else _MAX_GROUPS
        if len(parent) > most:
            raise self.fail("holds too many groups", name, value=len(parent), limit=most)
        keys = sorted(parent)
        if any(not (len(key) == 5 and key.isascii() and key.isdecimal()) for key in keys):
            raise self.fail("holds groups that are not numbered", name)
        return [(int(key), self.child(parent, key, h5py.Group)) for key in keys]

    def name(self, group: h5py.Group, known: Mapping[str, Any]) -> str:
        name = self.text(group, "name")
        if name in known:
            raise self.fail("has a name that is there twice", group.name, value=name)
        return name

    def text(self, group: h5py.Group, name: str) -> str:
        at = f"{group.name}@{name}"
        if name not in group.attrs:
            raise self.fail("is missing", at)
        held = group.attrs.get_id(name)
        if held.shape != () or held.dtype.kind != "S" or held.dtype.itemsize > _MAX_NAME:
            raise self.fail("is no text", at)
        return bytes(group.attrs[name]).decode()

    def tables(self, group: h5py.Group, layout: Mapping[str, Table]) -> dict[str, Rows]:
        return {name: self.rows(group, name, table.dtype) for name, table in layout.items()}

    def rows(self, group: h5py.Group, name: str, dtype: np.dtype[Any]) -> Rows:
        data, at = self.child(group, name, h5py.Dataset), f"{group.name}/{name}"
        if data.dtype != dtype or data.shape is None or len(data.shape) != 1:
            raise self.fail(
                "has another layout", at, value=f"{data.dtype}, shape {data.shape}", limit=f"{dtype}, 1 axis"
            )
        if data.is_virtual or data.external:
            raise self.fail("keeps its content in another file", at)
        chunk = dtype.itemsize * (data.chunks[0] if data.chunks else 0)
        stored = data.id.get_storage_size()
        self.bytes += data.nbytes
        if data.nbytes > stored * _DEFLATE or stored > self.size or chunk > max(data.nbytes, 1) * 2:
            raise self.fail("declares more than the file holds", at, value=f"{data.nbytes} bytes")
        most = min(_MAX_BYTES, max(_ANY_BYTES, self.size * _SHRUNK))
        if self.bytes > most:
            raise self.fail("tables are too large", at, value=f"{self.bytes} bytes", limit=f"{most} bytes")
        self.count[name] += len(data)
        check_row_count(name, len(data), self.count[name], f"{self.path}:{at}")
        return np.asarray(data[()])
