"""Each model's step in plain Python against its compiled kernel, and against closed forms."""

import math
from collections.abc import Mapping
from decimal import Decimal, getcontext
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, strategies as st

import neurosim as ns
from neurosim.engine.ops.neuron_op import update_arrays, update_op
from neurosim.engine.plain_neurons import coefficient_table, initial_state, update_reference
from neurosim.errors import DescriptionError
from neurosim.neurons.current_lif import current_gain

MODELS = [
    ns.LIF(tau_membrane=7e-3, v_rest=0.1, v_reset=-0.2, threshold=0.9, current=0.3, refractory=2e-3),
    ns.LIF(
        reset=ns.Reset.BY_SUBTRACTION,
        spike_when=ns.SpikeWhen.EXCEEDED,
        discretisation=ns.Discretisation.EULER,
    ),
    ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP),
    ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP, reset=ns.Reset.BY_SUBTRACTION),
    ns.LIF(refractory=3e-3, refractory_input=ns.RefractoryInput.KEEP),
    ns.LIF(refractory=3e-3, refractory_input=ns.RefractoryInput.INTEGRATE),
    ns.CurrentLIF(threshold=0.3, refractory=1e-3),
    ns.CurrentLIF(threshold=0.3, discretisation=ns.Discretisation.EULER, reset=ns.Reset.BY_SUBTRACTION),
    ns.IntegrateAndFire(current=20.0, refractory=1e-3),
    ns.LeakyIntegrator(v_rest=0.5, current=1.0),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_compiled_kernel_is_the_plain_step(model: ns.NeuronModel) -> None:
    n, steps = 40, 50
    rng = np.random.default_rng(0)
    x = rng.normal(0.1, 0.5, (steps, n))
    state = initial_state(model, 1e-3, 1, n)
    plain = state[:, 0].copy()
    coefficients, varies = coefficient_table(model, 1e-3, n)
    update, spikes = update_arrays(model, 1e-3, varies=bool(varies)), np.zeros((1, n), np.uint8)
    for k in range(steps):
        update(state, coefficients, x[k].reshape(1, 1, n), spikes)
        assert np.array_equal(update_reference(model, 1e-3, plain, x[k]), spikes[0])
        assert np.array_equal(state[:, 0], plain)


def test_heterogeneous_parameters() -> None:
    thresholds = np.array([0.5, 1.0, 1.5])
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    net.output(
        net.population("n", 3, ns.LIF(threshold=thresholds, tau_membrane=np.array([5e-3, 10e-3, 20e-3])))
    )
    net.connect("in", "n", ns.AllToAll(), weight=1.0)
    r = ns.simulate(net, {"in": np.ones((1, 1, 1))}, record={"n": ns.Record("spikes")})
    assert r["n"].spikes.neuron.tolist() == [0, 1]


@given(st.floats(1.2, 5.0), st.floats(2e-3, 50e-3))
def test_interspike_interval_under_constant_current(drive: float, tau: float) -> None:
    """The exact neuron fires in the first step at or after tau ln(RI/(RI - threshold))."""
    dt = 1e-4
    net = ns.Network(dt=dt)
    net.output(net.population("n", 1, ns.LIF(tau_membrane=tau, current=drive)))
    steps = ns.simulate(net, {}, 0.3)["n"].spikes.step
    exact = tau * math.log(drive / (drive - 1.0)) / dt
    if len(steps) > 2 and abs(exact - round(exact)) > 1e-6:
        assert set(np.diff(steps)) == {math.ceil(exact)}


class Adaptive(ns.NeuronModel):
    """A user's own model: a threshold that grows with every spike."""

    STATE: ClassVar[tuple[str, ...]] = ("v", "extra")
    tau: float = 10e-3
    jump: float = 0.5

    def initial(self, dt: float) -> Mapping[str, float]:
        return {"v": 0.0, "extra": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {"decay": math.exp(-dt / self.tau), "jump": self.jump}

    @staticmethod
    def step(v: Any, extra: Any, x: Any, decay: Any, jump: Any) -> tuple[Any, ...]:
        v = decay * v + x
        spike = v >= 1.0 + extra
        extra = extra * math.sqrt(decay)
        if spike:
            v = 0.0
            extra += jump
        return v, extra, spike


def test_a_user_adds_a_model_as_one_class() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    net.output(net.population("n", 1, Adaptive(jump=1.0)))
    net.connect("in", "n", ns.AllToAll(), weight=0.6)
    r = ns.simulate(net, {"in": np.ones((60, 1, 1))}, record={"n": ns.Record("spikes", "extra")})
    intervals = np.diff(r["n"].spikes.step)
    assert intervals[0] < intervals[-1]
    assert r["n"].extra.max() > 1


def test_a_step_may_use_only_math_and_enums() -> None:
    class Strange(Adaptive):
        @staticmethod
        def step(v: Any, extra: Any, x: Any, decay: Any, jump: Any) -> tuple[Any, ...]:
            return np.float64(v), extra, False

    with pytest.raises(DescriptionError, match="global 'np'"):
        update_op(Strange(), 1e-3, np.float64)


@pytest.mark.parametrize("tau_membrane", [1e-7, 1e-5, 1e-3, 5e-3, 20e-3, 1e3])
@pytest.mark.parametrize("tau_synapse", [1e-7, 1e-5, 1e-3, 5e-3, 20e-3, 1e3])
def test_the_gain_of_a_current_is_right_for_any_time_constants(
    tau_membrane: float, tau_synapse: float
) -> None:
    """The contract's k, in 60 digits: also where an exponential underflows, and where a difference cancels."""
    getcontext().prec = 60
    dt, m, s = (Decimal(t) for t in (1e-3, tau_membrane, tau_synapse))
    a, b = (-dt / m).exp(), (-dt / s).exp()
    exact = dt / m * a if m == s else s / (s - m) * (b - a)
    gain = current_gain(1e-3, tau_membrane, tau_synapse, 1.0, ns.Discretisation.EXACT)
    # exp(-x) of a rounded x is off by x ulp; x is 10^4 at most before exp underflows to 0
    assert gain == pytest.approx(float(exact), rel=1e-12, abs=1e-300)
