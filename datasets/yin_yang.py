"""Yin-Yang: points of the figure, three classes that no straight line separates.

A disc of radius R in the square [0, 2R]^2, cut by the curve of two half circles of radius R/2 into yang and yin, with a
dot of radius r in either: the third class. A sample is (x, y, 1 - x, 1 - y) for R = 1/2.

Source: L. Kriener, J. Goeltz, M. A. Petrovici, "The Yin-Yang dataset", NICE 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.datasets.labelled import ArrayDataset
from neurosim.errors import DataError

__all__ = ["CLASSES", "yin_yang_class", "yin_yang_points"]

CLASSES = ("yin", "yang", "dot")
BIG, SMALL = 0.5, 0.1


def yin_yang_class(x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
    """Index into `CLASSES` of points, or -1 outside the disc."""
    px, py = np.asarray(x, np.float64), np.asarray(y, np.float64)
    right = np.hypot(px - 1.5 * BIG, py - BIG)
    left = np.hypot(px - 0.5 * BIG, py - BIG)
    second = (right <= SMALL) | ((left > SMALL) & (left <= 0.5 * BIG)) | ((py > BIG) & (right > 0.5 * BIG))
    found = np.where((right < SMALL) | (left < SMALL), 2, second.astype(np.int64))
    return np.where(np.hypot(px - BIG, py - BIG) > BIG, -1, found)


def yin_yang_points(samples: int, *, seed: int = 0) -> ArrayDataset:
    """Points drawn anew, float64 ``[samples, 4]``: each has a class drawn uniformly, and lies uniformly in its class.

    Raises:
        DataError: a number of samples that is not positive.
    """
    if samples < 1:
        raise DataError("must be positive", where="yin_yang_points, samples", value=samples, limit=">= 1")
    stream = random.key(seed, "encode", "yin-yang")
    labels = (random.uniform(stream, np.arange(samples)) * 3).astype(np.int64)
    points = np.empty((samples, 2))
    left = np.arange(samples)
    attempt = 1
    while len(left):  # the dots are 6 % of the square, so that the last sample takes some 200 attempts
        drawn = np.stack(
            [random.uniform(stream, left, lane) for lane in (2 * attempt, 2 * attempt + 1)], axis=1
        )
        hit = yin_yang_class(drawn[:, 0], drawn[:, 1]) == labels[left]
        points[left[hit]] = drawn[hit]
        left = left[~hit]
        attempt += 1
    return ArrayDataset(
        name="yin_yang",
        split=f"seed {seed}",
        data=np.hstack([points, 1.0 - points]),
        labels=labels,
        class_names=CLASSES,
    )
