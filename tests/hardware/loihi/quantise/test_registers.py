from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.numerics.weights import SignMode, is_common
from neurosim.hardware.loihi.quantise.registers import quantise_registers, quantise_synapses, round_acting
from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.hardware.loihi.signs import Signs
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator, SpikeWhen

LOIHI1 = read_chip("loihi1").limits
WEIGHTS = st.lists(st.floats(-5, 5).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=40)


@given(WEIGHTS, st.floats(10, 1e5), st.sampled_from(Signs), st.sampled_from([100.0, 90.0]))
def test_stored_weights_are_ones_that_every_model_of_the_chip_shares(values, scale, signs, percentile):
    w = np.array(values)
    q = quantise_synapses(w, scale, signs=signs, exponent_maximum=7, percentile=percentile)
    for mode in np.unique(q.mode):
        for e in np.unique(q.exponent):
            chosen = (q.mode == mode) & (q.exponent == e)
            assert is_common(q.weight[chosen], int(e), SignMode(int(mode)))


@given(WEIGHTS, st.sampled_from(Signs))
def test_rounding_is_to_half_a_step(values, signs):
    w = np.array(values)
    scale = 254 * 64 / np.abs(w).max()
    q = quantise_synapses(w, scale, signs=signs, exponent_maximum=7)
    step = 2 if np.any(q.mode == SignMode.MIXED) else 1
    assert not q.exponent.any()
    assert np.all(np.abs(q.weight * 64 / scale - w) <= 64 * step / scale * 0.5 * (1 + 1e-9))


def test_split_signs_halve_the_error():
    w = np.random.default_rng(0).normal(size=2000)
    error = {
        s: quantise_synapses(w, 254 * 64 / np.abs(w).max(), signs=s, exponent_maximum=7).error for s in Signs
    }
    assert error[Signs.SPLIT] == pytest.approx(error[Signs.MIXED] / 2, rel=0.1)


def test_outliers_get_a_larger_exponent_instead_of_being_clipped():
    w = np.array([*np.linspace(0.1, 1, 99), 6.0])
    q = quantise_synapses(w, 255 * 64, signs=Signs.SPLIT, exponent_maximum=7, percentile=95.0)
    assert np.unique(q.exponent).tolist() == [0, 3]
    assert q.weight[-1] * 2.0 ** q.exponent[-1] * 64 == pytest.approx(6.0 * 255 * 64, rel=0.005)


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
    with pytest.raises(UnsupportedError, match="Loihi1"):
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


@pytest.mark.parametrize("signs", Signs)
@pytest.mark.parametrize("bits", [8, 3])
@pytest.mark.parametrize("exponent", [None, 0])
@pytest.mark.parametrize("scale", [700.0, 254 * 64.0, 3e5])
def test_short_form_does_what_stored_weights_do(signs, bits, exponent, scale):
    rng = np.random.default_rng(0)
    options = {"signs": signs, "exponent_maximum": 7, "weight_bits": bits, "exponent": exponent}
    for acting in (rng.normal(0, 0.3, 500), rng.random(500), rng.normal(-0.1, 0.3, 500) ** 3, np.zeros(3)):
        stored = quantise_synapses(acting, scale, **options)
        acts = stored.weight * np.exp2(6.0 + stored.exponent) / scale
        assert np.allclose(round_acting(acting, scale, **options), acts, rtol=1e-14, atol=0)
