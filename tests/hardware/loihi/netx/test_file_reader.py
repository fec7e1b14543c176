from __future__ import annotations

import contextlib
import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from neurosim.errors import FileFormatError, UnsupportedError
from neurosim.hardware.loihi.netx.file_reader import read_network
from neurosim.hardware.loihi.netx.file_writer import write_network
from neurosim.hardware.loihi.netx.layer_group import Reading
from neurosim.hardware.loihi.netx.layer_run import run_layers
from neurosim.hardware.loihi.netx.layers import (
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
    Neurons,
)


@pytest.mark.reference("loihi/netx_*.npz")
def test_files_run_as_lava_runs_them(reference_file):
    """Loaded and run by lava-dl's netx: every current, potential and spike of every layer."""
    with np.load(reference_file) as f:
        x = np.moveaxis(f["x"], -1, 0)
        path = reference_file.with_suffix(".net")
        network = read_network(path, reading=Reading.AS_LOADED, input_shape=x.shape[1:])
        traces = run_layers(network.layers, x)
        for k, trace in enumerate(traces):
            for name, ours in (*trace.state.items(), ("s", trace.message)):
                if f"l{k}_{name}" in f:
                    assert np.array_equal(ours, f[f"l{k}_{name}"]), (k, name)
        assert f"l{len(traces) - 1}_s" in f
        out = np.moveaxis(f["out"], -1, 0)
        assert np.array_equal(traces[-1].message.reshape(out.shape), out)


@pytest.mark.reference("loihi/netx_*.net")
def test_files_alone_can_be_read_and_run(reference_file):
    """Whatever their layers: at least the shapes follow from the file."""
    network = read_network(reference_file, reading=Reading.AS_LOADED)
    first = network.layers[0]
    shape = first.shape if isinstance(first, InputLayer) else network.input_shape
    if shape is not None:
        traces = run_layers(network.layers, np.ones((3, *shape), dtype=np.int64))
        assert traces[-1].message.shape[1:] == network.layers[-1].shape


def dense(n_out=3, n_in=4, **fields):
    rng = np.random.default_rng(0)
    given = {
        "weight": 2 * rng.integers(-128, 127, (n_out, n_in)),
        "bias": np.array([1, -2, 0]),
        "neurons": Neurons(du=1000, dv=200, threshold=300),
        **fields,
    }
    return DenseLayer(**given)


def image():
    """A picture of (x, y, channel) = (6, 5, 2), a convolution, a matrix, recurrence."""
    rng = np.random.default_rng(1)
    conv = ConvolutionLayer(
        weight=2 * rng.integers(-60, 60, (4, 2, 3, 2)),
        bias=np.broadcast_to(np.array([3, 0, -4, 1]), (5, 5, 4)),
        neurons=Neurons(du=4095, dv=128, threshold=150),
        shape=(5, 5, 4),
        padding=(1, 0),
        input_shape=(6, 5, 2),
    )
    flat = dense(weight=2 * rng.integers(-60, 60, (3, 100)), recurrent=2 * rng.integers(-9, 9, (3, 3)))
    return NetxNetwork(layers=(conv, FlattenLayer(), flat, dense(n_in=3)), input_shape=(6, 5, 2))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "n.net"
    file.write_bytes(write_network(image()))
    return file


def change(path, key, value=None):
    with h5py.File(path, "a") as f:
        if key in f:
            del f[key]
        if value is not None:
            f[key] = value
    return path


def test_layers_survive_the_file(path):
    x = np.random.default_rng(2).integers(0, 2, (100, 6, 5, 2))
    found = read_network(path)
    assert found.input_shape == (6, 5, 2)
    pairs = zip(run_layers(found.layers, x), run_layers(image().layers, x), strict=True)
    for a, b in pairs:
        assert a.message.any()
        assert all(np.array_equal(a.state[name], b.state[name]) for name in ("u", "v"))


MISREAD = [
    ("layer/1/weight", np.full((4, 2, 3, 2), 0.5), "layer 1, weight: fractions"),
    ("layer/1/delay", 3, "layer 1, delay: the loader ignores"),
    ("layer/1/dealy", 3, "layer 1, dealy: is not read"),
    ("layer/3/bias", np.array([4e4, 0, 0]), "layer 3, bias: wraps at 16 bits"),
    ("layer/3/weight", np.full((3, 100), -64.0), "layer 3, weight: the loader clips or loses"),
    ("layer/3/neuron/iDecay", 5000, "neuron/iDecay: is out of the range"),
    ("layer/3/neuron/refDelay", 3, "neuron/refDelay: the loader ignores"),
    ("layer/3/neuron/extra", 3, "neuron/extra: is not read"),
    ("layer/4/delay", 63, "layer 4, delay: longer delays"),
    ("layer/4/weight", np.full((3, 3), -64.0), "layer 4, weight: the loader clips or loses"),
    ("layer/4/weight", np.array([[300.0, -2, 2]] * 3), "layer 4, weight: the loader clips or loses"),
    ("layer/4/weight_rec", np.eye(3), "layer 4, weight_rec: is read of layers"),
]


