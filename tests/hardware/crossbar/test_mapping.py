from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.plan import PlanProjection
from neurosim.hardware.crossbar.mapping import Scaling, TileShape, held_weights, map_projection
from neurosim.hardware.crossbar.profile import read_profile

IDEAL, RRAM = read_profile("ideal"), read_profile("rram-wan-1d")


def projection(pre, target, weight, delay, n_pre, n_post):
    return PlanProjection("p", "a", "b", rows_from(pre, target, weight, delay, n_pre, n_post))


def random_projection(seed, n_pre=9, n_post=13, delays=4, synapses=60):
    rng = np.random.default_rng(seed)
    return projection(
        rng.integers(0, n_pre, synapses),
        rng.integers(0, n_post, synapses),
        rng.normal(0, 1, synapses),
        rng.integers(0, delays, synapses),
        n_pre,
        n_post,
    )


def dense(p):
    """[delay, pre, post], synapses between one pair added up."""
    out = np.zeros((p.max_delay + 1, p.n_pre, p.n_post))
    np.add.at(out, (p.delay, p.pre_index, p.target), p.weight)
    return out


@given(
    seed=st.integers(0, 500),
    rows=st.sampled_from([1, 3, 8, 128]),
    columns=st.sampled_from([2, 6, 128]),
    scaling=st.sampled_from(list(Scaling)),
)
def test_the_tiles_hold_every_weight(seed, rows, columns, scaling):
    p = random_projection(seed)
    blocks = map_projection(p, TileShape(rows, columns), IDEAL, scaling, first_tile=5)
    held = np.zeros_like(dense(p))
    tile = 5
    for b in blocks:
        held[b.line_delay[:, None], b.line_pre[:, None], b.neuron] += b.weights()
        assert b.first_tile == tile
        tile += len(b.full_scale)
        assert [lines.stop - lines.start <= rows for _, lines in b.tiles(TileShape(rows, columns))]
        assert b.target.shape == (b.lines, 2 * len(b.neuron))
        assert 2 * len(b.neuron) <= columns
        assert b.target.min() >= IDEAL.g_min
        assert b.target.max() <= IDEAL.g_max * (1 + 1e-7)
    np.testing.assert_allclose(held, dense(p), rtol=2e-7, atol=2e-7)  # conductances are float32


def test_held_weights_are_those_of_the_synapses():
    p = random_projection(3)
    blocks = map_projection(p, TileShape(8, 6), IDEAL, Scaling.COLUMN, first_tile=0)
    held = held_weights(p, blocks)
    np.testing.assert_allclose(held, p.weight, rtol=1e-5)
    assert (held != p.weight).any()  # float32 conductances


def test_one_column_of_a_pair_rests_at_the_lowest_conductance():
    profile = RRAM.replace(g_min=1e-6)
    for b in map_projection(random_projection(1), TileShape(8, 6), profile, Scaling.COLUMN, first_tile=0):
        lower = np.minimum(b.target[:, 0::2], b.target[:, 1::2])
        pairs = b.programmed[:, 0::2]
        np.testing.assert_allclose(lower[pairs], 1e-6, rtol=1e-6)
        np.testing.assert_allclose(b.target[~b.programmed], profile.g_unformed, rtol=1e-6)
        np.testing.assert_array_equal(pairs, b.programmed[:, 1::2])


def test_the_largest_weight_uses_the_whole_range():
    p = random_projection(2)
    for scaling in Scaling:
        blocks = map_projection(p, TileShape(128, 128), RRAM, scaling, first_tile=0)
        top = np.concatenate([b.target.max(axis=0).reshape(-1, 2).max(axis=1) for b in blocks])
        assert top.max() == pytest.approx(40e-6)
        assert (np.isclose(top, 40e-6).all()) == (scaling is Scaling.COLUMN)


def test_a_word_line_is_a_pair_of_neuron_and_delay_that_is_used():
    p = projection([0, 0, 2, 2], [0, 1, 0, 1], [1, 2, 3, 4], [0, 3, 1, 1], 3, 2)
    (b,) = map_projection(p, TileShape(128, 128), IDEAL, Scaling.PROJECTION, first_tile=0)
    assert list(zip(b.line_delay.tolist(), b.line_pre.tolist(), strict=True)) == [(0, 0), (1, 2), (3, 0)]
    np.testing.assert_array_equal(b.line_at(3), [[0, -1, -1], [-1, -1, 1], [-1, -1, -1], [2, -1, -1]])


def test_synapses_of_one_pair_and_delay_share_a_cell_and_its_range():
    p = projection([0, 0, 0], [0, 0, 0], [1.0, 0.75, -0.25], [2, 2, 2], 1, 1)
    (b,) = map_projection(p, TileShape(4, 4), IDEAL, Scaling.PROJECTION, first_tile=0)
    np.testing.assert_allclose(b.weights(), [[1.5]], rtol=1e-6)


def test_the_full_scale_is_the_largest_current_without_clipping():
    p = projection([0, 1, 2, 0], [0, 0, 0, 1], [1.0, 0.5, -2.0, 0.25], [0, 0, 0, 0], 3, 2)
    (b,) = map_projection(p, TileShape(2, 4), IDEAL, Scaling.PROJECTION, first_tile=0)
    k = IDEAL.span / 2.0 * IDEAL.read_voltage
    np.testing.assert_allclose(b.full_scale, [1.5 * k, 2.0 * k])


def test_without_synapses_there_is_no_tile():
    none = np.zeros(0, int)
    p = projection(none, none, none, none, 3, 2)
    assert map_projection(p, TileShape(2, 4), IDEAL, Scaling.COLUMN, first_tile=0) == []
