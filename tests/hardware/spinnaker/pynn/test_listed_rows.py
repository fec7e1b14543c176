"""Rows of lists that are not sorted by source."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, SpiNNaker
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.pynn.host_losses import losses_of
from neurosim.hardware.spinnaker.pynn.host_network import device_network
from neurosim.hardware.spinnaker.pynn.listed_rows import left_out, listed_rows

ATOMS = 64
SHORT, LONG = 21, 19
"""Seeds of lists of whose rows the host makes some too short, and all longer than they need be."""


def network(seed, n_post, density, shuffled=True):
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((70, n_post)) < density)
    table = np.stack([i, j, rng.random(len(i)) + 0.1, rng.integers(1, 200, len(i))], axis=1)
    return PyNNNetwork(
        populations=[
            PyNNPopulation(name="src", size=70, cell="SpikeSourceArray", atoms_per_core=ATOMS),
            PyNNPopulation(name="exc", size=n_post, atoms_per_core=ATOMS),
        ],
        projections=[
            PyNNProjection(
                pre="src",
                post="exc",
                connections=table[rng.permutation(len(i))] if shuffled else table,
            )
        ],
    )


def mapped(net):
    target = SpiNNaker()
    return map_network(device_network(net), target.read_machine(), target.limits, DelayedRows.HOST)


def test_the_host_cuts_the_list_at_the_wrong_places():
    """Sources 1 0 1 0 1 to one core: one piece of the two first (source 0 has two), one of three."""
    source, target, delay = np.array([1, 0, 1, 0, 1]), np.zeros(5, np.int64), np.ones(5, np.int64)
    assert listed_rows(source, target, delay, 4, 8) == (3, 0)
    target[:] = [
        0,
        4,
        4,
        0,
        0,
    ]  # cores 0 1 1 0 0: pieces 0 1 and 1 0 0; source 1 has two on core 0, one on core 1
    assert listed_rows(source, target, delay, 4, 8) == (2, 0)
    target[:] = [0, 4, 0, 4, 0]  # cores 0 1 0 1 0: pieces 0 1 and 0 1 0; source 1 has three on core 0
    assert listed_rows(source, target, delay, 4, 8) == (2, 0)
    assert left_out(source, target, delay, 4, 8, (2, 0)) == 1
    order = np.argsort(source, kind="stable")
    assert listed_rows(source[order], target[order], delay, 4, 8) is None


def test_synapses_are_left_out_and_reported():
    net = network(SHORT, 300, 0.3)
    found = mapped(net)
    words = found.words["exc"]
    stored = 0
    for regions in words.each():
        for b in words.blocks:
            rows = regions[6][b.start : b.start + b.words].reshape(b.rows, b.stride)
            stored += int(rows[:, 1].sum())
    (loss,) = [x for x in losses_of(net, found.network) if "left out" in x.what]
    lost = int(loss.what.split()[0])
    assert lost > 0
    assert stored + lost == len(net.projections[0].connections)
    in_order = network(SHORT, 300, 0.3, shuffled=False)
    assert not [x for x in losses_of(in_order, mapped(in_order).network) if "left out" in x.what]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_every_word_that_spynnaker_writes_of_a_shuffled_list(host_image, same_words):
    """Rows longer than they need be; which synapses are left out of short ones depends on the host's processor."""
    net = network(LONG, 130, 0.1)
    assert same_words(host_image(net), mapped(net).image) > 1000
