"""Against Brian2's Euler, NEST's iaf_cond_alpha with an adaptive integrator, and the alpha function."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import neurosim as ns

DT = 1e-4


def test_euler_is_that_of_brian2(
    run_plain: Callable[..., Any], run_brian2: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """Tolerance: rounding of 800 steps at 80 mV, in another order of sums."""
    x = barrage(800, (0.3, 0.1), (1.0, 1.5))
    brian, spikes_brian = run_brian2(
        """dv/dt = (-60 - v + ge*(0 - v) + gi*(-80 - v))/(20*ms) : 1 (unless refractory)
           dge/dt = (he - ge)/(5*ms) : 1
           dgi/dt = (hi - gi)/(10*ms) : 1
           dhe/dt = -he/(5*ms) : 1
           dhi/dt = -hi/(10*ms) : 1""",
        {},
        {"v": -60.0, "ge": 0.0, "gi": 0.0, "he": 0.0, "hi": 0.0},
        x,
        ("he", "hi"),
        dt=DT,
        method="euler",
        threshold="v >= -50",
        reset="v = -60",
        held=20,
    )
    trace, spikes = run_plain(
        ns.AlphaConductanceLIF(refractory=2e-3, discretisation=ns.Discretisation.EULER), DT, x
    )
    assert spikes == spikes_brian
    assert len(spikes) > 4
    assert np.abs(trace["v"] - brian["v"]).max() < 1e-11
    assert np.abs(trace["h_excitatory"][1:] - brian["he"][:-1]).max() < 1e-12
    assert np.abs(trace["g_inhibitory"][1:] - brian["gi"][:-1]).max() < 1e-12


def test_the_default_rule_converges_to_nest_with_the_step(
    run_plain: Callable[..., Any], run_nest: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """A weight there is the peak, here e times it. Holding the conductance over a step is of first order."""
    parameters = {
        "C_m": 200.0, "g_L": 10.0, "E_L": -60.0, "V_th": 0.0, "E_ex": 0.0, "E_in": -80.0, "V_m": -60.0,
        "tau_syn_ex": 2.0, "tau_syn_in": 10.0,
    }  # fmt: skip
    model = ns.AlphaConductanceLIF(resistance=0.1, threshold=0.0, tau_excitatory=2e-3)  # 1/R = 10 nS
    coarse = barrage(400, (0.1, 0.1), (3.0, 3.0))
    errors = []
    for split in (1, 2):
        x = np.zeros((400 * split, 2))
        x[::split] = coarse
        nest, _ = run_nest("iaf_cond_alpha", parameters, x * (1.0, -1.0), dt_ms=0.1 / split)
        v = run_plain(model, DT / split, math.e * x)[0]["v"]
        errors.append(np.abs(v - nest["V_m"]).max())
        assert np.ptp(v) > 5.0
    assert errors[0] < 0.1  # mV
    assert errors[1] < 0.6 * errors[0]


def test_the_conductance_of_a_weight_is_an_alpha_function(run_plain: Callable[..., Any]) -> None:
    x = np.zeros((1000, 2))
    x[0] = 3.0, 2.0
    trace, _ = run_plain(ns.AlphaConductanceLIF(threshold=1e9), DT, x)
    t = DT * np.arange(1000)
    for name, weight, tau in (("g_excitatory", 3.0, 5e-3), ("g_inhibitory", 2.0, 10e-3)):
        assert np.allclose(trace[name], weight * t / tau * np.exp(-t / tau), rtol=1e-11, atol=1e-15)
