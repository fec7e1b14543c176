"""A network on disk: the HDF5 group ``/neurosim``, format version 2.

Layout: the group's attributes are ``format``, ``writer``, ``dt`` and ``seed``; its groups ``inputs``,
``populations``, ``projections`` and ``outputs`` hold one numbered group a part, in order of creation. A part is a group
with the attribute ``class`` and one item a field: arrays are datasets; numbers, text, None (an empty attribute) and
options (text such as ``@Reset.BY_SUBTRACTION``) are attributes; parts inside parts are groups. Rules and distributions
stay symbolic.

A ``.nir`` file carries the same group beside its own content (`neurosim.interchange.nir`).
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from neurosim.atomic_file import atomic_path
from neurosim.errors import DescriptionError, FileFormatError, NeurosimError
from neurosim.network_tree import Node, Option, digest, from_tree, to_tree

if TYPE_CHECKING:
    from neurosim.network import Network

__all__ = [
    "FORMAT",
    "GROUP",
    "StoredSizes",
    "load_network",
    "network_hash",
    "open_file",
    "read_group",
    "read_network",
    "save_network",
    "write_network",
    "write_value",
]

FORMAT = 2
GROUP = "neurosim"
_LIMIT = 8 * 2**30
"""Bytes of arrays that a file may declare."""
_DEFLATE = 1032
"""Deflate cannot shrink data further than this; a data set that claims more is not what it says."""
_DEPTH = 32
_ITEMS = 1_000_000


def save_network(net: Network, path: str | os.PathLike[str]) -> None:
    """Write ``net`` to an HDF5 file, whole or not at all."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        write_network(file.create_group(GROUP, track_order=True), net)


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read a network that `save_network` wrote.

    Raises:
        FileFormatError: the file is missing, truncated, foreign, of a newer format, or holds an invalid description.
    """
    with open_file(path) as file:
        group = file.get(GROUP) if file.get(GROUP, getlink=True).__class__ is h5py.HardLink else None
        if not isinstance(group, h5py.Group):
            raise FileFormatError(
                f"holds no group /{GROUP}",
                where=str(path),
                value=sorted(file)[:8],
                remedy="It is not a network file",
            )
        if "node" in file:
            remedy = "Use neurosim.interchange.nir.read_nir, which checks that its two halves belong together"
            raise FileFormatError("is a NIR file", where=str(path), remedy=remedy)
        return read_network(group)


def network_hash(net: Network) -> str:
    """SHA-256 of everything that ``net`` says, independent of the file it came from."""
    return digest(_network_tree(net))


def write_network(group: h5py.Group, net: Network) -> None:
    """Write ``net`` into an empty group."""
    from neurosim import __version__

    tree = _network_tree(net)
    group.attrs["format"] = FORMAT
    _write_text(group, "writer", f"neurosim {__version__}")
    for name, value in tree.items.items():
        write_value(group, name, value)


def read_network(group: h5py.Group) -> Network:
    """The network in a group that `write_network` filled."""
    return read_group(group)[0]


def read_group(group: h5py.Group, extra: tuple[str, ...] = ()) -> tuple[Network, dict[str, Any]]:
    """The network, and the ``extra`` items that its writer added with `write_value` (those that are there)."""
    file = group.file.filename
    where = f"{file}:{group.name}"
    reader = _Reader(StoredSizes(file, os.path.getsize(file) if os.path.isfile(file) else _LIMIT))
    version = reader.attribute(group, "format") if "format" in group.attrs else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FileFormatError("has no format version", where=where, value=version)
    if version > FORMAT:
        raise FileFormatError(
            "is of a newer format",
            where=where,
            value=version,
            limit=f"<= {FORMAT}",
            remedy="Upgrade neurosim",
        )
    items = reader.items(group, 0, skip=("format", "writer"))
    found = {name: from_tree(items.pop(name), f"{where}/{name}") for name in extra if name in items}
    return _network(items, where), found


# --- the network as a tree


def _network_tree(net: Network) -> Node:
    def numbered(parts: Any) -> Node:
        return Node("tuple", {str(i): to_tree(part, f"{part.name!r}") for i, part in enumerate(parts)})

    return Node(
        "Network",
        {
            "dt": float(net.dt),
            "seed": to_tree(int(net.seed), "seed"),
            "inputs": numbered(net.inputs.values()),
            "populations": numbered(net.populations.values()),
            "projections": numbered(net.projections.values()),
            "drives": numbered(net.drives.values()),
            "outputs": to_tree(tuple(net.outputs), "outputs"),
        },
    )


def _network(items: dict[str, Any], where: str) -> Network:
    from neurosim.network import DrivenPopulation, Input, Network, Population, Projection
    from neurosim.plasticity.rule import PlasticityRule

    expected = {
        "dt": float,
        "seed": int,
        **dict.fromkeys(("inputs", "populations", "projections", "outputs"), Node),
    }
    items.setdefault("drives", Node("tuple", {}))  # files of format 1 have none
    for name, kind in expected.items():
        if not isinstance(items.get(name), kind):
            raise FileFormatError(
                "lacks a part or holds another type", where=f"{where}/{name}", value=items.get(name)
            )
    if unknown := set(items) - set(expected) - {"drives"}:
        raise FileFormatError("holds unknown items", where=where, value=sorted(unknown)[:8])

    def parts(name: str, kind: type) -> tuple[Any, ...]:
        found = from_tree(items[name], f"{where}/{name}")
        if not isinstance(found, tuple) or not all(isinstance(part, kind) for part in found):
            raise FileFormatError(f"is not a list of {kind.__name__}", where=f"{where}/{name}")
        return found

    try:
        net = Network(dt=items["dt"], seed=items["seed"])
        for source in parts("inputs", Input):
            net.input(source.name, source.shape, source=source.source)
        for group in parts("populations", Population):
            net.population(group.name, group.shape, group.model)
        for p in parts("projections", Projection):
            if p.plasticity is not None and not isinstance(p.plasticity, PlasticityRule):
                raise DescriptionError("is not a plasticity rule", where=f"projection {p.name!r}")
            names = ("weight", "delay", "delay_rounding", "plasticity", "receptor", "name")
            net.connect(p.pre, p.post, p.rule, **{name: getattr(p, name) for name in names})
        for d in parts("drives", DrivenPopulation):
            net.drive(d.population, d.drive, receptor=d.receptor, name=d.name)
        for name in parts("outputs", str):
            net.output(name)
    except (DescriptionError, TypeError, ValueError, KeyError, AttributeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"holds an invalid network: {error}", where=where) from error
    return net


# --- the tree in HDF5


def _write_text(group: h5py.Group, name: str, text: str) -> None:
    """Text of fixed length: that of variable length lies in a heap in which HDF5 can loop for ever if it is damaged."""
    content = text.encode()
    group.attrs.create(name, content, dtype=h5py.string_dtype("utf-8", max(len(content), 1)))


def write_value(group: h5py.Group, name: str, value: Any) -> None:
    """Write one tree (`neurosim.network_tree.to_tree`) as an item of a group."""
    match value:
        case None:
            group.attrs[name] = h5py.Empty("f8")
        case Option():
            _write_text(group, name, "@" + value.name)
        case str():
            if "\0" in value:
                raise DescriptionError("text with a zero byte cannot be saved", where=name, value=repr(value))
            _write_text(group, name, "@" + value if value.startswith("@") else value)
        case bool():
            group.attrs[name] = np.bool_(value)
        case int():
            group.attrs[name] = np.int64(value)
        case float():
            group.attrs[name] = np.float64(value)
        case np.ndarray():
            large = value.nbytes > 4096
            group.create_dataset(
                name, data=value, compression="gzip" if large else None, shuffle=large or None
            )
        case Node():
            child = group.create_group(name, track_order=True)
            _write_text(child, "class", value.kind)
            for key, item in value.items.items():
                write_value(child, key, item)
        case _:
            raise TypeError(type(value).__name__)


class StoredSizes:
    """Looks at what a file declares before anything is read: links, nesting, and sizes against what is stored."""

    def __init__(self, file: str, file_size: int, limit: int = _LIMIT) -> None:
        self.file, self.file_size, self.limit = file, file_size, limit
        self.bytes, self.count = 0, 0

    def fail(self, what: str, at: str, **details: Any) -> FileFormatError:
        """The error to raise about the item ``at``."""
        return FileFormatError(what, where=f"{self.file}:{at}", **details)

    def enter(self, group: h5py.Group, depth: int) -> None:
        """Count the items of a group that is about to be read."""
        self.count += len(group.attrs) + len(group)
        if depth > _DEPTH or self.count > _ITEMS:
            limit = f"{_ITEMS}, depth {_DEPTH}"
            raise self.fail("holds too many or too deeply nested items", group.name, limit=limit)

    def child(self, group: h5py.Group, name: str) -> Any:
        """An item of a group, which must not be a link to somewhere else."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise self.fail("links are not allowed", f"{group.name}/{name}")
        return group[name]

    def check(self, data: h5py.Dataset, *, text: bool = False) -> None:
        """Raise if a dataset is not made of numbers (or ``text``), or declares more than the file stores for it."""
        at = data.name
        is_text = text and h5py.check_string_dtype(data.dtype) is not None
        if data.shape is None or not (data.dtype.kind in "biuf" or is_text):
            raise self.fail("is not an array of numbers", at, value=str(data.dtype))
        if data.is_virtual or data.external:
            raise self.fail("keeps its content in another file", at)
        stored = data.id.get_storage_size()
        if data.nbytes > stored * _DEFLATE or stored > self.file_size:
            value, limit = f"{data.nbytes} bytes", f"{stored} stored"
            raise self.fail("declares more than the file holds", at, value=value, limit=limit)
        self.bytes += data.nbytes
        if self.bytes > self.limit:
            raise self.fail(
                "arrays are too large", at, value=f"{self.bytes} bytes", limit=f"{self.limit} bytes"
            )


