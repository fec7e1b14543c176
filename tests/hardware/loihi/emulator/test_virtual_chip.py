from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.recording import Record
from neurosim.hardware import Overflow
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.loihi.emulator.device import LoihiDevice, device_of
from neurosim.hardware.loihi.emulator.virtual_chip import virtual_chip
from neurosim.hardware.loihi.limits import read_limits
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.spikes import Spikes


def population(rng, name, size, **changes):
    registers = {
        "du": rng.integers(-1, 4096, size), "dv": rng.integers(0, 4097, size),
        "threshold": rng.integers(1, 2000, size), "bias_mantissa": rng.integers(-4095, 4096, size),
        "bias_exponent": rng.integers(0, 3, size), "refractory": rng.integers(1, 4, size),
        "u": rng.integers(-5000, 5000, size), "v": rng.integers(-5000, 5000, size),
    }  # fmt: skip
    return DevicePopulation(name=name, size=size, **(registers | changes))


def projection(rng, pre, post, sizes, delays=4):
    degree = rng.integers(0, sizes[post] + 1, sizes[pre])
    target = [np.sort(rng.permutation(sizes[post])[:k]) for k in degree]
    k = int(degree.sum())
    return DeviceProjection(
        name=f"{pre} to {post}", pre=pre, post=post, row_start=np.concatenate([[0], np.cumsum(degree)]),
        target=np.concatenate(target), weight=2 * rng.integers(-127, 128, k), exponent=np.zeros(k, np.int64),
        mode=np.full(k, int(SignMode.MIXED)), delay=rng.integers(0, delays, k),
    )  # fmt: skip


def network(seed):
    rng = np.random.default_rng(seed)
    sizes = {"in": 7, "a": 9, "b": 5, "out": 3}
    never = {"spiking": False, "threshold": np.full(3, 131071)}
    populations = (population(rng, "a", 9), population(rng, "b", 5), population(rng, "out", 3, **never))
    pairs = (("in", "a"), ("a", "b"), ("b", "a"), ("a", "a"), ("b", "out"))
    return DeviceNetwork(
        inputs={"in": 7},
        populations={p.name: p for p in populations},
        projections=tuple(projection(rng, pre, post, sizes) for pre, post in pairs),
    )


@pytest.mark.parametrize("numerics", PROFILES.values(), ids=PROFILES)
def test_it_computes_what_the_cores_of_a_build_compute(numerics):
    net, steps = network(3), 150
    states = {"v": (1.0, 0.0), "i": (1.0, 0.0), "refractory_left": (1.0, 0.0)}
    populations = {n: PopulationEntry(shape=(p.size,), states=states) for n, p in net.populations.items()}
    inputs = {"in": PopulationEntry(shape=(7,))}
    manifest = Manifest(
        target="loihi", profile="loihi1", dt=1e-3, inputs=inputs, populations=populations, outputs=("out",)
    )
    mapped = device_of(manifest, tables_of(map_network(net, read_limits("loihi1")), numerics))
    virtual = LoihiDevice(manifest, virtual_chip(net), numerics)
    spikes = {"in": Spikes.from_dense(np.random.default_rng(1).poisson(0.6, (steps, 2, 7)), dt=1e-3)}
    record = {name: Record("spikes", *states) for name in net.populations}
    one, other = (d.run(spikes, steps, record, 0, Overflow.AS_CHIP) for d in (mapped, virtual))
    for name in record:
        assert (name == "out") == (len(one[name].spikes.step) == 0)
        assert np.array_equal(one[name].spikes.dense(int), other[name].spikes.dense(int))
        for variable, values in one[name].variables.items():
            assert np.array_equal(values, other[name].variables[variable])
