"""Scaling and rewiring: exact where they are exact, and the same however a run is cut or shared out."""

from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.learning.rewire import rewired
from neurosim.errors import DescriptionError, TimeGridError


def recurrent(
    *upkeep: ns.Upkeep, rule: Any = ns.FixedWeights, w_max: float = 10.0, delay: Any = 1e-3
) -> ns.Network:
    """30 relays of as many inputs, which ignore what they receive from each other."""
    net = ns.Network(dt=1e-3, seed=5)
    net.input("in", 30)
    net.output(net.population("n", 30, ns.Relay()))
    net.connect("in", "n", ns.OneToOne())
    net.connect(
        "n",
        "n",
        ns.FixedProbability(0.4),
        weight=ns.Uniform(0.0, 1.0),
        delay=delay,
        plasticity=rule(w_min=0.0, w_max=w_max, upkeep=upkeep),
        receptor="ignored",
        name="p",
    )
    return net


def targets(net: ns.Network) -> np.ndarray:
    from neurosim.engine.lower import lower

    return next(p for p in lower(net).projections if p.name == "p").target


def trains(rates: np.ndarray, steps: int) -> np.ndarray:
    return (np.random.default_rng(1).random((steps, 1, 30)) < rates * 1e-3).astype(int)


def test_sums_are_brought_to_the_target_and_keep_their_proportions() -> None:
    net = recurrent(ns.SumScaling(every=0.02, target=3.0))
    before, after = (ns.simulate(net, {}, duration).weights["p"][0] for duration in (0.019, 0.02))
    target = targets(net)
    assert np.bincount(target, after) == pytest.approx(3.0, rel=1e-14)
    np.testing.assert_allclose(after, before * 3.0 / np.bincount(target, before)[target], rtol=1e-14)


def test_bounds_hold_after_scaling() -> None:
    after = ns.simulate(recurrent(ns.SumScaling(every=0.01, target=9.0), w_max=0.5), {}, 0.02).weights["p"]
    assert after.max() == 0.5


def test_weights_of_neurons_below_their_target_rate_grow_and_others_shrink() -> None:
    """The closed form of van Rossum et al.: after n intervals, the product of 1 + gain (1 - r/target)."""
    u = ns.RateScaling(every=0.05, target_rate=20.0, gain=0.2, tau_rate=0.1)
    net = recurrent(u, w_max=1e3)
    x = trains(np.linspace(0, 60, 30), 400)
    before, after = (ns.simulate(net, {"in": x[:n]}).weights["p"][0] for n in (1, 400))
    rate, factor = np.full(30, 20.0), np.ones(30)
    for counts in x[:, 0].reshape(8, 50, 30).sum(1):
        rate += (1 - np.exp(-0.5)) * (counts / 0.05 - rate)
        factor *= np.maximum(1 + 0.2 * (1 - rate / 20.0), 0)
    np.testing.assert_allclose(after, before * factor[targets(net)], rtol=1e-12)
    assert factor[0] > 1.5
    assert factor[-1] < 0.6


UPKEEP = [
    (ns.RateScaling(every=0.03, target_rate=20.0), ns.SumScaling(every=0.05, target=5.0)),
    (ns.Rewiring(every=0.02, below=0.3, fan_in=10, growth=3, weight=0.4, delay=2e-3),),
]


@pytest.mark.parametrize("upkeep", UPKEEP, ids=["scaling", "rewiring"])
@pytest.mark.parametrize("cut", [40, 77])
def test_a_run_that_is_cut_goes_on_bit_for_bit(upkeep: tuple[ns.Upkeep, ...], cut: int) -> None:
    net = recurrent(*upkeep, rule=ns.STDP, delay=ns.Uniform(1e-3, 5e-3))
    x = trains(np.full(30, 40.0), 150)
    whole = ns.simulate(net, {"in": x}, seed=3)
    first = ns.simulate(net, {"in": x[:cut]}, seed=3)
    second = ns.simulate(net, {"in": x[cut:]}, state=first.final_state, seed=3)
    mine, theirs = (r.final_state.extras["p"] for r in (second, whole))
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert np.array_equal(mine[name], theirs[name]), name


def test_rewiring_prunes_what_is_weak_and_grows_up_to_the_limit() -> None:
    net = recurrent(ns.Rewiring(every=0.02, below=0.3, fan_in=10, growth=3, weight=0.4))
    from neurosim.engine.lower import lower

    p = next(q for q in lower(net).projections if q.name == "p")
    kept = p.weight >= 0.3
    after = ns.simulate(net, {}, 0.02, seed=1).final_state.extras["p"]
    pre, target, weight = (after[name][0] for name in ("pre", "target", "weight"))
    pairs = set(zip(pre.tolist(), target.tolist(), strict=True))
    old = set(zip(p.pre_index[kept].tolist(), p.target[kept].tolist(), strict=True))
    assert len(pairs) == len(pre)
    assert old <= pairs
    assert all(i != j for i, j in pairs - old)
    grown = np.bincount([j for _, j in pairs - old], minlength=30)
    room = 10 - np.bincount(p.target[kept], minlength=30)
    assert np.array_equal(grown, np.clip(room, 0, 3))
    assert grown.max() == 3
    assert np.array_equal(np.sort(weight), np.sort([*p.weight[kept], *[0.4] * int(grown.sum())]))
    again = ns.simulate(net, {}, 0.02, seed=1).final_state.extras["p"]
    other = ns.simulate(net, {}, 0.02, seed=2).final_state.extras["p"]
    assert np.array_equal(again["pre"][0], pre)
    assert not np.array_equal(other["pre"][0], pre)


def test_new_partners_are_drawn_uniformly() -> None:
    """Of 40 candidates each is taken as often: chi-squared with 39 degrees of freedom, 99.9 % quantile 72.1."""
    from neurosim.connectivity.synapse_rows import rows_from

    rows = rows_from([0], [0], [1.0], [1], 40, 200)
    rule = ns.Rewiring(fan_in=5, weight=1.0)
    found = np.zeros(40)
    for step in range(10):
        made, place = rewired(rows, np.ones(1), rule, 1, 7, step, False)
        assert (place >= 0).sum() == 1
        found += np.bincount(made.sources()[made.targets() > 0], minlength=40)
    expected = found.sum() / 40
    assert found.sum() == 10 * 199 * 5
    assert ((found - expected) ** 2 / expected).sum() < 72.1


def test_what_upkeep_cannot_do_is_refused() -> None:
    net = recurrent(ns.Rewiring(every=0.02))
    with pytest.raises(DescriptionError, match="one sample"):
        ns.simulate(net, {"in": np.zeros((10, 2, 30), int)})
    with pytest.raises(TimeGridError, match="not a multiple of dt"):
        ns.simulate(recurrent(ns.SumScaling(every=0.0205)), {}, 0.01)
    with pytest.raises(DescriptionError, match="delays differ"):
        ns.simulate(recurrent(ns.Rewiring(), rule=ns.STDP, delay=ns.Uniform(1e-3, 5e-3)), {}, 0.01)
    with pytest.raises(DescriptionError, match=r"not among the delays.*got 0\.009"):
        ns.simulate(recurrent(ns.Rewiring(delay=9e-3)), {}, 0.01)
    with pytest.raises(DescriptionError, match="is not an Upkeep"):
        ns.STDP(upkeep=(3,))  # type: ignore[arg-type]
    with pytest.raises(DescriptionError, match="not a number of synapses"):
        ns.Rewiring(fan_in=-1)
