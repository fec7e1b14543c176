from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.netx.file_reader import read_network
from neurosim.hardware.loihi.netx.file_writer import unheld_weights, write_network
from neurosim.hardware.loihi.netx.layer_run import run_layers
from neurosim.hardware.loihi.netx.layers import (
    ComplexDenseLayer,
    DenseLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
    Neurons,
)

LIF = Neurons(du=1000, dv=200, threshold=100)
WEIGHT = 2 * np.random.default_rng(0).integers(-128, 127, (3, 4))


def layer(**fields):
    return DenseLayer(**{"weight": WEIGHT, "bias": np.zeros(3, np.int64), "neurons": LIF, **fields})


@pytest.mark.parametrize(
    "delay", [0, 5, np.array([[1], [0], [62]]), np.array([[4, 3, 2, 1]]), np.arange(12).reshape(3, 4)]
)
def test_delays_survive_the_file(tmp_path, delay):
    path, given = tmp_path / "n.net", layer(delay=np.asarray(delay))
    path.write_bytes(write_network(NetxNetwork(layers=(given,))))
    spikes = np.random.default_rng(1).integers(0, 2, (200, 4))
    (a,), (b,) = run_layers([given], spikes), run_layers(read_network(path).layers, spikes)
    assert a.message.any()
    assert np.array_equal(a.state["v"], b.state["v"])


def test_other_neurons_survive_the_file(tmp_path):
    delta, sigma_delta = (Neurons(kind=k, threshold=4) for k in (NeuronKind.DELTA, NeuronKind.SIGMA_DELTA))
    resonator = Neurons(kind=NeuronKind.RF, sin=1500, cos=3600, threshold=9)
    networks = [
        (
            InputLayer(shape=(4,), neurons=delta, weight=3),
            layer(neurons=sigma_delta, bias=np.array([9, 5000, 1])),
        ),
        (InputLayer(shape=(4,), neurons=delta), layer(neurons=Neurons(kind=NeuronKind.SIGMA))),
        (ComplexDenseLayer(real=WEIGHT, imaginary=-WEIGHT[:, ::-1] // 4 * 2, neurons=resonator),),
        (
            ComplexDenseLayer(
                real=WEIGHT, imaginary=WEIGHT, neurons=replace(resonator, kind=NeuronKind.RF_IZ)
            ),
        ),
    ]
    for layers in networks:
        path = tmp_path / "n.net"
        path.write_bytes(write_network(NetxNetwork(layers=layers)))
        x = np.random.default_rng(1).integers(0, 40, (50, 4))
        again = run_layers(read_network(path).layers, x)
        for a, b in zip(run_layers(layers, x), again, strict=True):
            assert np.array_equal(a.message, b.message)
            assert a.message.any()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"weight": 0 * WEIGHT}, "only zero weights"),
        ({"weight": WEIGHT + 1}, "even"),
        ({"weight": 4 * WEIGHT}, "-256 to 254"),
        ({"weight": np.full((3, 4), -64)}, "the loader loses"),
        ({"exponent": -2}, "the loader changed"),
        ({"bias": np.array([5000, 0, 0])}, "bias beyond its register"),
        ({"delay": np.array(63)}, "delay that the loader clamps"),
        ({"delay": np.array(3), "recurrent": np.eye(3, dtype=np.int64)}, "recurrence and delays"),
        ({"neurons": replace(LIF, threshold=np.array([1, 2, 3]))}, "neurons that differ"),
    ],
)
def test_what_the_loader_would_misread_is_not_written(fields, reason):
    if "recurrent" in fields:
        fields = {**fields, "weight": np.abs(WEIGHT) // 2}
    with pytest.raises(UnsupportedError, match=reason):
        write_network(NetxNetwork(layers=(layer(**fields),)))


def test_weights_that_all_hold():
    assert unheld_weights(WEIGHT) is None
    assert unheld_weights(np.array([[0, 3, 255]])) is None
    assert unheld_weights(np.array([[-3, -255]])) is None
    assert unheld_weights(np.array([[0, 3]]), np.array([[-2]])) is not None  # odd, beside a sign
