"""What goes onto the machine, as files: which core is where, its regions of memory, the routing tables.

``vertices.json``
    a core each: label, population (or input), what kind of core it is, neuron program, first and last neuron
    (exclusive), place, and the key of its first neuron with the mask of the core (null if it sends nothing). A delay
    core has the name and the neurons of its source.
``cores.npz``
    ``r_X_Y_P_REGION``: the words of a region of the core on processor P of chip (X, Y), uint32.
``routing.npz``
    ``routing``: int64 [k, 5], an entry each: x, y, key, mask, route; in the order of each chip's table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.manifest import FileContent
from neurosim.hardware.spinnaker.image.array_archive import ArrayArchive, write_archive, write_arrays
from neurosim.hardware.spinnaker.image.plasticity_region import rule_of_suffix
from neurosim.hardware.spinnaker.machine import Chip, Place
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.npz_file import open_npz, read_member

__all__ = ["MachineImage", "Vertex", "VertexKind", "read_image", "write_image"]

Uint32 = NDArray[np.uint32]
_FORMAT = 2
MAX_JSON_BYTES = 64 * 2**20
MAX_REGION_BYTES = 128 * 2**20
"""The shared memory of a chip."""
MAX_ROUTING_BYTES = 2**30
_MOST_ATOMS = 0xFFFF
"""Neurons of a core that a population table can count."""
_MOST_ENTRIES = 1024
"""Entries that a router has."""
_REGION_NAME = re.compile("r" + 4 * "_(0|[1-9][0-9]{0,4})")
_NPY_HEADER = 128  # bytes; NumPy pads it


class VertexKind(StrEnum):
    """What a core does."""

    NEURONS = "neurons"
    SOURCE = "source"
    DELAY = "delay"


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """A core and what it holds.

    ``model``: name of a `CoreModel`, None on a core without neurons; ``plasticity``: what the name of the program ends
    with if its synapses learn, see `plasticity_region.program_suffix`. ``population`` of a delay core, and ``lo`` and
    ``hi``, are those of the core whose spikes it sends again; ``key`` and ``mask`` are its own.
    """

    label: str
    population: str
    kind: VertexKind
    model: str | None
    lo: int
    hi: int
    x: int
    y: int
    p: int
    key: int | None
    mask: int | None
    plasticity: str | None = None

    @property
    def place(self) -> Place:
        """(x, y, processor)"""
        return self.x, self.y, self.p

    @property
    def key_bits(self) -> int:
        """Bits of its keys that tell its packets apart; 0 if it sends nothing."""
        return 0 if self.mask is None else (~self.mask & 0xFFFFFFFF).bit_length()


@dataclass(frozen=True, eq=False)
class MachineImage:
    """The content of the three files.

    ``regions``: place -> region number -> words; made or read when they are looked at, so look at one core at a time.
    """

    vertices: tuple[Vertex, ...]
    regions: Mapping[Place, Mapping[int, Uint32]]
    tables: Mapping[Chip, list[Entry]]


def write_image(image: MachineImage) -> dict[str, FileContent]:
    """The files of an image by name; the words of the cores are made while their file is written."""
    listed = {"format": _FORMAT, "vertices": [asdict(v) for v in image.vertices]}
    entries = [(*chip, e.key, e.mask, e.route) for chip, table in image.tables.items() for e in table]
    cores: Callable[[Path], None] = partial(_write_cores, image)
    return {
        "vertices.json": json.dumps(listed, indent=1) + "\n",
        "cores.npz": cores,
        "routing.npz": write_arrays({"routing": np.array(entries, dtype=np.int64).reshape(-1, 5)}),
    }


def _write_cores(image: MachineImage, path: Path) -> None:
    places = [v.place for v in image.vertices]
    write_archive(
        path,
        (
            (f"r_{place[0]}_{place[1]}_{place[2]}_{region}", words)
            for place in places
            for region, words in sorted(image.regions[place].items())
        ),
    )


def read_image(folder: Path) -> MachineImage:
    """Read the files of an image; the words of a core when they are looked at.

    Raises:
        FileFormatError: a file is missing, damaged, too large, or speaks of cores that do not exist. Words that are
            damaged say so when they are looked at.
    """
    vertices = _read_vertices(folder / "vertices.json")
    names: dict[Place, dict[int, str]] = {v.place: {} for v in vertices}
    archive = ArrayArchive(folder / "cores.npz", "a file of regions of words")
    for name in archive.names:
        parts = _REGION_NAME.fullmatch(name)
        if parts is None:
            raise FileFormatError(
                "holds something else than regions of words", where=str(archive.path), value=name
            )
        x, y, p, region = (int(k) for k in parts.groups())
        if (x, y, p) not in names:
            raise FileFormatError("a region belongs to no core", where=str(archive.path), value=name)
        names[x, y, p][region] = name
    path = folder / "routing.npz"
    tables: dict[Chip, list[Entry]] = {}
    for x, y, key, mask, route in _read_routing(path).tolist():
        tables.setdefault((x, y), []).append(Entry(key, mask, route))
    return MachineImage(vertices, {place: _StoredRegions(archive, n) for place, n in names.items()}, tables)


class _StoredRegions(Mapping[int, Uint32]):
    """Regions of a core, read from the file when they are looked at."""

    def __init__(self, archive: ArrayArchive, names: Mapping[int, str]) -> None:
        self._archive = archive
        self._names = names

    def __getitem__(self, region: int) -> Uint32:
        return self._archive.read(self._names[int(region)], np.uint32, limit=MAX_REGION_BYTES)

    def __iter__(self) -> Iterator[int]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _read_routing(path: Path) -> NDArray[np.int64]:
    with open_npz(path, "a file of routing tables") as archive:
        rows = (archive.getinfo("routing.npy").file_size - _NPY_HEADER) // (5 * 8)
        routing = read_member(
            archive, "routing", np.dtype(np.int64), shape=(max(rows, 0), 5), limit=MAX_ROUTING_BYTES
        )
    if routing.size and (routing.min() < 0 or routing.max() >= 2**32):
        raise FileFormatError("an entry of a routing table does not fit its words", where=str(path))
    chips, entries = np.unique(routing[:, 0] << 32 | routing[:, 1], return_counts=True)
    if len(chips) and entries.max() > _MOST_ENTRIES:
        raise FileFormatError(
            "a routing table is longer than its router",
            where=str(path),
            value=int(entries.max()),
            limit=_MOST_ENTRIES,
        )
    return routing


def _read_vertices(path: Path) -> tuple[Vertex, ...]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise FileFormatError("is too large", where=str(path), limit=f"{MAX_JSON_BYTES} bytes")
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            raise FileFormatError(
                "unknown format",
                where=str(path),
                value=content["format"],
                limit=_FORMAT,
                remedy="Compile the network again",
            )
        vertices = tuple(Vertex(**{**v, "kind": VertexKind(v["kind"])}) for v in content["vertices"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read: {error!r}", where=str(path)) from None
    parts: set[tuple[str, int, int]] = set()
    for v in vertices:
        numbers = (v.lo, v.hi, v.x, v.y, v.p, *(k for k in (v.key, v.mask) if k is not None))
        texts = (v.label, v.population, *(k for k in (v.model, v.plasticity) if k is not None))
        if (
            not all(type(k) is int and 0 <= k < 2**32 for k in numbers)
            or not all(isinstance(text, str) for text in texts)
            or not 0 < v.hi - v.lo <= _MOST_ATOMS
            or (v.key is None) != (v.mask is None)
            or not (v.model in CoreModel.__members__ if v.kind is VertexKind.NEURONS else v.model is None)
            or (v.plasticity is not None and v.model is None)
        ):
            raise FileFormatError("a core is described wrongly", where=str(path), value=v.label)
        if v.plasticity is not None:
            rule_of_suffix(v.plasticity, str(path))
        if v.kind is not VertexKind.DELAY:
            parts.add((v.population, v.lo, v.hi))
    for v in vertices:
        if (v.population, v.lo, v.hi) not in parts:
            raise FileFormatError("a delay core belongs to no core", where=str(path), value=v.label)
    kinds = {(v.population, v.kind) for v in vertices if v.kind is not VertexKind.DELAY}
    if len(kinds) > len({name for name, _ in kinds}):
        raise FileFormatError("cores of a population are of several kinds", where=str(path))
    if len({v.place for v in vertices}) < len(vertices):
        raise FileFormatError("two cores share a place", where=str(path))
    return vertices
