"""Lowering: from the description to the plan. Draws connectivity, weights and delays; orders the populations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from neurosim import random
from neurosim.connectivity.delays import Rounding, delay_steps
from neurosim.connectivity.distributions import Distribution
from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection, Stage, sorted_synapses
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
    )


def _lower_projection(net: Network, p: Projection) -> PlanProjection:
    source = net.inputs[p.pre] if p.pre in net.inputs else net.populations[p.pre]
    target = net.populations[p.post]
    pre, post = p.rule.synapses(source.shape, target.shape, random.key(net.seed, "connect", p.name))
    index = np.arange(len(pre))
    where = f"projection {p.name!r}"
    if isinstance(p.weight, Distribution):
        weight = p.weight.sample(random.key(net.seed, "weight", p.name), index)
    else:
        weight = np.broadcast_to(np.asarray(p.weight).reshape(-1), len(pre)).copy()
    factor = p.rule.kernel(source.shape, target.shape)
    if factor is not None:
        weight = (weight * factor).astype(factor.dtype)
    if isinstance(p.delay, Distribution):
        seconds = p.delay.sample(random.key(net.seed, "delay", p.name), index)
        delay = delay_steps(seconds, net.dt, Rounding.NEAREST, where)
    else:
        delay = np.broadcast_to(delay_steps(p.delay, net.dt, p.delay_rounding, where).reshape(-1), len(pre))
    if p.plasticity is None:
        keep = weight != 0
        pre, post, weight, delay = pre[keep], post[keep], weight[keep], delay[keep]
    arrays = sorted_synapses(pre, post, weight, delay, source.size)
    return PlanProjection(p.name, p.pre, p.post, source.size, target.size, *arrays, plasticity=p.plasticity)


def stages_of(populations: Iterable[str], projections: Iterable[PlanProjection]) -> tuple[Stage, ...]:
    """Strongly connected groups of populations in topological order, each ordered along its zero delays."""
    names = list(populations)
    number = {name: i for i, name in enumerate(names)}
    edges = [(number[p.pre], number[p.post], p) for p in projections if p.pre in number and p.n_synapses]
    n = len(names)
    graph: Any = csr_array(
        (np.ones(len(edges)), ([a for a, _, _ in edges], [b for _, b, _ in edges])), shape=(n, n)
    )
    _, label = connected_components(graph, directed=True, connection="strong")
    groups = _topological(range(n), [(a, b) for a, b, _ in edges], label.tolist())
    stages = []
    for members in groups:
        inside = [p for a, b, p in edges if label[a] == label[b] == label[members[0]]]
        zero = [(number[p.pre], number[p.post]) for p in inside if p.min_delay == 0]
        levels = _levels(members, zero, names) if zero else (tuple(names[m] for m in members),)
        block = min((p.min_delay for p in inside), default=0)
        stages.append(Stage(levels, max(block, 1) if inside else 0))
    return tuple(stages)


def _topological(nodes: Iterable[int], edges: list[tuple[int, int]], label: list[int]) -> list[list[int]]:
    """Groups of equal label, each after all groups that point to it; ties in order of creation."""
    members: dict[int, list[int]] = {}
    for node in nodes:
        members.setdefault(label[node], []).append(node)
    before = {g: {label[a] for a, b in edges if label[b] == g and label[a] != g} for g in members}
    order: list[list[int]] = []
    done: set[int] = set()
    while len(order) < len(members):
        ready = next(g for g in members if g not in done and before[g] <= done)
        done.add(ready)
        order.append(members[ready])
    return order


def _levels(members: list[int], zero: list[tuple[int, int]], names: list[str]) -> tuple[tuple[str, ...], ...]:
    """Groups such that every zero delay points to a later group."""
    left, levels = list(members), []
    while left:
        level = [m for m in left if not any(b == m and a in left for a, b in zero)]
        if not level:
            raise CycleError(
                "a cycle of zero delays: " + " -> ".join(_cycle(left, zero, names)),
                remedy="Give one projection of the cycle a delay of at least dt",
            )
        levels.append(tuple(names[m] for m in level))
        left = [m for m in left if m not in level]
    return tuple(levels)


def _cycle(left: list[int], zero: list[tuple[int, int]], names: list[str]) -> list[str]:
    """One cycle among ``left``, where every node has a predecessor."""
    path = [left[0]]
    while path[-1] not in path[:-1]:
        path.append(next(a for a, b in zero if b == path[-1] and a in left))
    return [names[m] for m in reversed(path[path.index(path[-1]) :])]