class _Reader:
    """Reads the items of a group as trees."""

    def __init__(self, sizes: StoredSizes) -> None:
        self.sizes, self.fail = sizes, sizes.fail

    def items(self, group: h5py.Group, depth: int, skip: tuple[str, ...] = ()) -> dict[str, Any]:
        self.sizes.enter(group, depth)
        found = {name: self.attribute(group, name) for name in group.attrs if name not in skip}
        for name in group:
            at = f"{group.name}/{name}"
            item = self.sizes.child(group, name)
            if name in found or name in skip:
                raise self.fail("is there twice", at)
            if isinstance(item, h5py.Dataset):
                self.sizes.check(item)
                found[name] = item[()]
            else:
                found[name] = self.node(item, at, depth)
        return found

    def node(self, group: Any, at: str, depth: int) -> Node:
        if not isinstance(group, h5py.Group):
            raise self.fail("is not a group", at)
        kind = self.attribute(group, "class") if "class" in group.attrs else None
        if not isinstance(kind, str):
            raise self.fail("names no class", at)
        return Node(kind, self.items(group, depth + 1, skip=("class",)))

    def attribute(self, group: h5py.Group, name: str) -> Any:
        """A scalar attribute as a Python value; the space is looked at before the content."""
        at = f"{group.name}@{name}"
        held = group.attrs.get_id(name)
        if held.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return None
        if held.shape != ():
            raise self.fail("is not a single value", at, value=held.shape)
        kind = held.get_type()
        if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
            raise self.fail("is text of variable length, which is never written", at)
        value = group.attrs[name]
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, str):
            return (
                value[1:] if value.startswith("@@") else Option(value[1:]) if value.startswith("@") else value
            )
        if isinstance(value, (np.bool_, np.int64, np.float64)):
            return value.item()
        raise self.fail("is not a number or text", at, value=type(value).__name__)


# --- files


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """An HDF5 file for reading; whatever HDF5 stumbles over while it is open is a `FileFormatError`."""
    where = str(path)
    if not pathlib.Path(path).is_file():
        raise FileFormatError("no such file", where=where)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except NeurosimError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, UnicodeError) as error:
        what = f"cannot be read as HDF5: {error}"
        raise FileFormatError(what, where=where, remedy="It is truncated or foreign") from error
