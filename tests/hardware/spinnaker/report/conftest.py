"""Small networks in device numbers, and one placed by hand on three chips."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.image.machine_image import Vertex, VertexKind
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate


def population(name, size, atoms, shifts=(0, 0), tau=5.0, dt=1.0):
    """Neurons of IF_curr_exp with PyNN's defaults."""

    def columns(*values):
        return np.tile(accum(np.array(values)), (size, 1))

    return DevicePopulation(
        name=name,
        size=size,
        atoms=atoms,
        model=CoreModel.IF_CURR_EXP,
        neuron=columns(-65.0, -65.0, 1.0, 20.0, 0.0, -65.0, 0.1, 0.0, dt),
        inputs=np.zeros((size, 0), np.int64),
        threshold=columns(-50.0)[:, 0],
        synapse=columns(tau, 0.0, tau, 0.0, dt),
        shifts=shifts,
    )


def projection(pre, post, synapses, n_pre, receptor=0, name=None):
    """``synapses``: (source, target, raw, delay) in order of source."""
    source, target, raw, delay = np.array(synapses).T
    return DeviceProjection(
        name=name or f"{pre} to {post}",
        pre=pre,
        post=post,
        receptor=receptor,
        row_start=np.searchsorted(source, np.arange(n_pre + 1)).astype(np.int64),
        target=target.astype(np.int32),
        raw=raw.astype(np.uint16),
        delay=delay.astype(np.uint16),
    )


@pytest.fixture
def make_population():
    return population


@pytest.fixture
def make_projection():
    return projection


@pytest.fixture
def on_three_chips():
    """A source of 4 neurons on (0, 0) that sends to the two cores of a population, on (2, 0) and on (1, 1).

    Its packets go east twice, and from (0, 0) north-east once; core 1 sends to core 0, from (1, 1) to (2, 0), by the
    south link of (2, 1). Chip (1, 0) has no entry and routes by default. What core 0 sends is discarded on its chip.
    """
    source = DevicePopulation(name="in", size=4, atoms=4)
    neurons = population("out", 6, 3, shifts=(3, 2))
    everyone = [(i, j, 10 + i, 1 + j) for i in range(4) for j in range(6)]
    back = [(i, j, 5, 2) for i in range(3, 6) for j in range(3)]
    network = DeviceNetwork(
        populations={"in": source, "out": neurons},
        projections=(projection("in", "out", everyone, 4), projection("out", "out", back, 6, receptor=1)),
    )
    keys = allocate([Sender(name="in", size=4, atoms=4), Sender(name="out", size=6, atoms=3)])
    places = {"in": [(0, 0, 3)], "out": [(2, 0, 4), (1, 1, 5)]}
    vertices = [
        Vertex(
            label=f"{name}({k * p.atoms}:{min(p.size, (k + 1) * p.atoms) - 1})",
            population=name,
            kind=VertexKind.SOURCE if p.model is None else VertexKind.NEURONS,
            model=None if p.model is None else p.model.name,
            lo=k * p.atoms,
            hi=min(p.size, (k + 1) * p.atoms),
            x=places[name][k][0],
            y=places[name][k][1],
            p=places[name][k][2],
            key=keys[name].core_key(k),
            mask=keys[name].core_mask,
        )
        for name, p in network.populations.items()
        for k in range(p.cores)
    ]
    to_source = (keys["in"].key, keys["in"].mask)
    to_core_0, to_core_1 = ((keys["out"].core_key(k), keys["out"].core_mask) for k in (0, 1))
    tables = {
        (0, 0): [Entry(*to_source, 1 << 0 | 1 << 1)],
        (2, 0): [Entry(*to_source, 1 << 6 + 4), Entry(*to_core_1, 1 << 6 + 4), Entry(*to_core_0, 0)],
        (1, 1): [Entry(*to_source, 1 << 6 + 5), Entry(*to_core_1, 1 << 0)],
        (2, 1): [Entry(*to_core_1, 1 << 5)],
    }  # fmt: skip
    return SimpleNamespace(
        network=network,
        machine=read_machine(),
        keys=keys,
        image=SimpleNamespace(vertices=tuple(vertices), tables=tables),
        sdram=(100, 2000, 1000),
        extensions={},
        uncompressed={(0, 0): 1, (1, 0): 0, (1, 1): 2, (2, 0): 4, (2, 1): 1},
        words={"out": CoreWords(network, "out", {}, keys)},
    )
