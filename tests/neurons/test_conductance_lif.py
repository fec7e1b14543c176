"""Against Brian2 with the same rules, NEST's iaf_cond_exp with an adaptive integrator, and the fixed point."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import neurosim as ns
from neurosim.errors import DescriptionError

DT = 1e-4
EQUATIONS = """dv/dt = (-60 - v + ge*(0 - v) + gi*(-80 - v) + 2)/(20*ms) : 1 (unless refractory)
               dge/dt = -ge/(5*ms) : 1
               dgi/dt = -gi/(10*ms) : 1"""


@pytest.mark.parametrize(
    ("rule", "method"),
    [(ns.Discretisation.EXPONENTIAL_EULER, "exponential_euler"), (ns.Discretisation.EULER, "euler")],
)
def test_trajectory_and_spikes_are_those_of_brian2(
    rule: ns.Discretisation,
    method: str,
    run_plain: Callable[..., Any],
    run_brian2: Callable[..., Any],
    barrage: Callable[..., Any],
) -> None:
    """Tolerance: rounding of 800 steps at 80 mV, in another order of sums and with another exp."""
    x = barrage(800, (0.3, 0.1), (0.6, 1.5))
    brian, spikes_brian = run_brian2(
        EQUATIONS,
        {},
        {"v": -58.0, "ge": 0.0, "gi": 0.0},
        x,
        ("ge", "gi"),
        dt=DT,
        method=method,
        threshold="v > -50",
        reset="v = -60",
        held=50,
    )
    model = ns.ConductanceLIF(
        v_init=-58.0, current=2.0, discretisation=rule, spike_when=ns.SpikeWhen.EXCEEDED
    )
    trace, spikes = run_plain(model, DT, x)
    assert spikes == spikes_brian
    assert len(spikes) > 4
    assert np.abs(trace["v"] - brian["v"]).max() < 1e-11
    assert np.abs(trace["g_excitatory"][1:] - brian["ge"][:-1]).max() < 1e-12
    assert np.abs(trace["g_inhibitory"][1:] - brian["gi"][:-1]).max() < 1e-12


def test_it_converges_to_nest_with_the_step(
    run_plain: Callable[..., Any], run_nest: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """NEST integrates to 1e-3 at every step; holding the conductance over a step is of first order."""
    parameters = {
        "C_m": 200.0, "g_L": 10.0, "E_L": -60.0, "V_th": 0.0, "E_ex": 0.0, "E_in": -80.0, "V_m": -60.0,
        "tau_syn_ex": 5.0, "tau_syn_in": 10.0,
    }  # fmt: skip
    model = ns.ConductanceLIF(resistance=0.1, threshold=0.0)  # 1/R = 10 nS
    coarse = barrage(400, (0.2, 0.2), (6.0, 12.0))
    errors = []
    for split in (1, 2):
        x = np.zeros((400 * split, 2))
        x[::split] = coarse
        # NEST's inhibitory conductance is driven by negative weights
        nest, _ = run_nest("iaf_cond_exp", parameters, x * (1.0, -1.0), dt_ms=0.1 / split)
        trace, _ = run_plain(model, DT / split, x)
        errors.append(np.abs(trace["v"] - nest["V_m"]).max())
        assert np.ptp(trace["v"]) > 10.0
    assert errors[0] < 0.15  # mV, in a barrage that moves v by 10 mV
    assert errors[1] < 0.6 * errors[0]


def test_held_conductances_pull_to_the_weighted_mean_of_the_reversals(run_plain: Callable[..., Any]) -> None:
    x = np.zeros((4000, 2))
    x[0] = 2.0, 3.0
    model = ns.ConductanceLIF(
        tau_excitatory=1e9, tau_inhibitory=1e9, threshold=0.0, reversal_excitatory=10.0, current=1.0
    )
    v = run_plain(model, DT, x)[0]["v"]
    target = (-60.0 + 2.0 * 10.0 + 3.0 * -80.0 + 1.0) / 6.0
    t = DT * np.arange(1, 4001)
    assert np.allclose(v, target + (-60.0 - target) * np.exp(-6.0 * t / 20e-3), rtol=0, atol=1e-9)


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=20),
    st.floats(1e-5, 5e-3),
)
def test_the_potential_stays_between_the_reversals_however_strong_the_input(
    arrivals: list[tuple[float, float]], dt: float
) -> None:
    """Exponential Euler is stable at any step: v never leaves the hull of rest and reversals."""
    model = ns.ConductanceLIF(threshold=1.0, reversal_excitatory=0.0)
    state, c = list(model.initial(dt).values()), list(model.coefficients(dt).values())
    for x in arrivals:
        *state, spike = model.step(*state, *x, *c, model.spike_when, model.discretisation)
        assert -80.0 - 1e-9 <= state[0] <= 1e-9
        assert not spike


def test_it_has_no_exact_rule_and_the_linear_models_no_exponential_one() -> None:
    with pytest.raises(DescriptionError, match=r"ConductanceLIF.discretisation.*EXPONENTIAL_EULER"):
        ns.ConductanceLIF(discretisation=ns.Discretisation.EXACT)
    with pytest.raises(DescriptionError, match=r"LIF.discretisation.*EXACT"):
        ns.CurrentLIF(discretisation=ns.Discretisation.EXPONENTIAL_EULER)
