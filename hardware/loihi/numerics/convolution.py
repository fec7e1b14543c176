"""The convolution of Lava's bit-accurate models: integer, in the layout (x, y, channel)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ShapeError
from neurosim.hardware.loihi.numerics.arithmetic import wrap_array

__all__ = ["convolve"]

Ints = NDArray[np.int64]

ACCUMULATOR_BITS = 24


def convolve(
    x: Ints,
    weight: Ints,
    *,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Ints:
    """What a convolution delivers for spikes ``x``; a connection takes one step more, which is left to the caller.

    A true convolution: the kernel is flipped. Weights are used as they are (the model neither clips nor shifts
    them), the sum wraps at 24 bits. Source: lava-nc/lava b6822fbc, ``proc/conv/models.py`` and ``utils.py``.

    Args:
        x: int64 [X, Y, C, ...], 0 and 1 or signed payloads; further axes (time) are carried along.
        weight: int64 [O, kx, ky, C / groups]; output channel o belongs to group o // (O / groups).
        stride, padding, dilation: in the order (x, y); the padding is zeros.

    Returns:
        int64 [X', Y', O, ...] with X' = floor((X + 2 p - d (kx - 1) - 1) / s) + 1.
    """
    if (
        groups < 1
        or x.shape[2] % groups
        or weight.shape[0] % groups
        or weight.shape[3] * groups != x.shape[2]
    ):
        raise ShapeError("channels do not fit the groups", value=(x.shape, weight.shape, groups))
    pads = [(p, p) for p in padding] + [(0, 0)] * (x.ndim - 2)
    padded = np.pad(np.asarray(x, dtype=np.int64), pads)
    flipped = weight[:, ::-1, ::-1, :]
    kernel = weight.shape[1:3]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [(padded.shape[i] - reach[i]) // stride[i] + 1 for i in range(2)]
    if min(size) < 1:
        raise ShapeError("the kernel is larger than the padded input", value=padded.shape[:2], limit=reach)
    n_out, n_in = weight.shape[0] // groups, x.shape[2] // groups
    out = np.zeros((*size, weight.shape[0], *x.shape[3:]), dtype=np.int64)
    for g in range(groups):
        channels, outputs = slice(g * n_in, (g + 1) * n_in), slice(g * n_out, (g + 1) * n_out)
        for i in range(kernel[0]):
            for j in range(kernel[1]):
                rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (size[0] - 1) + 1, stride[0])
                columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (size[1] - 1) + 1, stride[1])
                patch = padded[rows, columns, channels]
                out[:, :, outputs] += np.einsum("xyc...,oc->xyo...", patch, flipped[outputs, i, j])
    return wrap_array(out, ACCUMULATOR_BITS)
