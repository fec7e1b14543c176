from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import CycleError, DescriptionError, UnsupportedError
from neurosim.sources import PoissonDrive

DT = 1e-3


def chain(rule, *, shape=(5,), post=(4,), model=None, **options):
    network = ns.Network(dt=DT, seed=3)
    source = network.input("in", shape)
    out = network.population("out", post, neurons.LIF() if model is None else model)
    network.connect(source, out, rule, **options)
    network.output(out)
    return network


def agree(network, steps=30, samples=3, density=0.3):
    """Run both in float64 and compare the spikes of every population exactly."""
    net = nn.from_network(network, dtype=torch.float64)
    rng = np.random.default_rng(0)
    x = (rng.uniform(size=(steps, samples, net.n_in)) < density).astype(np.float64)
    run = ns.simulate(
        network, {next(iter(network.inputs)): x}, record=dict.fromkeys(network.populations, "spikes")
    )
    with torch.no_grad():
        outputs, _ = net.trace(torch.tensor(x))
    for name, mine in zip(network.populations, outputs, strict=True):
        theirs = run[name].spikes.dense().reshape(steps, samples, -1)
        assert 0 < theirs.sum() < theirs.size
        assert np.array_equal(mine.numpy(), theirs)
    return net


def test_numbers_and_any_time_grid():
    network = ns.Network(dt=2e-3)
    source, out = network.input("in", 3), network.population("out", 2, neurons.LIF())
    network.connect(source, out, ns.AllToAll(), weight=0.25, delay=6e-3)
    net = nn.from_network(network, surrogate=nn.Boxcar(), dtype=torch.float64)
    synapses, layer = net.pairs()[0]
    assert synapses.delay.tolist() == [[3.0] * 3] * 2
    assert synapses.weight.tolist() == [[0.25] * 3] * 2
    assert layer.surrogate == nn.Boxcar()
    assert layer.model == neurons.LIF()


@pytest.mark.parametrize(
    ("rule", "options", "kind"),
    [
        (ns.AllToAll(), {"weight": ns.Normal(0.3, 0.2)}, nn.Linear),
        (ns.FixedProbability(0.6), {"weight": ns.Uniform(0, 1)}, nn.SparseLinear),
        (
            ns.FixedInDegree(3),
            {"weight": 0.4, "delay": ns.Uniform(0, 5e-3)},
            nn.SparseDelayLinear,
        ),
        (ns.Sparse([0, 4, 4, 2], [1, 3, 0, 2]), {"weight": np.array([0.9, 1.1, 0.8, 2.0])}, nn.SparseLinear),
        (ns.Sparse([0, 0, 3], [1, 1, 2]), {"weight": np.array([0.4, 0.4, 2.0])}, nn.SparseLinear),
    ],
)
def test_what_rules_and_distributions_draw_is_trained(rule, options, kind):
    network = chain(rule, **options)
    net = agree(network)
    assert type(net.layers[0]) is kind
    again, losses = nn.to_network(net, seed=3)
    assert not losses
    agree(again)


def test_convolutions_stay_convolutions():
    weights = np.random.default_rng(1).normal(0.1, 0.3, size=(3, 2, 3, 3))
    rule = ns.Convolution2d(weights, stride=2, padding=1)
    network = chain(rule, shape=(2, 7, 6), post=(3, 4, 3), weight=2.0, delay=2e-3)
    net = agree(network)
    assert type(net.layers[0]) is nn.Conv2d
    assert net.layers[0].fixed_delay == 2
    agree(nn.to_network(net)[0])


def test_several_projections_of_a_pair_are_added_up():
    network = chain(ns.AllToAll(), weight=0.3)
    network.connect("in", "out", ns.FixedProbability(0.5), weight=-0.2)
    assert type(agree(network).layers[0]) is nn.Linear
    network.connect("in", "out", ns.FixedProbability(0.5), weight=0.2, delay=1e-3)
    with pytest.raises(UnsupportedError, match="different delays"):
        nn.from_network(network)


@pytest.mark.parametrize(
    ("rule", "delay", "kind"),
    [
        (ns.AllToAll(), DT, nn.Linear),
        (ns.AllToAll(), ns.Uniform(DT, 4 * DT), nn.DelayLinear),
        (ns.FixedInDegree(2), ns.Uniform(DT, 4 * DT), nn.SparseDelayLinear),
    ],
)
def test_populations_that_drive_themselves_are_recurrent_layers(rule, delay, kind):
    network = chain(ns.AllToAll(), weight=0.3)
    network.connect("out", "out", rule, weight=ns.Normal(0.3, 0.3), delay=delay)
    net = agree(network)
    assert type(net.layers[1]) is nn.Recurrent
    assert type(net.layers[1].synapses) is kind
    again, losses = nn.to_network(net, seed=3)
    assert not losses
    agree(again)


