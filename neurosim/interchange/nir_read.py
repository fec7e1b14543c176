"""From NIR to a Network. See `neurosim.interchange.nir_dialects` for what a NIR file leaves open."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError, NeurosimError, UnsupportedError
from neurosim.interchange.linear_maps import LinearMap
from neurosim.interchange.nir_dialects import DIALECTS, Arrival, Dialect, dialect_named
from neurosim.interchange.nir_file import NirFile, read_file
from neurosim.interchange.nir_graph import NEURONS, FlatGraph, Path, flatten, kind_of
from neurosim.interchange.nir_models import model_of
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.network import Network
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation

__all__ = ["READING_ALLOWS", "from_nir", "read_nir"]

READING_ALLOWS = (LossKind.APPROXIMATED, LossKind.DROPPED)
"""What reading accepts unless told otherwise: conventions stated by the dialect, and metadata left behind. Delays that
must be rounded to the time step are refused."""


def read_nir(
    path: str | os.PathLike[str],
    *,
    dt: float | None = None,
    dialect: Dialect | str | None = None,
    seed: int = 0,
    allow: Collection[LossKind] = READING_ALLOWS,
) -> tuple[Network, LossReport]:
    """Read a ``.nir`` file.

    A file that `write_nir` wrote carries the whole description. While its NIR part is unchanged, that is what comes
    back, exactly, and nothing is lost. Where another tool changed the NIR part, the NIR part is read, by the time step
    and dialect the file was written with unless others are given, with a warning. Any other file needs ``dt`` and
    ``dialect``.

    Args:
        dt: the time step to make the network for, s.
        dialect: what the file leaves open: a `Dialect` or the name of one in `DIALECTS`.
        seed: the network's seed.
        allow: kinds of losses to accept.

    Returns:
        The network, and what was lost or assumed.

    Raises:
        FileFormatError: the file is truncated, foreign or inconsistent.
        UnsupportedError: nodes or wiring that have no place in a `Network`.
        DescriptionError: ``dt`` or ``dialect`` is missing, or ``dt`` is not that of the network which the file carries.
        LossError: losses of a kind that is not in ``allow``.
    """
    file = read_file(path)
    if file.network is not None:
        if dt is not None and abs(dt - file.network.dt) > 1e-9 * dt:
            raise DescriptionError(
                "the file carries a network made for another time step",
                where=file.where,
                value=dt,
                limit=f"{file.network.dt:g} s",
                remedy="Leave dt out, or read the NIR part alone: from_nir(nir.read(path), dt=..., dialect=...)",
            )
        return file.network, LossReport()
    if file.stale:
        warnings.warn(
            f"{os.fspath(path)}: its NIR part was changed after neurosim wrote it; what NIR has no word for is lost",
            stacklevel=2,
        )
        dt = file.dt if dt is None else dt
        dialect = file.dialect if dialect is None else dialect
    return _from_file(file, dt, dialect, seed, allow)


def from_nir(
    graph: Any,
    *,
    dt: float | None = None,
    dialect: Dialect | str | None = None,
    seed: int = 0,
    allow: Collection[LossKind] = READING_ALLOWS,
) -> tuple[Network, LossReport]:
    """A network from a ``nir.NIRGraph`` (or the path of a file, then as `read_nir`). Arguments and errors: `read_nir`.

    Linear nodes in a row become one projection, named after them; Flatten leaves no trace; a bias becomes the constant
    current of each neuron; Delay nodes become delays, and parallel branches that differ in their delay one projection
    with a delay per synapse. A recurrent connection without a delay node takes one step, as in every tool that runs
    NIR. A linear node that leads to an output becomes a population of leaky integrators that forget within a step. LI
    and CubaLI may lead to outputs only.
    """
    if isinstance(graph, (str, os.PathLike)):
        return read_nir(graph, dt=dt, dialect=dialect, seed=seed, allow=allow)
    return _from_file(NirFile(graph, "NIR graph"), dt, dialect, seed, allow)


def _from_file(
    file: NirFile, dt: float | None, dialect: Dialect | str | None, seed: int, allow: Collection[LossKind]
) -> tuple[Network, LossReport]:
    if dt is None:
        remedy = "Pass the time step of the tool that wrote it, e.g. dt=1e-4"
        raise DescriptionError(
            "a plain NIR file states no time step: dt is needed", where=file.where, remedy=remedy
        )
    if dialect is None:
        remedy = f"Pass dialect='continuous' or another of {sorted(DIALECTS)}"
        what = "a plain NIR file does not state its conventions: dialect is needed"
        raise DescriptionError(what, where=file.where, remedy=remedy)
    conversion = _Conversion(flatten(file.graph), dialect_named(dialect), Network(dt=dt, seed=seed))
    try:
        net = conversion.run()
    except RecursionError:
        raise UnsupportedError("linear nodes are nested too deeply", where=file.where) from None
    report = LossReport(conversion.losses)
    report.require(allow)
    return net, report


@dataclass
class _Synapses:
    """One projection to be: a map with delays in steps, a number or an array in the order of its rule."""

    name: str | None
    pre: str
    post: str
    map: LinearMap
    steps: Any


class _Conversion:
    def __init__(self, graph: FlatGraph, dialect: Dialect, net: Network) -> None:
        self.graph, self.dialect, self.net = graph, dialect, net
        self.losses: list[Loss] = []
        self.names: dict[str, str] = {}
        self.synapses: list[_Synapses] = []

    def lose(self, kind: LossKind, where: str, what: str, amount: float | None = None) -> None:
        self.losses.append(Loss(kind=kind, where=where, what=what, amount=amount))

    def run(self) -> Network:
        d, dt = self.dialect, self.net.dt
        self.lose(
            LossKind.APPROXIMATED,
            "file",
            f"NIR states no time step, integration, arrival of spikes or kind of reset: taken from dt = {dt:g} s and "
            f"dialect {d.name!r} ({d.discretisation.name}, {d.arrival.name}, {d.spike_when.name}, {d.reset.name}, "
            f"{d.reset_timing.name})",
        )
        for name in self.graph.inputs:
            self.net.input(self.named(name), self.graph.shape(name))
        neurons = [n for n in self.reached() if kind_of(self.graph.nodes[n]) in NEURONS]
        for name in neurons:
            self.population(name)
        for name in self.graph.outputs:
            self.output(name)
        self.open_cycles()
        for s in self.synapses:
            rule, weight = s.map.synapses()
            label = self.fresh(s.name) if s.name in self.net.projections else s.name
            self.net.connect(s.pre, s.post, rule, weight=weight, delay=s.steps * dt, name=label)
        for name, node in self.graph.nodes.items():
            if getattr(node, "metadata", None):
                self.lose(LossKind.DROPPED, f"node {name!r}", "metadata is not kept")
        return self.net

    def reached(self) -> list[str]:
        """All nodes, breadth first from the inputs, so that populations stand in the order of the signal."""
        after: dict[str, list[str]] = {}
        for a, b in self.graph.edges:
            after.setdefault(a, []).append(b)
        order = dict.fromkeys(self.graph.inputs)
        queue = list(order)
        for name in queue:  # grows
            new = dict.fromkeys(n for n in after.get(name, []) if n not in order)
            order.update(new)
            queue += new
        return [*order, *(name for name in self.graph.nodes if name not in order)]

    def named(self, node: str) -> str:
        """The name of a node as the name of a part of a network."""
        plain = _printable(node.replace("->", "-").replace("/", "|")).strip() or "node"
        name, k = plain, 2
        while name in self.names.values():
            name, k = f"{plain}#{k}", k + 1
        self.names[node] = name
        return name

    def fresh(self, name: str | None) -> str:
        k = 2
        while f"{name}#{k}" in self.net.projections:
            k += 1
        return f"{name}#{k}"

    def population(self, name: str) -> None:
        paths, shape = self.graph.paths(name), self.graph.shape(name)
        node = self.graph.nodes[name]
        try:
            model, gain = model_of(node, self.dialect, self.net.dt, self.graph.bias(name), shape)
        except NeurosimError as error:
            error.where = error.where or f"node {name!r}"
            raise
        held = self.dialect.arrival is Arrival.HELD and self.dialect.discretisation is Discretisation.EXACT
        if held and kind_of(node) in ("CubaLIF", "CubaLI") and paths:
            what = "the charge of a spike is delivered at the start of its step"
            self.lose(LossKind.APPROXIMATED, f"node {name!r}", what)
        self.add(name, shape, model, paths, gain)

    def add(
        self, name: str, shape: tuple[int, ...], model: NeuronModel, paths: Iterable[Path], gain: NDArray[Any]
    ) -> None:
        post = self.net.population(self.named(name), shape, model).name
        between: dict[str, list[Path]] = {}
        for path in paths:
            between.setdefault(path.source, []).append(
                replace(path, map=replace(path.map.scaled(gain), post=shape))
            )
        for several in between.values():
            for label, made, delay in _folded(several):
                steps = self.steps(delay, label or post)
                # the source may come later in the order of populations: names are looked up when all are known
                self.synapses.append(_Synapses(label, several[0].source, post, made, steps))

    def steps(self, delay: Any, where: str) -> Any:
        """Delays in the file's unit of time as whole steps."""
        step = self.dialect.file_dt or self.net.dt
        exact = np.asarray(delay) / step
        steps = np.floor(exact + 0.5)
        off = np.abs(exact - steps)
        if off.max(initial=0.0) > 1e-6:
            what = "delays are rounded to whole steps (largest change, s)"
            self.lose(LossKind.ROUNDED, f"projection {where!r}", what, float(off.max()) * self.net.dt)
        steps = steps + self.dialect.transport_steps
        return float(steps) if steps.ndim == 0 else steps

    def output(self, name: str) -> None:
        """Mark what leads to an output; weights on the way make a readout population."""
        ends = [self.neuron_behind(before) for before in self.graph.predecessors(name)]
        if ends and all(end is not None for end in ends):
            for end in ends:
                self.net.output(self.names[str(end)])
            return
        paths = self.graph.paths(name)
        if not paths:
            return
        shape, bias = self.graph.shape(name), self.graph.bias(name)
        current = 0.0 if bias is None else bias.reshape(shape)
        model = LeakyIntegrator(
            tau_membrane=self.net.dt,
            discretisation=Discretisation.EULER,
            current=current,
            v_rest=0.0,
            resistance=1.0,
            v_init=None,
        )
        what = (
            "weights that lead to an output become leaky integrators that forget within a step; read their v"
        )
        self.lose(LossKind.APPROXIMATED, f"node {name!r}", what)
        self.add(name, shape, model, paths, np.ones(1))
        self.net.output(self.names[name])

    def neuron_behind(self, name: str) -> str | None:
        """The neuron node that a signal comes from, if nothing but reshaping lies between."""
        while kind_of(self.graph.nodes[name]) in ("Flatten", "Identity"):
            before = self.graph.predecessors(name)
            if len(before) != 1:
                return None
            name = before[0]
        return name if kind_of(self.graph.nodes[name]) in NEURONS else None

    def open_cycles(self) -> None:
        """Give recurrent connections of zero delay their implicit step."""
        rank = {name: i for i, name in enumerate((*self.net.inputs, *self.net.populations))}
        for s in self.synapses:
            s.pre = self.names[s.pre]
        self.synapses.sort(key=lambda s: (rank[s.post], rank[s.pre]))
        zero: dict[str, list[_Synapses]] = {}
        for s in self.synapses:
            if np.min(s.steps, initial=np.inf) == 0:
                zero.setdefault(s.pre, []).append(s)
        state = dict.fromkeys(self.net.populations, 0)  # 1: on the way, 2: done
        for root in state:
            stack = [(root, iter(zero.get(root, ())))] if state[root] == 0 else []
            state[root] = max(state[root], 1)
            while stack:
                at, rest = stack[-1]
                for s in rest:
                    if state[s.post] == 1:
                        s.steps = s.steps + 1
                        what = "a recurrent connection takes one step, which NIR implies"
                        self.lose(
                            LossKind.APPROXIMATED, f"projection {s.name or f'{s.pre}->{s.post}'!r}", what
                        )
                    elif state[s.post] == 0:
                        state[s.post] = 1
                        stack.append((s.post, iter(zero.get(s.post, ()))))
                        break
                else:
                    state[at] = 2
                    stack.pop()


