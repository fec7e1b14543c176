from __future__ import annotations

import numpy as np
import pytest

from neurosim import random
from neurosim.hardware.crossbar.read_out import _normal, read_block, read_block_reference

KEY = random.key(1, "device.read")
NO_HISTOGRAM = np.zeros((0, 0), np.int64)


def case(seed, *, samples=5, n_pre=7, depth=4, lines=19, width=6, n_post=11, rows=8, noise=0.3, density=0.4):
    rng = np.random.default_rng(seed)
    present = rng.random((lines, width)) < density
    current = np.where(present, rng.normal(0, 1, (lines, width)), 0.0)
    variance = np.where(present, rng.uniform(0, noise, (lines, width)), 0.0)
    line, column = np.nonzero(present)
    start = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=lines))])
    tiles = -(-lines // rows)
    return {
        "history": (
            rng.integers(0, 3, (samples, depth, n_pre)) * (rng.random((samples, depth, n_pre)) < 0.5)
        ).astype(np.uint8),
        "line_pre": rng.integers(0, n_pre, lines).astype(np.int32),
        "line_delay": rng.integers(0, depth, lines).astype(np.int32),
        "rows": rows,
        "sparse": (start, column.astype(np.int32), current[line, column], variance[line, column]),
        "dense": (current, variance),
        "neuron": rng.permutation(n_post)[:width].astype(np.int32),
        "gain": rng.uniform(0.5, 2.0, width),
        "adc_step": rng.uniform(0.05, 0.3, tiles),
        "x": rng.normal(0, 1, (samples, n_post)),
    }


def run(c, *, now=2, top=7.0, first=40, stride=1000, pairs=8, lane=3, key=KEY):
    x, saturated = c["x"].copy(), np.zeros((len(c["x"]), 2), np.int64)
    read_block(
        c["history"],
        now,
        c["line_pre"],
        c["line_delay"],
        c["rows"],
        *c["sparse"],
        c["neuron"],
        c["gain"],
        c["adc_step"],
        top,
        np.uint64(key),
        np.uint64(first),
        np.uint64(stride),
        np.uint64(pairs),
        np.uint64(lane),
        x,
        saturated,
        NO_HISTOGRAM,
        np.zeros(0),
    )
    want = c["x"].copy()
    read_block_reference(
        c["history"],
        now,
        c["line_pre"],
        c["line_delay"],
        c["rows"],
        *c["dense"],
        c["neuron"],
        c["gain"],
        c["adc_step"],
        top,
        key,
        first,
        stride,
        pairs,
        lane,
        want,
    )
    return x, want, saturated


@pytest.mark.parametrize("seed", range(8))
def test_the_kernel_equals_dense_products(seed):
    x, want, _ = run(case(seed))
    np.testing.assert_allclose(x, want, rtol=1e-12, atol=1e-12)


def test_the_kernel_draws_what_neurosim_random_draws():
    key = random.key(3, "device.read")
    got = [_normal(np.uint64(key), np.uint64(i), np.uint64(5)) for i in range(200)]
    np.testing.assert_allclose(got, random.normal(key, np.arange(200), 5), rtol=1e-13)


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
    later, _, _ = run(part, first=40 + 2 * 1000)
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
    history = np.zeros((n, 1, 2), np.uint8)
    history[:, 0] = 1, 2
    x, saturated = np.zeros((n, 1)), np.zeros((n, 2), np.int64)
    lines = np.array([0, 1], np.int32)
    read_block(
        history,
        0,
        lines,
        np.zeros(2, np.int32),
        8,
        np.array([0, 1, 2]),
        np.zeros(2, np.int32),
        np.array([1.0, -0.25]),
        s2,
        np.zeros(1, np.int32),
        np.ones(1),
        np.array([1e-6]),
        1e9,
        np.uint64(9),
        np.uint64(0),
        np.uint64(4),
        np.uint64(4),
        np.uint64(0),
        x,
        saturated,
        NO_HISTOGRAM,
        np.zeros(0),
    )
    variance = s2[0] + 4 * s2[1]
    assert abs(x.mean() - 0.5) < 4 * np.sqrt(variance / n)
    assert abs(x.std() - np.sqrt(variance)) < 4 * np.sqrt(variance / (2 * n))
