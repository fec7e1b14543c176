from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from neurosim.errors import FileFormatError, ShapeError, UnsupportedError
from neurosim.hardware.loihi.netx.layers import DenseLayer, read_layers, run_layers, write_layers


@pytest.mark.reference("loihi/netx_*.npz")
def test_files_run_as_lava_runs_them(reference_file):
    """Loaded and run by lava-dl's netx: every current, potential and spike of every layer."""
    with np.load(reference_file) as f:
        traces = run_layers(read_layers(reference_file.with_suffix(".net")), np.moveaxis(f["x"], -1, 0))
        for k, trace in enumerate(traces):
            for name, ours in (("u", trace.u), ("v", trace.v), ("s", trace.spike)):
                assert np.array_equal(ours, f[f"l{k}_{name}"]), (k, name)
        assert np.array_equal(traces[-1].spike.T, f["out"])


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
    found = read_layers(path)[0]
    spikes = np.random.default_rng(1).integers(0, 2, (200, 4))
    (a,), (b,) = run_layers([layer(delay)], spikes), run_layers([found], spikes)
    assert a.spike.any()
    assert np.array_equal(a.v, b.v)


def test_a_length_equal_to_the_outputs_is_a_delay_of_outputs(tmp_path):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)]))
    with h5py.File(path, "a") as f:
        f["layer/0/delay"] = np.array([1, 2, 3, 4])  # four inputs
    assert read_layers(path)[0].delay.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("stored", "held"), [([300, -300, 3, -5], [254, -256, 3, -5]), ([255, 7, 1, 0], [255, 7, 1, 0])]
)
def test_weights_of_both_signs_are_clipped_and_odd_ones_kept(tmp_path, stored, held):
    """As lava-dl's ``optimize_weight_bits`` does."""
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([replace(layer(0, n_out=1), weight=np.array([stored]), bias=np.zeros(1))]))
    assert read_layers(path)[0].weight.tolist() == [held]


@pytest.mark.parametrize("damage", [b"", b"no HDF5 file at all", None])
def test_foreign_files_are_refused(tmp_path, damage):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)])[:700] if damage is None else damage)
    with pytest.raises(FileFormatError, match="netx"):
        read_layers(path)


def test_weights_that_do_not_fit_the_shape(tmp_path):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)]))
    with h5py.File(path, "a") as f:
        del f["layer/0/shape"]
        f["layer/0/shape"] = [5]
    with pytest.raises(FileFormatError, match="layer 0"):
        read_layers(path)


@pytest.mark.parametrize(("kind", "neuron"), [(b"pool", b"CUBA"), (b"dense", b"ADRF")])
def test_other_layers_and_neurons_are_refused(tmp_path, kind, neuron):
    path = tmp_path / "n.net"
    path.write_bytes(write_layers([layer(0)]))
    with h5py.File(path, "a") as f:
        del f["layer/0/type"], f["layer/0/neuron/type"]
        f["layer/0/type"], f["layer/0/neuron/type"] = kind, neuron
    with pytest.raises(UnsupportedError, match="another type"):
        read_layers(path)


def test_spikes_that_do_not_fit():
    with pytest.raises(ShapeError, match="do not fit"):
        run_layers([layer(0)], np.zeros((5, 9), dtype=int))
