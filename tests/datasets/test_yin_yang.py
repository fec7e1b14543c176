from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import packs
from neurosim.datasets.yin_yang import yin_yang_class, yin_yang_points
from neurosim.errors import DataError


def test_the_figure_by_areas() -> None:
    """Yin and yang are point reflections of one another, so that they have equal areas; the dots have 2 pi r^2."""
    x, y = np.meshgrid((np.arange(1000) + 0.5) / 1000, (np.arange(1000) + 0.5) / 1000)
    found = yin_yang_class(x, y)
    area = [(found == c).mean() for c in (-1, 0, 1, 2)]
    disc, dots = math.pi / 4, 2 * math.pi * 0.1**2
    assert area == pytest.approx([1 - disc, (disc - dots) / 2, (disc - dots) / 2, dots], abs=2e-4)
    mirrored = found[::-1, ::-1]
    assert ((found == 0) == (mirrored == 1)).mean() > 0.999
    assert yin_yang_class([0.25, 0.75, 0.5, 0.5, 0.0], [0.5, 0.5, 0.9, 0.1, 0.0]).tolist() == [2, 2, 1, 0, -1]


def test_points_are_drawn_evenly_and_by_seed() -> None:
    data = yin_yang_points(3000, seed=3)
    assert np.array_equal(yin_yang_class(data.data[:, 0], data.data[:, 1]), data.labels)
    assert np.abs(np.bincount(data.labels) / 3000 - 1 / 3).max() < 0.03
    assert np.allclose(data.data[:, :2] + data.data[:, 2:], 1.0)
    assert np.array_equal(yin_yang_points(10, seed=3).data, data.data[:10])
    assert not np.array_equal(yin_yang_points(10, seed=4).data, data.data[:10])
    with pytest.raises(DataError):
        yin_yang_points(0)


@pytest.mark.data
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_published_points_have_the_published_classes(data_folder: Path, split: str) -> None:
    data = packs.yin_yang(split)
    assert np.array_equal(yin_yang_class(data.data[:, 0], data.data[:, 1]), data.labels)
