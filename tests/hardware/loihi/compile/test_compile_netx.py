from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim import hardware
from neurosim.engine.recording import Record
from neurosim.errors import DescriptionError, UnsupportedError
from neurosim.hardware.loihi import Loihi1
from neurosim.hardware.loihi.compile.compile_netx import compile_netx
from neurosim.hardware.loihi.netx.file_reader import read_network
from neurosim.hardware.loihi.netx.file_writer import write_network
from neurosim.hardware.loihi.netx.layer_group import Reading
from neurosim.hardware.loihi.netx.layer_run import run_layers
from neurosim.hardware.loihi.netx.layers import (
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
    Neurons,
)
from neurosim.hardware.loihi.netx.load_options import LoadOptions
from neurosim.hardware.loihi.netx.to_network import host_messages

LIF = Neurons(du=1500, dv=300, threshold=200)
RNG = np.random.default_rng(7)


def even(*shape, size=100):
    return 2 * RNG.integers(-size // 2, size // 2, shape)


def dense(n_out, n_in, neurons=LIF, **fields):
    return DenseLayer(weight=even(n_out, n_in), bias=np.zeros(n_out, np.int64), neurons=neurons, **fields)


def convolution(out, shape, neurons=LIF, groups=1, stride=(1, 1)):
    layer = ConvolutionLayer(
        weight=even(out, shape[2] // groups, 3, 2),
        bias=np.zeros(1, np.int64),
        neurons=neurons,
        shape=(),
        stride=stride,
        padding=(1, 1),
        dilation=(1, 2),
        groups=groups,
        input_shape=shape,
    )
    size = layer.output_of(shape)
    return replace(layer, shape=size, bias=np.broadcast_to(RNG.integers(-9, 20, size[2]), size))


def picture():
    first = convolution(4, (6, 5, 2), groups=2)
    second = convolution(3, first.shape, stride=(2, 1))
    n = int(np.prod(second.shape))
    recurrent = dense(8, n, recurrent=even(8, 8))
    last = dense(5, 8, delay=RNG.integers(0, 40, (5, 8)))
    return NetxNetwork(layers=(first, second, FlattenLayer(), recurrent, last), input_shape=(6, 5, 2))


def sigma_delta():
    coder = Neurons(kind=NeuronKind.DELTA, threshold=1)
    hidden = Neurons(kind=NeuronKind.SIGMA_DELTA, threshold=2)
    first = convolution(3, (6, 5, 2), hidden)
    n = int(np.prod(first.shape))
    layers = (
        InputLayer(shape=(6, 5, 2), neurons=coder),
        first,
        FlattenLayer(),
        dense(7, n, hidden),
        dense(4, 7, Neurons(kind=NeuronKind.SIGMA)),
    )
    return NetxNetwork(layers=layers)


def resonators():
    kinds = (Neurons(kind=k, sin=1500, cos=3600, threshold=20) for k in (NeuronKind.RF, NeuronKind.RF_IZ))
    a, b = (
        ComplexDenseLayer(real=even(n, m), imaginary=even(n, m), neurons=k)
        for n, m, k in zip((6, 5), (9, 6), kinds, strict=True)
    )
    return NetxNetwork(layers=(a, b, dense(3, 5)), input_shape=(9,))


def driven():
    """A layer of LIF neurons driven by the host, and a readout as the loader makes one of a bare matrix."""
    whole = Neurons(du=-1, dv=4096, threshold=1 << 17)
    source = InputLayer(shape=(6,), neurons=Neurons(du=4095, dv=100, threshold=50))
    return NetxNetwork(layers=(source, dense(9, 6), dense(4, 9, whole)))


NETWORKS = {
    "driven": (driven, LoadOptions()),
    "picture": (picture, LoadOptions()),
    "reset": (picture, LoadOptions(reset_interval=13, reset_offset=4)),
    "sigma_delta": (sigma_delta, LoadOptions(spike_exp=3)),
    "resonators": (resonators, LoadOptions()),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_chip_computes_what_lava_computes(name, tmp_path):
    """Every message and every state of every layer, from the saved build alone; Sigma shows its sum only."""
    make, options = NETWORKS[name]
    path = tmp_path / "n.net"
    path.write_bytes(write_network(make()))
    network = read_network(path)
    compile_netx(path, options=options).save(tmp_path / "build")
    device = hardware.load(tmp_path / "build")
    first = network.layers[0]
    shape = first.shape if isinstance(first, InputLayer) else network.input_shape
    rng = np.random.default_rng(1)
    graded = name in ("sigma_delta", "driven")
    x = rng.integers(-5, 30, (80, *shape)) if graded else (rng.random((80, *shape)) < 0.3).astype(int)
    traces = run_layers(network.layers, x, options)
    states = {p: [*e.states] for p, e in device.manifest.populations.items()}
    record = {p: Record(*names, "message") for p, names in states.items()}
    chip = device.emulate(host_messages(network, x, options), record=record, raw=True)
    for p, names in states.items():
        trace = traces[int(p.removeprefix("layer"))]
        order = (0, *range(trace.message.ndim - 1, 0, -1))
        if "message" not in trace.state and len(trace.state) > 1:
            assert np.array_equal(chip[p].message[:, 0], trace.message.transpose(order)), p
            assert trace.message.any() or (name, p) == ("driven", "layer2")
        for variable in names:
            register = {"i": "u"}.get(variable, variable)
            if register in trace.state:
                assert np.array_equal(
                    getattr(chip[p], variable)[:, 0], trace.state[register].transpose(order)
                ), (
                    p,
                    variable,
                )


def test_what_the_loader_misreads_is_compiled_as_it_reads_it_if_asked(tmp_path):
    import h5py

    path = tmp_path / "n.net"
    path.write_bytes(write_network(NetxNetwork(layers=(dense(3, 4),))))
    with h5py.File(path, "a") as f:
        f["layer/0/weight"][...] = f["layer/0/weight"][...] + 0.5
    with pytest.raises(ValueError, match="fractions"):
        compile_netx(path)
    build = compile_netx(path, reading=Reading.AS_LOADED)
    assert "the loader misreads" in build.report()
    assert "cores" in build.report()


def test_weights_that_fit_no_synapse(tmp_path):
    """A convolution of 300 = 150 * 2 fits; one of 301 does not."""
    import h5py

    path = tmp_path / "n.net"
    layer = convolution(2, (6, 5, 2))
    path.write_bytes(write_network(NetxNetwork(layers=(layer,), input_shape=(6, 5, 2))))
    for weight, fits in ((300, True), (301, False)):
        with h5py.File(path, "a") as f:
            f["layer/1/weight"][0, 0, 0, 0] = weight
        if fits:
            assert compile_netx(path).usage
        else:
            with pytest.raises(UnsupportedError, match="weight that no synapse holds"):
                compile_netx(path)


def test_a_shape_of_the_input_is_needed(tmp_path):
    path = tmp_path / "n.net"
    path.write_bytes(write_network(NetxNetwork(layers=(convolution(2, (6, 5, 2)),))))
    with pytest.raises(DescriptionError, match="shape of its input"):
        compile_netx(path)
    assert compile_netx(path, input_shape=(6, 5, 2)).manifest.inputs["input"].shape == (2, 5, 6)


def test_loihi_1_has_leaky_neurons_alone(tmp_path):
    path = tmp_path / "n.net"
    path.write_bytes(write_network(resonators()))
    with pytest.raises(UnsupportedError, match="does not know"):
        compile_netx(path, Loihi1())
    path.write_bytes(write_network(NetxNetwork(layers=(dense(3, 4),))))
    assert compile_netx(path, Loihi1()).manifest.profile == "loihi1"


def test_messages_that_the_loader_takes_for_ones(tmp_path):
    """A recurrent layer's own messages have the width of its input's, so on spikes their values are lost."""
    path = tmp_path / "n.net"
    neurons = Neurons(kind=NeuronKind.SIGMA_DELTA, threshold=2)
    layer = dense(4, 3, neurons, recurrent=even(4, 4))
    path.write_bytes(write_network(NetxNetwork(layers=(layer,))))
    with pytest.raises(UnsupportedError, match=r"layer0.*takes for ones"):
        compile_netx(path)
    assert compile_netx(path, options=LoadOptions(input_message_bits=16)).usage
