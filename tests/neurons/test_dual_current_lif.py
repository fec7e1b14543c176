"""Against NEST's iaf_psc_exp, which integrates exactly too, and the closed form of a potential."""

from collections.abc import Callable
from typing import Any

import numpy as np

import neurosim as ns

DT = 1e-4


def test_trajectory_and_spikes_are_those_of_nest(
    run_plain: Callable[..., Any], run_nest: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """Tolerance: rounding of 1000 steps at 60 mV."""
    x = barrage(1000, (0.3, 0.15), (100.0, -90.0))
    v_nest, spikes_nest = run_nest(
        "iaf_psc_exp",
        {
            "C_m": 200.0, "tau_m": 20.0, "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "V_m": -58.0, "t_ref": 5.0,
            "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "I_e": 20.0,
        },
        x,
        record=("V_m", "I_syn_ex", "I_syn_in"),
    )  # fmt: skip
    model = ns.DualCurrentLIF(
        resistance=0.1,
        v_rest=-49.0,
        threshold=-50.0,
        v_reset=-60.0,
        v_init=-58.0,
        refractory=5e-3,
        current=20.0,
    )
    trace, spikes = run_plain(model, DT, x)
    assert spikes == spikes_nest
    assert len(spikes) > 5
    assert np.abs(trace["v"] - v_nest["V_m"]).max() < 1e-11
    assert np.abs(trace["i_excitatory"][1:] - v_nest["I_syn_ex"][:-1]).max() < 1e-11
    assert np.abs(trace["i_inhibitory"][1:] - v_nest["I_syn_in"][:-1]).max() < 1e-11


def test_each_receptor_gives_the_potential_of_its_own_time_constant(run_plain: Callable[..., Any]) -> None:
    model = ns.DualCurrentLIF(tau_membrane=20e-3, tau_excitatory=5e-3, tau_inhibitory=8e-3, threshold=1e9)
    t = DT * np.arange(1, 301)
    for receptor, tau in enumerate((5e-3, 8e-3)):
        x = np.zeros((300, 2))
        x[0, receptor] = 2.0
        exact = 2.0 * tau / (tau - 20e-3) * (np.exp(-t / tau) - np.exp(-t / 20e-3))
        assert np.allclose(run_plain(model, DT, x)[0]["v"], exact, rtol=0, atol=1e-13)


def test_with_one_time_constant_for_both_it_is_the_current_lif(
    run_plain: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """Options and refractory period included; sums are taken in another order, so up to rounding."""
    x = barrage(400, (0.3, 0.2), (1.2, -0.6), seed=1)
    for options in (
        {"reset": ns.Reset.BY_SUBTRACTION, "refractory": 5e-4, "refractory_input": ns.RefractoryInput.KEEP},
        {"reset_timing": ns.ResetTiming.NEXT_STEP, "spike_when": ns.SpikeWhen.EXCEEDED},
        {"discretisation": ns.Discretisation.EULER, "refractory": 1e-3},
    ):
        common = {"threshold": 0.1, "current": 0.05, **options}
        dual = ns.DualCurrentLIF(tau_excitatory=3e-3, tau_inhibitory=3e-3, **common)
        trace, spikes = run_plain(dual, DT, x)
        single, spikes_single = run_plain(
            ns.CurrentLIF(tau_synapse=3e-3, **common), DT, x.sum(1, keepdims=True)
        )
        assert spikes == spikes_single
        assert len(spikes) > 5
        assert np.abs(trace["v"] - single["v"]).max() < 1e-13
