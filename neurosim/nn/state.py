"""What layers remember between two calls: tensors, tuples of them, or None."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["detached"]


def detached(state: Any) -> Any:
    """The same state without its past: gradients stop there."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple):
        parts = [detached(part) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state
