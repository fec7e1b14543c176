from __future__ import annotations

from itertools import pairwise

import numpy as np

from neurosim.hardware.compiler.place import hops
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.mapping.placement import sites

LOIHI1 = read_chip("loihi1").limits


def test_four_cores_share_a_tile():
    where = sites(LOIHI1)
    assert len(where) == 128
    assert where[:5] == [(0, 0)] * 4 + [(1, 0)]
    assert where[-1] == (7, 3)


def chain(networks, order):
    """Populations of a core each; each neuron sends to its like of the next population in ``order``."""
    one = np.arange(1000)
    links = [
        networks.projection(f"p{a}", f"p{b}", 1000, one, one, np.full(1000, 2)) for a, b in pairwise(order)
    ]
    return networks.network({}, {f"p{i}": 1000 for i in range(len(order))}, *links)


def traffic(mapped, spikes):
    """Spikes from core number to core number, counted neuron by neuron."""
    found = np.zeros((128, 128))
    core_of, first = mapped.placed[0], mapped.network.first_neuron
    for core in mapped.cores:
        for source in core.axons.source.tolist():
            name = max((n for n in first if first[n] <= source), key=lambda n: first[n])
            found[mapped.cores[core_of[source]].number, core.number] += spikes[name]
    return found


def test_cores_that_talk_lie_together(networks):
    order = np.random.default_rng(0).permutation(20).tolist()
    mapped = map_network(chain(networks, order), {**LOIHI1, "compartments": 1000})
    assert len(mapped.cores) == 20
    sent = traffic(mapped, dict.fromkeys(mapped.network.populations, 1))
    assert sent.sum() == 19_000
    # five tiles in a row are four hops of a thousand spikes: no placement has fewer
    assert hops(sent, sites(LOIHI1), np.arange(128)) == 4000


def test_known_activity_decides(networks):
    """Eight cores in a chain take two tiles and a hop between them, unless two links are silent: then none."""
    network = chain(networks, list(range(8)))
    limits = {**LOIHI1, "compartments": 1000}
    spikes = {name: 0 if name in ("p1", "p5") else 5 for name in network.populations}
    activity = {name: np.full(1000, n) for name, n in spikes.items()}
    for known, expected in ((None, 5000), (activity, 0)):
        sent = traffic(map_network(network, limits, known), spikes)
        assert hops(sent, sites(LOIHI1), np.arange(128)) == expected
