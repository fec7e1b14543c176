"""Against Bellec's equations as published, Brian2's exact solution, and the closed form of a rhythm."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

import neurosim as ns

DT = 1e-3


def published(
    x: np.ndarray, alpha: float, rho: float, b0: float, beta: float
) -> tuple[np.ndarray, list[int]]:
    """LSNN's neuron: V(t+1) = alpha V(t) + x - B(t) z(t), B = b0 + beta b, b(t+1) = rho b(t) + (1 - rho) z(t)."""
    v = b = 0.0
    z = False
    threshold, spikes = np.zeros(len(x)), []
    for k, arrived in enumerate(x):
        v = alpha * v + arrived - (b0 + beta * b) * alpha * z
        b = rho * b + (1 - rho) * z
        z = v > b0 + beta * b
        threshold[k] = b0 + beta * b
        if z:
            spikes.append(k)
    return threshold, spikes


def test_it_is_the_published_neuron(run_plain: Callable[..., Any], barrage: Callable[..., Any]) -> None:
    """There the threshold is subtracted with the next leak (here at once, hence its alpha above). Up to rounding."""
    x = barrage(600, (0.5,), (1.0,))
    alpha, rho, beta = math.exp(-1 / 20), math.exp(-1 / 200), 1.8
    model = ns.AdaptiveLIF(
        threshold_jump=beta * (1 - rho) / rho, reset=ns.Reset.BY_SUBTRACTION, spike_when=ns.SpikeWhen.EXCEEDED
    )
    threshold, spikes_published = published(x[:, 0], alpha, rho, 1.0, beta)
    trace, spikes = run_plain(model, DT, x)
    assert spikes == spikes_published
    assert len(spikes) > 20
    quiet = np.setdiff1d(np.arange(600), spikes)  # a spike raises ours at once, theirs in the step after
    assert np.abs(1.0 + trace["theta"] - threshold)[quiet].max() < 1e-13


def test_trajectory_and_spikes_are_those_of_brian2(
    run_plain: Callable[..., Any], run_brian2: Callable[..., Any], barrage: Callable[..., Any]
) -> None:
    """Its method "exact", with a refractory period. Tolerance: rounding of 600 steps."""
    x = barrage(600, (0.5,), (0.6,))
    brian, spikes_brian = run_brian2(
        """dv/dt = (0.3 - v)/(15*ms) : 1 (unless refractory)
           dtheta/dt = -theta/(60*ms) : 1""",
        {},
        {"v": 0.0, "theta": 0.0},
        x,
        ("v",),
        dt=DT,
        method="exact",
        threshold="v >= 1 + theta",
        reset="v = -0.1; theta += 0.2",
        held=3,
        at_once=True,
    )
    model = ns.AdaptiveLIF(
        tau_membrane=15e-3,
        tau_adaptation=60e-3,
        threshold_jump=0.2,
        v_reset=-0.1,
        current=0.3,
        refractory=3e-3,
    )
    trace, spikes = run_plain(model, DT, x)
    assert spikes == spikes_brian
    assert len(spikes) > 10
    assert np.abs(trace["theta"] - brian["theta"]).max() < 1e-13
    assert np.abs(trace["v"] - brian["v"]).max() < 1e-13


@settings(max_examples=30)
@given(st.floats(1.5, 6.0), st.floats(0.02, 1.0), st.floats(20e-3, 300e-3))
def test_a_constant_current_gives_the_rhythm_at_which_decay_and_jump_balance(
    drive: float, jump: float, tau_adaptation: float
) -> None:
    """In the limit cycle of interval n, theta before a spike is jump c^n/(1 - c^n) and v is RI (1 - a^n)."""
    dt = 1e-4
    net = ns.Network(dt=dt)
    net.output(
        net.population(
            "n", 1, ns.AdaptiveLIF(current=drive, threshold_jump=jump, tau_adaptation=tau_adaptation)
        )
    )
    steps = ns.simulate(net, {}, 20 * tau_adaptation + 0.2)["n"].spikes.step  # type: ignore[union-attr]
    if len(steps) < 5:
        return  # silenced
    interval = np.diff(steps[-4:])  # may alternate between neighbouring whole numbers

    def excess(n: int) -> float:
        c = math.exp(-n * dt / tau_adaptation)
        return drive * -math.expm1(-n * dt / 20e-3) - 1.0 - jump * c / (1 - c)

    assert excess(interval.min() - 1) < 0.0 < excess(interval.max() + 1)
    assert np.ptp(interval) <= 1
