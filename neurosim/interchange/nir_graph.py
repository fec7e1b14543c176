"""NIR graphs as sources, linear paths and sinks: nested graphs flattened, shapes inferred, linear nodes composed.

Nodes are told apart by the name of their class, so a graph may come from any version of ``nir`` and hold arrays of any
kind. ``nir``'s own shape inference is not relied on (it uses one side of a kernel for both axes and ignores groups).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError, NeurosimError, UnsupportedError
from neurosim.interchange.linear_maps import (
    LinearMap,
    Shape,
    compose,
    convolution,
    dense,
    diagonal,
    identity,
    pooling,
)

__all__ = ["LINEAR", "NEURONS", "FlatGraph", "Path", "flatten", "kind_of", "numbers"]

NEURONS = frozenset({"LIF", "CubaLIF", "IF", "LI", "CubaLI", "I", "Threshold"})
"""Nodes that become populations."""
SILENT = frozenset({"LI", "CubaLI", "I"})
"""Those whose output is a potential, not spikes."""
_SHAPED = {"LIF": "tau", "CubaLIF": "tau_mem", "IF": "r", "LI": "tau", "CubaLI": "tau_mem", "I": "r"}
LINEAR = frozenset(
    {"Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay"}
)
_PASSING = frozenset({"Input", "Output", "Identity"})
_BRANCHES = 256
"""Paths or distinct delays between two populations before a graph is refused."""

Array = NDArray[Any]


def kind_of(node: Any) -> str:
    """The node's class name."""
    return type(node).__name__


