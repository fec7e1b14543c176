"""Against Brian2's Euler, and NEST's aeif_psc_exp with an adaptive integrator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import DescriptionError

DT = 1e-4
BRIAN2 = """dv/dt = (-70.6 - v + 2*exp((v + 50.4)/2) + R*(ie + ii + 900 - w))/(281/30*ms) : 1 (unless refractory)
            dw/dt = (4*(v + 70.6) - w)/(144*ms) : 1
            die/dt = -ie/(5*ms) : 1
            dii/dt = -ii/(10*ms) : 1"""
NEST = {
    "C_m": 281.0, "g_L": 30.0, "E_L": -70.6, "V_th": -50.4, "Delta_T": 2.0, "V_peak": 20.0, "V_reset": -70.6,
    "a": 4.0, "b": 80.5, "tau_w": 144.0, "V_m": -70.6, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "I_e": 900.0,
    "gsl_error_tol": 1e-9,
}  # fmt: skip


def test_trajectory_and_spikes_are_those_of_brian2(
    run_plain: Callable[..., Any], run_brian2: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """Euler, with a refractory period. Tolerance: rounding, which the upstroke enlarges some 1000 times."""
    x = barrage(1000, (0.1, 0.05), (300.0, -200.0))
    brian, spikes_brian = run_brian2(
        BRIAN2,
        {"R": 1 / 30},
        {"v": -70.6, "w": 0.0, "ie": 0.0, "ii": 0.0},
        x,
        ("ie", "ii"),
        dt=DT,
        method="euler",
        threshold="v >= 20",
        reset="v = -70.6; w += 80.5",
        held=20,
    )
    trace, spikes = run_plain(ns.AdEx(current=900.0, refractory=2e-3), DT, x)
    assert spikes == spikes_brian
    assert len(spikes) > 5
    assert np.abs(trace["v"] - brian["v"]).max() < 1e-8
    assert np.abs(trace["w"] - brian["w"]).max() < 1e-8
    assert np.abs(trace["i_excitatory"][1:] - brian["ie"][:-1]).max() < 1e-9


@pytest.mark.parametrize("rule", [ns.Discretisation.EULER, ns.Discretisation.EXPONENTIAL_EULER])
def test_it_converges_to_nest_with_the_step(
    rule: ns.Discretisation,
    run_plain: Callable[..., Any],
    run_nest: Callable[..., Any],
    barrage: Callable[..., Any],
) -> None:
    """Both rules are of first order. What is compared: the potential below threshold, and the first spike."""
    coarse = barrage(300, (0.1, 0.05), (300.0, -200.0))
    errors, late = [], []
    for split in (1, 4):
        x = np.zeros((300 * split, 2))
        x[::split] = coarse
        nest, spikes_nest = run_nest("aeif_psc_exp", NEST, x, dt_ms=0.1 / split)
        trace, spikes = run_plain(ns.AdEx(current=900.0, discretisation=rule), DT / split, x)
        below = int(0.8 * spikes_nest[0])
        errors.append(np.abs(trace["v"] - nest["V_m"])[:below].max())
        late.append((spikes[0] - spikes_nest[0]) / split)
        assert np.ptp(trace["v"][:below]) > 10.0
    assert errors[0] < 0.3
    assert errors[1] < 0.3 * errors[0]
    assert abs(late[0]) <= 3
    assert abs(late[1]) <= 1


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(DescriptionError, match="overflows before a spike"):
        ns.AdEx(slope=0.05)
    with pytest.raises(DescriptionError, match="spike without end"):
        ns.AdEx(v_reset=30.0)
    with pytest.raises(DescriptionError, match=r"AdEx.discretisation"):
        ns.AdEx(discretisation=ns.Discretisation.EXACT)
    uneven = ns.AdEx(v_peak=np.zeros(3), slope=np.ones(4))
    with pytest.raises(DescriptionError, match=r"AdEx.*population's shape"):
        ns.Network(dt=1e-4).population("p", 3, uneven)
