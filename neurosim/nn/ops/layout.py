"""Tensors are time-major by shape, ``[T, B, n]``; in memory a sample's steps lie together, ``[B, T, n]``, so that a
kernel walks one sample at a time. These two go from one to the other without copying where they can."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import UnsupportedError
from neurosim.nn.ops.buffers import buffer

__all__ = ["empty", "sample_major", "time_major"]


def sample_major(x: Tensor) -> NDArray[Any]:
    """``[T, B, n]`` as a contiguous array ``[B, T, n]``; no copy if it came from `time_major`.

    Raises `UnsupportedError` for tensors that are not float32 or float64 on the CPU.
    """
    if x.dtype not in (torch.float32, torch.float64) or x.device.type != "cpu":
        raise UnsupportedError(
            "layers compute in float32 or float64 on the CPU",
            value=f"{x.dtype} on {x.device}",
            remedy="Convert with .float().cpu()",
        )
    return x.detach().transpose(0, 1).contiguous().numpy()


def time_major(x: NDArray[Any]) -> Tensor:
    """An array ``[B, T, n]`` as a tensor ``[T, B, n]`` that shares its memory."""
    return torch.from_numpy(x).transpose(0, 1)


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A new array that begins on a cache line; vectors of 64 bytes then lie in one if the rows are as long.

    Its memory may have been used before (`neurosim.nn.ops.buffers`).
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return buffer(size).view(dtype).reshape(shape)
