from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.hardware.loihi import Loihi2, Signs
from neurosim.hardware.loihi.limits import read_limits
from neurosim.hardware.loihi.netx.from_network import netx_file
from neurosim.hardware.loihi.netx.layers import read_layers, run_layers
from neurosim.hardware.loihi.quantise.quantised_plan import quantise_network
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF


@pytest.mark.parametrize("delay", [0.0, 4e-3])
def test_file_and_tables_are_the_same_network(tmp_path, delay):
    """The layers of the file, run one after the other, spike as the emulator does from the core tables."""
    rng = np.random.default_rng(3)
    net = Network(dt=1e-3)
    source = net.input("in", shape=(20,))
    hidden, out = net.population("h", 30, CurrentLIF()), net.population("o", 5, LIF())
    delays = np.full((20, 30), delay) if delay == 0.0 else 1e-3 * rng.integers(0, 20, (20, 30))
    net.connect(source, hidden, AllToAll(), weight=rng.normal(0.5, 1.0, (20, 30)), delay=delays)
    net.connect(hidden, out, AllToAll(), weight=rng.normal(0.1, 0.2, (30, 5)), delay=delay)
    net.output(out)
    hardware.compile(net, Loihi2()).save(tmp_path / "build")
    spikes = (rng.random((200, 1, 20)) < 0.1).astype(int)
    record = {"h": Record("spikes", "v"), "o": Record("spikes", "v")}
    chip = hardware.load(tmp_path / "build").emulate({"in": spikes}, record=record, raw=True)
    padded = np.concatenate([spikes[:, 0], np.zeros((chip.steps - 200, 20), dtype=int)])
    traces = run_layers(read_layers(tmp_path / "build" / "network.net"), padded)
    for name, trace in zip(record, traces, strict=True):
        assert trace.spike.sum() > 100
        assert np.array_equal(chip[name].spikes.dense(int)[:, 0], trace.spike)
        assert np.array_equal(chip[name].v[:, 0], trace.v)


def follow(net, hidden, model):
    net.connect(hidden, net.population("o", 2, model), AllToAll(), weight=0.1, delay=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda net, h: net.connect(h, h, AllToAll(), weight=0.1, delay=1e-3), "exactly one layer"),
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
    network = quantise_network(plan, read_limits("loihi2"), signs=Signs.MIXED, exponent=0)
    assert reason in str(netx_file(plan, network))
