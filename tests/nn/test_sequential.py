from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import DescriptionError, ShapeError


def make():
    return nn.Sequential(
        nn.DelayLinear(6, 5, 4, seed=1, gain=2.0),
        nn.LIF(neurons.LIF(), 5, dt=1e-3),
        nn.Linear(5, 3, seed=2, gain=2.0),
        nn.CurrentLIF(neurons.CurrentLIF(), 3, dt=1e-3),
    )


def test_states_go_in_and_out():
    net = make()
    x = torch.tensor((np.random.default_rng(0).uniform(size=(30, 2, 6)) < 0.4).astype(np.float32))
    outputs, _ = net.trace(x)
    out, states = net(x[:11])
    rest, _ = net(x[11:], states)
    assert outputs[0].sum() > 0
    assert torch.equal(torch.cat([out, rest]), outputs[-1])
    assert net.dt == 1e-3


def test_layers_that_do_not_fit_are_refused():
    lif = nn.LIF(neurons.LIF(), 5, dt=1e-3)
    with pytest.raises(DescriptionError, match="alternate"):
        nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 5))
    with pytest.raises(DescriptionError, match="alternate"):
        nn.Sequential()
    with pytest.raises(ShapeError, match="layer 1"):
        nn.Sequential(nn.Linear(3, 4), lif)
    with pytest.raises(ShapeError, match="layer 2"):
        nn.Sequential(nn.Linear(3, 5), lif, nn.Linear(4, 5), lif)
    with pytest.raises(DescriptionError, match="time steps"):
        nn.Sequential(nn.Linear(3, 5), lif, nn.Linear(5, 5), nn.LIF(neurons.LIF(), 5, dt=2e-3))
