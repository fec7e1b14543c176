from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics.weights import SignMode, is_common
from neurosim.hardware.loihi.quantise.stored_weights import WeightForm, quantise_synapses, round_acting
from neurosim.hardware.loihi.signs import Signs

WEIGHTS = st.lists(st.floats(-5, 5).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=40)


def form(signs, **options):
    return WeightForm(signs=signs, exponent_maximum=7, **options)


@given(WEIGHTS, st.floats(10, 1e5), st.sampled_from(Signs), st.sampled_from([100.0, 90.0]))
def test_stored_weights_are_ones_that_every_model_of_the_chip_shares(values, scale, signs, percentile):
    w = np.array(values)
    q = quantise_synapses(w, scale, form(signs, percentile=percentile))
    for mode in np.unique(q.mode):
        for e in np.unique(q.exponent):
            chosen = (q.mode == mode) & (q.exponent == e)
            assert is_common(q.weight[chosen], int(e), SignMode(int(mode)))


@given(WEIGHTS, st.sampled_from(Signs))
def test_rounding_is_to_half_a_step(values, signs):
    w = np.array(values)
    scale = 254 * 64 / np.abs(w).max()
    q = quantise_synapses(w, scale, form(signs))
    step = 2 if np.any(q.mode == SignMode.MIXED) else 1
    assert not q.exponent.any()
    assert np.all(np.abs(q.weight * 64 / scale - w) <= 64 * step / scale * 0.5 * (1 + 1e-9))


def test_split_signs_halve_the_error():
    w = np.random.default_rng(0).normal(size=2000)
    error = {s: quantise_synapses(w, 254 * 64 / np.abs(w).max(), form(s)).error for s in Signs}
    assert error[Signs.SPLIT] == pytest.approx(error[Signs.MIXED] / 2, rel=0.1)


def test_outliers_get_a_larger_exponent_instead_of_being_clipped():
    w = np.array([*np.linspace(0.1, 1, 99), 6.0])
    q = quantise_synapses(w, 255 * 64, form(Signs.SPLIT, percentile=95.0))
    assert np.unique(q.exponent).tolist() == [0, 3]
    assert q.weight[-1] * 2.0 ** q.exponent[-1] * 64 == pytest.approx(6.0 * 255 * 64, rel=0.005)


@pytest.mark.parametrize("signs", Signs)
@pytest.mark.parametrize("bits", [8, 3])
@pytest.mark.parametrize("exponent", [None, 0])
@pytest.mark.parametrize("scale", [700.0, 254 * 64.0, 3e5])
def test_short_form_does_what_stored_weights_do(signs, bits, exponent, scale):
    rng = np.random.default_rng(0)
    stored_as = form(signs, bits=bits, exponent=exponent)
    for acting in (rng.normal(0, 0.3, 500), rng.random(500), rng.normal(-0.1, 0.3, 500) ** 3, np.zeros(3)):
        stored = quantise_synapses(acting, scale, stored_as)
        acts = stored.weight * np.exp2(6.0 + stored.exponent) / scale
        assert np.array_equal(stored.acting, stored.weight << (6 + stored.exponent))
        assert np.allclose(round_acting(acting, scale, stored_as), acts, rtol=1e-14, atol=0)
