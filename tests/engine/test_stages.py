import time

import numpy as np
from hypothesis import given, strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import neurosim as ns
from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.lower import lower
from neurosim.engine.plan import PlanProjection
from neurosim.engine.stages import stages_of, strong_components
from neurosim.errors import CycleError


@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=25))
def test_strong_components_are_scipys(n: int, edges: list[tuple[int, int]]) -> None:
    edges = [(a % n, b % n) for a, b in edges]
    rows, columns = [a for a, _ in edges], [b for _, b in edges]
    graph = coo_array((np.ones(len(edges)), (np.array(rows, int), np.array(columns, int))), (n, n)).tocsr()
    expected = connected_components(graph, connection="strong")[1]
    label = np.array(strong_components(n, edges))
    assert np.array_equal(label[:, None] == label, expected[:, None] == expected)


def test_a_long_chain_does_not_recurse() -> None:
    n = 20_000
    assert len(set(strong_components(n, [(i, i + 1) for i in range(n - 1)]))) == n
    assert len(set(strong_components(n, [(i, (i + 1) % n) for i in range(n)]))) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=15))
def test_stages_are_in_topological_order_with_zero_delays_forward(edges: list[tuple[int, int, int]]) -> None:
    net = ns.Network(dt=1e-3)
    for i in range(6):
        net.population(str(i), 1, ns.LIF())
    for a, b, d in edges:
        net.connect(str(a), str(b), ns.OneToOne(), delay=d * 1e-3)
    try:
        plan = lower(net)
    except CycleError:
        assert _has_zero_cycle(edges)
        return
    assert not _has_zero_cycle(edges)
    position = {
        n: (i, j)
        for i, stage in enumerate(plan.stages)
        for j, level in enumerate(stage.levels)
        for n in level
    }
    assert sorted(position) == [str(i) for i in range(6)]
    for a, b, d in edges:
        before, after = position[str(a)], position[str(b)]
        assert before[0] <= after[0]
        if d == 0:
            assert before < after
        if before[0] == after[0]:
            assert plan.stages[before[0]].block <= max(d, 1)


def _has_zero_cycle(edges: list[tuple[int, int, int]]) -> bool:
    left = set(range(6))
    zero = [(a, b) for a, b, d in edges if d == 0]
    while left:
        free = {n for n in left if not any(b == n and a in left for a, b in zero)}
        if not free:
            return True
        left -= free
    return False


def test_a_loop_of_many_populations_is_ordered_quickly() -> None:
    """400 populations, 20 000 zero delays forward and one long way back: well under a second, not a minute."""
    net, n = ns.Network(dt=1e-3), 400
    for i in range(n):
        net.population(str(i), 1, ns.LIF())
    plan = lower(net)
    pairs = [(i, j, 0) for i in range(n) for j in range(i + 1, min(i + 51, n))] + [(n - 1, 0, 7)]
    projections = [
        PlanProjection(f"{i}->{j}", str(i), str(j), rows_from([0], [0], 1.0, d, 1, 1)) for i, j, d in pairs
    ]
    started = time.thread_time()  # whatever else the machine does
    (stage,) = stages_of(plan.populations, projections)
    assert time.thread_time() - started < 5.0  # it takes 0.1 s; trying every pair at every level takes 25 s
    assert stage.populations == tuple(map(str, range(n)))
    assert stage.block == 1
