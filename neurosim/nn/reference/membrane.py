"""The fused operators over neurons in plain PyTorch, differentiated by autograd."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.ops.membrane import MembraneRule, MembraneState
from neurosim.nn.surrogate import Surrogate, heaviside

__all__ = ["exponential_filter", "membrane"]


def membrane(
    x: Tensor, state: MembraneState, rule: MembraneRule, surrogate: Surrogate, *, detach_reset: bool = True
) -> tuple[Tensor, MembraneState]:
    """What `neurosim.nn.ops.membrane.membrane` computes, one step after the other."""
    decay, v_rest, drive, threshold, reset = (torch.from_numpy(a) for a in rule.numbers(x.dtype))
    refractory = torch.from_numpy(rule.refractory)
    v, held = state
    spikes = []
    for x_t in x:
        free = held == 0
        u = v_rest + decay * (v - v_rest) + drive + x_t
        waiting = {RefractoryInput.DROP: v, RefractoryInput.KEEP: v + x_t, RefractoryInput.INTEGRATE: u}
        s = torch.where(free, heaviside(u - threshold, surrogate, exceeded=rule.exceeded), 0.0)
        s_reset = s.detach() if detach_reset else s
        after = u - s_reset * reset if rule.subtract else u + s_reset * (reset - u)
        # u + (reset - u) is not exactly reset in floating point; the value is, the gradient stays
        after = after if rule.subtract else after + torch.where(s > 0, reset - after, 0.0).detach()
        v = torch.where(free, after, waiting[rule.held_input])
        held = torch.where(s > 0, refractory, torch.where(free, held, held - 1)).to(torch.int32)
        spikes.append(s)
    return torch.stack(spikes) if spikes else torch.zeros_like(x), MembraneState(v, held)


def exponential_filter(x: Tensor, y: Tensor, decay: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """What `neurosim.nn.ops.membrane.exponential_filter` computes, one step after the other."""
    b = torch.from_numpy(decay).to(x.dtype)
    out = []
    for x_t in x:
        y = b * y + x_t
        out.append(y)
    return torch.stack(out) if out else torch.zeros_like(x), y
