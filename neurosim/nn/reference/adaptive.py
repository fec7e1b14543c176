"""Membranes with an adaptive threshold in plain PyTorch, one step after the other, differentiated by autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule
from neurosim.nn.reference.membrane import reset
from neurosim.nn.surrogate import Surrogate, heaviside

__all__ = ["adaptive"]


def adaptive(
    x: Tensor,
    state: AdaptiveState,
    table: Tensor,
    rule: MembraneRule,
    surrogate: Surrogate,
    *,
    detach_reset: bool = True,
) -> tuple[Tensor, AdaptiveState]:
    """What `neurosim.nn.ops.adaptive.adaptive` computes."""
    decay, v_rest, drive, threshold, to, decay_theta, jump = table
    refractory = torch.from_numpy(rule.refractory).to(x.device)
    v, theta, held = state
    held = torch.zeros_like(v, dtype=torch.int32) if held is None else held
    spikes = []
    for x_t in x:
        theta = decay_theta * theta
        limit = threshold + theta
        free = held == 0
        u = v_rest + decay * (v - v_rest) + drive + x_t
        waiting = {RefractoryInput.DROP: v, RefractoryInput.KEEP: v + x_t, RefractoryInput.INTEGRATE: u}
        u = torch.where(free, u, waiting[rule.held_input])
        s = torch.where(free, heaviside(u - limit, surrogate, exceeded=rule.exceeded), 0.0)
        v = reset(u, s, u - limit if rule.subtract else to, detach=detach_reset)
        theta = theta + s * jump
        held = torch.where(s > 0, refractory, torch.where(free, held, held - 1)).to(torch.int32)
        spikes.append(s)
    after = AdaptiveState(v, theta, held if rule.holds else None)
    return torch.stack(spikes) if spikes else torch.zeros_like(x), after
