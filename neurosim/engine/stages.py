"""The order of populations: what is strongly connected runs together, in topological order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import count

from neurosim.engine.plan import PlanProjection, Stage
from neurosim.errors import CycleError

__all__ = ["stages_of", "strong_components"]


def stages_of(populations: Iterable[str], projections: Iterable[PlanProjection]) -> tuple[Stage, ...]:
    """Strongly connected groups of populations in topological order, each ordered along its zero delays."""
    names = list(populations)
    number = {name: i for i, name in enumerate(names)}
    edges = [(number[p.pre], number[p.post], p) for p in projections if p.pre in number and p.n_synapses]
    label = strong_components(len(names), [(a, b) for a, b, _ in edges])
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


def strong_components(n: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """A label for each of n nodes, the same for nodes that reach each other (Tarjan, SIAM J. Comput. 1, 1972)."""
    after: list[list[int]] = [[] for _ in range(n)]
    for a, b in set(edges):
        after[a].append(b)
    found, low, label = [-1] * n, [0] * n, [-1] * n
    open_nodes: list[int] = []
    path: list[tuple[int, Iterator[int]]] = []
    number = count()

    def enter(node: int) -> None:
        found[node] = low[node] = next(number)
        open_nodes.append(node)
        path.append((node, iter(after[node])))

    for root in range(n):
        if found[root] < 0:
            enter(root)
        while path:
            node, rest = path[-1]
            for later in rest:
                if found[later] < 0:
                    enter(later)
                    break
                if label[later] < 0:
                    low[node] = min(low[node], found[later])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == found[node]:
                    while label[node] < 0:
                        label[open_nodes.pop()] = node
    return label


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
