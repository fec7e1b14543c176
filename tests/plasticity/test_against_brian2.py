"""Weights of every synapse after random trains, against Brian2 under its conventions: axonal delays, presynaptic
spikes of a step act first, weights change at every spike. Tolerance: rounding alone."""

from collections.abc import Callable

import numpy as np
import pytest

from neurosim.plasticity import (
    STDP,
    Axis,
    CalciumSTDP,
    Dependence,
    MirroredSTDP,
    Pairing,
    PlasticityRule,
    RewardSTDP,
    SymmetricSTDP,
    TripletSTDP,
)

b2 = pytest.importorskip("brian2", reason="Brian2 is not installed (extra 'interop')")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Brian2 against newer pyparsing

STEPS, N_PRE, N_POST = 300, 3, 4
PAIR = "dx/dt = -x/(15*ms) : 1 (event-driven)\ndy/dt = -y/(25*ms) : 1 (event-driven)\n"
BOUNDS = {"w_min": 0.0, "w_max": 1.0}
TAUS = {"tau_plus": 15e-3, "tau_minus": 25e-3}

CASES: dict[str, tuple[PlasticityRule, str, str, str]] = {
    "additive": (
        STDP(**TAUS, **BOUNDS, a_plus=0.04, a_minus=0.05),
        PAIR,
        "w = clip(w - 0.05*y, 0, 1); x += 1",
        "w = clip(w + 0.04*x, 0, 1); y += 1",
    ),
    "nearest": (
        STDP(**TAUS, **BOUNDS, a_plus=0.04, a_minus=0.05, pairing=Pairing.NEAREST),
        PAIR,
        "w = clip(w - 0.05*y, 0, 1); x = 1",
        "w = clip(w + 0.04*x, 0, 1); y = 1",
    ),
    "multiplicative": (
        STDP(**TAUS, **BOUNDS, a_plus=0.04, a_minus=0.05, dependence=Dependence.MULTIPLICATIVE),
        PAIR,
        "w = clip(w - 0.05*w*y, 0, 1); x += 1",
        "w = clip(w + 0.04*(1-w)*x, 0, 1); y += 1",
    ),
    "triplet": (
        TripletSTDP(a2_plus=0.01, a2_minus=0.02, a3_plus=0.03, a3_minus=0.04),
        "dr1/dt = -r1/(16.8*ms) : 1 (event-driven)\ndr2/dt = -r2/(101*ms) : 1 (event-driven)\n"
        "do1/dt = -o1/(33.7*ms) : 1 (event-driven)\ndo2/dt = -o2/(125*ms) : 1 (event-driven)\n",
        "w -= o1*(0.02 + 0.04*r2); r1 += 1; r2 += 1",
        "w += r1*(0.01 + 0.03*o2); o1 += 1; o2 += 1",
    ),
    "calcium": (
        CalciumSTDP(
            **TAUS,
            tau_calcium=0.1,
            a_plus=0.04,
            a_minus=0.05,
            potentiate_above=2.0,
            potentiate_below=5.0,
            depress_above=1.0,
            depress_below=2.5,
        ),
        PAIR + "dc/dt = -c/(100*ms) : 1 (event-driven)\n",
        "w -= 0.05*y*int(c > 1.0)*int(c < 2.5); x += 1",
        "w += 0.04*x*int(c > 2.0)*int(c < 5.0); y += 1; c += 1",
    ),
    "mirrored": (
        MirroredSTDP(**TAUS, a_plus=0.04, a_minus=0.05, w_min=-1.0),
        PAIR,
        "w = clip(w + 0.04*y, -1, 0); x += 1",
        "w = clip(w - 0.05*x, -1, 0); y += 1",
    ),
    "symmetric": (
        SymmetricSTDP(learning_rate=0.03, alpha=0.3, axis=Axis.POSITIVE, **BOUNDS),
        "dx/dt = -x/(20*ms) : 1 (event-driven)\ndy/dt = -y/(20*ms) : 1 (event-driven)\n",
        "w = clip(w + 0.03*(y - 0.3), 0, 1); x += 1",
        "w = clip(w + 0.03*x, 0, 1); y += 1",
    ),
    "reward": (
        RewardSTDP(**TAUS, tau_eligibility=0.2, a_plus=0.1, a_minus=0.15),
        PAIR + "dc/dt = -c/(200*ms) : 1 (clock-driven)\n",
        "c -= 0.15*y; x += 1",
        "c += 0.1*x; y += 1",
    ),
}


COMPILED = ("additive", "nearest", "triplet", "reward")
"""What the engine runs as well; of the others, their scalar functions in the reference. Compiling takes its time."""


@pytest.mark.parametrize("name", CASES)
def test_every_weight_is_that_of_brian2(name: str, learned: Callable[..., np.ndarray]) -> None:
    rule, equations, on_pre, on_post = CASES[name]
    rng = np.random.default_rng(2)
    pre, post = (rng.random((STEPS, n)) < 0.06 for n in (N_PRE, N_POST))
    reward = rng.normal(size=STEPS) * (rng.random(STEPS) < 0.2) * 20
    delay, weight = rng.integers(0, 8, (N_PRE, N_POST)), rng.uniform(0.2, 0.8, (N_PRE, N_POST))
    if rule.w_max == 0:
        weight = -weight
    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.defaultclock.dt = 1 * b2.ms
    sides = []
    for train in (pre, post):
        steps, neuron = np.nonzero(train)
        sides.append(b2.SpikeGeneratorGroup(train.shape[1], neuron, steps * b2.ms))
    synapses = b2.Synapses(
        *sides, "w : 1\n" + equations, on_pre=on_pre, on_post=on_post, method="exact", namespace={}
    )
    synapses.connect()
    synapses.w = weight.ravel()
    synapses.delay = delay.ravel() * b2.ms
    parts = [*sides, synapses]
    if name == "reward":
        synapses.namespace["m"] = b2.TimedArray(reward, dt=1 * b2.ms)
        parts.append(synapses.run_regularly("w += 0.001*m(t)*c", when="end"))
    b2.Network(parts).run(STEPS * b2.ms)
    m = reward if name == "reward" else None
    expected = np.asarray(synapses.w[:]).reshape(weight.shape)
    assert np.abs(expected - weight).max() > 1e-3
    for engine in {False, name in COMPILED}:
        found = learned(rule, pre, post, delay, weight, m, engine=engine)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
