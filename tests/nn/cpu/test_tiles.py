from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neurosim.nn.cpu.lanes import LANES
from neurosim.nn.cpu.tiles import bytes_into_tile, from_tile, into_tile


@njit
def there_and_back(x, first, count, t, tile, back):
    into_tile(x, first, count, t, tile)
    from_tile(tile, first, count, t, back)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tile_holds_samples_side_by_side(dtype):
    x = np.random.default_rng(0).normal(size=(LANES + 3, 2, 2 * LANES + 5)).astype(dtype)
    for first, count in ((1, LANES), (LANES, 3)):
        tile, back = np.full(x.shape[2] * LANES, np.nan, dtype), np.zeros_like(x)
        there_and_back(x, first, count, 1, tile, back)
        expected = np.zeros((LANES, x.shape[2]), dtype)
        expected[:count] = x[first : first + count, 1]
        assert np.array_equal(tile.reshape(-1, LANES).T, expected)
        assert np.array_equal(back[first : first + count, 1], x[first : first + count, 1])
        assert np.count_nonzero(back) == count * x.shape[2]


def test_bytes_too():
    x = np.arange(3 * 2 * 5, dtype=np.uint8).reshape(3, 2, 5)
    tile = np.zeros(5 * LANES, np.uint8)
    bytes_into_tile(x, 1, 2, 1, tile)
    assert np.array_equal(tile.reshape(5, LANES)[:, :2].T, x[1:, 1])
    assert not tile.reshape(5, LANES)[:, 2:].any()
