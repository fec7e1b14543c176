"""Blocks behind delay extensions, and projections that leave a block empty: every word against sPyNNaker's host."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, SpiNNaker
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.pynn.host_network import device_network

SIZES = {"src": 70, "exc": 100, "b": 100, "c": 300}
LISTS = [  # pre, post, receptor, shortest and longest delay; cores of 64 have 128 slots, c's of 256 have 32
    ("src", "exc", "excitatory", 130, 250),
    ("src", "exc", "inhibitory", 1, 20),
    ("src", "b", "excitatory", 128, 128),
    ("exc", "b", "excitatory", 129, 129),
    ("exc", "b", "excitatory", 128, 128),
    ("b", "c", "inhibitory", 3, 40),
    ("c", "c", "inhibitory", 33, 97),
    ("c", "b", "inhibitory", 1, 128),
    ("b", "c", "excitatory", 1, 2),
]


def connections(pre, post, low, high, seed):
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((SIZES[pre], SIZES[post])) < 5 / SIZES[post])
    return np.stack([i, j, np.full(len(i), 1.5), rng.integers(low, high + 1, len(i))], axis=1)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_every_word_that_spynnaker_writes(host_image, same_words):
    network = PyNNNetwork(
        populations=[
            PyNNPopulation(name="src", size=70, cell="SpikeSourceArray", atoms_per_core=64),
            PyNNPopulation(name="exc", size=100, atoms_per_core=64),
            PyNNPopulation(name="b", size=100, atoms_per_core=64),
            PyNNPopulation(name="c", size=300),
        ],
        projections=[
            PyNNProjection(
                pre=pre,
                post=post,
                receptor=receptor,
                connections=connections(pre, post, low, high, seed),
            )
            for seed, (pre, post, receptor, low, high) in enumerate(LISTS)
        ],
    )
    target = SpiNNaker()
    mapped = map_network(device_network(network), target.read_machine(), target.limits, DelayedRows.HOST)
    assert [(b.projection.name, b.length) for b in mapped.words["exc"].blocks if not b.length]
    assert same_words(host_image(network), mapped.image) > 20000
