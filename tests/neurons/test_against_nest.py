"""Trajectories and spikes of the exact models against NEST 3.10 (iaf_psc_delta, iaf_psc_exp), an independent
implementation of exact integration on a grid."""

import numpy as np
import pytest

import neurosim as ns

nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")

DT_MS = 0.1
STEPS = 1000


@pytest.fixture
def drive() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return np.sort(rng.choice(np.arange(5, STEPS - 50), 250, replace=False)), rng.uniform(-1, 4, 250)


def in_nest(
    model: str, parameters: dict[str, float], times_ms: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT_MS
    neuron = nest.Create(model, params=parameters)
    source = nest.Create(
        "spike_generator",
        params={"spike_times": times_ms.round(1).tolist(), "spike_weights": weights.tolist()},
    )
    nest.Connect(source, neuron, syn_spec={"weight": 1.0, "delay": 1.0})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT_MS})
    nest.Connect(meter, neuron)
    recorder = nest.Create("spike_recorder")
    nest.Connect(neuron, recorder)
    nest.Simulate(STEPS * DT_MS)
    return meter.events["V_m"], recorder.events["times"]


def in_neurosim(
    model: ns.NeuronModel, steps: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    n = len(steps)
    net = ns.Network(dt=DT_MS * 1e-3)
    net.input("in", n)
    net.population("n", 1, model)
    net.connect("in", "n", ns.AllToAll(), weight=weights[:, None], delay=1e-3)
    x = ns.Spikes(np.zeros(n), steps, np.arange(n), shape=n, dt=net.dt, steps=STEPS)
    r = ns.simulate(net, {"in": x}, record={"n": ns.Record("v", "spikes")})["n"]
    return r.v[:, 0, 0], r.spikes.step


COMMON = {
    "tau_m": 10.0,
    "C_m": 10.0,
    "t_ref": 2.0,
    "E_L": 0.0,
    "V_reset": 0.0,
    "V_th": 15.0,
    "V_m": 0.0,
    "I_e": 0.5,
}
OURS = {"tau_membrane": 10e-3, "threshold": 15.0, "refractory": 2e-3, "current": 0.5}


# Our state of step j is NEST's at time (j + 1) dt. In NEST an arrival changes an exponential current one step
# before the potential sees it, so there a spike is sent one step earlier for the same effect.
# Tolerance: rounding of 1000 steps at 15 mV.
@pytest.mark.parametrize(
    ("model", "name", "more", "gain", "sent"),
    [
        (ns.LIF(**OURS), "iaf_psc_delta", {}, 1.0, 1),
        (
            ns.CurrentLIF(tau_synapse=3e-3, **OURS),
            "iaf_psc_exp",
            {"tau_syn_ex": 3.0, "tau_syn_in": 3.0},
            10.0,
            0,
        ),
    ],
)
def test_trajectory_and_spikes(
    model: ns.NeuronModel,
    name: str,
    more: dict[str, float],
    gain: float,
    sent: int,
    drive: tuple[np.ndarray, np.ndarray],
) -> None:
    steps, weights = drive
    v_nest, times = in_nest(name, {**COMMON, **more}, (steps + sent) * DT_MS, gain * weights)
    v, spikes = in_neurosim(model, steps, gain * weights)
    assert np.abs(v[: len(v_nest)] - v_nest).max() < 1e-11
    expected = np.rint(times / DT_MS).astype(int) - 1
    assert spikes[spikes < len(v_nest)].tolist() == expected[expected < len(v_nest)].tolist()
    assert len(spikes) > 5
