"""The engine against Lava's floating-point LIF: the same equations in Lava's parameters."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import OneToOne
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.network import Network
from neurosim.neurons import CurrentLIF, Discretisation, SpikeWhen


@pytest.mark.reference("loihi/lif_float_*.npz")
def test_engine_matches_lava(reference_file):
    """u <- (1 - du) u + a ; v <- (1 - dv) v + u + bias ; spike if v > vth: Euler's rule with R = tau_m/dt."""
    with np.load(reference_file) as f:
        du, dv, bias, dt = float(f["p_du"]), float(f["p_dv"]), float(f["p_bias_mant"]), 1.0
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
