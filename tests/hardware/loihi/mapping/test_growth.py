"""Neurons added to a core one by one: the compiled counts against sets and sums written down."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.growth import Growth
from neurosim.hardware.loihi.mapping.incoming import incoming_of
from neurosim.hardware.loihi.mapping.neuron_needs import needs_of
from neurosim.hardware.loihi.mapping.synapse_format import INDEX_WIDTHS, memory_bits

LOIHI1 = read_chip("loihi1").limits


@pytest.fixture
def network(networks):
    """Two populations, three projections, some weights zero."""
    rng = np.random.default_rng(3)

    def projection(pre, post, n_pre, n, k, **fields):
        return networks.projection(
            pre,
            post,
            n_pre,
            rng.integers(0, n_pre, k),
            rng.integers(0, n, k),
            2 * rng.integers(0, 3, k),
            **fields,
        )

    return networks.network(
        {"in": 40},
        {
            "a": networks.population("a", 90, du=np.repeat(np.arange(3), 30)),
            "b": networks.population("b", 70, threshold=np.arange(70) // 20 + 1),
        },
        projection("in", "a", 40, 90, 900, delay=5),
        projection("a", "b", 90, 70, 500),
        projection("b", "a", 70, 90, 600, delay=rng.integers(0, 3, 600)),
    )


def counted(network, neurons):
    """Input axons and bits of a core with these neurons, each list with an index of the last compartment."""
    rows, sources = {}, set()
    first = network.first_neuron
    for number, p in enumerate(network.projections):
        for s, t, w in zip(p.source.tolist(), p.target.tolist(), p.weight.tolist(), strict=True):
            if w and first[p.post] - 40 + t in neurons:
                rows[number, s] = rows.get((number, s), 0) + 1
                sources.add(first[p.pre] + s)
    index = next(width for width in INDEX_WIDTHS if (len(neurons) - 1) >> width == 0)
    widths = [8 + p.longest_delay.bit_length() for p in network.projections]
    return len(sources), sum(int(memory_bits(n, widths[k[0]] + index)) for k, n in rows.items())


def test_counts_are_those_of_sets(network):
    order = np.random.default_rng(0).permutation(160)
    order = np.concatenate([np.sort(order[:100]), np.sort(order[100:])])
    growth = Growth(incoming_of(network), needs_of(network, LOIHI1), LOIHI1, order)
    for place in (0, 100, 0):
        axons, bits = growth.after(place, np.zeros(160), 1e9, 1e9)
        assert len(axons) == 160 - place
        for k in (1, 17, 60):
            assert (axons[k - 1], bits[k - 1]) == counted(network, set(order[place : place + k].tolist()))


@pytest.mark.parametrize(
    ("limit", "value", "expected"),
    [
        ("compartments", 50, 50),
        ("accumulators", 8 * 33 + 7, 33),
        ("compartment_profiles", 2, 60),  # `a` has a profile for each 30 neurons
        ("threshold_profiles", 3, 90 + 40),  # `a` has one, and `b` one for each 20
        ("output_axons", 25, 25),
        ("cores", 1, 160),
    ],
)
def test_counted_limits_end_a_core(network, limit, value, expected):
    limits = {**LOIHI1, limit: value}
    growth = Growth(incoming_of(network), needs_of(network, limits), limits, np.arange(160))
    axons, _ = growth.after(0, np.ones(160), 1e9, 1e9)
    assert len(axons) == expected


def test_the_first_neuron_beyond_a_cap_is_the_last(network):
    growth = Growth(incoming_of(network), needs_of(network, LOIHI1), LOIHI1, np.arange(160))
    axons, bits = growth.after(0, np.zeros(160), 1e9, 9000)
    assert bits[-1] > 9000 >= bits[-2]
    axons, _ = growth.after(0, np.zeros(160), 20, 1e9)
    assert axons[-1] > 20 >= axons[-2]
