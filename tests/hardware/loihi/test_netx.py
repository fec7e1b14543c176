from __future__ import annotations

import h5py
import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.errors import FileFormatError
from neurosim.hardware.loihi import Loihi2, Signs
from neurosim.hardware.loihi.limits import read_limits
from neurosim.hardware.loihi.netx import DenseLayer, netx_file, read_dense_layers, run_layer, write_layers
from neurosim.hardware.loihi.quantised_network import quantise_network
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF


@pytest.mark.reference("loihi/netx_*.npz")
def test_dense_layers_run_as_lava_runs_them(reference_file):
    """A file loaded and run by lava-dl's netx: spikes of the layers before (C, H, W order) drive each dense layer."""
    layers = read_dense_layers(reference_file.with_suffix(".net"))
    assert layers
    with np.load(reference_file) as f:
        spikes = f["l0_s"].transpose(0, 3, 2, 1).reshape(len(f["l0_s"]), -1)
        for k, layer in enumerate(layers.values(), start=1):
            trace = run_layer(layer, spikes)
            for name, ours in (("u", trace.u), ("v", trace.v), ("s", trace.spike)):
                assert np.array_equal(ours, f[f"l{k}_{name}"]), (k, name)
            spikes = trace.spike
        assert np.array_equal(spikes.T, f["out"])


def layer(delay, n_out=3, n_in=4):
    rng = np.random.default_rng(0)
    return DenseLayer(
        weight=2 * rng.integers(-128, 127, (n_out, n_in)),
        delay=np.asarray(delay),
        bias=np.array([1, -2, 0]),
        du=1000,
        dv=200,
        threshold=300,
    )


@pytest.mark.parametrize("delay", [0, 5, np.array([[1], [0], [62]]), np.arange(12).reshape(3, 4)])
def test_layers_survive_the_file(tmp_path, delay):
    path = tmp_path / "network.net"
    path.write_bytes(write_layers([layer(delay)]))
    found = read_dense_layers(path)[0]
    spikes = np.random.default_rng(1).integers(0, 2, (200, 4))
    a, b = run_layer(layer(delay), spikes), run_layer(found, spikes)
    assert a.spike.any()
    assert np.array_equal(a.v, b.v)


def test_a_length_equal_to_the_outputs_is_a_delay_of_outputs(tmp_path):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)]))
    with h5py.File(path, "a") as f:
        f["layer/0/delay"] = np.array([1, 2, 3, 4])  # four inputs
    assert read_dense_layers(path)[0].delay.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("damage", [b"", b"no HDF5 file at all", None])
def test_foreign_files_are_refused(tmp_path, damage):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)])[:700] if damage is None else damage)
    with pytest.raises(FileFormatError, match="netx"):
        read_dense_layers(path)


def test_weights_that_do_not_fit_the_shape(tmp_path):
    path = tmp_path / "n.net"
    with h5py.File(path, "w") as f:
        f["layer/0/type"], f["layer/0/shape"], f["layer/0/weight"] = b"dense", [3], np.ones((2, 2))
    with pytest.raises(FileFormatError, match="layer 0"):
        read_dense_layers(path)


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
    for name, one in zip(record, read_dense_layers(tmp_path / "build" / "network.net").values(), strict=True):
        trace = run_layer(one, padded)
        padded = trace.spike
        assert padded.sum() > 100
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
