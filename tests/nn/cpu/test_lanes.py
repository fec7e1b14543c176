from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from neurosim.nn.cpu.lanes import LANES, aligned, fill, fma, lane_sum, load, store, sums_of_pairs


@njit
def combine(a, b, factor, out):
    scratch = aligned(2 * LANES, a)
    store(scratch, LANES, (load(a, 0) - load(b, 3)) * load(a, LANES) + load(b, 1))
    out[LANES] = lane_sum(load(scratch, LANES))
    store(out, 0, fma(load(a, LANES), fill(factor), load(b, 1)))
    return scratch.ctypes.data, fma(out[0], factor, factor)


@njit
def add_up(x, out):
    pairs = sums_of_pairs(
        load(x, 0), load(x, 16), load(x, 32), load(x, 48), load(x, 64), load(x, 80), load(x, 96), load(x, 112)
    )
    store(out, 0, pairs)


def test_eight_vectors_are_added_up_at_once():
    x, out = np.random.default_rng(1).normal(size=(8, LANES)), np.zeros(LANES)
    add_up(x, out)
    np.testing.assert_allclose(out.reshape(8, 2).sum(1), x.sum(1), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_compute_what_arrays_do(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, LANES)).astype(dtype), rng.normal(size=40).astype(dtype)
    out = np.zeros(LANES + 1, dtype)
    address, scalar = combine(a, b, dtype(1.5), out)
    assert address % (LANES * out.itemsize) == 0
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(out[:LANES], a[1] * 1.5 + b[1 : 1 + LANES], rtol=4 * eps, atol=4 * eps)
    expected = ((a[0] - b[3 : 3 + LANES]) * a[1] + b[1 : 1 + LANES]).sum(dtype=np.float64)
    assert out[LANES] == pytest.approx(
        expected, abs=100 * float(eps)
    )  # 16 terms of about 1, four roundings each
    assert float(scalar) == pytest.approx(float(out[0]) * 1.5 + 1.5, rel=2 * float(eps), abs=2 * float(eps))


def test_only_contiguous_arrays_of_floats_are_taken():
    with pytest.raises(TypingError, match="C-contiguous"):
        njit(lambda x: lane_sum(load(x, 0)))(np.arange(100))
    with pytest.raises(TypingError, match="C-contiguous"):
        njit(lambda x: lane_sum(load(x, 0)))(np.zeros(100)[::2])
