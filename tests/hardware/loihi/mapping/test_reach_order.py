from __future__ import annotations

import numpy as np

from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.core_content import core_content
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.mapping.reach_order import reach_order

LOIHI1 = read_chip("loihi1").limits


def slices_of(neurons):
    """Runs of consecutive neurons, one after another on a core."""
    runs = np.split(np.sort(neurons), np.flatnonzero(np.diff(np.sort(neurons)) != 1) + 1)
    first = np.cumsum([0, *(len(r) for r in runs)]).tolist()
    return [CoreSlice("a", range(int(r[0]), int(r[-1]) + 1), f) for r, f in zip(runs, first, strict=False)]


def test_channels_of_a_pixel_are_neighbours_and_fewer_axons_lead_to_a_core(networks):
    rng = np.random.default_rng(0)
    kernel = 2 * rng.integers(-100, 100, (8, 3, 3, 3))
    projection, shape = networks.convolution("in", "a", (3, 12, 12), kernel, padding=1)
    n = int(np.prod(shape))
    network = networks.network({"in": 432}, {"a": n}, projection)
    order = reach_order(network, "a")
    channel, pixel = np.divmod(order.reshape(-1, 8), 144)
    assert np.array_equal(pixel, np.broadcast_to(pixel[:, :1], pixel.shape))
    # at the borders the mean place moves by half a row only
    assert np.abs(pixel[:, 0] - np.arange(144)).max() < 12
    assert np.array_equal(np.sort(pixel[:, 0]), np.arange(144))
    assert np.array_equal(channel, np.broadcast_to(np.arange(8), channel.shape))
    for part in (order[:288], order[288:576]):  # three rows of pixels, and what surrounds them
        slices = slices_of(part)
        content = core_content(network, slices, LOIHI1)
        assert networks.held(content) == networks.wanted(network, slices)
        assert len(content.axons.atoms) <= 3 * 12 * 6


def test_all_to_all_and_nothing_leave_the_order(networks):
    source, target = np.divmod(np.arange(50), 5)
    projection = networks.projection("in", "a", 10, source, target, np.full(50, 2))
    network = networks.network({"in": 10}, {"a": 5, "b": 4}, projection)
    assert reach_order(network, "a").tolist() == [0, 1, 2, 3, 4]
    assert reach_order(network, "b").tolist() == [0, 1, 2, 3]
