"""Each model of several receptors or states, compiled and in a network, against its step in plain Python."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.plain_neurons import initial_state, update_reference

N, STEPS = 7, 120
START = np.linspace(0.0, 0.9, N)
# options as they come and numbers for all neurons, so that the kernels are those that other tests use, too
MODELS = [
    (ns.DualCurrentLIF(threshold=0.03, refractory=5e-4, v_init=0.03 * START), (0.5, -0.15)),
    (
        ns.AlphaCurrentLIF(tau_excitatory=1e-3, threshold=0.1, refractory=5e-4, v_init=0.1 * START),
        (2.0, -1.0),
    ),
    (ns.AdaptiveLIF(v_init=START), (0.6,)),
    (ns.ConductanceLIF(refractory=1e-3, current=5.0, v_init=-60.0 + 10.0 * START), (2.0, 1.0)),
    (ns.AlphaConductanceLIF(tau_excitatory=1e-3, current=5.0, v_init=-60.0 + 10.0 * START), (6.0, 3.0)),
    (ns.Izhikevich(current=10.0, v_init=-65.0 + 10.0 * START), (8.0,)),
    (ns.AdEx(current=900.0, v_init=-70.0 + 20.0 * START), (400.0, -100.0)),
    (ns.Relay(), (1.0, 1.0)),
]


@pytest.mark.parametrize(("model", "weights"), MODELS, ids=lambda v: type(v).__name__)
def test_the_compiled_model_is_the_plain_step(model: ns.NeuronModel, weights: tuple[float, ...]) -> None:
    """To rounding: a compiler may join a product and a sum."""
    dt = 2e-4
    rng = np.random.default_rng(2)
    sent = rng.random((STEPS, len(weights), 3)) < 0.15
    net = ns.Network(dt=dt)
    net.output(net.population("p", N, model))
    w = [weight * rng.uniform(0.5, 1.5, (3, N)) for weight in weights]
    for i, receptor in enumerate(model.RECEPTORS):
        net.input(receptor, 3)
        net.connect(receptor, "p", ns.AllToAll(), weight=w[i], receptor=receptor)
    spikes = {name: sent[:, None, i] for i, name in enumerate(model.RECEPTORS)}
    r = ns.simulate(net, spikes, record={"p": ns.Record("spikes", *model.STATE)})["p"]
    state = initial_state(model, dt, 1, N)[:, 0]
    raster = np.zeros((STEPS, N), bool)
    for k in range(STEPS):
        raster[k] = update_reference(
            model, dt, state, np.array([s @ v for s, v in zip(sent[k], w, strict=True)])
        )
        for name, plain in zip(model.STATE, state, strict=True):
            np.testing.assert_allclose(getattr(r, name)[k, 0], plain, rtol=1e-9, atol=1e-9, err_msg=name)
    assert np.array_equal(r.spikes.dense()[:, 0] > 0, raster)
    assert raster.any(0).all()


@pytest.mark.parametrize(
    ("model", "weights"), [MODELS[3], MODELS[6]], ids=lambda v: type(v).__name__
)  # whose steps have literals and series of their own
def test_in_single_precision_the_spikes_are_the_same(
    model: ns.NeuronModel, weights: tuple[float, ...]
) -> None:
    """Rounding is 1e-7 of 70 mV a step, and an upstroke makes 1000 times as much of it."""
    sent = np.random.default_rng(2).random((STEPS, len(weights), 3)) < 0.15
    net = ns.Network(dt=2e-4)
    net.output(net.population("p", N, model))
    for receptor, weight in zip(model.RECEPTORS, weights, strict=True):
        net.input(receptor, 3)
        net.connect(receptor, "p", ns.AllToAll(), weight=weight, receptor=receptor)
    spikes = {name: sent[:, None, i] for i, name in enumerate(model.RECEPTORS)}
    double, single = (
        ns.simulate(net, spikes, record={"p": ns.Record("spikes", "v")}, precision=precision)["p"]
        for precision in (ns.Precision.DOUBLE, ns.Precision.SINGLE)
    )
    assert single.v.dtype == np.float32
    assert single.spikes == double.spikes
    assert len(single.spikes) > 10
    assert np.abs(single.v - double.v).max() < 0.02
