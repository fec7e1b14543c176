from __future__ import annotations

import numpy as np
import pytest

from neurosim import neurons
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset
from neurosim.nn.bias import with_bias

DT = 1e-3


def run(model, x):
    """(v, spikes) of one neuron for the arrivals ``x``, by the model's own step."""
    coefficients = [float(c) for c in model.coefficients(DT).values()]
    options = [getattr(model, name) for name in model.OPTIONS]
    state = [float(s) for s in model.initial(DT).values()]
    found = []
    for arrivals in x:
        *state, spike = model.step(*state, arrivals, *coefficients, *options)
        found.append((state[0], bool(spike)))
    return np.array(found).T


@pytest.mark.parametrize("bias", [0.3, -0.0413])
@pytest.mark.parametrize(
    "model",
    [
        neurons.LIF(v_rest=0.1, resistance=3.0, current=0.02, refractory=2e-3),
        neurons.LIF(refractory=3e-3, refractory_input=RefractoryInput.INTEGRATE),
        neurons.LIF(refractory_input=RefractoryInput.KEEP, reset=Reset.BY_SUBTRACTION),
        neurons.IntegrateAndFire(refractory=2e-3),
        neurons.LeakyIntegrator(discretisation=Discretisation.EULER),
        neurons.AdaptiveLIF(),
        neurons.CurrentLIF(resistance=8.0, i_init=0.1, refractory=2e-3),
        neurons.CurrentLIF(current=0.05, discretisation=Discretisation.EULER),
    ],
    ids=lambda m: type(m).__name__,
)
def test_a_bias_becomes_parameters(model, bias):
    x = 0.6 * (np.random.default_rng(0).random(60) < 0.4)
    v, spikes = run(model, x + bias)
    ours, emitted = run(with_bias(model, np.array(bias), DT, "here"), x)
    assert not np.allclose(v, run(model, x)[0])
    assert np.array_equal(emitted, spikes)
    np.testing.assert_allclose(ours, v, rtol=1e-12, atol=1e-14)
    if model.SPIKES and bias > 0:
        assert spikes.sum() > 3


def test_none_changes_nothing():
    model = neurons.Izhikevich()
    assert with_bias(model, np.zeros(3), DT, "here") is model