def numbers(value: Any) -> Array:
    """A parameter as an array, whatever holds it (NumPy, a number, a PyTorch tensor)."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise FileFormatError("a parameter is not made of numbers", value=str(array.dtype))
    return array


class Identity:
    """Input or output of an inner graph."""


@dataclass(frozen=True, eq=False)
class Path:
    """What the output of ``source`` does to one node: a linear map and a delay (file time) for each of its two ends."""

    source: str
    map: LinearMap
    before: Array
    """[n_pre]"""
    after: Array
    """[n_post]"""
    names: tuple[str, ...] = ()
    """the nodes that carry weights or delays"""


@dataclass(eq=False)
class FlatGraph:
    """Nodes and edges without nesting. Names of nested nodes are joined with dots."""

    nodes: dict[str, Any]
    edges: list[tuple[str, str]]
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _paths: dict[str, list[Path]] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.inputs = [name for name, node in self.nodes.items() if kind_of(node) == "Input"]
        self.outputs = [name for name, node in self.nodes.items() if kind_of(node) == "Output"]
        self._before: dict[str, list[str]] = {name: [] for name in self.nodes}
        for a, b in self.edges:
            self._before[b].append(a)

    def predecessors(self, name: str) -> list[str]:
        """Nodes with an edge to this one, once for every edge."""
        return self._before[name]

    def is_source(self, name: str) -> bool:
        """Whether paths start here."""
        return name in self.inputs or kind_of(self.nodes[name]) in NEURONS

    def shape(self, name: str) -> Shape:
        """The shape of a node's output."""
        if name not in self._shapes:
            if name in self._open:
                raise UnsupportedError("its shape depends on itself", where=f"node {name!r}")
            self._open.add(name)
            try:
                self._shapes[name] = self._infer(name)
            finally:
                self._open.discard(name)
        return self._shapes[name]

    def _infer(self, name: str) -> Shape:
        node, kind = self.nodes[name], kind_of(self.nodes[name])
        if name in self.inputs:
            declared = (node.input_type or {}).get("input")
            shape = tuple(int(n) for n in np.asarray(declared).reshape(-1)) if declared is not None else ()
            if not shape or min(shape) < 1 or math.prod(shape) >= 2**31:
                raise FileFormatError("an input without a valid shape", where=f"node {name!r}", value=shape)
            return shape
        if kind in NEURONS:
            shape = numbers(getattr(node, _SHAPED.get(kind, "threshold"))).shape
            if shape:
                return shape
        elif kind in ("Affine", "Linear") and numbers(node.weight).ndim == 2:
            return (numbers(node.weight).shape[0],)
        shape = self._incoming_shape(name)
        return shape if kind in NEURONS else self._linear(name, shape).post

    def _incoming_shape(self, name: str) -> Shape:
        before = self.predecessors(name)
        if not before:
            raise FileFormatError("nothing leads to it and its shape is not stated", where=f"node {name!r}")
        return self.shape(before[0])

    def _linear(self, name: str, pre: Shape) -> LinearMap:
        """The map of one linear node on a signal of shape ``pre``."""
        node, kind = self.nodes[name], kind_of(self.nodes[name])
        try:
            match kind:
                case "Affine" | "Linear":
                    return dense(numbers(node.weight), pre)
                case "Scale":
                    return diagonal(numbers(node.scale), pre)
                case "Conv1d" | "Conv2d":
                    options = {"stride": node.stride, "dilation": node.dilation, "groups": int(node.groups)}
                    return convolution(numbers(node.weight), pre, padding=_padding(node.padding), **options)
                case "SumPool2d" | "AvgPool2d":
                    return pooling(
                        pre, node.kernel_size, node.stride, node.padding, average=kind == "AvgPool2d"
                    )
                case "Flatten":
                    return replace(
                        identity(pre), post=_flattened(pre, int(node.start_dim), int(node.end_dim))
                    )
                case _:
                    return identity(pre)
        except NeurosimError as error:
            error.where = f"node {name!r}"
            raise

    def _bias_of(self, name: str, post: Shape) -> Array | None:
        node = self.nodes[name]
        bias = getattr(node, "bias", None)
        if kind_of(node) not in ("Affine", "Conv1d", "Conv2d") or bias is None:
            return None
        vector = numbers(bias).astype(np.float64)
        if kind_of(node) != "Affine":
            vector = np.broadcast_to(vector.reshape(-1, *(1,) * (len(post) - 1)), post)
        if vector.size != math.prod(post):
            raise FileFormatError(
                "bias does not fit the weights", where=f"node {name!r}", value=vector.shape, limit=post
            )
        return vector.reshape(-1) if vector.any() else None

    def paths(self, name: str) -> list[Path]:
        """All paths from sources to the *input* of a node."""
        found = [path for before in self.predecessors(name) for path in self._paths_out(before)]
        if len(found) > _BRANCHES:
            raise UnsupportedError(
                "too many paths lead to one node", where=f"node {name!r}", value=len(found), limit=_BRANCHES
            )
        return found

    def _paths_out(self, name: str) -> list[Path]:
        """All paths from sources to the *output* of a node."""
        if self.is_source(name):
            if kind_of(self.nodes[name]) in SILENT:
                raise UnsupportedError(
                    "its potential is the input of other nodes; projections carry spikes only",
                    where=f"node {name!r}",
                )
            shape = self.shape(name)
            zero = np.zeros(math.prod(shape))
            return [Path(name, identity(shape), zero, zero)]
        if name not in self._paths:
            self._enter(name)
            try:
                self._paths[name] = [out for path in self.paths(name) for out in self._through(name, path)]
            finally:
                self._open.discard(name)
        return self._paths[name]

    def _enter(self, name: str) -> None:
        if name in self._open:
            raise UnsupportedError("a cycle of linear nodes without a neuron", where=f"node {name!r}")
        self._open.add(name)

    def _through(self, name: str, path: Path) -> Iterator[Path]:
        node, kind = self.nodes[name], kind_of(self.nodes[name])
        step = self._linear(name, path.map.post)
        if kind == "Delay":
            delay = np.broadcast_to(numbers(node.delay).astype(np.float64).reshape(-1), path.after.shape)
            if not np.isfinite(delay).all() or delay.min() < 0:
                raise FileFormatError("a delay is negative or not finite", where=f"node {name!r}")
            yield replace(path, after=path.after + delay, names=(*path.names, name))
            return
        names = path.names if kind in ("Flatten", "Identity", "Input", "Output") else (*path.names, name)
        if _diagonal(step):
            yield replace(path, map=compose(path.map, step), names=names)
            return
        n_post = math.prod(step.post)
        if _diagonal(path.map):  # a delay of element i may as well be one of the source's element i
            path = replace(path, before=path.before + path.after, after=np.zeros_like(path.after))
        values = np.unique(path.after)
        if len(values) > _BRANCHES:
            raise UnsupportedError(
                "too many distinct delays before a weight", where=f"node {name!r}", value=len(values)
            )
        for value in values:
            part = path.map if len(values) == 1 else path.map.scaled((path.after == value).astype(float))
            yield Path(path.source, compose(part, step), path.before, np.full(n_post, value), names)

    def bias(self, name: str) -> Array | None:
        """The constant that arrives at a node's input in every step, or None."""
        total: Array | None = None
        for before in self.predecessors(name):
            if self.is_source(before):
                continue
            constant = self._bias_out(before)
            if constant is not None:
                total = constant if total is None else total + constant
        return total

    def _bias_out(self, name: str) -> Array | None:
        incoming = self.bias(name)
        if incoming is None and getattr(self.nodes[name], "bias", None) is None:
            return None
        pre = self._incoming_shape(name)
        step = self._linear(name, pre)
        passed = None if incoming is None else step(incoming)
        own = self._bias_of(name, step.post)
        if own is None or passed is None:
            return own if passed is None else passed
        return own + passed


