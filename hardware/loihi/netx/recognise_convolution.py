"""Finding the convolution that a list of synapses is, if it is one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["Convolution", "recognise_convolution"]

Ints = NDArray[np.int64]

_LARGEST = 127
"""Of kernels, strides, paddings and dilations: Lava holds them in eight bits."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution:
    """A kernel [out, in / groups, height, width], not flipped; pairs are in the order (height, width)."""

    kernel: Ints
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True)
class _Taps:
    """Taps of a kernel along one axis: output i sees the inputs ``stride * i - padding + dilation * k``, k < size."""

    stride: int
    padding: int
    dilation: int
    size: int

    def tap(self, at: Ints, out: Ints) -> Ints:
        """The tap through which an output sees an input."""
        return (at - self.stride * out + self.padding) // self.dilation

    def outputs(self, n_in: int, n_out: int) -> Ints:
        """How many outputs have an input under each tap, int64 [size]."""
        at = self.stride * np.arange(n_out)[:, None] - self.padding + self.dilation * np.arange(self.size)
        return np.asarray(((at >= 0) & (at < n_in)).sum(axis=0), dtype=np.int64)


def recognise_convolution(
    source: Ints, target: Ints, weight: Ints, pre: tuple[int, ...], post: tuple[int, ...]
) -> Convolution | None:
    """The smallest convolution from shape (C, H, W) to (O, H', W') that is exactly these synapses, or None.

    A kernel of as many numbers as there are synapses is none: with a wide stride and padding any matrix would be one.

    Args:
        source, target, weight: arrays [k]; neurons are numbered in C order. Synapses of weight 0 count as absent.
    """
    if len(pre) != 3 or len(post) != 3:
        return None
    present = weight != 0
    source, target, weight = (np.asarray(x, dtype=np.int64)[present] for x in (source, target, weight))
    if not len(weight) or len(np.unique(source * math.prod(post) + target)) < len(weight):
        return None
    c, y, x = np.unravel_index(source, pre)
    o, y_out, x_out = np.unravel_index(target, post)
    groups = _groups(c, o, pre[0], post[0])
    per_group = pre[0] // groups
    ways = [
        [
            t
            for s in _strides(at, out, pre[axis], post[axis])
            for t in _taps(at - s * out, s, pre[axis], post[axis])
        ]
        for at, out, axis in ((y, y_out, 1), (x, x_out, 2))
    ]
    for down, right in sorted(product(*ways), key=lambda t: t[0].size * t[1].size):
        shape = (post[0], per_group, down.size, right.size)
        if math.prod(shape) >= len(weight):
            break
        kernel, count = (np.zeros(shape, dtype=np.int64) for _ in range(2))
        at = (o, c % per_group, down.tap(y, y_out), right.tap(x, x_out))
        kernel[at] = weight
        np.add.at(count, at, 1)
        seen = down.outputs(pre[1], post[1])[:, None] * right.outputs(pre[2], post[2])
        if np.array_equal(kernel[at], weight) and np.all((count == seen) | (count == 0)):
            return Convolution(
                kernel=kernel,
                stride=(down.stride, right.stride),
                padding=(down.padding, right.padding),
                dilation=(down.dilation, right.dilation),
                groups=groups,
            )
    return None


def _groups(c: Ints, o: Ints, n_in: int, n_out: int) -> int:
    """The most groups that no synapse leaves."""
    common = math.gcd(n_in, n_out)
    return next(
        g
        for g in range(common, 0, -1)
        if common % g == 0 and np.array_equal(c // (n_in // g), o // (n_out // g))
    )


def _strides(at: Ints, out: Ints, n_in: int, n_out: int) -> list[int]:
    """Strides with which every offset is used by all outputs that it leads to an input, or by none."""
    if n_out == 1:  # any will do; wider ones ask for less padding
        return sorted({1, min(n_in, _LARGEST)})
    used = np.zeros((n_out, n_in), dtype=bool)
    used[out, at] = True
    found = []
    for stride in range(1, min(n_in, _LARGEST) + 1):
        offset = np.arange(n_in) - stride * np.arange(n_out)[:, None]
        low = int(offset.min())
        total = np.bincount(offset.reshape(-1) - low)
        some = np.bincount(offset[used] - low, minlength=len(total))
        if np.all((some == 0) | (some == total)):
            found.append(stride)
    return found


def _taps(offset: Ints, stride: int, n_in: int, n_out: int) -> list[_Taps]:
    """Ways to lay taps over these offsets so that the output has its size; the fewest taps for each dilation."""
    low, high = int(offset.min()), int(offset.max())
    step = int(np.gcd.reduce(offset - low))
    widest = step or 2 * n_in + stride  # one tap alone has any dilation
    found = []
    for dilation in (d for d in range(1, min(widest, _LARGEST) + 1) if step % d == 0):
        ways = []
        first = max(0, -low)
        for padding in range(first, min(first + n_in + stride, _LARGEST) + 1):
            if (low + padding) % dilation:
                continue
            # floor((n_in + 2 padding - reach) / stride) + 1 = n_out, with reach = dilation (size - 1) + 1
            most = n_in + 2 * padding - stride * (n_out - 1)
            least = most - stride + 1
            size = max(-(-(least - 1) // dilation) + 1, (high + padding) // dilation + 1, 1)
            if dilation * (size - 1) + 1 <= most and size <= _LARGEST:
                ways.append(_Taps(stride, padding, dilation, size))
        found += sorted(ways, key=lambda t: (t.size, t.padding))[:1]
    return found
