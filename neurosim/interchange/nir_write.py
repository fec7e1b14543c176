"""From a Network to NIR: a graph with a report of what NIR could not hold, or a file that holds everything."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from enum import Enum
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity import Convolution2d, OneToOne
from neurosim.connectivity.distributions import Distribution
from neurosim.engine.lower import lower
from neurosim.engine.plan import PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.interchange.nir_dialects import DelayNodes, Dialect, dialect_named
from neurosim.interchange.nir_file import write_file
from neurosim.interchange.nir_nodes import NodeParameters, node_of
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.network import Network, Projection

__all__ = ["NirContent", "to_nir", "write_nir"]

_LIMIT = 2**28
"""Entries of a dense matrix; NIR has no sparse ones."""


class NirContent(Enum):
    """What a .nir file holds."""

    WITH_NETWORK = "with network"
    """the NIR graph, and beside it the whole description: `read_nir` gives back an equal network"""
    PLAIN = "plain"
    """the NIR graph only"""


def to_nir(
    net: Network, *, dialect: Dialect | str = "continuous", allow: Collection[LossKind] = ()
) -> tuple[Any, LossReport]:
    """A ``nir.NIRGraph`` of a network, and what it could not hold.

    Populations become neuron nodes and projections linear nodes of the same name; what a constant current adds becomes
    the bias of an Affine node, or is moved into ``v_leak``. Random connectivity is drawn and written as a dense matrix.
    Where the dialect knows Delay nodes, a projection becomes one branch for every distinct delay. A population's
    connection to itself with a delay of one step is written without a delay, which is what NIR implies for it.

    Args:
        dialect: how the reader will turn the graph into steps; time constants and weights are written so that it ends
            with the same coefficients.
        allow: kinds of losses to accept. NIR cannot hold the time step, so this is never empty for a bare graph; use
            `write_nir` for a file without losses.

    Raises:
        LossError: losses that are not allowed; ``.report`` has all of them.
        UnsupportedError: a model that NIR has no node for.
    """
    graph, report = _Conversion(net, dialect_named(dialect)).run()
    report.require(allow)
    return graph, report


def write_nir(
    net: Network,
    path: str | os.PathLike[str],
    *,
    dialect: Dialect | str = "continuous",
    content: NirContent = NirContent.WITH_NETWORK,
    nir_compat: str = "1.0.8",
    allow: Collection[LossKind] = (),
) -> LossReport:
    """Write a .nir file, whole or not at all.

    Args:
        content: with the description beside the graph nothing is lost to `read_nir`, and nothing is refused; the report
            says what other tools will not see. A plain file must be allowed its losses.
        nir_compat: the oldest version of ``nir`` that must read the file. Up to 1.0.5, ``v_reset`` is left out.
        dialect, allow, errors: as `to_nir`.
    """
    stated = dialect_named(dialect)
    graph, report = _Conversion(net, stated).run()
    if content is NirContent.PLAIN:
        report.require(allow)
    write_file(path, graph, net if content is NirContent.WITH_NETWORK else None, stated, nir_compat)
    return report


class _Conversion:
    def __init__(self, net: Network, dialect: Dialect) -> None:
        self.net, self.dialect = net, dialect
        for name in (*net.inputs, *net.populations):
            if name in (".", "..") or "\0" in name:
                raise UnsupportedError("cannot be the name of a NIR node", where=repr(name))
        self.plan = lower(net)
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.losses: list[Loss] = []
        self.step = dialect.file_dt or net.dt
        self.shapes = {name: part.shape for name, part in net.inputs.items()}
        for name, population in net.populations.items():
            keeps = all(self._keeps_shape(p) for p in net.projections.values() if p.post == name)
            self.shapes[name] = population.shape if keeps else (population.size,)

    def lose(self, kind: LossKind, where: str, what: str, amount: float | None = None) -> None:
        self.losses.append(Loss(kind=kind, where=where, what=what, amount=amount))

    def run(self) -> tuple[Any, LossReport]:
        what = f"the time step (s); a reader must be told it and dialect {self.dialect.name!r} "
        what += f"(discretisation {self.dialect.discretisation.name})"
        self.lose(LossKind.DROPPED, "network", what, self.net.dt)
        for name, part in self.net.inputs.items():
            self.nodes[name] = nir.Input(input_type={"input": np.array(part.shape)})
            if part.source is not None:
                source = type(part.source).__name__
                self.lose(LossKind.DROPPED, f"input {name!r}", f"its source ({source}) has no place in NIR")
        for drive in self.net.drives.values():
            what = f"drives ({type(drive.drive).__name__}) have no place in NIR"
            self.lose(LossKind.DROPPED, f"drive {drive.name!r}", what)
        made = {name: self.neuron(name) for name in self.net.populations}
        for projection, drawn in zip(self.net.projections.values(), self.plan.projections, strict=True):
            self.projection(projection, drawn, made[projection.post])
        for name in self.net.outputs:
            label = self.fresh("output" if len(self.net.outputs) == 1 else f"output.{name}")
            self.nodes[label] = nir.Output(output_type={"output": np.array(self.shapes[name])})
            self.edges.append((name, label))
        graph = nir.NIRGraph(nodes=self.nodes, edges=self.edges, type_check=False)
        return graph, LossReport(self.losses)

    def fresh(self, name: str) -> str:
        """A node name that is not taken."""
        plain, k = name.replace("/", "|"), 2
        fresh = plain
        while fresh in self.nodes or fresh in self.net.populations:
            fresh, k = f"{plain}#{k}", k + 1
        return fresh

    def _keeps_shape(self, p: Projection) -> bool:
        """Whether the projection's nodes give a signal of the population's shape."""
        pre, post = self._shape_of(p.pre), self._shape_of(p.post)
        return len(post) == 1 or _is_plain_convolution(p) or (isinstance(p.rule, OneToOne) and pre == post)

    def _shape_of(self, name: str) -> tuple[int, ...]:
        return (self.net.inputs.get(name) or self.net.populations[name]).shape

    def neuron(self, name: str) -> NodeParameters:
        """Add a population's node; returns how weights and bias into it are written."""
        population, shape = self.net.populations[name], self.shapes[name]
        incoming = [p for p in self.net.projections.values() if p.post == name]
        carrier = self._carrier(incoming)
        made = self._node(population, shape, carrier is not None)
        if made.bias is not None and carrier is not None and _is_plain_convolution(carrier):
            channels = made.bias.reshape(shape[0], -1)
            if (channels != channels[:, :1]).any():  # a convolution's bias is one number a channel
                made = self._node(population, shape, False)
        if shape != population.shape:
            what = f"shape {population.shape} is written as {shape}: dense weights lead here"
            self.lose(LossKind.APPROXIMATED, f"population {name!r}", what)
        self.losses += made.losses
        self.nodes[name] = getattr(nir, made.kind)(**made.parameters)
        return made

    def _node(self, population: Any, shape: tuple[int, ...], biased: bool) -> NodeParameters:
        where = f"population {population.name!r}"
        model = population.model
        if shape != population.shape:
            arrays = {n: v.reshape(shape) for n, v in vars(model).items() if isinstance(v, np.ndarray)}
            model = model.replace(**arrays) if arrays else model
        return node_of(model, self.dialect, self.net.dt, shape, where, biased)

    def _carrier(self, incoming: list[Projection]) -> Projection | None:
        """The projection whose node can take a bias: dense if there is one, else a convolution."""
        dense = [p for p in incoming if not _is_plain_convolution(p) and not isinstance(p.rule, OneToOne)]
        return next(iter((*dense, *(p for p in incoming if _is_plain_convolution(p)))), None)

    def projection(self, p: Projection, drawn: PlanProjection, target: NodeParameters) -> None:
        where = f"projection {p.name!r}"
        if p.plasticity is not None:
            self.lose(
                LossKind.DROPPED, where, f"plasticity ({type(p.plasticity).__name__}) has no place in NIR"
            )
        drawn_anew = p.rule.RANDOM or isinstance(p.weight, Distribution)
        if drawn_anew or isinstance(p.delay, Distribution):
            self.lose(
                LossKind.APPROXIMATED, where, "random connectivity is written as it was drawn from the seed"
            )
        incoming = [q for q in self.net.projections.values() if q.post == p.post]
        bias = target.bias if self._carrier(incoming) is p else None
        factor = target.weight.reshape(-1)
        delays = self._delays(drawn, where)
        plain = len(delays) <= 1
        if plain and _is_plain_convolution(p) and (factor == factor[0]).all():
            self._chain(p, drawn, [self._convolution(p, factor[0], bias)], delays)
        elif plain and isinstance(p.rule, OneToOne) and self.shapes[p.pre] == self.shapes[p.post]:
            weight = np.zeros(drawn.n_post)
            weight[drawn.target] = drawn.weight
            weight = weight * factor
            scale = (
                []
                if (weight == 1.0).all()
                else [(p.name, nir.Scale(scale=weight.reshape(self.shapes[p.post])))]
            )
            self._chain(p, drawn, scale, delays)
        else:
            for k, steps in enumerate(delays or [0]):
                chain = self._matrix(p, drawn, steps, len(delays) > 1, factor, bias if k == 0 else None)
                self._chain(p, drawn, chain, [steps] if delays else [])

    def _delays(self, drawn: PlanProjection, where: str) -> list[int]:
        """Delays in steps that are written as branches; what cannot be written is lost here."""
        found = [int(d) for d in np.unique(drawn.delay)]
        implied = self.dialect.transport_steps or int(drawn.pre == drawn.post)
        if found == [implied] or not found:
            return []
        if self.dialect.delay_nodes is DelayNodes.WRITTEN:
            return found
        what = f"delays (longest in s) have no place in dialect {self.dialect.name!r}"
        self.lose(LossKind.DROPPED, where, what, drawn.max_delay * self.net.dt)
        return []

    def _convolution(self, p: Projection, factor: float, bias: NDArray[Any] | None) -> tuple[str, Any]:
        rule = p.rule
        assert isinstance(rule, Convolution2d)
        assert isinstance(p.weight, float)
        total = float(factor) * p.weight
        weight = rule.weights if total == 1.0 else rule.weights * total
        zero = np.zeros(weight.shape[0], weight.dtype)
        node = nir.Conv2d(
            input_shape=tuple(self.shapes[p.pre][1:]),
            weight=weight,
            stride=(rule.stride,) * 2,
            padding=(rule.padding,) * 2,
            dilation=(1, 1),
            groups=1,
            bias=zero if bias is None else bias.reshape(weight.shape[0], -1)[:, 0],
        )
        return p.name, node

    def _matrix(
        self,
        p: Projection,
        drawn: PlanProjection,
        steps: int,
        several: bool,
        factor: NDArray[Any],
        bias: NDArray[Any] | None,
    ) -> list[tuple[str, Any]]:
        """Nodes of the synapses with one delay (of all, where delays are not written), as a dense matrix."""
        where = f"projection {p.name!r}"
        if drawn.n_pre * drawn.n_post > _LIMIT:
            size = f"{drawn.n_post} x {drawn.n_pre}"
            raise UnsupportedError(
                "NIR holds dense weights only", where=where, value=size, limit=f"{_LIMIT} entries"
            )
        chosen = drawn.delay == steps if several else np.ones(drawn.n_synapses, bool)
        weight = np.zeros((drawn.n_post, drawn.n_pre), drawn.weight.dtype)
        np.add.at(weight, (drawn.target[chosen], drawn.pre_index[chosen]), drawn.weight[chosen])
        if (factor != 1.0).any():
            weight = weight * factor[:, None]
        name = f"{p.name}.d{steps}" if several else p.name
        node = nir.Linear(weight=weight) if bias is None else nir.Affine(weight=weight, bias=bias.reshape(-1))
        shape = self.shapes[p.pre]
        if len(shape) == 1:
            return [(name, node)]
        flat = nir.Flatten(input_type={"input": np.array(shape)}, start_dim=0, end_dim=-1)
        return [(f"{name}.flatten", flat), (name, node)]

    def _chain(
        self, p: Projection, drawn: PlanProjection, chain: list[tuple[str, Any]], delays: list[int]
    ) -> None:
        """Add the nodes of one branch, with its delay at the end, and the edges along it."""
        wait = [d - self.dialect.transport_steps for d in delays]
        if wait and wait[0] > 0:
            seconds = np.full(self.shapes[p.post], wait[0] * self.step)
            chain = [*chain, (f"{chain[-1][0] if chain else p.name}.delay", nir.Delay(delay=seconds))]
        elif wait and wait[0] < 0:
            what = f"every connection takes {self.dialect.transport_steps} steps in dialect {self.dialect.name!r}"
            self.lose(LossKind.APPROXIMATED, f"projection {p.name!r}", what)
        if not chain and (p.pre, p.post) in self.edges:  # NIR has no parallel edges
            chain = [(p.name, nir.Scale(scale=np.ones(self.shapes[p.post])))]
        at = p.pre
        for name, node in chain:
            label = self.fresh(name)
            self.nodes[label] = node
            self.edges.append((at, label))
            at = label
        self.edges.append((at, p.post))


def _is_plain_convolution(p: Projection) -> bool:
    return isinstance(p.rule, Convolution2d) and isinstance(p.weight, float) and math.isfinite(p.weight)
