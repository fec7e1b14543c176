"""Lava's floating-point LIF: operation for operation, and as a network of the engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.connectivity.rules import OneToOne
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.hardware.loihi.numerics import lava_float
from neurosim.network import Network
from neurosim.neurons import CurrentLIF, Discretisation, SpikeWhen

RUNS = [lava_float.run, lava_float.reference]


@pytest.mark.reference("loihi/lif_float_*.npz", "loihi/lifrefractory_float_*.npz")
@pytest.mark.parametrize("run", RUNS)
def test_matches_lava(reference_file, run):
    with np.load(reference_file) as f:
        period = int(f["p_refractory_period"]) if "p_refractory_period" in f.files else 0
        found = run(
            f["a_in"], du=float(f["p_du"]), dv=float(f["p_dv"]), threshold=float(f["p_vth"]), bias=f["p_bias_mant"],
            refractory_period=period,
        )  # fmt: skip
        assert np.array_equal(found.spike, f["s"])
        assert np.array_equal(found.u, f["u"])  # the same operations in the same order and precision
        assert np.array_equal(found.v, f["v"])


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1), st.floats(-1e3, 1e6),
    st.floats(-1e3, 1e3), st.integers(0, 5),
)  # fmt: skip
def test_kernel_equals_plain_numpy(values, du, dv, threshold, bias, period):
    a = np.array(values)[:, None]
    options = {"du": du, "dv": dv, "threshold": threshold, "bias": bias, "refractory_period": period}
    found, plain = lava_float.run(a, **options), lava_float.reference(a, **options)
    for name in ("u", "v", "spike"):
        assert np.array_equal(getattr(found, name), getattr(plain, name)), name


@pytest.mark.parametrize("run", RUNS)
def test_a_potential_at_the_threshold_does_not_spike(run):
    found = run([[4.0], [np.nextafter(4.0, 5.0)]], du=1.0, dv=1.0, threshold=4.0)
    assert found.spike[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("run", RUNS)
def test_the_potential_is_held_for_the_refractory_period_and_the_current_is_not(run):
    found = run(np.ones((8, 1)), du=0.0, dv=0.0, threshold=2.5, refractory_period=3)
    assert found.v[:, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert found.spike[:, 0].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]  # steps 3 to 5 are held
    assert found.u[:, 0].tolist() == list(range(1, 9))


@pytest.mark.reference("loihi/lif_float_*.npz")
def test_engine_matches_lava(reference_file):
    """u <- (1 - du) u + a ; v <- (1 - dv) v + u + bias ; spike if v > vth: Euler's rule with R = tau_m/dt."""
    with np.load(reference_file) as f:
        du, dv, bias, dt = float(f["p_du"]), float(f["p_dv"]), float(f["p_bias_mant"]), 1.0
        if not 0 < dv <= 1 or not 0 < du <= 1:
            pytest.skip(
                "the engine's neuron has time constants: a state that keeps everything is another neuron"
            )
        net = Network(dt=dt)
        pool = net.population(
            "pool",
            8,
            CurrentLIF(
                tau_membrane=dt / dv,
                tau_synapse=dt / du,
                resistance=1 / dv,
                current=bias,
                threshold=float(f["p_vth"]),
                spike_when=SpikeWhen.EXCEEDED,
                discretisation=Discretisation.EULER,
            ),
        )
        arrivals = f["a_in"][:, None, :]
        inputs = {"plus": np.maximum(arrivals, 0), "minus": np.maximum(-arrivals, 0)}
        for name, sign in (("plus", 1.0), ("minus", -1.0)):
            net.connect(net.input(name, shape=(8,)), pool, OneToOne(), weight=sign)
        found = simulate(net, inputs, record={"pool": Record("spikes", "v", "i")})["pool"]
        assert np.array_equal(found.spikes.dense(int)[:, 0], f["s"])
        # double precision, sums in another order over 1000 steps
        assert found.i[:, 0] == pytest.approx(f["u"], rel=1e-9, abs=1e-9)
        assert found.v[:, 0] == pytest.approx(f["v"], rel=1e-9, abs=1e-9)