@pytest.mark.parametrize(("key", "value", "message"), MISREAD)
def test_what_the_loader_misreads(path, key, value, message):
    change(path, key, value)
    with pytest.raises(FileFormatError, match=message):
        read_network(path)
    (said,) = read_network(path, reading=Reading.AS_LOADED).misread
    assert message in said


FAILS = [
    ("layer/1/weight", None, "layer 1, weight: is missing"),
    ("layer/1/weight", np.ones((4, 2, 3)), "no two-dimensional kernel"),
    ("layer/1/weight", np.ones((4, 3, 3, 2)), "does not fit the layer before"),
    ("layer/1/weight", np.full((4, 2, 3, 2), np.nan), "no integer holds"),
    ("layer/1/weight", np.array([b"x"]), "does not hold numbers"),
    ("layer/1/shape", [4, 5, 6], "layer 1, shape: is not what"),
    ("layer/1/shape", [4, 5, 0], "layer 1, shape: is no shape"),
    ("layer/1/shape", [2**40, 2**40], "layer 1, shape: is no shape"),
    ("layer/1/groups", 3, "layer 1, shape: does not fit"),
    ("layer/1/stride", [1, 0], "strides, dilations and groups"),
    ("layer/1/stride", 200, "8 bits"),
    ("layer/1/bias", np.ones(7), "layer 1, bias: biases do not fit"),
    ("layer/2/type", b"dense", "layer 2, weight"),
    ("layer/3/neuron/messageBits", 8, "neuron/messageBits: the loader fails"),
    ("layer/3/neuron/iDecay", 10.5, "neuron/iDecay: must be stored as integers"),
    ("layer/3/neuron/vThMant", None, "neuron/vThMant: is missing"),
    ("layer/3/neuron/vDecay", [1, 2], "neuron/vDecay: does not fit the layer"),
    ("layer/3/weight_rec", np.ones((3, 2)), "weight_rec: is not square"),
    ("layer/3/delay", 1, "layer 3, delay: the loader fails"),
    ("layer/4/delay", [-1, 0, 0], "layer 4, delay: the loader fails on negative"),
    ("layer/4/delay", [1, 0], "layer 4, delay: fits neither"),
    ("layer/4/weight", np.zeros((3, 3)), "layer 4, weight: the loader fails on a matrix of zeros"),
    ("layer/4/weight", np.zeros((3, 0)), "layer 4, weight: is empty"),
    ("layer/4/type", b"input", "layer 4, type: an input behind"),
    ("layer/6", np.zeros(3), "not numbered from 0"),
    ("layer/5", np.zeros(3), "layer 5"),
    ("layer", None, "no group 'layer'"),
]


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize(("key", "value", "message"), FAILS)
def test_what_the_loader_fails_on(path, key, value, message, reading):
    with pytest.raises(FileFormatError, match=message):
        read_network(change(path, key, value), reading=reading)


@pytest.mark.parametrize(
    ("key", "value"),
    [("layer/4/type", b"pool"), ("layer/4/type", b"dense_comp"), ("layer/4/neuron/type", b"ALIF")],
)
def test_what_the_loader_does_not_know(path, key, value):
    with pytest.raises(UnsupportedError, match=r"layer 4, .*type"):
        read_network(change(path, key, value))


def test_a_length_equal_to_the_outputs_is_a_delay_of_outputs(path):
    change(path, "layer/4/delay", np.array([5, 6, 7]))  # three inputs, too
    assert read_network(path).layers[-1].delay.tolist() == [[5], [6], [7]]


def test_defaults_without_a_group_of_neurons(path):
    neurons = read_network(change(path, "layer/4/neuron")).layers[-1].neurons
    assert (neurons.kind, neurons.du, neurons.dv, neurons.threshold) == (NeuronKind.LIF, -1, 4096, 1 << 17)


