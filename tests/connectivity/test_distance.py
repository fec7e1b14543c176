"""The rule against its formula, pair by pair; bounds fail for one seed in a million."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chi2

import neurosim as ns
from neurosim import random
from neurosim.connectivity import Autapses, DistanceDependent, Ends, Placement, grid_order
from neurosim.engine.lower import lower
from neurosim.errors import DescriptionError, ShapeError

ALARM = 1e-6


def totals(rule: DistanceDependent, ends: Ends, keys: int) -> np.ndarray:
    total = np.zeros((ends.n_pre, ends.n_post))
    for k in range(keys):
        drawn = rule.pattern(ends, random.key(k, "check"))
        pre = np.repeat(np.arange(ends.n_pre), np.diff(drawn.row_start))
        code = pre * ends.n_post + drawn.target
        assert (np.diff(code) > 0).all()  # sorted, and no pair twice
        total[pre, drawn.target] += 1
    return total


def formula(rule: DistanceDependent, ends: Ends) -> np.ndarray:
    """C exp(-(D / length)^2), by SciPy's distances."""
    pre, post = (np.stack(np.unravel_index(s, rule.grid), 1) for s in rule.sites(ends))
    c: object = rule.probability
    if rule.types is not None:
        c = np.asarray(rule.probability)[rule.types[:, None], rule.types[None]]
    p = c * np.exp(-((cdist(pre, post) / rule.length) ** 2))
    if ends.recurrent and rule.autapses is Autapses.FORBIDDEN:
        np.fill_diagonal(p, 0.0)
    return p


def agrees(total: np.ndarray, p: np.ndarray, keys: int) -> None:
    """Pairs of like probability together: a chi-square of binomial counts, and nothing where p is 0."""
    assert not total[p == 0].any()
    order = np.argsort(p[p > 0])
    group = np.array_split(order, 60)
    mean = np.array([keys * p[p > 0][g].sum() for g in group])
    variance = np.array([keys * (p * (1 - p))[p > 0][g].sum() for g in group])
    seen = np.array([total[p > 0][g].sum() for g in group])
    usable = mean > 20
    assert usable.sum() > 10
    statistic = ((seen - mean)[usable] ** 2 / variance[usable]).sum()
    assert chi2.ppf(ALARM / 2, usable.sum()) < statistic < chi2.isf(ALARM / 2, usable.sum())


@pytest.mark.parametrize(
    ("rule", "recurrent"),
    [
        (DistanceDependent(grid=(4, 5, 3), length=1.5, probability=0.7), True),
        (DistanceDependent(grid=(60,), length=8.0, probability=0.95, autapses=Autapses.ALLOWED), True),
        (DistanceDependent(grid=(6, 10), length=3.0, probability=0.4, placement=Placement.SHUFFLED), False),
        (
            DistanceDependent(
                grid=(4, 5, 3), length=3.0, probability=[[0.2, 0.1], [0.3, 0.05]],
                types=np.repeat([0, 1], [48, 12]), placement=Placement.SHUFFLED,
            ),
            True,
        ),
    ],
    ids=["3-D", "line", "shuffled plane", "types"],
)  # fmt: skip
def test_pairs_have_the_probability_of_the_formula(rule: DistanceDependent, recurrent: bool) -> None:
    ends = Ends((60,), (60,), recurrent, seed=11)
    agrees(totals(rule, ends, 300), formula(rule, ends), 300)


def test_certain_pairs_are_always_there() -> None:
    rule = DistanceDependent(grid=(8, 8), length=0.1, probability=1.0, autapses=Autapses.ALLOWED)
    assert np.array_equal(totals(rule, Ends((64,), (64,), True), 3), 3 * np.eye(64))


