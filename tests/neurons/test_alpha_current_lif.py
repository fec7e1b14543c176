"""Against NEST's iaf_psc_alpha, the closed form of an alpha function, and the gain in 60 digits."""

import math
from collections.abc import Callable
from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.neurons.alpha_current_lif import rise_gain

DT = 1e-4


def test_trajectory_and_spikes_are_those_of_nest(
    run_plain: Callable[..., Any], run_nest: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """A weight there is the peak of the current, here e times it. Tolerance: rounding of 1000 steps at 60 mV."""
    x = barrage(1000, (0.3, 0.15), (90.0, -60.0))
    v_nest, spikes_nest = run_nest(
        "iaf_psc_alpha",
        {
            "C_m": 200.0, "tau_m": 20.0, "E_L": -51.0, "V_th": -50.0, "V_reset": -60.0, "V_m": -58.0, "t_ref": 2.0,
            "tau_syn_ex": 2.0, "tau_syn_in": 7.0, "I_e": 20.0,
        },
        x,
        record=("V_m", "I_syn_ex"),
    )  # fmt: skip
    model = ns.AlphaCurrentLIF(
        resistance=0.1, v_rest=-51.0, threshold=-50.0, v_reset=-60.0, v_init=-58.0, refractory=2e-3, current=20.0,
        tau_excitatory=2e-3, tau_inhibitory=7e-3,
    )  # fmt: skip
    trace, spikes = run_plain(model, DT, math.e * x)
    assert spikes == spikes_nest
    assert len(spikes) > 5
    assert np.abs(trace["v"] - v_nest["V_m"]).max() < 1e-11
    assert np.abs(trace["i_excitatory"][1:] - v_nest["I_syn_ex"][:-1]).max() < 1e-11


def test_the_current_of_a_weight_is_an_alpha_function_of_its_charge(run_plain: Callable[..., Any]) -> None:
    x = np.zeros((2000, 2))
    x[0] = 3.0, -2.0
    trace, _ = run_plain(ns.AlphaCurrentLIF(tau_excitatory=2e-3, tau_inhibitory=5e-3, threshold=1e9), DT, x)
    t = DT * np.arange(2000)
    for name, weight, tau in (("i_excitatory", 3.0, 2e-3), ("i_inhibitory", -2.0, 5e-3)):
        assert np.allclose(trace[name], weight * t / tau * np.exp(-t / tau), rtol=1e-11, atol=1e-15)
        assert np.abs(trace[name]).max() == pytest.approx(abs(weight) / math.e, rel=1e-9)
        assert trace[name].sum() * DT == pytest.approx(weight * tau, rel=1e-3)  # a Riemann sum


def test_the_exact_rule_does_not_depend_on_the_step_and_euler_converges_to_it(
    run_plain: Callable[..., Any],
) -> None:
    def end(dt: float, rule: ns.Discretisation) -> float:
        x = np.zeros((round(10e-3 / dt), 2))
        x[0] = 1.0, -0.5
        return float(run_plain(ns.AlphaCurrentLIF(threshold=1e9, discretisation=rule), dt, x)[0]["v"][-1])

    exact = end(1e-3, ns.Discretisation.EXACT)
    assert end(1e-4, ns.Discretisation.EXACT) == pytest.approx(exact, rel=1e-13)
    coarse, fine = (end(dt, ns.Discretisation.EULER) - exact for dt in (1e-4, 5e-5))
    assert coarse / fine == pytest.approx(2.0, rel=0.05)  # of first order


@pytest.mark.parametrize("tau_membrane", [1e-5, 1e-3, 4.9e-3, 5e-3, 20e-3, 1e3])
@pytest.mark.parametrize("tau_synapse", [1e-5, 1e-3, 5e-3, 20e-3, 1e3])
def test_the_gain_is_right_for_any_time_constants(tau_membrane: float, tau_synapse: float) -> None:
    """The integral of its docstring in 60 digits: also where it cancels, or an exponential underflows."""
    getcontext().prec = 60
    dt, tau_m, tau_s = (Decimal(t) for t in (1e-3, tau_membrane, tau_synapse))
    m, s = dt / tau_m, dt / tau_s
    d = m - s
    integral = Decimal("0.5") if d == 0 else ((d - 1) * d.exp() + 1) / d**2
    exact = m * s * (-m).exp() * integral
    gain = rise_gain(1e-3, tau_membrane, tau_synapse, 1.0, ns.Discretisation.EXACT)
    assert gain == pytest.approx(float(exact), rel=1e-12, abs=1e-300)  # exp(-x) is off by x ulp
