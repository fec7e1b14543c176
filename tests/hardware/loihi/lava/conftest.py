"""Random networks that Lava can express, and what the emulator computes for them from the emitted tables."""

from __future__ import annotations

import importlib.util
import runpy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection, Program
from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range


def population(name, size, rng, *, uniform=True, spiking=True, **registers):
    kind = rng.integers(0, 1 if uniform else 3, size)

    def draw(low, high):
        return rng.integers(low, high, 3, endpoint=True)[kind]

    found = {
        "du": draw(0, 4095),
        "dv": draw(20, 1000),
        "threshold": draw(30, 800) if spiking else np.full(size, 131071),
        "bias_mantissa": rng.integers(-500, 4095, size),
        "bias_exponent": rng.integers(0, 3, size),
        "refractory": np.ones(size, np.int64),
        "u": rng.integers(-(1 << 14), 1 << 14, size),
        "v": rng.integers(-(1 << 16), 1 << 16, size),
    }
    return DevicePopulation(name=name, size=size, spiking=spiking, **{**found, **registers})


def projection(
    name, pre, post, rng, *, density=1.0, delay=0, exponents=(0,), modes=tuple(SignMode)[1:], twice=False
):
    """``pre`` and ``post``: (name, size). Every synapse has a mode and an exponent of its own."""
    source, target = np.nonzero(rng.random((pre[1], post[1])) < density)
    if twice:
        source, target = np.concatenate([source, source]), np.concatenate([target, target])
    k = len(source)
    order = np.lexsort((rng.random(k), source))
    source, target = source[order], target[order]
    exponent = rng.choice(exponents, k)
    mode = rng.choice([int(m) for m in modes], k)
    weight = np.zeros(k, np.int64)
    for m in modes:
        low, high = weight_range(m)
        drawn = rng.integers(low, high, k, endpoint=True)
        step = np.maximum(2 if m is SignMode.MIXED else 1, 1 << np.maximum(-exponent, 0))
        weight = np.where(mode == int(m), np.fix(drawn / step).astype(np.int64) * step, weight)
    start = np.searchsorted(source, np.arange(pre[1] + 1))
    return DeviceProjection(
        name=name, pre=pre[0], post=post[0], row_start=start, target=target, weight=weight, exponent=exponent,
        mode=mode, delay=rng.integers(0, delay, k, endpoint=True),
    )  # fmt: skip


def _layers(rng):
    a, b = population("hidden", 30, rng), population("out", 7, rng, spiking=False)
    return DeviceNetwork(
        inputs={"in": 20},
        populations={"hidden": a, "out": b},
        projections=(
            projection("in to hidden", ("in", 20), ("hidden", 30), rng, modes=(SignMode.MIXED,)),
            projection("hidden to out", ("hidden", 30), ("out", 7), rng, exponents=(-7, -4)),
        ),
    )


def _recurrent(rng):
    pool = population("pool", 60, rng)
    return DeviceNetwork(
        inputs={"in": 15},
        populations={"pool": pool},
        projections=(
            projection("in", ("in", 15), ("pool", 60), rng, density=0.3, delay=5, exponents=(0, 2)),
            projection("back", ("pool", 60), ("pool", 60), rng, density=0.1, delay=62, exponents=(-1, 0)),
        ),
    )


def _different_registers(rng):
    """Populations in several processes, two inputs, several synapses between neurons, delays or none."""
    a, b = population("a", 24, rng, uniform=False), population("b", 18, rng, uniform=False)
    return DeviceNetwork(
        inputs={"left": 10, "right/2": 6},
        populations={"a": a, "b": b},
        projections=(
            projection("left", ("left", 10), ("a", 24), rng, density=0.2, modes=(SignMode.MIXED,)),
            projection(
                "right", ("right/2", 6), ("a", 24), rng, delay=9, twice=True, modes=(SignMode.EXCITATORY,)
            ),
            projection(
                "a to b", ("a", 24), ("b", 18), rng, delay=3, modes=(SignMode.INHIBITORY, SignMode.EXCITATORY)
            ),
            projection("b to a", ("b", 18), ("a", 24), rng, density=0.15, exponents=(-3, 3)),
        ),
    )


def _loud(rng):
    """Sums far beyond 16 bits, currents that wrap, potentials that saturate."""
    pool = population("pool", 20, rng, threshold=np.full(20, 131071), du=np.full(20, 40), dv=np.full(20, 3))
    modes = (SignMode.EXCITATORY, SignMode.INHIBITORY)
    return DeviceNetwork(
        inputs={"in": 40},
        populations={"pool": pool},
        projections=(projection("in", ("in", 40), ("pool", 20), rng, exponents=(5, 6), modes=modes),),
    )


def _apart(rng):
    """Two networks in one, and a population that nothing reaches."""
    return DeviceNetwork(
        inputs={"in": 5, "unused": 3},
        populations={name: population(name, 6, rng) for name in ("one", "two", "alone")},
        projections=(
            projection("first", ("in", 5), ("one", 6), rng),
            projection("second", ("two", 6), ("two", 6), rng, modes=(SignMode.INHIBITORY,)),
        ),
    )


def _reset(rng):
    pool = population("pool", 12, rng, options={"reset_interval": 16, "reset_offset": 3})
    return DeviceNetwork(
        inputs={"in": 8},
        populations={"pool": pool},
        projections=(projection("in", ("in", 8), ("pool", 12), rng),),
    )


def _ternary(rng):
    three = population(
        "three",
        16,
        rng,
        program=Program.TERNARY_LIF,
        options={"threshold_low": -700},
        bias_mantissa=np.zeros(16, int),
    )
    return DeviceNetwork(
        inputs={"in": 8},
        populations={"three": three, "out": population("out", 9, rng)},
        projections=(
            projection("in", ("in", 8), ("three", 16), rng),
            projection("three to out", ("three", 16), ("out", 9), rng, delay=2),
            projection("three to three", ("three", 16), ("three", 16), rng, density=0.1),
        ),
    )


NETWORKS = {
    "layers": _layers,
    "recurrent": _recurrent,
    "different registers": _different_registers,
    "loud": _loud,
    "apart": _apart,
    "reset": _reset,
    "ternary": _ternary,
}


@dataclass
class Case:
    network: DeviceNetwork
    inputs: dict
    steps: int


@pytest.fixture(params=NETWORKS)
def case(request):
    """A network and events [k, 2] of (step, channel) of its inputs, some of them twice."""
    rng = np.random.default_rng(list(NETWORKS).index(request.param))
    network, steps = NETWORKS[request.param](rng), 150
    inputs = {}
    for name, size in network.inputs.items():
        events = np.argwhere(rng.random((steps, size)) < 0.1)
        inputs[name] = np.concatenate([events, events[::7]])
    return Case(network, inputs, steps)


@pytest.fixture(scope="session")
def standing_in():
    """Run a folder's script with the stand-in of Lava: (folder, inputs, steps, states) -> results."""
    spec = importlib.util.spec_from_file_location(
        "lava_stand_in", Path(__file__).with_name("lava_stand_in.py")
    )
    stand_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stand_in)

    def run(folder, inputs, steps, states=()):
        with stand_in.installed():
            return runpy.run_path(str(folder / "lava_network.py"))["run"](inputs, steps, states)

    return run


@pytest.fixture
def make_population():
    return population


@pytest.fixture
def make_projection():
    return projection
