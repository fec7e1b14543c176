from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import DescriptionError, ShapeError

DT = 1e-3


def lif(n, dt=DT):
    return nn.LIF(neurons.LIF(), n, dt=dt)


def make():
    return nn.Sequential(
        nn.DelayLinear(6, 5, 4, seed=1, gain=2.0),
        nn.BatchNorm(5),
        lif(5),
        nn.Dropout(0.25, seed=3),
        nn.Linear(5, 3, seed=2, gain=2.0),
        nn.CurrentLIF(neurons.CurrentLIF(), 3, dt=DT),
        nn.Linear(3, 2, seed=4),
        nn.LeakyIntegrator(neurons.LeakyIntegrator(), 2, dt=DT),
    )


def spikes(n=6, steps=30, samples=2, density=0.4):
    rng = np.random.default_rng(0)
    return torch.tensor((rng.uniform(size=(steps, samples, n)) < density).astype(np.float32))


def test_states_go_in_and_out():
    net = make().eval()
    x = spikes()
    outputs, states = net.trace(x)
    assert [o.shape[2] for o in outputs] == [5, 3, 2]
    assert len(states) == 8
    first, states = net.trace(x[:11])
    rest, _ = net.trace(x[11:], states)
    assert outputs[0].sum() > 0
    assert outputs[1].sum() > 0
    for a, b, whole in zip(first, rest, outputs, strict=True):
        assert torch.equal(torch.cat([a, b]), whole)


def test_what_it_says_of_itself():
    net = make()
    assert (net.n_in, net.n_out, net.dt, net.dtype) == (6, 2, DT, torch.float32)
    assert [type(s).__name__ for s, _ in net.pairs()] == ["DelayLinear", "Linear", "Linear"]
    groups = net.groups()
    assert [g.normalisation is None for g in groups] == [False, True, True]
    assert [len(g.transforms) for g in groups] == [0, 1, 0]


def test_shaped_inputs_are_flattened():
    net, x = make().eval(), spikes()
    assert torch.equal(net(x.reshape(30, 2, 2, 3))[0], net(x)[0])


def test_constrain_reaches_every_layer():
    net = make()
    seen = []
    net.layers[0].constrain_ = lambda: seen.append(0)
    net.layers[5].constrain_ = lambda: seen.append(5)
    net.constrain_()
    assert seen == [0, 5]


@pytest.mark.parametrize(
    ("layers", "where"),
    [
        (lambda: [nn.Linear(3, 5), nn.Linear(5, 5)], "layer 1"),
        (list, "nothing"),
        (lambda: [lif(5)], "layer 0"),
        (lambda: [nn.Linear(3, 5), lif(5), nn.Dropout(0.5)], "layer 2"),
        (lambda: [nn.BatchNorm(3), nn.Linear(3, 5), lif(5)], "layer 0"),
        (lambda: [nn.Linear(3, 5), nn.Dropout(0.5), lif(5)], "layer 1"),
        (lambda: [nn.Linear(3, 5), lif(5), lif(5)], "layer 2"),
        (lambda: [nn.Linear(3, 5), lif(5), nn.Linear(5, 2)], "layer 2"),
        (lambda: [nn.Linear(3, 5), torch.nn.ReLU(), lif(5)], "layer 1"),
    ],
)
def test_layers_out_of_order_are_named(layers, where):
    with pytest.raises(DescriptionError, match=where):
        nn.Sequential(*layers())


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="layer 1"):
        nn.Sequential(nn.Linear(3, 4), lif(5))
    with pytest.raises(ShapeError, match="layer 3"):  # through a layer of any size
        nn.Sequential(nn.Linear(3, 5), lif(5), nn.Dropout(0.1), nn.Linear(4, 5), lif(5))
    with pytest.raises(ShapeError, match="layer 1"):
        nn.Sequential(nn.Linear(3, 5), nn.BatchNorm(4), lif(5))
    with pytest.raises(DescriptionError, match="time steps"):
        nn.Sequential(nn.Linear(3, 5), lif(5), nn.Linear(5, 5), lif(5, 2e-3))
    net = make()
    with pytest.raises(ShapeError, match="one state a layer"):
        net(spikes(), (None,))
