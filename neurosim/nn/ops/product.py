"""Matrix products of inputs with weights.

PyTorch's own product in float32 goes to the BLAS that it was built with; oneDNN, which convolutions use, can be faster:
MKL computes with vectors of 32 bytes on processors of AMD that have 64. Where PyTorch offers oneDNN's linear layer
(it does so for compiled networks), it is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.nn.ops.layout import empty

__all__ = ["product"]

SMALLEST = 2**16
"""Multiplications below which calling oneDNN takes longer than computing."""
PIECE = 2**18
"""Results at a time. They are copied to memory that is used again: to clear new pages would take longer."""


def _found() -> Callable[..., Tensor] | None:
    """oneDNN's linear layer, if this build of PyTorch has it in a form that is known here."""
    if not torch.backends.mkldnn.is_available():
        return None
    try:
        layer: Any = torch.ops.mkldnn._linear_pointwise
        known = layer(torch.ones(1, 1), torch.ones(1, 1), None, "none", [], "")
    except Exception:  # another version: whatever it says, the plain product will do
        return None
    return layer if float(known) == 1.0 else None


_ONEDNN = _found()


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x W^T``, ``[..., n]`` for x ``[..., k]`` and weight ``[n, k]``, outside of autograd."""
    if (
        _ONEDNN is None
        or x.dtype != torch.float32
        or x.device.type != "cpu"
        or x.numel() * len(weight) < SMALLEST
    ):
        # or the precision would depend on the number of spikes
        with torch.autocast(x.device.type, enabled=False):
            return torch.nn.functional.linear(x, weight)
    rows, n = x.reshape(-1, x.shape[-1]), len(weight)
    if len(rows) * n <= PIECE:
        return _ONEDNN(x, weight, None, "none", [], "")
    out, step = torch.from_numpy(empty((len(rows), n), np.float32)), -(-PIECE // n)
    for first in range(0, len(rows), step):
        out[first : first + step] = _ONEDNN(rows[first : first + step], weight, None, "none", [], "")
    return out.reshape(*x.shape[:-1], n)
