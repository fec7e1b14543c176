"""Accuracies with their intervals: one classifier, two on the same samples, several noisy devices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from neurosim.errors import DataError, ShapeError

__all__ = ["Mean", "PairedDifference", "device_mean", "paired_difference", "wilson"]


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Accuracy of a first classifier minus that of a second one on the same samples.

    Attributes:
        difference: the estimate; ``low`` and ``high`` its confidence interval, within [-1, 1].
        p_value: of the exact McNemar test, two-sided: how likely so uneven a split of the samples on which exactly one
            of the two is right would be if both were equally accurate.
        only_first, only_second: samples that only the first, only the second got right.
        samples: all of them.
    """

    difference: float
    low: float
    high: float
    p_value: float
    only_first: int
    only_second: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Mean over devices with its confidence interval, and the standard deviation from device to device."""

    mean: float
    low: float
    high: float
    std: float
    devices: int


def wilson(correct: int, samples: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (low, high) of an accuracy (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)).

    Args:
        correct: samples classified correctly, of ``samples``.

    Raises:
        DataError: numbers out of range.
    """
    _check_confidence(confidence)
    if samples < 1 or not 0 <= correct <= samples:
        raise DataError(
            "is out of range",
            where="wilson",
            value=(correct, samples),
            limit="0 <= correct <= samples, samples >= 1",
        )
    interval = stats.binomtest(int(correct), int(samples)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def paired_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> PairedDifference:
    """Whether two classifiers differ on the same samples, and by how much.

    The interval is the square-and-add one of R. G. Newcombe, Statistics in Medicine 17, 2635 (1998), method 10: Wilson
    intervals of the two accuracies, joined with their correlation.

    Args:
        first, second: whether each sample was classified correctly, bool ``[samples]``, in the same order.

    Raises:
        ShapeError, DataError: vectors of unequal length, without samples, or that are not of truth values.
    """
    _check_confidence(confidence)
    a, b = np.asarray(first), np.asarray(second)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ShapeError(
            "needs two vectors of equal length", where="paired_difference", value=(a.shape, b.shape)
        )
    if not all(np.isin(v, (0, 1)).all() for v in (a, b)):
        raise DataError("holds values other than true and false", where="paired_difference")
    a, b = a.astype(bool), b.astype(bool)
    n = len(a)
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    p1, p2 = (both + only_a) / n, (both + only_b) / n
    low1, high1 = wilson(both + only_a, n, confidence)
    low2, high2 = wilson(both + only_b, n, confidence)
    phi = _correlation(both, only_a, only_b, neither)
    below = _joined(p1 - low1, high2 - p2, phi)
    above = _joined(high1 - p1, p2 - low2, phi)
    uneven = only_a + only_b
    return PairedDifference(
        difference=p1 - p2,
        low=max(p1 - p2 - below, -1.0),
        high=min(p1 - p2 + above, 1.0),
        p_value=float(stats.binomtest(only_a, uneven).pvalue) if uneven else 1.0,
        only_first=only_a,
        only_second=only_b,
        samples=n,
    )


def device_mean(accuracies: ArrayLike, confidence: float = 0.95) -> Mean:
    """Mean accuracy over devices that saw the same samples, with Student's t interval over devices.

    The interval says how well the mean of all such devices is known on these samples; what other samples would add is
    not in it, see `wilson`.

    Args:
        accuracies: one a device, two at least.
    """
    _check_confidence(confidence)
    each = np.asarray(accuracies, np.float64)
    if each.ndim != 1 or len(each) < 2 or not np.isfinite(each).all():
        raise DataError(
            "needs the finite accuracies of two devices or more", where="device_mean", value=each.shape
        )
    mean, std = float(each.mean()), float(each.std(ddof=1))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(each) - 1)) * std / math.sqrt(len(each))
    return Mean(mean=mean, low=mean - half, high=mean + half, std=std, devices=len(each))


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one**2 - 2.0 * phi * one * other + other**2, 0.0))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """phi of the two-by-two table, with Newcombe's continuity correction where it is positive."""
    n = both + only_first + only_second + neither
    product = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if product == 0:
        return 0.0
    covariance = float(both * neither - only_first * only_second)
    if covariance > 0:
        covariance = max(covariance - n / 2, 0.0)
    return covariance / math.sqrt(product)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise DataError("is not a confidence", value=confidence, limit="between 0 and 1")
