from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from neurosim import random
from neurosim.hardware.crossbar.read_out import noise_index, normal_of_word, read_block, read_block_reference

KEY = random.key(1, "device.read")
NO_HISTOGRAM = np.zeros((0, 0), np.int64)
TILES, PAIRS, FIRST_TILE = 9, 6, 4  # of the machine; the block starts at tile 4


def case(seed, *, samples=5, n_pre=7, delays=4, width=6, n_post=11, rows=8, noise=0.3, density=0.4):
    rng = np.random.default_rng(seed)
    delay, pre = np.nonzero(rng.random((delays, n_pre)) < 0.7)
    lines = len(pre)
    line_at = np.full((delays, n_pre), -1, np.int32)
    line_at[delay, pre] = np.arange(lines)
    present = rng.random((lines, width)) < density
    present[::3] = seed % 2  # some lines reach every column
    current = np.where(present, rng.normal(0, 1, (lines, width)), 0.0)
    variance = np.where(present, rng.uniform(0, noise, (lines, width)), 0.0)
    line, column = np.nonzero(present)
    history = np.zeros((samples, 3, 8), np.uint8)
    history[:, :, :n_pre] = rng.integers(0, 3, (samples, 3, n_pre)) * (rng.random((samples, 3, n_pre)) < 0.5)
    return {
        "history": history,
        "line_at": line_at,
        "rows": rows,
        "sparse": (
            np.concatenate([[0], np.cumsum(np.bincount(line, minlength=lines))]),
            column.astype(np.int32),
            np.stack([current[line, column], variance[line, column]]),
        ),
        "dense": (current, variance),
        "neuron": rng.permutation(n_post)[:width].astype(np.int32),
        "gain": rng.uniform(0.5, 2.0, width),
        "adc_step": rng.uniform(0.05, 0.3, -(-lines // rows)),
        "x": rng.normal(0, 1, (samples, n_post)),
    }


def run(c, *, now=2, top=7.0, first_sample=0):
    x, saturated = c["x"].copy(), np.zeros((len(c["x"]), 2), np.int64)
    place = (c["history"], now, c["line_at"], c["rows"])
    columns = (c["neuron"], c["gain"], c["adc_step"], top)
    groups = -(-PAIRS // 4)
    noise = ((first_sample * TILES + FIRST_TILE) * groups, TILES * groups, groups, now)
    numbers = [np.uint64(v) for v in (KEY, *noise)]
    read_block(*place, *c["sparse"], *columns, *numbers, x, saturated, NO_HISTOGRAM, np.zeros(0))
    want = c["x"].copy()
    read_block_reference(*place, *c["dense"], *columns, KEY, FIRST_TILE, TILES, PAIRS, want)
    return x, want, saturated


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("now", [0, 2])
def test_the_kernel_equals_dense_products(seed, now):
    x, want, _ = run(case(seed), now=now)
    # the noise differs in the ninth digit; a value within that of a code's edge is not met by these seeds
    np.testing.assert_allclose(x, want, rtol=1e-9, atol=1e-9)


def test_words_become_normals():
    ends = np.concatenate([np.arange(100), 2**32 - 1 - np.arange(100)])
    words = np.concatenate([ends, np.random.default_rng(0).integers(0, 2**32, 2000)]).astype(np.uint64)
    got = [normal_of_word(w) for w in words]
    np.testing.assert_allclose(got, ndtri((words + 0.5) * 2.0**-32), rtol=1.2e-9)


def test_every_pair_sample_and_tile_has_its_own_noise():
    places = {noise_index(b, t, c, tiles=5, pairs=10) for b in range(4) for t in range(5) for c in range(10)}
    assert len(places) == 4 * 5 * 10


def test_silence_reads_exactly_zero():
    c = case(0)
    c["history"][:] = 0
    x, want, _ = run(c)
    np.testing.assert_array_equal(x, c["x"])
    np.testing.assert_array_equal(want, c["x"])


def test_samples_draw_by_their_number():
    c = case(2)
    whole, _, _ = run(c)
    part = {**c, "history": c["history"][2:], "x": c["x"][2:]}
    later, _, _ = run(part, first_sample=2)
    np.testing.assert_array_equal(later, whole[2:])


def test_clipping_is_counted():
    c = case(1, noise=0.0)
    c["adc_step"][:] = 1e-3
    x, want, saturated = run(c, top=3.0)
    np.testing.assert_allclose(x, want, rtol=1e-12)
    assert saturated[:, 0].sum() > 0
    assert set(saturated[saturated[:, 0] > 0, 1]) <= set(c["neuron"])


def test_noise_of_a_column_has_the_variance_of_its_cells():
    """20,000 samples of one column, 4 standard errors; the ADC step is far below the noise."""
    n, s2 = 20_000, np.array([0.04, 0.09])
    history = np.zeros((n, 1, 8), np.uint8)
    history[:, 0, :2] = 1, 2
    x, saturated = np.zeros((n, 1)), np.zeros((n, 2), np.int64)
    cells = (np.array([0, 1, 2]), np.zeros(2, np.int32), np.stack([[1.0, -0.25], s2]))
    numbers = [np.uint64(v) for v in (9, 0, 1, 1, 0)]
    read_block(
        history,
        0,
        np.array([[0, 1]], np.int32),
        8,
        *cells,
        np.zeros(1, np.int32),
        np.ones(1),
        np.array([1e-6]),
        1e9,
        *numbers,
        x,
        saturated,
        NO_HISTOGRAM,
        np.zeros(0),
    )
    variance = s2[0] + 4 * s2[1]
    assert abs(x.mean() - 0.5) < 4 * np.sqrt(variance / n)
    assert abs(x.std() - np.sqrt(variance)) < 4 * np.sqrt(variance / (2 * n))
