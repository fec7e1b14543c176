"""What rules promise: closed forms, what is refused, and a rule of one's own."""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import DescriptionError
from neurosim.plasticity import PlasticityRule

Learned = Callable[..., np.ndarray]


def one(
    learned: Learned, rule: PlasticityRule, pre: list[int], post: list[int], delay: int, m: Any = None
) -> float:
    """The weight of one synapse, 0.5 at first, after spikes in these of 100 steps."""
    x, y = np.zeros((100, 1)), np.zeros((100, 1))
    x[pre], y[post] = 1, 1
    factor = None if m is None else np.array([m.get(k, 0.0) for k in range(100)])
    # a second synapse of another delay beside it: the layout, and so the kernel, of most tests
    return float(
        learned(rule, np.tile(x, 2), y, np.array([[delay], [delay + 1]]), np.full((2, 1), 0.5), factor)[0, 0]
    )


SITES = [(ns.DelaySite.AXONAL, 1), (ns.DelaySite.DENDRITIC, -1)]


@pytest.mark.parametrize(("site", "sign"), SITES)
def test_the_side_of_the_delay_shifts_the_window(learned: Learned, site: ns.DelaySite, sign: int) -> None:
    """A pair of spikes dt apart, over a delay d: pre acts d later (axonal), or post does (dendritic)."""
    rule = ns.STDP(a_plus=0.01, a_minus=0.02, delay_site=site)
    for gap in (-7, -2, 2, 7):  # post minus pre
        seen = gap - sign * 4
        expected = 0.01 * math.exp(-seen / 20) if seen > 0 else -0.02 * math.exp(seen / 20)
        assert one(learned, rule, [50], [50 + gap], 4) == pytest.approx(0.5 + expected, abs=1e-15)


@pytest.mark.parametrize(("site", "sign"), SITES)
def test_a_pair_of_one_step_is_what_the_rule_says(learned: Learned, site: ns.DelaySite, sign: int) -> None:
    changes = {"POTENTIATING": 0.01, "DEPRESSING": -0.02, "IGNORED": 0.0}
    for name, change in changes.items():
        rule = ns.STDP(a_plus=0.01, a_minus=0.02, delay_site=site, same_step=ns.SameStep[name])
        assert one(learned, rule, [50], [50 + sign * 4], 4) == pytest.approx(0.5 + change, abs=1e-15)


def test_weights_wait_for_the_presynaptic_spike_where_they_are_told_to(learned: Learned) -> None:
    rule = ns.STDP(a_plus=0.01, a_minus=0.02, weight_update=ns.WeightUpdate.AT_PRESYNAPTIC)
    assert one(learned, rule, [10], [20], 1) == 0.5
    expected = 0.5 + 0.01 * math.exp(-9 / 20) - 0.02 * math.exp(-11 / 20)
    assert one(learned, rule, [10, 30], [20], 1) == pytest.approx(expected, abs=1e-15)


def test_reward_acts_through_what_is_left_of_the_eligibility(learned: Learned) -> None:
    """Izhikevich 2007: c = a_plus exp(-gap/tau_plus), decays with tau_eligibility until the reward in step 60."""
    rule = ns.RewardSTDP(a_plus=0.1, a_minus=0.15, tau_eligibility=0.2)
    assert one(learned, rule, [10], [16], 1) == 0.5
    c = 0.1 * math.exp(-5 / 20) * math.exp(-(60 - 16) / 200)
    assert one(learned, rule, [10], [16], 1, {60: 3.0}) == pytest.approx(0.5 + 1e-3 * 3.0 * c, abs=1e-15)


def test_a_third_factor_scales_depression_and_not_potentiation(learned: Learned) -> None:
    rule = ns.STDP(a_plus=0.01, a_minus=0.02)
    weight = one(learned, rule, [10, 40], [20], 1, {41: 0.5})
    expected = 0.5 + 0.01 * math.exp(-9 / 20) - 0.5 * 0.02 * math.exp(-21 / 20)
    assert weight == pytest.approx(expected, abs=1e-15)


class Counting(PlasticityRule):
    """A rule of one's own: a presynaptic spike adds ``step`` for every spike its target has ever had."""

    step_size: float = 0.01

    POST_TRACES: ClassVar[tuple[str, ...]] = ("spikes",)

    def decays(self, dt: float) -> Mapping[str, float]:
        return {"spikes": 1.0}

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {"step_size": self.step_size}

    @staticmethod
    def on_pre(weight: Any, spikes: Any, m: Any, step_size: Any) -> Any:
        return weight + step_size * spikes

    @staticmethod
    def on_post(weight: Any, spikes: Any, m: Any, step_size: Any) -> Any:
        return weight


def test_a_rule_of_ones_own_runs_in_the_engine(learned: Learned) -> None:
    assert one(learned, Counting(), [10, 50], [20, 30, 40], 1) == pytest.approx(0.53, abs=1e-15)


class Lost(Counting):
    def decays(self, dt: float) -> Mapping[str, float]:
        return {}


class Wrong(Counting):
    @staticmethod
    def on_post(weight: Any, m: Any, step_size: Any) -> Any:
        return weight


def test_mistakes_in_a_rule_are_named(learned: Learned) -> None:
    with pytest.raises(DescriptionError, match=r"decays must name every trace.*spikes"):
        one(learned, Lost(), [], [], 1)
    with pytest.raises(DescriptionError, match=r"on_post takes other arguments.*'weight', 'm', 'step_size'"):
        one(learned, Wrong(), [], [], 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.STDP(dependence=ns.Dependence.MULTIPLICATIVE), "needs finite bounds"),
        (
            lambda: ns.STDP(delivered=ns.Delivered.AFTER, same_step=ns.SameStep.IGNORED),
            r"postsynaptic spike of the step.*Delivered\.BEFORE",
        ),
        (lambda: ns.STDP(delay_site="axonal"), r"DelaySite\.AXONAL \| DelaySite\.DENDRITIC"),  # type: ignore[arg-type]
        (lambda: ns.CalciumSTDP(depress_above=11.0), "window ends before it begins"),
    ],
)
def test_what_excludes_itself_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        make()
