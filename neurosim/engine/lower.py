"""Lowering: from the description to the plan. Draws connectivity, weights and delays; orders the populations."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from neurosim.connectivity.drawing import draw_rows
from neurosim.connectivity.rule import Ends
from neurosim.engine.plan import Plan, PlanDrive, PlanPopulation, PlanProjection, Stage
from neurosim.errors import CycleError, DescriptionError
from neurosim.network import Network, Projection

__all__ = ["lower", "stages_of"]


def lower(net: Network) -> Plan:
    """The plan of a network, drawn from its seed.

    Raises:
        CycleError: a cycle of zero delays, named.
        DescriptionError: a distribution that drew negative delays.
    """
    if not net.populations:
        raise DescriptionError(
            "the network has no population", where="Network", remedy="Add one with net.population(...)"
        )
    projections = tuple(_lower_projection(net, p) for p in net.projections.values())
    populations = {p.name: PlanPopulation(p.name, p.shape, p.model) for p in net.populations.values()}
    return Plan(
        dt=net.dt,
        seed=net.seed,
        inputs={p.name: p.shape for p in net.inputs.values()},
        populations=populations,
        projections=projections,
        outputs=net.outputs,
        stages=stages_of(populations, projections),
        drives=tuple(
            PlanDrive(d.name, d.population, d.drive, _receptor(net, d.population, d.receptor))
            for d in net.drives.values()
        ),
        sources={p.name: p.source for p in net.inputs.values() if p.source is not None},
    )


def _receptor(net: Network, population: str, name: str | None) -> int:
    return 0 if name is None else net.populations[population].model.RECEPTORS.index(name)


def _lower_projection(net: Network, p: Projection) -> PlanProjection:
    source = net.inputs[p.pre] if p.pre in net.inputs else net.populations[p.pre]
    rows = draw_rows(
        p.rule,
        Ends(source.shape, net.populations[p.post].shape, p.pre == p.post, net.seed),
        weight=p.weight,
        delay=p.delay,
        rounding=p.delay_rounding,
        keep_zeros=p.plasticity is not None,
        dt=net.dt,
        name=p.name,
    )
    return PlanProjection(p.name, p.pre, p.post, rows, _receptor(net, p.post, p.receptor), p.plasticity)


def stages_of(populations: Iterable[str], projections: Iterable[PlanProjection]) -> tuple[Stage, ...]:
    """Strongly connected groups of populations in topological order, each ordered along its zero delays."""
    names = list(populations)
    number = {name: i for i, name in enumerate(names)}
    edges = [(number[p.pre], number[p.post], p) for p in projections if p.pre in number and p.n_synapses]
    n = len(names)
    graph: Any = csr_array(
        (np.ones(len(edges)), ([a for a, _, _ in edges], [b for _, b, _ in edges])), shape=(n, n)
    )
    label = connected_components(graph, directed=True, connection="strong")[1].tolist()
    inside: dict[int, list[PlanProjection]] = {g: [] for g in label}
    for a, b, p in edges:
        if label[a] == label[b]:
            inside[label[a]].append(p)
    stages = []
    for members in _topological([(a, b) for a, b, _ in edges], label):
        within = inside[label[members[0]]]
        zero = {(number[p.pre], number[p.post]) for p in within if p.min_delay == 0}
        block = max(min(p.min_delay for p in within), 1) if within else 0
        stages.append(Stage(_levels(members, zero, names), block))
    return tuple(stages)


def _topological(edges: list[tuple[int, int]], label: list[int]) -> list[list[int]]:
    """Nodes grouped by label, each group after all groups that point to it; ties in order of creation."""
    members: dict[int, list[int]] = {}
    for node, group in enumerate(label):
        members.setdefault(group, []).append(node)
    between = {(label[a], label[b]) for a, b in edges if label[a] != label[b]}
    waits, after = _graph(members, between)
    ready = [nodes[0] for group, nodes in members.items() if not waits[group]]  # sorted: a heap
    order = []
    while ready:
        group = label[heapq.heappop(ready)]
        order.append(members[group])
        for later in after[group]:
            waits[later] -= 1
            if not waits[later]:
                heapq.heappush(ready, members[later][0])
    return order


def _levels(members: list[int], zero: set[tuple[int, int]], names: list[str]) -> tuple[tuple[str, ...], ...]:
    """Groups such that every zero delay points to a later group."""
    waits, after = _graph(members, zero)
    levels = []
    level = [m for m in members if not waits[m]]
    while level:
        levels.append(tuple(names[m] for m in level))
        released = []
        for later in (b for a in level for b in after[a]):
            waits[later] -= 1
            if not waits[later]:
                released.append(later)
        level = sorted(released)
    if left := [m for m in members if waits[m]]:
        raise CycleError(
            "a cycle of zero delays: " + " -> ".join(_cycle(left, zero, names)),
            remedy="Give one projection of the cycle a delay of at least dt",
        )
    return tuple(levels)


def _graph(nodes: Iterable[int], edges: set[tuple[int, int]]) -> tuple[dict[int, int], dict[int, list[int]]]:
    """How many nodes each node waits for, and the nodes that come after it."""
    waits, after = dict.fromkeys(nodes, 0), {node: list[int]() for node in nodes}
    for a, b in sorted(edges):
        waits[b] += 1
        after[a].append(b)
    return waits, after


def _cycle(left: list[int], zero: set[tuple[int, int]], names: list[str]) -> list[str]:
    """One cycle among ``left``, where every node has a predecessor."""
    path = [left[0]]
    while path[-1] not in path[:-1]:
        path.append(next(a for a, b in sorted(zero) if b == path[-1] and a in left))
    return [names[m] for m in reversed(path[path.index(path[-1]) :])]
