"""The memories of all cores, in whatever order one looks at them."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image import core_words
from neurosim.hardware.spinnaker.image.core_regions import CoreRegions
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate

CORES = 7


def words():
    """A population of 7 cores whose neurons project to each other."""
    n, k = 8 * CORES - 3, 4
    rng = np.random.default_rng(0)
    population = DevicePopulation(
        name="a", size=n, atoms=8, model=CoreModel.IF_CURR_DELTA, neuron=np.arange(9 * n).reshape(n, 9),
        inputs=np.ones((n, 1), np.int64), threshold=np.arange(n), synapse=np.zeros((n, 2), np.int64),
    )  # fmt: skip
    projection = DeviceProjection(
        name="p", pre="a", post="a", receptor=0, row_start=np.arange(n + 1) * k,
        target=rng.integers(0, n, n * k).astype(np.int32), raw=rng.integers(1, 99, n * k).astype(np.uint16),
        delay=np.ones(n * k, np.uint16),
    )  # fmt: skip
    network = DeviceNetwork(populations={"a": population}, projections=(projection,))
    return CoreWords(network, "a", {}, allocate([Sender(name="a", size=n, atoms=8)]))


@pytest.mark.parametrize("together", [1, 3, 100])
def test_regions_do_not_depend_on_the_order(together, monkeypatch):
    made = words()
    monkeypatch.setattr(core_words, "_BATCH_BYTES", together * 4 * made.row_words)
    batches = [made.batch_of(core) for core in range(CORES)]
    assert len({b.start for b in batches}) == -(-CORES // together)
    assert all(core in b for core, b in enumerate(batches))
    expected = [made.regions(core) for core in range(CORES)]
    regions = CoreRegions(
        {(0, 0, core): (made, core) for core in range(CORES)}, {(1, 0, 3): {1: np.zeros(9)}}
    )
    assert len(regions) == len(list(regions)) == CORES + 1
    assert regions[1, 0, 3].keys() == {1}
    for core in [*range(CORES), *range(CORES - 1, -1, -1), 0, 5, 1]:
        found = regions[0, 0, core]
        assert found.keys() == expected[core].keys()
        for region, content in found.items():
            np.testing.assert_array_equal(content, expected[core][region])
    with pytest.raises(KeyError):
        regions[5, 5, 5]


def test_cores_in_order_are_made_once(monkeypatch):
    made = words()
    monkeypatch.setattr(core_words, "_BATCH_BYTES", 3 * 4 * made.row_words)
    calls = []
    each = made.each
    monkeypatch.setattr(made, "each", lambda cores: calls.append(cores) or each(cores))
    regions = CoreRegions({(0, 0, core): (made, core) for core in range(CORES)}, {})
    for place in regions:
        regions[place]
    assert calls == [range(3), range(3, 6), range(6, 7)]