def _diagonal(made: LinearMap) -> bool:
    return isinstance(made.content, np.ndarray) and made.content.ndim == 1


def _padding(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else numbers(value)


def _flattened(pre: Shape, start: int, end: int) -> Shape:
    n = len(pre)
    first, last = start % n if start >= 0 else start + n, end + n if end < 0 else end
    if not 0 <= first <= last < n:
        raise FileFormatError(
            "Flatten names axes that the signal does not have", value=(start, end), limit=pre
        )
    return (*pre[:first], math.prod(pre[first : last + 1]), *pre[last + 1 :])


def flatten(graph: Any) -> FlatGraph:
    """A graph and the graphs inside it as one.

    An edge to an inner graph leads to its input, one from it leaves its output; edges may also name inner nodes with
    dots ("inner.node").

    Raises:
        FileFormatError: an edge names a node that does not exist.
        UnsupportedError: a node of unknown kind; an edge to an inner graph with several inputs or outputs.
    """
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    _collect(graph, "", nodes, edges, 0)
    return FlatGraph(nodes, edges)


def _collect(
    graph: Any, prefix: str, nodes: dict[str, Any], edges: list[tuple[str, str]], depth: int
) -> None:
    if depth > 16:
        raise FileFormatError("graphs nest too deeply", where=prefix, limit=16)
    ports: dict[str, tuple[list[str], list[str]]] = {}
    for name, node in graph.nodes.items():
        full, kind = prefix + str(name), kind_of(node)
        if kind == "NIRGraph":
            _collect(node, f"{full}.", nodes, edges, depth + 1)
            inner = node.nodes.items()
            ports[str(name)] = (
                [f"{full}.{n}" for n, part in inner if kind_of(part) == "Input"],
                [f"{full}.{n}" for n, part in inner if kind_of(part) == "Output"],
            )
        elif kind not in NEURONS | LINEAR | _PASSING:
            raise UnsupportedError("a node of unknown kind", where=f"node {full!r}", value=kind)
        elif full in nodes:
            raise FileFormatError("two nodes have one name once nested graphs are flattened", value=full)
        else:
            nodes[full] = Identity() if depth and kind in ("Input", "Output") else node
    for edge in graph.edges:
        source, target = (str(end) for end in edge)
        edges.append((_end(source, 1, prefix, ports, nodes), _end(target, 0, prefix, ports, nodes)))


def _end(
    name: str,
    side: int,
    prefix: str,
    ports: Mapping[str, tuple[list[str], list[str]]],
    nodes: Mapping[str, Any],
) -> str:
    if name in ports:
        found = ports[name][side]
        if len(found) != 1:
            what = "inputs" if side == 0 else "outputs"
            raise UnsupportedError(
                f"an edge to a graph with {len(found)} {what}",
                where=f"node {prefix + name!r}",
                remedy=f"Name the inner node: '{name}.<node>'",
            )
        return found[0]
    if prefix + name not in nodes:
        raise FileFormatError(
            "an edge names a node that does not exist",
            where=f"graph {prefix[:-1] or 'node'!r}",
            value=name,
            limit=f"one of {sorted(n.removeprefix(prefix) for n in nodes if n.startswith(prefix))[:16]}",
        )
    return prefix + name
