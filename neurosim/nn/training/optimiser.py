"""The optimiser of a training, if none is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["OptimiserFactory", "adam"]

OptimiserFactory = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]
"""Makes an optimiser of parameter groups: ``lambda groups: torch.optim.SGD(groups, momentum=0.9)``, or a class."""


def adam(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """PyTorch's Adam, AdamW where a group decays (Loshchilov and Hutter, ICLR 2019), in its fused form: one pass over
    each parameter, and no result depends on the number of threads."""
    kind = torch.optim.AdamW if any(group.get("weight_decay") for group in groups) else torch.optim.Adam
    return kind(groups, fused=True)