def test_inputs(path):
    """A shape alone only says what the first layer gets; with neurons it is a layer, of LIF or Delta."""
    with h5py.File(path, "a") as f:
        f["layer/0/neuron/type"], f["layer/0/neuron/vThMant"] = b"SDNN", 3
        f["layer/0/weight"], f["layer/0/bias"] = 36, 34
    first = read_network(path).layers[0]
    assert (first.shape, first.neurons.kind, first.weight, first.bias) == (
        (6, 5, 2),
        NeuronKind.DELTA,
        36,
        34,
    )
    for key, value in {"type": b"RF_IZ", "sinDecay": 100, "cosDecay": 4000}.items():
        change(path, f"layer/0/neuron/{key}", value)
    with pytest.raises(FileFormatError, match="the loader fails on an input layer"):
        read_network(path)


def test_nothing_outside_the_file_is_read(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["weight"] = np.ones((3, 3))
    for link in (h5py.ExternalLink(str(tmp_path / "other.h5"), "/weight"), h5py.SoftLink("/layer/3/weight")):
        with pytest.raises(FileFormatError, match="layer 4, weight: is a link"):
            read_network(change(path, "layer/4/weight", link))
    layout = h5py.VirtualLayout((3, 3), dtype="f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "weight", (3, 3))
    with h5py.File(path, "a") as f:
        del f["layer/4/weight"]
        f["layer/4"].create_virtual_dataset("weight", layout)
    with pytest.raises(FileFormatError, match="layer 4, weight: is stored in another file"):
        read_network(path)


def test_sizes_are_checked_before_anything_is_read(path):
    with h5py.File(path, "a") as f:
        del f["layer/4/weight"]
        f["layer/4"].create_dataset(
            "weight", (1 << 20, 1 << 20), dtype="f4", chunks=(1, 1024), compression="gzip"
        )
    with pytest.raises(FileFormatError, match="layer 4, weight: holds too many numbers"):
        read_network(path)


@pytest.mark.parametrize("content", [b"", b"no HDF5 file at all", None])
def test_foreign_files_are_refused(tmp_path, content):
    file = tmp_path / "n.net"
    file.write_bytes(write_network(image())[:700] if content is None else content)
    with pytest.raises(FileFormatError, match="netx"):
        read_network(file)


IMAGE = write_network(image())
SMALL = write_network(NetxNetwork(layers=(dense(),)))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_files_are_refused_or_read(tmp_path_factory, damage):
    content = bytearray(SMALL)
    for place, value in damage:
        content[place] = value
    file = Path(tmp_path_factory.getbasetemp()) / "damaged.net"
    file.write_bytes(content)
    with contextlib.suppress(FileFormatError, UnsupportedError):
        assert read_network(file).layers


KEYS = [
    *(
        "shape",
        "weight",
        "weight_rec",
        "bias",
        "delay",
        "type",
        "stride",
        "padding",
        "dilation",
        "groups",
        "neuron",
    ),
    *(f"neuron/{k}" for k in ("type", "iDecay", "vDecay", "vThMant", "sinDecay", "cosDecay", "sigma_output")),
]
VALUES = st.one_of(
    st.sampled_from(
        [b"dense", b"dense_rec", b"conv", b"input", b"flatten", b"SDNN", b"RF_IZ", b"", b"\xff", "word"]
    ),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    arrays.arrays(
        st.sampled_from([np.int64, np.float32, np.uint8, np.complex64, bool]), arrays.array_shapes(max_dims=5)
    ),
)


@settings(max_examples=60)
@given(changes=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(KEYS), VALUES), min_size=1, max_size=3))
def test_whatever_data_sets_hold(changes):
    """Read or refused, the same in both readings but for what is only misread."""
    buffer = io.BytesIO(IMAGE)
    with h5py.File(buffer, "a") as f:
        for layer, key, value in changes:
            if key in f[f"layer/{layer}"]:
                del f[f"layer/{layer}/{key}"]
            with contextlib.suppress(ValueError, OSError):  # below what is a data set by now
                f[f"layer/{layer}/{key}"] = value
    strict = None
    with contextlib.suppress(FileFormatError, UnsupportedError):
        strict = read_network(buffer)
    if strict is not None:
        assert strict.misread == ()
        assert read_network(buffer, reading=Reading.AS_LOADED).misread == ()
    else:
        with contextlib.suppress(FileFormatError, UnsupportedError):
            assert read_network(buffer, reading=Reading.AS_LOADED).misread


def test_the_bytes_are_those_of_a_file():
    with h5py.File(io.BytesIO(SMALL)) as f:
        assert f["layer/0/type"][0] == b"dense"
        assert "messageBits" not in f["layer/0/neuron"]
