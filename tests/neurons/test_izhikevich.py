"""Against NEST's izhikevich in both of its forms, Brian2's Euler, and the program as published."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurosim as ns


@pytest.mark.parametrize(
    ("rule", "dt"), [(ns.Discretisation.EULER, 1e-4), (ns.Discretisation.TWO_HALF_STEPS, 1e-3)]
)
def test_trajectory_and_spikes_are_those_of_nest(
    rule: ns.Discretisation,
    dt: float,
    run_plain: Callable[..., Any],
    run_nest: Callable[..., Any],
    barrage: Callable[..., Any],
) -> None:
    """Tolerance: rounding, which the upstroke enlarges some 1000 times; values of a spike itself are reset in both."""
    x = barrage(1500, (0.02,), (4.0,))
    nest, spikes_nest = run_nest(
        "izhikevich",
        {
            "V_m": -65.0, "U_m": -13.0, "I_e": 10.0, "a": 0.02, "b": 0.2, "c": -55.0, "d": 4.0, "V_th": 30.0,
            "consistent_integration": rule is ns.Discretisation.EULER,
        },
        x,
        record=("V_m", "U_m"),
        dt_ms=dt * 1e3,
        late=True,
    )  # fmt: skip
    trace, spikes = run_plain(ns.Izhikevich(c=-55.0, d=4.0, current=10.0, discretisation=rule), dt, x)
    assert spikes == spikes_nest
    assert len(spikes) > 5
    assert np.abs(trace["v"] - nest["V_m"]).max() < 1e-8
    assert np.abs(trace["u"] - nest["U_m"]).max() < 1e-8


def test_euler_is_that_of_brian2(
    run_plain: Callable[..., Any], run_brian2: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    x = barrage(600, (0.02,), (8.0,))
    brian, spikes_brian = run_brian2(
        """dv/dt = (0.04*v**2 + 5*v + 140 - u + 10)/ms : 1
           du/dt = 0.1*(0.2*v - u)/ms : 1""",
        {},
        {"v": -65.0, "u": -13.0},
        x,
        ("v",),
        dt=2e-4,
        method="euler",
        threshold="v >= 30",
        reset="v = -65; u += 2",
        at_once=True,
    )
    trace, spikes = run_plain(ns.Izhikevich(a=0.1, d=2.0, current=10.0), 2e-4, x)
    assert spikes == spikes_brian
    assert len(spikes) > 5
    assert np.abs(trace["v"] - brian["v"]).max() < 1e-8
    assert np.abs(trace["u"] - brian["u"]).max() < 1e-8


def test_two_half_steps_are_the_published_program(run_plain: Callable[..., Any]) -> None:
    """Its loop body in NumPy, with the reset at the head of the loop as published: the same spikes a step later."""
    rng = np.random.default_rng(4)
    i = 5.0 * rng.standard_normal(1000) + 3.0
    v, u, fired = -65.0, -13.0, []
    for t in range(1000):
        if v >= 30:
            fired.append(t)
            v, u = -65.0, u + 8.0
        v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + i[t])
        v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + i[t])
        u += 0.02 * (0.2 * v - u)
    model = ns.Izhikevich(discretisation=ns.Discretisation.TWO_HALF_STEPS)
    _, spikes = run_plain(model, 1e-3, i[:, None])
    assert [k + 1 for k in spikes] == fired
    assert len(spikes) > 5


def test_it_rests_where_its_equations_do(run_plain: Callable[..., Any]) -> None:
    """0.04 v^2 + (5 - b) v + 140 = 0 has the stable root -70 for b = 0.2."""
    trace, spikes = run_plain(ns.Izhikevich(), 5e-4, np.zeros((4000, 1)))
    assert spikes == []
    assert trace["v"][-1] == pytest.approx(-70.0, abs=1e-3)
    assert trace["u"][-1] == pytest.approx(-14.0, abs=1e-2)
