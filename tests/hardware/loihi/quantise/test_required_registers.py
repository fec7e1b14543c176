from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator


def demand(model, n=3):
    return demand_of(PlanPopulation("p", (n,), model), 1e-3)


def test_potentials_are_relative_to_rest():
    d = demand(LIF(tau_membrane=20e-3, threshold=-50.0, v_rest=-65.0, v_reset=-65.0, v_init=-60.0))
    assert d.offset == -65.0
    assert d.threshold == pytest.approx([15.0] * 3)
    assert d.initial == pytest.approx([5.0] * 3)
    assert d.keep_v == pytest.approx(np.exp(-1 / 20))
    assert not d.keep_u.any()


def test_current_lif_brings_its_gain():
    d = demand(CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3))
    a, b = np.exp(-1 / 20), np.exp(-1 / 5)
    assert d.keep_u == pytest.approx(b)
    assert d.gain == pytest.approx(5 / (5 - 20) * (b - a))


def test_without_leak_any_reset_value_is_rest():
    d = demand(IntegrateAndFire(threshold=3.0, v_reset=1.0, v_init=1.5))
    assert (d.offset, d.threshold[0], d.initial[0], d.keep_v[0]) == (1.0, 2.0, 0.5, 1.0)


def test_readouts_have_no_threshold():
    assert demand(LeakyIntegrator(tau_membrane=10e-3)).threshold is None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LIF(v_reset=-0.5), "resets to another potential"),
        (LIF(v_rest=np.array([0.0, 0.1, 0.0]), v_reset=np.array([0.0, 0.1, 0.0])), "differ"),
        (LIF(threshold=0.0), "not above the resting potential"),
    ],
)
def test_what_no_register_holds_is_refused(model, message):
    with pytest.raises(UnsupportedError, match=message) as error:
        demand(model)
    assert "population 'p'" in str(error.value)
