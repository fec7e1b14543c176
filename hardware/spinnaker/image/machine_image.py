"""What goes onto the machine, as files: which core is where, its regions of memory, the routing tables.

``vertices.json``
    a core each: label, population (or input), kind, neuron program, first and last neuron (exclusive), place, and the
    key of its first neuron with the mask of the core (null if it sends nothing).
``cores.npz``
    ``r_X_Y_P_REGION``: the words of a region of the core on processor P of chip (X, Y), uint32.
``routing.npz``
    ``routing``: int64 [k, 5], an entry each: x, y, key, mask, route; in the order of each chip's table.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.machine import Chip
from neurosim.hardware.spinnaker.mapping.routes import Entry, Place
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel

__all__ = ["MachineImage", "Vertex", "read_image", "write_arrays", "write_image"]

Uint32 = NDArray[np.uint32]
_FORMAT = 1
MAX_JSON_BYTES = 64 * 2**20
MAX_ARRAY_BYTES = 8 * 2**30


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """A core and what it holds. ``model``: name of a `CoreModel`, None for a spike source."""

    label: str
    population: str
    model: str | None
    lo: int
    hi: int
    x: int
    y: int
    p: int
    key: int | None
    mask: int | None

    @property
    def place(self) -> Place:
        """(x, y, processor)"""
        return self.x, self.y, self.p


@dataclass(frozen=True, eq=False)
class MachineImage:
    """The content of the three files. ``regions``: place -> region number -> words."""

    vertices: tuple[Vertex, ...]
    regions: Mapping[Place, Mapping[int, Uint32]]
    tables: Mapping[Chip, list[Entry]]


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An NPZ file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(sorted(arrays.items())))  # type: ignore[arg-type]
    return buffer.getvalue()


def write_image(image: MachineImage) -> dict[str, bytes | str]:
    """The files of an image by name."""
    listed = {"format": _FORMAT, "vertices": [asdict(v) for v in image.vertices]}
    words = {
        f"r_{x}_{y}_{p}_{int(region)}": content
        for (x, y, p), regions in image.regions.items()
        for region, content in regions.items()
    }
    entries = [(*chip, e.key, e.mask, e.route) for chip, table in image.tables.items() for e in table]
    return {
        "vertices.json": json.dumps(listed, indent=1) + "\n",
        "cores.npz": write_arrays(words),
        "routing.npz": write_arrays({"routing": np.array(entries, dtype=np.int64).reshape(-1, 5)}),
    }


def read_image(folder: Path) -> MachineImage:
    """Read the files of an image.

    Raises:
        FileFormatError: a file is missing, damaged, too large, or speaks of cores that do not exist.
    """
    vertices = _read_vertices(folder / "vertices.json")
    places = {v.place for v in vertices}
    regions: dict[Place, dict[int, Uint32]] = {place: {} for place in places}
    path = folder / "cores.npz"
    for name, words in _read_arrays(path).items():
        parts = name.split("_")
        if (
            len(parts) != 5
            or parts[0] != "r"
            or not all(k.isdecimal() for k in parts[1:])
            or words.dtype != np.uint32
        ):
            raise FileFormatError("holds something else than regions of words", where=str(path), value=name)
        x, y, p, region = (int(k) for k in parts[1:])
        if (x, y, p) not in places:
            raise FileFormatError("a region belongs to no core", where=str(path), value=name)
        regions[x, y, p][region] = words.reshape(-1)
    path = folder / "routing.npz"
    routing = _read_arrays(path).get("routing")
    if routing is None or routing.dtype != np.int64 or routing.ndim != 2 or routing.shape[1] != 5:
        raise FileFormatError("holds no routing table", where=str(path), limit="routing, int64 [k, 5]")
    tables: dict[Chip, list[Entry]] = {}
    for x, y, key, mask, route in routing.tolist():
        tables.setdefault((x, y), []).append(Entry(key, mask, route))
    return MachineImage(vertices, regions, tables)


def _read_vertices(path: Path) -> tuple[Vertex, ...]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise FileFormatError("is too large", where=str(path), limit=f"{MAX_JSON_BYTES} bytes")
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            raise FileFormatError("unknown format", where=str(path), value=content["format"], limit=_FORMAT)
        vertices = tuple(Vertex(**v) for v in content["vertices"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read: {error!r}", where=str(path)) from None
    for v in vertices:
        numbers = (v.lo, v.hi, v.x, v.y, v.p, v.key or 0, v.mask or 0)
        known = v.model is None or v.model in CoreModel.__members__
        if not all(isinstance(k, int) and 0 <= k < 2**32 for k in numbers) or v.lo >= v.hi or not known:
            raise FileFormatError("a core is described wrongly", where=str(path), value=v.label)
    if len({v.place for v in vertices}) < len(vertices):
        raise FileFormatError("two cores share a place", where=str(path))
    return vertices


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_ARRAY_BYTES:
            raise FileFormatError(
                "is too large", where=str(path), value=size, limit=f"{MAX_ARRAY_BYTES} bytes"
            )
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read: {error}", where=str(path)) from None