def test_two_populations_share_a_grid() -> None:
    rule = DistanceDependent(
        grid=(5, 5), length=2.0, probability=0.8, placement=Placement.SHUFFLED, pre_sites=np.arange(20),
        post_sites=np.arange(20, 25),
    )  # fmt: skip
    ends = Ends((20,), (5,), False, seed=4)
    rule.check(ends, "here")
    assert np.array_equal(np.concatenate(rule.sites(ends)), grid_order(4, (5, 5)))
    agrees(totals(rule, ends, 400), formula(rule, ends), 400)


def test_the_liquid_has_the_synapses_its_formula_expects() -> None:
    """1000 neurons of NALSM (Ivanov & Michmizos, NeurIPS 2021), 80 % excitatory: the sums of p by type of pair, to
    five standard deviations."""
    rule = DistanceDependent(
        grid=(10, 10, 10), length=3.0, probability=[[0.2, 0.1], [0.3, 0.05]],
        types=np.repeat([0, 1], [800, 200]), placement=Placement.SHUFFLED,
    )  # fmt: skip
    net = ns.Network(dt=1e-3, seed=3)
    net.population("liquid", 1000, ns.LIF())
    sign = np.repeat([3.0, -3.0], [800, 200])[:, None]
    net.connect("liquid", "liquid", rule, weight=sign, delay=1e-3)
    p = lower(net).projections[0]
    expected = formula(rule, Ends((1000,), (1000,), True, seed=3))
    kind = rule.types
    assert kind is not None
    for a in (0, 1):
        for b in (0, 1):
            part = expected[np.ix_(kind == a, kind == b)]
            seen = np.count_nonzero((kind[p.pre_index] == a) & (kind[p.target] == b))
            assert abs(seen - part.sum()) < 5 * np.sqrt((part * (1 - part)).sum())
    assert np.array_equal(p.weight, sign[p.pre_index, 0])


def test_the_work_goes_with_the_synapses_not_the_pairs() -> None:
    """64,000 neurons are four thousand million pairs."""
    rule = DistanceDependent(grid=(40, 40, 40), length=1.0, probability=0.5)
    drawn = rule.pattern(Ends((64_000,), (64_000,), True), 1)
    steps = np.arange(-39, 40)
    along = (np.exp(-(steps**2.0)) * (40 - abs(steps))).sum()  # the sum over pairs factorises by axis
    expected = 0.5 * (along**3 - 64_000)
    assert abs(len(drawn.target) - expected) < 5 * np.sqrt(expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"grid": (4, 0)}, "grid"),
        ({"grid": (1, 2, 3, 4)}, "grid"),
        ({"grid": 60}, "grid"),
        ({"length": 0.0}, "length"),
        ({"probability": 1.1}, "probability"),
        ({"probability": [[0.1, 0.2]]}, "types"),
        ({"probability": [[0.1, 0.2], [0.1, 0.2]]}, "types"),
        ({"types": [0] * 60}, "types"),
        ({"probability": [[0.1, 0.2], [0.1, 0.2]], "types": [2] * 60}, "type without"),
        ({"pre_sites": [0, 0]}, "different sites"),
        ({"post_sites": [60]}, "different sites"),
        ({"post_sites": [0.5]}, "whole numbers"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(DescriptionError, match=says):
        DistanceDependent(**{"grid": (3, 20), "length": 1.0, "probability": 0.1, **change})  # type: ignore[arg-type]


def test_populations_that_do_not_fit_are_refused() -> None:
    rule = DistanceDependent(grid=(3, 20), length=1.0, probability=0.1, post_sites=np.arange(5))
    with pytest.raises(ShapeError, match="post_sites"):
        rule.check(Ends((60,), (6,)), "here")
    with pytest.raises(ShapeError, match="more neurons"):
        rule.check(Ends((61,), (5,)), "here")
    typed = DistanceDependent(grid=(3, 20), length=1.0, probability=np.ones((2, 2)), types=np.zeros(60, int))
    with pytest.raises(ShapeError, match="types"):
        typed.check(Ends((60,), (59,)), "here")
