from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.convolution import Convolution2d
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.hardware.loihi import Loihi2, Signs
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.netx.file_reader import read_network
from neurosim.hardware.loihi.netx.from_network import netx_file, netx_network
from neurosim.hardware.loihi.netx.layer_run import run_layers
from neurosim.hardware.loihi.netx.layers import ConvolutionLayer, DenseLayer, FlattenLayer
from neurosim.hardware.loihi.quantise.quantised_plan import quantise_network
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF


def compared(net, path, spikes, names):
    """The file run layer by layer spikes as the emulator does from the core tables."""
    hardware.compile(net, Loihi2()).save(path)
    record = {name: Record("spikes", "v") for name in names}
    chip = hardware.load(path).emulate({"in": spikes[:, None]}, record=record, raw=True)
    padded = np.concatenate([spikes, np.zeros((chip.steps - len(spikes), *spikes.shape[1:]), dtype=int)])
    network = read_network(path / "network.net")
    assert network.misread == ()
    if len(network.input_shape) == 3:
        padded = padded.transpose(0, 3, 2, 1)
    else:
        padded = padded.reshape(len(padded), -1)
    for name, trace in zip(record, run_layers(network.layers, padded), strict=True):
        axes = (0, *range(trace.message.ndim - 1, 0, -1))
        flat = [x.transpose(axes).reshape(chip.steps, -1) for x in (trace.message, trace.state["v"])]
        assert flat[0].sum() > 100
        assert np.array_equal(chip[name].spikes.dense(int)[:, 0].reshape(chip.steps, -1), flat[0])
        assert np.array_equal(chip[name].v[:, 0].reshape(chip.steps, -1), flat[1])
    return network


@pytest.mark.parametrize("delay", [0.0, 4e-3])
def test_file_and_tables_are_the_same_chain(tmp_path, delay):
    rng = np.random.default_rng(3)
    net = Network(dt=1e-3)
    source = net.input("in", shape=(20,))
    hidden, out = net.population("h", 30, CurrentLIF()), net.population("o", 5, LIF())
    delays = np.full((20, 30), delay) if delay == 0.0 else 1e-3 * rng.integers(0, 20, (20, 30))
    net.connect(source, hidden, AllToAll(), weight=rng.normal(0.5, 1.0, (20, 30)), delay=delays)
    net.connect(hidden, out, AllToAll(), weight=rng.normal(0.1, 0.2, (30, 5)), delay=delay)
    net.output(out)
    compared(net, tmp_path / "build", (rng.random((200, 20)) < 0.1).astype(int), ("h", "o"))


def picture_network():
    """Two convolutions, a recurrent layer, and one with delays."""
    rng = np.random.default_rng(0)
    net = Network(dt=1e-3)
    source = net.input("in", shape=(2, 7, 6))
    a, b = net.population("a", (4, 4, 3), CurrentLIF()), net.population("b", (3, 4, 3), LIF())
    r, o = net.population("r", 20, LIF()), net.population("o", 5, LIF())
    net.connect(source, a, Convolution2d(rng.normal(0.3, 0.6, (4, 2, 3, 3)), stride=2, padding=1), delay=1e-3)
    net.connect(a, b, Convolution2d(rng.normal(0.1, 0.3, (3, 4, 3, 3)), padding=1), delay=1e-3)
    net.connect(b, r, AllToAll(), weight=rng.normal(0.1, 0.4, (36, 20)), delay=1e-3)
    net.connect(r, r, AllToAll(), weight=rng.normal(-0.05, 0.2, (20, 20)), delay=1e-3)
    late = 1e-3 * rng.integers(1, 9, (1, 5)).repeat(20, 0)
    net.connect(r, o, AllToAll(), weight=rng.normal(0.1, 0.3, (20, 5)), delay=late)
    net.output(o)
    return net


def test_file_and_tables_are_the_same_convolutions_and_recurrence(tmp_path):
    spikes = (np.random.default_rng(4).random((150, 2, 7, 6)) < 0.2).astype(int)
    network = compared(picture_network(), tmp_path / "build", spikes, ("a", "b", "r", "o"))
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [ConvolutionLayer, ConvolutionLayer, FlattenLayer, DenseLayer, DenseLayer]
    first, last = network.layers[0], network.layers[-1]
    assert (first.weight.shape, first.stride, first.padding) == ((4, 2, 3, 3), (2, 2), (1, 1))
    assert network.layers[3].recurrent is not None
    assert last.delay.shape == (5, 1)


def test_a_convolution_with_delays_is_a_matrix():
    """The loader ignores delays of convolutions."""
    net = Network(dt=1e-3)
    source, post = net.input("in", shape=(1, 4, 4)), net.population("p", (2, 4, 4), LIF())
    net.connect(
        source, post, Convolution2d(np.arange(1.0, 19).reshape(2, 1, 3, 3) / 20, padding=1), delay=3e-3
    )
    plan = lower(net)
    network = quantise_network(plan, read_chip("loihi2").limits, signs=Signs.MIXED, exponent=0)
    (layer,) = netx_network(plan, network).layers
    assert isinstance(layer, DenseLayer)
    assert layer.delay.tolist() == 2


def follow(net, hidden, model):
    net.connect(hidden, net.population("o", 2, model), AllToAll(), weight=0.1, delay=1e-3)


def alone(net, hidden):
    net.connect(hidden, hidden, AllToAll(), weight=0.1, delay=1e-3)
    net.connect(net.population("b", 2, LIF()), hidden, AllToAll(), weight=0.1, delay=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda net, h: net.connect(h, h, AllToAll(), weight=0.1, delay=2e-3), "recurrence and a delay"),
        (alone, "exactly one layer"),
        (lambda net, h: net.input("other", shape=(2,)), "exactly one input"),
        (lambda net, h: net.population("alone", 3, LIF()), "not a chain"),
        (lambda net, h: follow(net, h, LIF(current=0.7)), "multiple of 64"),
        (lambda net, h: follow(net, h, LIF(v_init=0.5)), "initial state"),
        (lambda net, h: follow(net, h, LIF(threshold=0.05)), "exponent"),
    ],
)
def test_what_such_a_file_cannot_hold(change, reason):
    net = Network(dt=1e-3)
    source, hidden = net.input("in", shape=(4,)), net.population("h", 3, LIF())
    net.connect(source, hidden, AllToAll(), weight=np.ones((4, 3)), delay=1e-3)
    change(net, hidden)
    plan = lower(net)
    network = quantise_network(plan, read_chip("loihi2").limits, signs=Signs.MIXED, exponent=0)
    assert reason in str(netx_file(plan, network))