def test_a_snntorch_module_goes_on_training_here():
    snn = pytest.importorskip("snntorch")
    from neurosim.interchange.snntorch import from_snntorch

    torch.manual_seed(0)
    reset = {"reset_mechanism": "zero", "reset_delay": False}
    norm = torch.nn.BatchNorm2d(3)
    layers = [
        torch.nn.Conv2d(2, 3, 3, padding=1), norm, snn.Leaky(beta=0.9, **reset), torch.nn.Flatten(),
        torch.nn.Linear(48, 6), snn.RLeaky(beta=0.8, linear_features=6, **reset),
    ]  # fmt: skip
    theirs = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.ndim > 1:
                parameter *= 2.0
        norm(torch.rand(20, 3, 4, 4).double())
    theirs.eval()
    x = (torch.rand(25, 3, 2, 4, 4) < 0.3).double()
    v, w, spikes = (torch.zeros(3, *shape).double() for shape in ((3, 4, 4), (6,), (6,)))
    emitted = []
    with torch.no_grad():
        for step in x:
            hidden, v = layers[2](norm(layers[0](step)), v)
            spikes, w = layers[5](layers[4](hidden.double().flatten(1)), spikes, w)
            spikes = spikes.double()
            emitted.append(spikes)
    module = nn.from_network(from_snntorch(theirs, (2, 4, 4))[0], dtype=torch.float64)
    assert [type(layer) for layer in module.layers] == [nn.Conv2d, nn.LIF, nn.Linear, nn.Recurrent]
    mine, _ = module(x)
    assert mine.sum() > 20
    assert torch.equal(mine, torch.stack(emitted))
    module.float()(x.float())[0].sum().backward()  # in the precision in which one trains
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


def test_a_nir_graph_goes_on_training_here():
    nir = pytest.importorskip("nir")
    from neurosim.interchange.nir import from_nir

    rng = np.random.default_rng(0)
    one = np.ones(4)
    nodes = {
        "input": nir.Input(np.array([5])),
        "weights": nir.Affine(rng.normal(20.0, 10.0, size=(4, 5)), 30 * rng.random(4)),
        "neurons": nir.LIF(tau=20e-3 * one, r=one, v_leak=0 * one, v_threshold=0.5 * one),
        "output": nir.Output(np.array([4])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(names)))
    network, _ = from_nir(graph, dt=DT, dialect="norse")
    assert type(agree(network, density=0.2).layers[0]) is nn.Linear


def test_delays_can_be_made_learnable():
    net = nn.from_network(chain(ns.AllToAll(), weight=0.3), max_delay_steps=7)
    assert type(net.layers[0]) is nn.DelayLinear
    assert (net.layers[0].max_delay_steps, float(net.layers[0].delay.detach().abs().max())) == (7, 0.0)
    with pytest.raises(DescriptionError, match="max_delay_steps"):
        nn.from_network(chain(ns.AllToAll(), delay=9e-3), max_delay_steps=7)


def _network(change):
    network = ns.Network(dt=DT)
    a = network.input("a", 3)
    b, c = (network.population(n, 3, neurons.LIF()) for n in "bc")
    network.connect(a, b, ns.AllToAll(), weight=0.5, plasticity=ns.STDP() if change == "plastic" else None)
    if change != "silent":
        network.connect(b, c, ns.AllToAll(), weight=0.5, delay=1e-3)
    if change == "ring":
        d, e = (network.population(n, 3, neurons.LIF()) for n in "de")
        network.connect(d, e, ns.AllToAll(), delay=1e-3)
        network.connect(e, d, ns.AllToAll(), delay=1e-3)
    if change == "back":
        network.connect(c, b, ns.AllToAll(), delay=1e-3)
    if change == "drive":
        network.drive(b, PoissonDrive(rate=10.0, weight=0.1))
    if change == "skip":
        network.connect(a, c, ns.AllToAll())
    if change == "inputs":
        network.input("d", 3)
    if change == "model":
        network.connect(c, network.population("f", 3, ns.Izhikevich()), ns.AllToAll())
    return network


@pytest.mark.parametrize("change", ["plastic", "silent", "ring", "back", "skip", "drive", "inputs", "model"])
def test_networks_that_cannot_be_trained_are_refused(change):
    with pytest.raises(UnsupportedError):
        nn.from_network(_network(change))
    nn.from_network(_network("nothing"))


def test_a_population_that_drives_itself_at_once_is_refused():
    network = _network("nothing")
    network.connect("b", "b", ns.AllToAll(), weight=0.1)
    with pytest.raises(CycleError, match="b->b"):
        nn.from_network(network)
