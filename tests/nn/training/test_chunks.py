from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import neurons, nn

T = 23
CLASSES = torch.tensor([0, 1, 1, 0, 1])


def make():
    dt, seed = 1e-3, 0
    slow = neurons.LIF(tau_membrane=20e-3, refractory=2e-3)
    return nn.Sequential(
        nn.DelayLinear(6, 8, 5, seed=seed, gain=2.0, dtype=torch.float64),
        nn.LIF(slow, 8, dt=dt),
        nn.Dropout(0.3),
        nn.DelayLinear(8, 7, 4, seed=seed + 1, gain=2.0, dtype=torch.float64),
        nn.CurrentLIF(neurons.CurrentLIF(tau_membrane=20e-3, threshold=0.3), 7, dt=dt),
        nn.Linear(7, 2, seed=seed + 2, dtype=torch.float64),
        nn.LeakyIntegrator(neurons.LeakyIntegrator(tau_membrane=20e-3), 2, dt=dt),
    )


def batch():
    x = np.random.default_rng(0).uniform(size=(5, T, 6)) < 0.3
    return torch.tensor(x.astype(np.float64)).transpose(0, 1)


LOSSES = {
    "readout alone": nn.MembraneCrossEntropy(over=nn.OverTime.MAX),
    "all populations": nn.MembraneCrossEntropy(over=nn.OverTime.MEAN) + nn.UpperRate(limit=1.0),
}


def gradients(loss, chunks=None):
    module = make()
    nn.before_update(module, 3)
    if chunks is None:
        value, outputs = nn.training_step(module, loss, batch(), CLASSES)
        value.backward()
        totals = [float(o.detach().sum()) for o in outputs]
    else:
        value, outputs, totals = nn.chunked_step(module, loss, batch(), CLASSES, chunks)
    assert module.layers[2].draws == 4  # the second pass did not count
    return value.item(), outputs[-1].detach(), totals, [p.grad for p in module.parameters()]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("steps", [7, 1])
def test_gradients_that_are_carried_over_the_borders_are_those_without_borders(name, steps):
    value, out, totals, grads = gradients(LOSSES[name])
    assert all((g != 0).any() for g in grads)
    chunked = gradients(LOSSES[name], nn.Chunks(steps=steps, borders=nn.Borders.CARRY))
    assert chunked[0] == pytest.approx(value, rel=1e-12)
    assert torch.equal(chunked[1], out)
    assert chunked[2] == pytest.approx(totals, rel=1e-12)
    for mine, whole in zip(chunked[3], grads, strict=True):
        torch.testing.assert_close(mine, whole, rtol=1e-9, atol=1e-12)  # sums in another order


def test_cut_gradients_are_those_of_detached_states():
    loss, steps = LOSSES["all populations"], 7
    module, x = make(), batch()
    nn.before_update(module, 3)
    parts, states = [], None
    for first in range(0, T, steps):  # the graph of the whole, cut by hand
        outputs, states = module.trace(x[first : first + steps], states)
        parts.append(outputs)
        states = cut(states)
    loss([torch.cat(pieces) for pieces in zip(*parts, strict=True)], CLASSES).backward()
    _, _, _, grads = gradients(loss, nn.Chunks(steps=steps))
    for mine, p in zip(grads, module.parameters(), strict=True):
        torch.testing.assert_close(mine, p.grad, rtol=1e-9, atol=1e-12)
    whole = gradients(loss)[3]
    assert not torch.allclose(grads[0], whole[0])


def cut(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    if isinstance(state, tuple):
        return type(state)(*map(cut, state)) if hasattr(state, "_fields") else tuple(map(cut, state))
    return state
