"""Weights of every synapse after random trains, against NEST 3.10 under its conventions: dendritic delays, coincident
spikes ignored, weights brought up to date at presynaptic spikes.

Tolerance: rounding alone, NEST evaluates exponentials between spikes and we multiply step by step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurosim.plasticity import (
    STDP,
    DelaySite,
    Delivered,
    Dependence,
    Pairing,
    PlasticityRule,
    SameStep,
    SymmetricSTDP,
    TripletSTDP,
    WeightUpdate,
)

nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")

NEST: dict[str, Any] = {
    "delay_site": DelaySite.DENDRITIC,
    "same_step": SameStep.IGNORED,
    "weight_update": WeightUpdate.AT_PRESYNAPTIC,
    "delivered": Delivered.AFTER,
}
STEPS, SILENT = 1100, 600
"""Steps of 1 ms. NEST's nearest-neighbour synapse takes time 0 for a spike: we begin when that is forgotten."""
PAIR = {"tau_plus": 15.0, "lambda": 0.02, "alpha": 1.1, "Wmax": 1.0, "mu_plus": 0.0, "mu_minus": 0.0}
OURS = {"tau_plus": 15e-3, "tau_minus": 25e-3, "a_plus": 0.02, "a_minus": 0.022, "w_min": 0.0, "w_max": 1.0}

CASES: dict[str, tuple[str, dict[str, float], dict[str, float], PlasticityRule]] = {
    "additive": ("stdp_synapse", PAIR, {"tau_minus": 25.0}, STDP(**NEST, **OURS)),
    "power_law": (
        "stdp_synapse",
        {**PAIR, "mu_plus": 0.4, "mu_minus": 0.7},
        {"tau_minus": 25.0},
        STDP(**NEST, **OURS, dependence=Dependence.POWER_LAW, mu_plus=0.4, mu_minus=0.7),
    ),
    "multiplicative": (
        "stdp_synapse",
        {**PAIR, "mu_plus": 1.0, "mu_minus": 1.0},
        {"tau_minus": 25.0},
        STDP(**NEST, **OURS, dependence=Dependence.MULTIPLICATIVE),
    ),
    "nearest": (
        "stdp_nn_symm_synapse",
        PAIR,
        {"tau_minus": 25.0},
        STDP(**NEST, **OURS, pairing=Pairing.NEAREST),
    ),
    "triplet": (
        "stdp_triplet_synapse",
        {
            "tau_plus": 16.8,
            "tau_plus_triplet": 101.0,
            "Aplus": 0.005,
            "Aplus_triplet": 0.006,
            "Aminus": 0.007,
            "Aminus_triplet": 0.003,
            "Wmax": 100.0,
        },
        {"tau_minus": 33.7, "tau_minus_triplet": 125.0},
        TripletSTDP(
            **NEST, a2_plus=0.005, a3_plus=0.006, a2_minus=0.007, a3_minus=0.003, w_min=0.0, w_max=100.0
        ),
    ),
    "symmetric": (
        "vogels_sprekeler_synapse",
        {"tau": 20.0, "eta": 0.001, "alpha": 0.4, "Wmax": -2.0, "Kplus": 0.0},
        {"tau_minus": 20.0},
        SymmetricSTDP(**NEST, learning_rate=0.001, alpha=0.4, w_min=-2.0, w_max=0.0),
    ),
}


COMPILED = ("additive", "nearest", "triplet")
"""What the engine runs as well; of the others, their scalar functions in the reference. Compiling takes its time."""


def in_nest(
    model: str, synapse: dict[str, float], neuron: dict[str, float], pre: np.ndarray, post: np.ndarray,
    delay: np.ndarray, weight: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Weights [n_pre, n_post]; parrots repeat the trains, and do not listen to the plastic synapses (receptor 1)."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = 1.0
    sides = []
    for train, parameters in ((pre, {}), (post, neuron)):
        times = [{"spike_times": np.flatnonzero(x) + 1.0} for x in train.T]
        parrots = nest.Create("parrot_neuron", train.shape[1], params=parameters)
        nest.Connect(
            nest.Create("spike_generator", len(times), params=times), parrots, "one_to_one", {"delay": 1.0}
        )
        sides.append(parrots)
    spec = {"synapse_model": model, "weight": weight.T, "delay": delay.T * 1.0, "receptor_type": 1, **synapse}
    nest.Connect(*sides, "all_to_all", spec)
    nest.Simulate(len(pre) + 2.0)
    found = nest.GetConnections(*sides)
    out = np.zeros(weight.shape)
    first = [side.tolist()[0] for side in sides]
    out[np.asarray(found.source) - first[0], np.asarray(found.target) - first[1]] = found.weight
    return out


@pytest.mark.parametrize("name", CASES)
def test_every_weight_is_that_of_nest(name: str, learned: Callable[..., np.ndarray]) -> None:
    model, synapse, neuron, rule = CASES[name]
    rng = np.random.default_rng(1)
    pre, post = ((rng.random((STEPS, n)) < 0.04).astype(int) for n in (4, 5))
    pre[:SILENT] = post[:SILENT] = 0
    delay, weight = rng.integers(1, 12, (4, 5)), rng.uniform(0.2, 0.8, (4, 5))
    if rule.w_max == 0:
        weight = -weight
    expected = in_nest(model, synapse, neuron, pre, post, delay, weight)
    assert np.abs(expected - weight).min() > 1e-4  # every weight has moved
    for engine in {False, name in COMPILED}:
        found = learned(rule, pre[SILENT:], post[SILENT:], delay, weight, engine=engine)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
