"""Which receptor of the machine a synapse acts on."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity import AllToAll
from neurosim.engine.lower import lower
from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.quantise.activity import safe_activity
from neurosim.hardware.spinnaker.quantise.receptors import (
    Receptors,
    largest_weights,
    receptors_of,
    split_of,
)
from neurosim.network import Network
from neurosim.neurons import LIF, ConductanceLIF, CurrentLIF, DualCurrentLIF
from neurosim.plasticity import STDP

WEIGHTS = np.array([[0.5, 2.0], [1.0, 3.0]])


def plan_of(model, weight, receptor=None, plasticity=None):
    net = Network(dt=1e-3)
    net.input("in", 2)
    net.population("p", 2, model)
    net.connect("in", "p", AllToAll(), weight=weight, receptor=receptor, plasticity=plasticity, delay=1e-3)
    return lower(net)


@pytest.mark.parametrize(
    ("model", "split"),
    [
        (LIF(), Receptors.BY_SIGN),
        (CurrentLIF(), Receptors.BY_SIGN),
        (DualCurrentLIF(tau_excitatory=5e-3, tau_inhibitory=5e-3), Receptors.BY_SIGN),
        (DualCurrentLIF(), Receptors.BY_NAME_AND_SIGN),
        (ConductanceLIF(), Receptors.BY_NAME),
    ],
)
def test_split(model, split):
    assert split_of(model) is split


@pytest.mark.parametrize(
    ("split", "receptor", "weight", "expected"),
    [
        (Receptors.BY_SIGN, "excitatory", [[1, -1], [-1, 1]], [0, 1, 1, 0]),
        (Receptors.BY_SIGN, "inhibitory", [[1, -1], [-1, 1]], [0, 1, 1, 0]),
        (Receptors.BY_NAME_AND_SIGN, "excitatory", WEIGHTS, [0, 0, 0, 0]),
        (Receptors.BY_NAME_AND_SIGN, "inhibitory", -WEIGHTS, [1, 1, 1, 1]),
        (Receptors.BY_NAME, "inhibitory", WEIGHTS, [1, 1, 1, 1]),
    ],
)
def test_receptors(split, receptor, weight, expected):
    (p,) = plan_of(DualCurrentLIF(), np.array(weight, float), receptor).projections
    assert receptors_of(p, split)[np.argsort(p.pre_index * 2 + p.target)].tolist() == expected


@pytest.mark.parametrize(
    ("model", "receptor", "weight", "remedy"),
    [
        (DualCurrentLIF(), "excitatory", -1.0, "inhibitory"),
        (DualCurrentLIF(), "inhibitory", 1.0, "excitatory"),
        (ConductanceLIF(), "inhibitory", -1.0, "reversal"),
    ],
)
def test_a_sign_that_the_receptor_does_not_have(model, receptor, weight, remedy):
    plan = plan_of(model, weight, receptor)
    with pytest.raises(UnsupportedError, match=rf"'in->p'.*{receptor}.*{remedy}"):
        safe_activity(plan, plan.populations["p"])


def test_bounds_go_by_receptor():
    """Positive weights of the second receptor of conductances inhibit; each receptor has its own memory."""
    plan = plan_of(ConductanceLIF(tau_inhibitory=10e-3), WEIGHTS, "inhibitory")
    bounds = safe_activity(plan, plan.populations["p"])
    np.testing.assert_allclose(bounds.arrivals, [[0.0, 0.0], [1.5, 5.0]])
    np.testing.assert_allclose(bounds.weights, [[0.0, 0.0], [1.0, 3.0]])
    np.testing.assert_allclose(bounds.inputs[1], bounds.arrivals[1] / (1 - np.exp(-0.1)))


def test_plastic_weights_can_grow():
    plan = plan_of(LIF(), 0.0, plasticity=STDP(w_min=0.0, w_max=4.0))
    (p,) = plan.projections
    np.testing.assert_array_equal(largest_weights(p), 4.0)
    np.testing.assert_array_equal(
        safe_activity(plan, plan.populations["p"]).arrivals, [[8.0, 8.0], [0.0, 0.0]]
    )
