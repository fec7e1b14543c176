from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.quantise.registers import quantise_registers
from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator, SpikeWhen

LOIHI1 = read_chip("loihi1").limits


def registers(model, scale, chip="loihi1", n=2):
    return quantise_registers(
        "p", demand_of(PlanPopulation("p", (n,), model), 1e-3), scale, read_chip(chip).limits
    )


def test_decays_follow_the_registers_of_the_chip():
    q = registers(CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3), 1e5)
    assert q.du[0] == round(4096 * (1 - np.exp(-1 / 5))) - 1  # a step keeps 4095 - du
    assert q.dv[0] == round(4096 * (1 - np.exp(-1 / 20)))
    assert registers(LIF(tau_membrane=20e-3), 1e5).du[0] == 4095  # no memory


@pytest.mark.parametrize(("rule", "mantissa"), [(SpikeWhen.REACHED, 99), (SpikeWhen.EXCEEDED, 100)])
def test_threshold_on_the_grid_is_exact(rule, mantissa):
    """v in multiples of 64: v >= 6400 is v > 6336; v > 6400 needs no change."""
    q = registers(IntegrateAndFire(threshold=0.3, spike_when=rule), 6400 / 0.3)
    assert q.threshold[0] == mantissa
    assert q.threshold_error == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("scaled", "mantissa"), [(6400.0, 99), (6410.0, 100), (6430.0, 100), (6440.0, 101)])
def test_with_a_leak_the_nearest_threshold_is_taken_unless_a_weight_may_equal_it(scaled, mantissa):
    assert registers(LIF(threshold=0.3), scaled / 0.3).threshold[0] == mantissa


def test_refractory_register_holds_one_more_than_the_steps():
    assert registers(LIF(refractory=5e-3), 1e5).refractory.tolist() == [6, 6]
    assert registers(LIF(refractory=62e-3), 1e5).refractory[0] == 63
    with pytest.raises(UnsupportedError, match="62 steps"):
        registers(LIF(refractory=63e-3), 1e5)
    with pytest.raises(UnsupportedError, match="Loihi 1"):
        registers(LIF(refractory=1e-3), 1e5, "loihi2")


def test_readouts_get_the_largest_threshold():
    assert registers(LeakyIntegrator(), 1e4).threshold[0] == 131071


@pytest.mark.parametrize("scale", [30.0, 1e8])
def test_threshold_out_of_range(scale):
    with pytest.raises(CapacityError, match="1 to 131071"):
        registers(LIF(), scale)


def test_bias_and_its_error():
    q = registers(LIF(tau_membrane=20e-3, current=0.5), 1e6)
    drive = 0.5 * (1 - np.exp(-1 / 20))
    assert abs(int(q.bias_mantissa[0] << q.bias_exponent[0]) / 1e6 - drive) == pytest.approx(q.bias_error)
    assert q.bias_error <= 2.0 ** q.bias_exponent[0] / 2 / 1e6
