"""Recurrent layers step by step, with a dense kernel over the delays, differentiated by autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["dense_kernel", "recurrent"]

S = TypeVar("S")


def dense_kernel(weight: Tensor, delay: Tensor | None, longest: int) -> Tensor:
    """Weights ``[longest, n, n]`` of what arrives 1, 2, ..., ``longest`` steps after a spike; no delays: after 1."""
    if delay is None:
        return torch.stack([weight, *[torch.zeros_like(weight)] * (longest - 1)])
    n = torch.arange(1, longest + 1, dtype=weight.dtype, device=weight.device)[:, None, None]
    return weight * (1 - (n - delay).abs()).clamp(min=0)


def recurrent(
    x: Tensor,
    pending: Tensor,
    weight: Tensor,
    delay: Tensor | None,
    neurons: Callable[[Tensor, S], tuple[Tensor, S]],
    state: S,
) -> tuple[Tensor, Tensor, S]:
    """Spikes ``[T, B, n]``, what they leave to arrive ``[R, B, n]``, and the neurons' last state.

    Args:
        x: arrivals from outside ``[T, B, n]``.
        pending: arrivals of earlier spikes ``[R, B, n]`` in the steps 0 to R - 1; R is the longest delay.
        weight, delay: ``[n, n]`` by (postsynaptic, presynaptic) neuron; delays in steps, from 1 to R, or None: one.
        neurons: one or more steps of the neurons, ``(arrivals [1, B, n], state) -> (spikes, state)``.
    """
    kernel = dense_kernel(weight, delay, len(pending))
    due = [*pending, *torch.zeros_like(x)]
    spikes = []
    for t, x_t in enumerate(x):
        s, state = neurons((x_t + due[t])[None], state)
        spikes.append(s[0])
        for m, weights in enumerate(kernel, start=1):
            due[t + m] = due[t + m] + s[0] @ weights.T
    rest = torch.stack(due[len(x) :])
    return torch.stack(spikes) if spikes else torch.zeros_like(x), rest, state
