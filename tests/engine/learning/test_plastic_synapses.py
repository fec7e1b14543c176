"""The compiled walks over plastic synapses, called as the run's loop calls them, against the plain reference."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.learning import walk as plasticity_walk
from neurosim.engine.learning.plastic_synapses import PlasticSynapses
from neurosim.engine.learning.reference import learn_reference
from neurosim.engine.ops.spike_list import SpikeList
from neurosim.engine.plan import PlanProjection
from neurosim.errors import DescriptionError, ShapeError
from neurosim.plasticity import (
    STDP,
    DelaySite,
    Delivered,
    Pairing,
    PlasticityRule,
    RewardSTDP,
    SameStep,
    TripletSTDP,
    WeightUpdate,
)

DT = 1e-3
CONVENTIONS = [
    {"delay_site": site, "same_step": same, "weight_update": update, "delivered": delivered}
    for site, same, update, delivered in itertools.product(DelaySite, SameStep, WeightUpdate, Delivered)
    if site or not delivered or same is SameStep.POTENTIATING
]


def spike_lists(counts: np.ndarray, edges: np.ndarray) -> SpikeList:
    """counts [T, S, n]; a neuron stands in a list as often as it spikes."""
    steps, samples, _ = counts.shape
    start, count, found = [], [], []
    for s, k in itertools.product(range(samples), range(steps)):
        for low, high in itertools.pairwise(edges):
            neurons = np.repeat(np.arange(low, high), counts[k, s, low:high])
            start.append(len(found))
            count.append(len(neurons))
            found += neurons.tolist()
    shape = (samples * steps, len(edges) - 1)
    tables = (np.array(a, np.int64).reshape(shape) for a in (start, count))
    return SpikeList(*tables, np.array([*found, 0], np.int32), stride=steps)


class Run:
    """Steps first to stop of a projection whose spikes on both sides are given."""

    def __init__(
        self, p: PlanProjection, pre: np.ndarray, post: np.ndarray, parts: int = 1, real: Any = np.float64,
        m: np.ndarray | None = None, first: int = 0, stop: int | None = None, carried: Any = None,
    ) -> None:  # fmt: skip
        steps, samples, _ = pre.shape
        stop = steps if stop is None else stop
        edges = np.linspace(0, p.n_post, parts + 1).astype(np.int64)
        arrivals = np.zeros((samples, p.n_post), real)
        self.synapses = PlasticSynapses(
            p, SimpleNamespace(dt=DT), range(samples), first, stop - first, real, edges,  # type: ignore[arg-type]
            source=spike_lists(pre, np.array([0, p.n_pre])), target=spike_lists(post, edges), arrivals=arrivals,
            modulation=None if m is None else m[first:stop], carried=carried, seed=0,
        )  # fmt: skip
        ops = [
            [getattr(self.synapses, n)(part)[1] for n in ("note", "arrive", "learn")] for part in range(parts)
        ]
        self.arrivals = np.zeros((stop - first, samples, p.n_post))

        def call(name: str, part: int, which: int, s: int, k: int) -> None:
            op = getattr(plasticity_walk, f"{name}_op").ctypes
            op(ops[part][which].ctypes.data, s, int(edges[part]), int(edges[part + 1]), k, 0)

        for s, k in itertools.product(range(samples), range(first, stop)):
            for part in range(parts):
                if p.min_delay == 0:  # the source is updated before the target
                    call("note", part, 0, s, k)
                call("arrive", part, 1, s, k)
            self.arrivals[k - first, s] = arrivals[s]
            for part in range(parts):
                call("learn", part, 2, s, k)
            for part in range(parts):
                if p.min_delay > 0:
                    call("note", part, 0, s, k)
        self.synapses.finish(stop)
        self.weight = self.synapses.weight


def drawn(rule: PlasticityRule, seed: int, density: float, delays: tuple[int, int]) -> Any:
    """A projection, spikes and a modulator: some pairs are joined twice, some spikes are several."""
    rng = np.random.default_rng(seed)
    n_pre, n_post, steps, samples = int(rng.integers(1, 6)), int(rng.integers(3, 8)), 50, 2
    i, j = np.nonzero(rng.random((n_pre, n_post)) <= density)
    if len(i) < 2:
        i, j = np.array([0, 0]), np.array([0, 1])
    if seed % 3 == 0:
        i, j = np.concatenate([i, i[:3]]), np.concatenate([j, j[:3]])
    delay = rng.integers(delays[0], delays[1] + 1, len(i))
    delay[:2] = delays
    rows = rows_from(i, j, rng.uniform(-0.2, 1.2, len(i)), delay, n_pre, n_post)
    pre = (rng.random((steps, samples, n_pre)) < 0.2).astype(int)
    if seed % 2 == 0:
        pre *= rng.integers(1, 4, pre.shape)
    post = (rng.random((steps, samples, n_post)) < 0.2).astype(int)
    m = rng.normal(size=(steps, samples)) * (rng.random((steps, samples)) < 0.3)
    return PlanProjection("p", "a", "b", rows, 0, rule), pre, post, m


RULES = [
    lambda **c: STDP(a_plus=0.03, a_minus=0.04, w_min=0.0, w_max=1.0, **c),
    lambda **c: STDP(a_plus=0.03, a_minus=0.04, w_min=0.0, w_max=1.0, pairing=Pairing.NEAREST, **c),
    lambda **c: TripletSTDP(a2_plus=0.02, a3_plus=0.03, a2_minus=0.03, a3_minus=0.02, w_min=0.0, **c),
    # a short memory: its scale passes through 2^-64 within the run
    lambda **c: RewardSTDP(tau_eligibility=1e-3, w_min=-2.0, w_max=2.0, **c),
]


@settings(max_examples=80)
@given(
    rule=st.sampled_from(RULES),
    convention=st.sampled_from(CONVENTIONS),
    density=st.sampled_from([1.0, 0.4]),
    delays=st.sampled_from([(0, 0), (1, 1), (3, 3), (0, 4), (1, 6)]),
    parts=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 10**6),
)
def test_equals_the_reference_for_any_convention_delays_and_parts(
    rule: Any, convention: Any, density: float, delays: tuple[int, int], parts: int, seed: int
) -> None:
    """Weights and arrivals; tolerance: a trace one delay ago is a product of as many factors in another order."""
    if convention["delay_site"] is DelaySite.DENDRITIC:
        delays = (max(delays[0], 1), max(delays[1], 1))
    if rule in RULES[2:]:  # one layout of them is enough to compile
        delays = (delays[0], delays[1] + 4)
    p, pre, post, m = drawn(rule(**convention), seed, density, delays)
    run = Run(p, pre, post, parts, m=m)
    for s in range(2):
        weights, arrivals = learn_reference(p, DT, pre[:, s], post[:, s], m[:, s])
        np.testing.assert_allclose(run.weight[s], weights, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(run.arrivals[:, s], arrivals, rtol=1e-11, atol=1e-13)


@settings(max_examples=30)
@given(
    rule=st.sampled_from([RULES[0], RULES[3]]),
    convention=st.sampled_from(CONVENTIONS),
    delays=st.sampled_from([(2, 2), (1, 6)]),
    parts=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    cut=st.integers(1, 49),
    seed=st.integers(0, 10**6),
)
def test_a_run_cut_in_two_and_split_otherwise_has_the_same_bits(
    rule: Any, convention: Any, delays: tuple[int, int], parts: tuple[int, int], cut: int, seed: int
) -> None:
    if rule is RULES[3]:
        delays = (1, 6)
    p, pre, post, m = drawn(rule(**convention), seed, 0.6, delays)
    whole = Run(p, pre, post, 1, m=m)
    first = Run(p, pre, post, parts[0], m=m, stop=cut)
    second = Run(p, pre, post, parts[1], m=m, first=cut, carried=first.synapses.state(cut))
    assert np.array_equal(np.concatenate([first.arrivals, second.arrivals]), whole.arrivals)
    mine, theirs = second.synapses.state(50), whole.synapses.state(50)
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert np.array_equal(mine[name], theirs[name]), name


def test_single_precision_follows_double() -> None:
    p, pre, post, _ = drawn(RULES[0](), 4, 1.0, (2, 2))
    single, double = Run(p, pre, post, real=np.float32), Run(p, pre, post)
    assert single.weight.dtype == np.float32
    np.testing.assert_allclose(single.weight, double.weight, atol=50 * 2e-7)  # an ulp a change


@pytest.mark.parametrize(("real", "delays", "most"), [(np.float32, (2, 2), 16), (np.float64, (1, 9), 20)])
def test_a_plastic_synapse_takes_eight_bytes_more_than_a_static_one(
    real: Any, delays: tuple[int, int], most: int
) -> None:
    """Static: 4 (8) bytes of weight and 4 of target and delay. Plastic: 8 more, and less where targets fit 16 bits."""
    p, pre, post, _ = drawn(RULES[0](), 1, 0.6, delays)
    assert Run(p, pre, post, real=real).synapses.bytes_per_synapse <= most


def test_what_does_not_fit_is_refused() -> None:
    p, pre, post, _ = drawn(RULES[0](delay_site=DelaySite.DENDRITIC), 1, 0.6, (0, 2))
    with pytest.raises(DescriptionError, match=r"'p': a dendritic delay.*got 0\.0; allowed: >= 0\.001 s"):
        Run(p, pre, post)
    p, pre, post, _ = drawn(RULES[0](), 1, 0.6, (1, 2))
    carried = Run(p, pre, post).synapses.state(50)
    other, pre, post, _ = drawn(RULES[0](), 2, 0.6, (1, 2))
    with pytest.raises(ShapeError, match="weight of another network"):
        Run(other, pre, post, carried=carried)
