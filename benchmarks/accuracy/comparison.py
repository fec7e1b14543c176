"""Two ways of training compared on the same test items, over several seeds each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.errors import ShapeError
from neurosim.hardware.verify import paired_difference

__all__ = ["Comparison", "compare"]

_BLOCK = 100  # bootstrap samples at a time


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Mean accuracy of a first way minus that of a second, over seeds and items.

    Attributes:
        difference: the estimate; ``low`` and ``high``: 95 % of bootstrap samples, drawn with replacement from the items
            (the same for both ways) and, independently, from the seeds of either way.
        p_value: of the exact McNemar test between the votes of either way's seeds, item by item.
        only_first, only_second: items that only that vote got right.
        items: all of them.
    """

    difference: float
    low: float
    high: float
    p_value: float
    only_first: int
    only_second: int
    items: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def compare(
    first: ArrayLike, second: ArrayLike, labels: ArrayLike, *, resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """Compare predictions ``[seeds, items]`` of two ways (numbers of seeds may differ) with ``labels [items]``.

    Seeds are resampled as well as items, because a difference must hold for other first weights, too; both ways share
    the items and nothing else.

    Raises:
        ShapeError: arrays that do not fit.
    """
    a, b, y = np.asarray(first), np.asarray(second), np.asarray(labels)
    if (
        a.ndim != 2
        or b.ndim != 2
        or y.ndim != 1
        or a.shape[1:] != y.shape
        or b.shape[1:] != y.shape
        or not a.size
    ):
        raise ShapeError(
            "need [seeds, items] and [items]", where="compare", value=(a.shape, b.shape, y.shape)
        )
    if not b.size:
        raise ShapeError("needs seeds", where="compare", value=b.shape)
    right = [(way == y).astype(np.float64) for way in (a, b)]
    key = random.key(seed, "check", "bootstrap")
    found = np.concatenate(
        [
            _resampled(right, key, np.arange(k, min(k + _BLOCK, resamples)))
            for k in range(0, resamples, _BLOCK)
        ]
    )
    vote = paired_difference(*(_vote(way) == y for way in (a, b)))
    return Comparison(
        difference=float(right[0].mean() - right[1].mean()),
        low=float(np.quantile(found, 0.025)),
        high=float(np.quantile(found, 0.975)),
        p_value=vote.p_value,
        only_first=vote.only_first,
        only_second=vote.only_second,
        items=len(y),
    )


def _resampled(right: list[NDArray[np.float64]], key: int, sample: NDArray[np.int64]) -> NDArray[np.float64]:
    """The difference in each bootstrap sample of some numbers."""
    items = right[0].shape[1]
    item = _drawn(key, sample, 0, items)
    means = []
    for lane, hits in enumerate(right, start=1):
        chosen = hits[_drawn(key, sample, lane, len(hits))].mean(1)  # of the seeds drawn, [samples, items]
        means.append(np.take_along_axis(chosen, item, 1).mean(1))
    return means[0] - means[1]


def _drawn(key: int, sample: NDArray[np.int64], lane: int, n: int) -> NDArray[np.int64]:
    """n numbers below n for each sample, ``[samples, n]``."""
    return (random.uniform(key, sample[:, None] * n + np.arange(n), lane) * n).astype(np.int64)


def _vote(predicted: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The class that most seeds name, ``[items]``; the smallest of several."""
    counts = np.stack([(predicted == c).sum(0) for c in range(int(predicted.max()) + 1)])
    return counts.argmax(0)
