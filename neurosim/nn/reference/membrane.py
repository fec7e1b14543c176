"""Membranes that are linear between spikes in plain PyTorch, one step after the other, differentiated by autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.membrane_rule import MembraneRule, MembraneState
from neurosim.nn.surrogate import Surrogate, heaviside

__all__ = ["membrane", "reset"]


def membrane(
    x: Tensor,
    state: MembraneState,
    table: Tensor,
    rule: MembraneRule,
    surrogate: Surrogate,
    *,
    detach_reset: bool = True,
) -> tuple[Tensor, MembraneState]:
    """What `neurosim.nn.ops.membrane.membrane` computes."""
    decay, v_rest, drive, threshold, to, decay_synapse, gain = table
    refractory = torch.from_numpy(rule.refractory).to(x.device)
    v = state.v
    i = torch.zeros_like(v) if state.i is None else state.i
    held = torch.zeros_like(v, dtype=torch.int32) if state.held is None else state.held
    out = []
    for x_t in x:
        i = decay_synapse * i + x_t
        free = held == 0
        u = v_rest + decay * (v - v_rest) + drive + gain * i
        waiting = {RefractoryInput.DROP: v, RefractoryInput.KEEP: v + gain * i, RefractoryInput.INTEGRATE: u}
        u = torch.where(free, u, waiting[rule.held_input])
        if not rule.spiking:
            v = u
            out.append(u)
            continue
        s = heaviside(u - threshold, surrogate, exceeded=rule.exceeded)
        s = torch.where(free, s, 0.0)
        v = reset(u, s, u + to if rule.subtract else to, detach=detach_reset)
        held = torch.where(s > 0, refractory, torch.where(free, held, held - 1)).to(torch.int32)
        out.append(s)
    after = MembraneState(v, i if rule.synaptic else None, held if rule.holds else None)
    return torch.stack(out) if out else torch.zeros_like(x), after


def reset(u: Tensor, spike: Tensor, to: Tensor, *, detach: bool) -> Tensor:
    """``to`` where there is a spike, else u. The gradient is that of u + s (to - u), with s detached if asked."""
    s = spike.detach() if detach else spike
    smooth = u + s * (to - u)
    # u + (to - u) is not exactly `to` in floating point; the value is, the gradient stays
    exact = torch.where(spike > 0, to, u)
    return smooth + (exact - smooth).detach()
