from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import DescriptionError, ShapeError
from neurosim.loss_report import LossKind
from neurosim.neurons.options import Discretisation, Reset

DT = 1e-3


def dyadic_(net, bits=6):
    """Weights to multiples of 2^-bits, delays to whole steps: sums are exact in any order."""
    with torch.no_grad():
        for synapses, _ in net.pairs():
            synapses.weight.copy_((synapses.weight * 2**bits).round() / 2**bits)
            if isinstance(synapses, nn.DelayLinear):
                synapses.round_delays_()
    return net


def make(model, dtype, sizes=(30, 40, 10), gain=1.5):
    a, b, c = sizes
    return nn.Sequential(
        nn.DelayLinear(a, b, 7, seed=1, gain=gain, dtype=dtype),
        nn.neuron_layer(model, b, dt=DT),
        nn.Linear(b, b, seed=2, gain=gain, dtype=dtype),
        nn.neuron_layer(model, (4, b // 4), dt=DT),
        nn.DelayLinear(b, c, 3, minimum_delay=1, seed=3, gain=gain, dtype=dtype),
        nn.neuron_layer(model, c, dt=DT),
    )


def compared(net, steps=40, samples=8, seed=0, density=0.15):
    """Spikes of every population [T, B, n], in the module and in the engine."""
    rng = np.random.default_rng(seed)
    x = (rng.uniform(size=(steps, samples, net.pairs()[0][0].n_in)) < density).astype(np.float64)
    network, losses = nn.to_network(net)
    recording = ns.simulate(network, {"input": x}, record=dict.fromkeys(network.populations, "spikes"))
    with torch.no_grad():
        outputs, _ = net.trace(torch.tensor(x, dtype=net.pairs()[0][0].weight.dtype))
    engine = [recording[name].spikes.dense().reshape(steps, samples, -1) for name in network.populations]
    return [o.numpy() for o in outputs], engine, losses


@pytest.mark.parametrize(
    ("model", "dtype"),
    [
        # decay 1: every potential is a multiple of 2^-6 below 2^10, exact even in float32
        (neurons.IntegrateAndFire(threshold=1.5, refractory=2e-3), torch.float32),
        (neurons.IntegrateAndFire(threshold=1.5, reset=Reset.BY_SUBTRACTION), torch.float32),
        # decay 1/2 and 7/8: potentials gain one and three bits a step; float64 holds those that matter
        (neurons.LIF(tau_membrane=2 * DT, discretisation=Discretisation.EULER), torch.float64),
        (
            neurons.LIF(tau_membrane=8 * DT, discretisation=Discretisation.EULER, refractory=1e-3),
            torch.float64,
        ),
    ],
    ids=lambda v: getattr(v, "__name__", type(v).__name__),
)
def test_the_engine_reproduces_the_modules_spikes_exactly(model, dtype):
    net = dyadic_(make(model, dtype))
    outputs, engine, losses = compared(net, steps=14 if dtype == torch.float64 else 60)
    assert not losses
    for mine, theirs in zip(outputs, engine, strict=True):
        assert mine.sum() > 10
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize(
    "model", [neurons.LIF(), neurons.CurrentLIF(resistance=8.0)], ids=lambda m: type(m).__name__
)
def test_float_weights_agree_to_a_stated_rate(model):
    # float32 sums against float64 sums: a spike differs where a potential is within 1e-6 of the threshold, and then
    # differs on in that sample; at least 999 of 1000 spikes must be the same
    net = make(model, torch.float32)
    for synapses, _ in net.pairs():
        if isinstance(synapses, nn.DelayLinear):
            synapses.round_delays_()
    outputs, engine, _ = compared(net, steps=100, samples=20)
    for mine, theirs in zip(outputs, engine, strict=True):
        assert mine.sum() > 100
        assert np.abs(mine - theirs).sum() <= 1e-3 * mine.sum()


def test_rounded_delays_are_reported():
    net = make(neurons.LIF(), torch.float64)
    network, losses = nn.to_network(net, input_shape=(2, 3, 5), seed=7, names=("a", "b", "c"))
    assert [loss.kind for loss in losses] == [LossKind.ROUNDED] * 2
    assert [loss.where for loss in losses] == ["input->a", "b->c"]
    delay = net.layers[0].delay.detach().numpy()
    assert losses[0].amount == pytest.approx(np.abs(delay - np.floor(delay + 0.5)).max())
    steps = network.projections["input->a"].delay / DT
    np.testing.assert_allclose(steps, np.floor(delay.T + 0.5), atol=1e-9)
    assert np.array_equal(network.projections["a->b"].weight, net.layers[2].weight.detach().numpy().T)
    assert network.inputs["input"].shape == (2, 3, 5)
    assert network.populations["b"].shape == (4, 10)
    assert network.outputs == ("c",)
    assert network.seed == 7


def test_a_quantised_layer_exports_what_it_computes_with():
    quantiser = lambda w: w + ((w * 4).round() / 4 - w).detach()  # noqa: E731
    net = nn.Sequential(nn.Linear(6, 4, quantiser=quantiser), nn.LIF(neurons.LIF(), 4, dt=DT))
    network, losses = nn.to_network(net)
    weight = network.projections["input->output"].weight
    assert np.array_equal(weight * 4, np.round(weight * 4))
    assert losses[0].kind is LossKind.ROUNDED
    assert 0 < losses[0].amount <= 0.125


def test_there_and_back():
    net = dyadic_(make(neurons.LIF(threshold=0.8), torch.float32))
    network, _ = nn.to_network(net)
    again, losses = nn.to_network(nn.from_network(network))
    assert not losses
    assert again == network


def test_arguments_that_do_not_fit_are_refused():
    net = make(neurons.LIF(), torch.float32)
    with pytest.raises(DescriptionError, match="time step"):
        nn.to_network(net, dt=2e-3)
    with pytest.raises(ShapeError, match="first layer"):
        nn.to_network(net, input_shape=31)
    with pytest.raises(DescriptionError, match="one name"):
        nn.to_network(net, names=("a",))
