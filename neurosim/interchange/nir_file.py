"""The .nir file: NIR's own content, and beside it the group ``/neurosim`` with everything NIR has no word for.

Other tools ignore the extra group (and lose it when they write the file again). A hash over the canonical NIR content,
stored in the group, tells whether the NIR part is still the one that was written with it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

import h5py
import nir
import numpy as np

from neurosim.atomic_file import atomic_path
from neurosim.errors import FileFormatError, NeurosimError, UnsupportedError
from neurosim.interchange.nir_dialects import Dialect
from neurosim.interchange.nir_graph import LINEAR, NEURONS, kind_of
from neurosim.network import Network
from neurosim.network_file import (
    GROUP,
    StoredSizes,
    open_file,
    read_group,
    write_network,
    write_value,
)
from neurosim.network_tree import Node, digest, to_tree

__all__ = ["NirFile", "graph_hash", "read_file", "write_file"]

_HASH, _DIALECT = "nir_sha256", "nir_dialect"
_DERIVED = frozenset({"input_type", "output_type", "metadata", "input_shape", "nodes", "edges"})
_KINDS = NEURONS | LINEAR | {"Input", "Output", "NIRGraph"}


@dataclass(frozen=True)
class NirFile:
    """A graph, and what was found beside it.

    Attributes:
        network: the description, if the file carries one that belongs to its NIR part.
        stale: the file carries a description, but its NIR part is another one.
        dt, dialect: what the file was written with, if it says so.
    """

    graph: Any
    where: str
    network: Network | None = None
    stale: bool = False
    dt: float | None = None
    dialect: Dialect | None = None


def graph_hash(graph: Any) -> str:
    """SHA-256 of the nodes, their parameters and the edges; of nothing that is derived, and not of metadata."""

    def tree(part: Any) -> Any:
        items: dict[str, Any] = {}
        for name, value in vars(part).items():
            if name not in _DERIVED:
                items[name] = _plain(value)
        if kind_of(part) == "NIRGraph":
            items["nodes"] = Node("nodes", {str(name): tree(node) for name, node in part.nodes.items()})
            edges = sorted((str(a), str(b)) for a, b in part.edges)
            items["edges"] = Node("edges", {str(i): f"{a}\0{b}" for i, (a, b) in enumerate(edges)})
        if kind_of(part) == "Input":
            items["shape"] = _plain((part.input_type or {}).get("input"))
        return Node(kind_of(part), items)

    return digest(tree(graph))


def _plain(value: Any) -> Any:
    """A parameter without the accidents of how it was held: whole numbers are int64 arrays, text is str."""
    if isinstance(value, bytes):
        return value.decode()
    if value is None or isinstance(value, str):
        return value
    array = np.atleast_1d(np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value))
    return array.astype(np.int64) if array.dtype.kind in "iub" else array


def read_file(path: str | os.PathLike[str]) -> NirFile:
    """Read a .nir file: the graph, and the description beside it if it still belongs.

    Raises:
        FileFormatError: truncated, foreign, damaged, or with a description of a newer format.
        UnsupportedError: a node of a kind that nir does not know.
    """
    where = os.fspath(path)
    with open_file(path) as file:
        if not isinstance(file.get("node"), h5py.Group):
            raise FileFormatError("holds no group /node", where=where, remedy="It is not a NIR file")
        _check(file["node"], StoredSizes(where, os.path.getsize(path)), 0)
        graph = _read_graph(path, where)
        group = file.get(GROUP) if isinstance(file.get(GROUP, getlink=True), h5py.HardLink) else None
        if not isinstance(group, h5py.Group):
            return NirFile(graph, where)
        network, extra = read_group(group, extra=(_HASH, _DIALECT))
        dialect = extra.get(_DIALECT)
        if not isinstance(dialect, Dialect):
            raise FileFormatError("states no dialect", where=f"{where}:/{GROUP}")
        if extra.get(_HASH) == graph_hash(graph):
            return NirFile(graph, where, network, dt=network.dt, dialect=dialect)
        return NirFile(graph, where, None, stale=True, dt=network.dt, dialect=dialect)


def _check(group: h5py.Group, sizes: StoredSizes, depth: int) -> None:
    """Refuse links, data sets that declare more than they store, and unknown node types, before nir reads anything."""
    sizes.enter(group, depth)
    kind = None if group.name.endswith("/metadata") else group.get("type")
    if isinstance(kind, h5py.Dataset) and kind.shape == ():
        text = kind[()]
        name = text.decode() if isinstance(text, bytes) else str(text)
        if name not in _KINDS:
            raise UnsupportedError("a node of unknown kind", where=f"{sizes.file}:{group.name}", value=name)
    for name in group:
        item = sizes.child(group, name)
        if isinstance(item, h5py.Group):
            _check(item, sizes, depth + 1)
        elif isinstance(item, h5py.Dataset):
            sizes.check(item, text=True)


def _read_graph(path: str | os.PathLike[str], where: str) -> Any:
    try:
        return nir.read(path, type_check=False)
    except NeurosimError:
        raise
    except (
        AssertionError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        text = str(error) or type(error).__name__
        raise FileFormatError(f"nir {nir.__version__} cannot read it: {text}", where=where) from error


def write_file(
    path: str | os.PathLike[str], graph: Any, net: Network | None, dialect: Dialect, nir_compat: str
) -> None:
    """Write a graph, and the description beside it if one is given, whole or not at all.

    ``nir_compat`` is the oldest version of ``nir`` that must be able to read the file: 1.0.4 and 1.0.5 do not know
    ``v_reset``, so it is left out where it is zero.
    """
    with atomic_path(path) as temporary:
        nir.write(temporary, graph)
        with h5py.File(temporary, "r+") as file:
            if _version(nir_compat) <= (1, 0, 5):
                _leave_out_zero_resets(file["node"])
        if net is not None:
            stored = graph_hash(_read_graph(temporary, os.fspath(path)))
            with h5py.File(temporary, "r+") as file:
                group = file.create_group(GROUP, track_order=True)
                write_network(group, net)
                write_value(group, _HASH, stored)
                write_value(group, _DIALECT, to_tree(dialect))


def _version(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(\.\d+)*", text):
        raise UnsupportedError(
            "is not a version of nir", where="nir_compat", value=text, remedy="Pass e.g. '1.0.4'"
        )
    return tuple(int(n) for n in text.split("."))


def _leave_out_zero_resets(group: h5py.Group) -> None:
    for name in list(group):
        if isinstance(group[name], h5py.Group):
            _leave_out_zero_resets(group[name])
        elif name == "v_reset":
            if np.any(group[name][()]):
                raise UnsupportedError(
                    "nir before 1.0.6 has no v_reset",
                    where=group.name,
                    remedy="Use nir_compat='1.0.6', or v_reset=0",
                )
            del group[name]