def _folded(paths: list[Path]) -> list[tuple[str | None, LinearMap, Any]]:
    """Name, map and delay (file time) of each projection that paths between two populations make.

    Dense branches of different delay that share no synapse are one matrix of weights with one of delays.
    """
    made = [(_label(path), *_delayed(path)) for path in paths]
    matrices = [m.content for _, m, _ in made]
    dense = all(isinstance(m, np.ndarray) and m.ndim == 2 for m in matrices)
    delays = {float(np.max(d)) for _, _, d in made} | {float(np.min(d)) for _, _, d in made}
    if len(made) < 2 or not dense or len(delays) < 2:
        return made
    there = np.stack([np.asarray(m) != 0 for m in matrices])
    if (there.sum(axis=0) > 1).any():
        return made
    delay = np.full(matrices[0].T.shape, min(delays))
    for one, (_, _, d) in zip(there, made, strict=True):
        delay = np.where(one.T, d, delay)
    first = made[0][0] or ""
    name = re.sub(r"\.d\d+$", "", first) or None
    return [(name, replace(made[0][1], content=np.sum(matrices, axis=0, dtype=matrices[0].dtype)), delay)]


def _label(path: Path) -> str | None:
    """The projection's name: its nodes, without those that only delay."""
    names = [n for n in path.names if not n.endswith(".delay")] or list(path.names)
    return _printable("+".join(names)).replace("/", "|") or None


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _delayed(path: Path) -> tuple[LinearMap, Any]:
    """The map, and its delays as a number or in the order of its rule."""
    before, after = path.before, path.after
    if (before == before[0]).all() and (after == after[0]).all():
        return path.map, float(before[0] + after[0])
    content = path.map.content
    if isinstance(content, np.ndarray) and content.ndim == 2:
        return path.map, before[:, None] + after[None, :]
    if isinstance(content, np.ndarray):
        return path.map, before + after
    listed = replace(path.map, content=path.map.matrix())
    rule, _ = listed.synapses()
    return listed, before[rule.pre] + after[rule.post]  # type: ignore[attr-defined]
