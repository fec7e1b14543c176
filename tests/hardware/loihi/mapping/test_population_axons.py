from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.core_content import core_content
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.mapping.population_axons import ATOMS, population_groups
from neurosim.hardware.loihi.numerics.weights import SignMode

LOIHI1 = read_chip("loihi1").limits


def dense(networks, n, size, weight, pre="in"):
    source, target = np.divmod(np.arange(n * size), size)
    return networks.projection(pre, "a", n, source, target, np.asarray(weight).reshape(-1))


def test_more_presynaptic_neurons_than_axons(networks):
    """5000 in front of a fully connected layer, whose rows of 2 weights of 8 bits lie 32 together."""
    weight = np.random.default_rng(0).integers(1, 128, (5000, 2)) * 2
    network = networks.network({"in": 5000}, {"a": 2}, dense(networks, 5000, 2, weight))
    content = core_content(network, [CoreSlice("a", range(2))], LOIHI1)
    assert len(content.axons.atoms) <= 4096
    # rows that occur twice by chance begin groups of their own
    assert -(-5000 // ATOMS) <= content.least_axons <= -(-5000 // ATOMS) + 4
    assert sorted(content.axons.source.tolist()) == list(range(5000))
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(2))])
    # 904 are too many: 30 groups of 32 save 31 axons each
    assert np.count_nonzero(content.axons.atoms > 1) == 30


def test_neurons_of_a_core_send_16_bit_spikes_and_inputs_32_bit_ones(networks):
    rng = np.random.default_rng(1)
    weights = [rng.integers(1, 128, (40, 3)) * 2 for _ in range(2)]
    network = networks.network(
        {"in": 40},
        {"a": 3, "b": 40},
        dense(networks, 40, 3, weights[0]),
        dense(networks, 40, 3, weights[1], "b"),
    )
    content = core_content(network, [CoreSlice("a", range(3), 5)], {**LOIHI1, "input_axons": 4})
    first = content.axons.source[np.cumsum(content.axons.atoms) - content.axons.atoms]
    assert content.axons.kind[first < 40].tolist() == [32, 32]
    assert content.axons.kind[first >= 40].tolist() == [16, 16]
    assert content.axons.base[first < 40].tolist() == [5, 5]
    assert content.axons.base[first >= 40].tolist() == [4, 4]  # a multiple of four
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(3), 5)])


def test_groups_have_the_same_targets_and_delays_and_are_of_one_population(networks):
    rng = np.random.default_rng(2)
    reach = [np.array([0, 2]), np.array([0, 1, 2])]
    kind = rng.integers(0, 2, 100)
    source = np.repeat(np.arange(100), [len(reach[k]) for k in kind])
    target = np.concatenate([reach[k] for k in kind])
    delay = np.where(source % 3 == 0, 1, 0)
    first = networks.projection(
        "in", "a", 100, source, target, 2 * rng.integers(1, 128, len(source)), 0, delay
    )
    network = networks.network(
        {"in": 100, "other": 7}, {"a": 3}, first, dense(networks, 7, 3, np.full(21, 2), "other")
    )
    group = population_groups(network)
    assert len(group) == 110
    for g in np.unique(group).tolist():
        members = np.flatnonzero(group == g)
        assert len(members) <= ATOMS
        if members[0] < 100:
            assert len({(int(kind[m]), int(m) % 3 == 0) for m in members.tolist()}) == 1
    assert set(group[:100].tolist()).isdisjoint(group[100:107].tolist())
    assert len(np.unique(group[:100])) == 4 + sum(
        (np.count_nonzero((kind == k) & ((np.arange(100) % 3 == 0) == late)) - 1) // ATOMS
        for k in (0, 1)
        for late in (False, True)
    )


def test_channels_of_a_pixel_are_a_group(networks):
    projection, _ = networks.convolution("in", "a", (3, 5, 6), 2 * np.arange(1, 55).reshape(2, 3, 3, 3))
    group = population_groups(networks.network({"in": 90}, {"a": 24}, projection))[:90].reshape(3, 5, 6)
    assert np.array_equal(group[0], group[1])
    assert np.array_equal(group[0], group[2])
    assert len(np.unique(group)) == 30


def test_copies_are_put_into_groups_that_are_alike(networks):
    """20 rows of weights, each that of four neurons: four groups with one list."""
    rows = np.random.default_rng(3).integers(1, 128, (20, 8)) * 2
    network = networks.network({"in": 80}, {"a": 8}, dense(networks, 80, 8, np.repeat(rows, 4, axis=0)))
    content = core_content(network, [CoreSlice("a", range(8))], {**LOIHI1, "input_axons": 4})
    assert content.axons.atoms.tolist() == [20] * 4
    assert content.axons.pointer.tolist() == [0] * 4
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(8))])


def test_weights_that_no_one_format_holds_stay_discrete(networks):
    """An odd weight up to 255 and a negative one: nine bits."""
    mode = np.where(np.arange(12) % 2, SignMode.INHIBITORY, SignMode.EXCITATORY)
    weight = np.where(np.arange(12) % 2, -1, 255)
    source, target = np.divmod(np.arange(12), 2)
    network = networks.network(
        {"in": 6}, {"a": 2}, networks.projection("in", "a", 6, source, target, weight, mode=mode)
    )
    content = core_content(network, [CoreSlice("a", range(2))], {**LOIHI1, "input_axons": 1})
    assert content.least_axons == len(content.axons.atoms) == 6
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(2))])


@pytest.mark.parametrize(("side", "channels", "filters", "bits"), [(16, 16, 4, 59584), (10, 4, 8, 29824)])
def test_memory_of_a_convolution_is_nengo_loihis(networks, side, channels, filters, bits):
    """Bits of a ``Synapse`` with the weights of ``conv2d_loihi_weights`` (nengo-loihi 1.1.0).

    3 x 3, padded, channels first: a population axon for each pixel leads to one of nine lists, at bases up to 255.
    """
    rng = np.random.default_rng(0)
    shape = (filters, channels, 3, 3)
    kernel = 2 * rng.integers(1, 127, shape) * rng.choice([-1, 1], shape)
    size = channels * side * side
    projection, out = networks.convolution("in", "a", (channels, side, side), kernel, padding=1)
    network = networks.network({"in": size}, {"a": int(np.prod(out))}, projection)
    slices = [CoreSlice("a", range(int(np.prod(out))))]
    content = core_content(network, slices, {**LOIHI1, "input_axons": side * side})
    assert len(content.axons.atoms) == side * side
    assert len(np.unique(content.axons.pointer)) == 9
    assert content.bits == bits
