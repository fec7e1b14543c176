import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.optimize import linprog

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError, CycleError
from neurosim.hardware.compiler.retime import lags, retime
from neurosim.hardware.target import Transport

edge = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 6), st.integers(0, 4))


@given(st.lists(edge, max_size=10), st.integers(0, 3), st.integers(4, 12))
def test_least_solution_of_the_difference_constraints(
    raw: list[tuple[int, int, int, int]], m: int, most: int
) -> None:
    """Against SciPy's linear programme: minimal sum of lags, feasible in the same cases."""
    names = [str(i) for i in range(5)]
    edges = [(str(a), str(b), p, p + w, f"{a}->{b}") for a, b, p, w in raw]
    assume(all(w <= most - m for *_, w in raw))
    assume(not any(a == b and p + w > most for a, b, p, w in raw))
    rows, bounds = [], []
    for a, b, p, w in raw:
        for x, y, bound in ((a, b, p - m), (b, a, most - p - w)):  # L(x) - L(y) <= bound
            row = np.zeros(5)
            row[x] += 1
            row[y] -= 1
            rows.append(row)
            bounds.append(bound)
    best = linprog(np.ones(5), A_ub=np.array(rows), b_ub=bounds, bounds=(0, None)) if rows else None
    if best is not None and not best.success:
        with pytest.raises(CycleError, match="->"):
            lags(edges, names, Transport(m, most))
        return
    found = lags(edges, names, Transport(m, most))
    assert sum(found.values()) == pytest.approx(best.fun if best is not None else 0)
    for a, b, p, q, _ in edges:
        assert m <= p + found[b] - found[a]
        assert q + found[b] - found[a] <= most


def test_a_network_within_the_range_is_untouched() -> None:
    assert set(
        lags([("a", "b", 1, 5, "p"), ("b", "a", 3, 3, "q")], ["a", "b"], Transport(1, 5)).values()
    ) == {0}


def test_errors_name_the_cycle_and_the_projection() -> None:
    with pytest.raises(CycleError, match=r"h -> h.*2 steps"):
        lags([("h", "h", 2, 2, "h->h")], ["h"], Transport(3, 9))
    with pytest.raises(CycleError, match=r"a -> b -> a.*3 steps.*at least 4 steps"):
        lags([("a", "b", 3, 9, "x"), ("b", "a", 0, 2, "y")], ["a", "b"], Transport(2, 99))
    with pytest.raises(CapacityError, match=r"h->h.*17 steps.*16 steps"):
        lags([("h", "h", 17, 17, "h->h")], ["h"], Transport(1, 16))
    with pytest.raises(CapacityError, match=r"h->o.*0 to 20 steps"):
        lags([("h", "o", 0, 20, "h->o")], ["h", "o"], Transport(1, 16))


def test_paths_that_part_too_far_are_named_with_what_each_needs() -> None:
    """c must run 5 + 5 steps behind a, and then the direct way takes 11 steps, of 6."""
    edges = [("a", "c", 1, 1, "direct"), ("a", "b", 0, 0, "first"), ("b", "c", 0, 0, "second")]
    with pytest.raises(CycleError) as caught:
        lags(edges, ["a", "b", "c"], Transport(5, 6))
    text = str(caught.value)
    assert "'direct' (1 steps) must become 6 at most" in text
    assert "'first' (0 steps) must become 5 at least" in text
    assert "'second' (0 steps) must become 5 at least" in text
    assert "5 steps too far apart" in text


def chain(kind: type[ns.LIF] | type[ns.CurrentLIF] = ns.LIF, **model: object) -> ns.Network:
    net = ns.Network(dt=1e-3, seed=4)
    net.input("in", 6)
    net.population("h", 10, kind(threshold=0.5, **model))  # type: ignore[arg-type]
    net.output(net.population("o", 3, ns.LIF(threshold=0.5)))
    net.connect("in", "h", ns.AllToAll(), weight=ns.Normal(0.1, 0.3), delay=ns.Uniform(0, 4e-3))
    net.connect("h", "o", ns.AllToAll(), weight=ns.Normal(0.1, 0.3))
    net.connect("in", "o", ns.AllToAll(), weight=0.05, delay=9e-3)
    return net


def test_retimed_network_does_the_same_later() -> None:
    plan = lower(chain())
    slower, lag, losses = retime(plan, Transport(1, 16))
    assert lag == {"in": 0, "h": 1, "o": 2}
    assert not losses
    x = ns.Spikes.from_dense(np.random.default_rng(0).random((60, 4, 6)) < 0.2, dt=1e-3)
    a = ns.simulate(plan, {"in": x}, record={"h": "spikes", "o": "spikes"})
    b = ns.simulate(slower, {"in": x.resize(62)}, record={"h": "spikes", "o": "spikes"})
    for name in ("h", "o"):
        assert b[name].spikes.shift(-lag[name]).resize(60) == a[name].spikes
        assert len(a[name].spikes) > 20


def test_a_population_that_cannot_come_to_its_start_is_a_startup_loss() -> None:
    """Inhibited by its current, it would have to come from above its threshold."""
    slower, _, losses = retime(lower(chain(current=-30.0)), Transport(3, 16))
    assert [loss.where for loss in losses] == ["population 'h'"]
    assert slower.populations["h"].model.v_init is None
    assert not retime(lower(chain(current=-30.0)), Transport(3, 16, holds_start=True))[2]


@pytest.mark.parametrize(
    "model",
    [
        {"current": 0.3},
        {"v_init": 0.2},
        {"v_rest": 0.2, "v_init": 0.2},
        {"v_init": np.linspace(-0.4, 0.4, 10)},
    ],
    ids=["current", "start", "rest", "starts"],
)
@pytest.mark.parametrize("kind", [ns.LIF, ns.CurrentLIF])
def test_a_population_that_does_not_rest_starts_in_an_earlier_state(kind, model) -> None:
    if kind is ns.CurrentLIF:
        model = {**model, "i_init": np.linspace(-0.2, 0.1, 10)}
    plan = lower(chain(kind, **model))
    slower, lag, losses = retime(plan, Transport(1, 16))
    assert not losses
    x = ns.Spikes.from_dense(np.random.default_rng(0).random((60, 4, 6)) < 0.2, dt=1e-3)
    a = ns.simulate(plan, {"in": x}, record={"h": ns.Record("spikes", "v")})["h"]
    b = ns.simulate(slower, {"in": x.resize(62).shift(lag["in"])}, record={"h": ns.Record("spikes", "v")})[
        "h"
    ]
    assert b.spikes.shift(-lag["h"]).resize(60) == a.spikes
    np.testing.assert_allclose(b.v[lag["h"] :][:60], a.v, atol=1e-12)
