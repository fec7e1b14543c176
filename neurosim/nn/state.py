"""What layers remember between two calls: tensors, tuples of them, or None."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

__all__ = ["detached", "mapped", "tensors_of"]


def detached(state: Any) -> Any:
    """The same state without its past: gradients stop there."""
    return mapped(Tensor.detach, state)


def mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """The same state with every tensor changed."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, tuple):
        parts = [mapped(change, part) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state


def tensors_of(state: Any) -> Iterator[Tensor]:
    """Its tensors, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from tensors_of(part)
