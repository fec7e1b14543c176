import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import State
from neurosim.errors import DescriptionError, ShapeError


def pair(
    a_steps: list[int], b_steps: list[int], *, delay: int = 0, steps: int = 200, **rule: float
) -> tuple[float, list[int]]:
    """One plastic synapse (too weak to fire its target), and a strong static one that makes the target fire."""
    net = ns.Network(dt=1e-3)
    net.input("pre", 1)
    net.input("force", 1)
    net.output(net.population("post", 1, ns.LIF(threshold=1.0)))
    net.connect(
        "pre", "post", ns.OneToOne(), weight=0.1, delay=delay * 1e-3, plasticity=ns.STDP(**rule), name="p"
    )  # type: ignore[arg-type]
    net.connect("force", "post", ns.OneToOne(), weight=5.0)
    x, y = np.zeros((steps, 1, 1)), np.zeros((steps, 1, 1))
    x[a_steps], y[b_steps] = 1, 1
    r = ns.simulate(net, {"pre": x, "force": y})
    return float(r.weights["p"][0, 0]), r["post"].spikes.step.tolist()


def test_closed_form_of_all_pairs() -> None:
    """w = w0 + A+ sum over causal pairs exp(-D/tau+) - A- sum over the others exp(-D/tau-); times of arrival count."""
    arrivals, posts, d = [13, 63, 133], [20, 30, 61, 90, 133], 3
    w, fired = pair(
        [t - d for t in arrivals],
        posts,
        delay=d,
        a_plus=0.001,
        a_minus=0.002,
        tau_plus=20e-3,
        tau_minus=15e-3,
    )
    assert fired == posts
    up = sum(math.exp(-(q - p) / 20) for p in arrivals for q in posts if q >= p)
    down = sum(math.exp(-(p - q) / 15) for p in arrivals for q in posts if q < p)
    assert w == pytest.approx(0.1 + 0.001 * up - 0.002 * down, abs=1e-15)


def test_an_arrival_and_a_spike_of_one_step_are_causal() -> None:
    assert pair([50], [50], a_plus=0.01, a_minus=0.5)[0] == pytest.approx(0.11)


def test_bounds_hold_after_every_change() -> None:
    assert pair([50], [50], a_plus=5.0, w_max=0.3)[0] == 0.3
    assert pair([60], [50], a_minus=5.0, w_min=0.05)[0] == 0.05


def test_bounds_that_cross_are_refused() -> None:
    with pytest.raises(DescriptionError, match="w_min is above w_max"):
        ns.STDP(w_min=1.0, w_max=0.5)


def test_the_arrival_is_delivered_with_the_old_weight() -> None:
    net = ns.Network(dt=1e-3)
    net.input("pre", 1)
    net.population("post", 1, ns.LIF(threshold=0.1))
    net.connect("pre", "post", ns.OneToOne(), weight=0.15, plasticity=ns.STDP(a_plus=1.0), name="p")
    x = np.zeros((5, 1, 1))
    x[1] = 1
    r = ns.simulate(net, {"pre": x}, record={"post": ns.Record("spikes")})
    assert r["post"].spikes.step.tolist() == [1]  # it fired by 0.15, not by 1.15 afterwards
    assert r.weights["p"][0, 0] == pytest.approx(1.15)


def test_weights_of_a_batch_are_independent_and_carried_on() -> None:
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 8)
    net.output(net.population("n", 12, ns.LIF(threshold=0.8)))
    net.connect(
        "in",
        "n",
        ns.AllToAll(),
        weight=0.4,
        delay=ns.Uniform(0, 4e-3),
        plasticity=ns.STDP(w_max=0.8, w_min=0.0),
        name="p",
    )
    net.connect(
        "n",
        "n",
        ns.FixedProbability(0.5),
        weight=0.05,
        delay=2e-3,
        plasticity=ns.STDP(w_max=0.1, w_min=0.0),
        name="r",
    )
    x = (np.random.default_rng(0).random((150, 3, 8)) < 0.1).astype(int)
    whole = ns.simulate(net, {"in": x})
    for b in range(3):
        alone = ns.simulate(net, {"in": x[:, [b]]})
        assert np.array_equal(alone.weights["p"][0], whole.weights["p"][b])
        assert np.array_equal(alone.weights["r"][0], whole.weights["r"][b])
    first = ns.simulate(net, {"in": x[:71]})
    second = ns.simulate(net, {"in": x[71:]}, state=first.final_state)
    for name in "pr":
        assert np.allclose(second.weights[name], whole.weights[name], atol=1e-12)
        assert np.ptp(whole.weights[name]) > 0.01


@pytest.mark.parametrize("count", [3, 300])
def test_a_count_is_as_many_arrivals(count: int) -> None:
    """Post at 10, ``count`` spikes arrive at 20 (each depresses), post at 30 (potentiated by each of them)."""
    net = ns.Network(dt=1e-3)
    net.input("pre", 1)
    net.input("force", 1)
    net.output(net.population("post", 1, ns.LIF(threshold=1.0)))
    rule = ns.STDP(a_plus=1e-5, a_minus=2e-5, tau_plus=20e-3, tau_minus=15e-3)
    net.connect("pre", "post", ns.OneToOne(), weight=1e-4, plasticity=rule, name="p")
    net.connect("force", "post", ns.OneToOne(), weight=5.0)
    x, y = np.zeros((40, 1, 1)), np.zeros((40, 1, 1))
    x[20], y[[10, 30]] = count, 1
    r = ns.simulate(net, {"pre": x, "force": y}, record={"post": ns.Record("spikes", "v")})
    assert r["post"].spikes.step.tolist() == [10, 30]
    change = count * (1e-5 * math.exp(-10 / 20) - 2e-5 * math.exp(-10 / 15))
    assert r.weights["p"][0, 0] == pytest.approx(1e-4 + change, abs=1e-15)


def test_the_state_of_another_projection_is_refused() -> None:
    def run(channels: int, state: State | None = None) -> ns.Recording:
        net = ns.Network(dt=1e-3)
        net.input("in", channels)
        net.population("n", 4, ns.LIF())
        net.connect("in", "n", ns.AllToAll(), plasticity=ns.STDP())
        return ns.simulate(net, {}, 0.01, state=state)

    with pytest.raises(ShapeError, match=r"in->n.*weight of another network.*\(1, 4\).*\(1, 12\)"):
        run(3, run(1).final_state)
