"""Every word that sPyNNaker's host writes of a network: keys, tables, rows, parameters of cores and delay cores.

The reference images are compared, and images that sPyNNaker makes on its virtual board of networks with whatever else
there is. Within a row the order is not defined (the host sorts with an unstable sort), so rows are multisets.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP, SpiNNaker
from neurosim.hardware.spinnaker.image.core_words import DelayedRows
from neurosim.hardware.spinnaker.image.machine_image import VertexKind
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.pynn.device_network import device_network
from neurosim.plasticity.options import Dependence, Pairing

SOURCE_KEY, SOURCE_MASK = 5, 6  # words of region 1 of a spike source


def ordered(words, blocks):
    """Rows with the synapses of each in a defined order."""
    words = words.copy()
    for b in blocks:
        rows = words[b.start : b.start + b.words].reshape(b.rows if b.words else 0, max(b.stride, 1))
        if b.projection.plastic:
            for row in rows:
                order_plastic(row)
        else:
            rows[:, HEADER_WORDS:] = np.sort(rows[:, HEADER_WORDS:], axis=1)
    return words


def order_plastic(row):
    """[P] time, trace if any, weights [0] [C] controls: weights and controls together, in place."""
    p = int(row[0])
    n = int(row[p + 2])
    weights, controls = (
        row[1 + p - (n + 1) // 2 : 1 + p].view(np.uint16)[:n],
        row[p + 3 :].view(np.uint16)[:n],
    )
    order = np.lexsort((weights, controls))
    weights[:], controls[:] = weights[order], controls[order]


def compare(image, network):
    """The number of words compared, after finding every one equal."""
    target = SpiNNaker()
    mapped = map_network(device_network(network), target.read_machine(), target.limits, DelayedRows.HOST)
    ours = {v.label: v for v in mapped.image.vertices}
    of_delays = dict.fromkeys(mapped.extensions, 0)
    compared, seen = 0, set()
    for x, y, p, label in json.loads(str(image["placements"])):
        if label.startswith("SYSTEM:"):
            continue
        if late := re.match(r"Delay extension for (\w+)", label):
            atoms = mapped.network.populations[late[1]].atoms
            lo, of_delays[late[1]] = of_delays[late[1]], of_delays[late[1]] + atoms
            vertex = next(
                v for v in ours.values() if (v.kind, v.population, v.lo) == (VertexKind.DELAY, late[1], lo)
            )
        else:
            vertex = ours[label]
        seen.add(vertex.label)
        if vertex.kind is VertexKind.SOURCE:
            theirs = image[f"r_{x}_{y}_{p}_1"]
            assert (vertex.key, vertex.mask) == (int(theirs[SOURCE_KEY]), int(theirs[SOURCE_MASK])), label
            continue
        for region, words in mapped.image.regions[vertex.place].items():
            if (vertex.kind, region) == (VertexKind.NEURONS, Region.PARAMETERS):
                continue  # the board writes it
            theirs = image.get(f"r_{x}_{y}_{p}_{int(region)}", np.zeros(0, np.uint32))
            if (vertex.kind, region) == (VertexKind.NEURONS, Region.SYNAPTIC_ROWS):
                blocks = mapped.words[vertex.population].blocks
                words, theirs = ordered(words, blocks), ordered(theirs, blocks)
            assert len(words) == len(theirs), (label, region)
            assert int((words != theirs).sum()) == 0, (label, region)
            compared += len(words)
    assert seen == set(ours)
    for _, _, key, mask, _ in image["routing"].tolist():
        space = next(k for k in mapped.keys.values() if key & k.mask == k.key)
        assert (
            mask & ((1 << space.sender.core_shift) - 1) == 0
        )  # a core, an aligned run of cores, a population
        assert key & ~mask == 0
    return compared


@pytest.mark.reference("spinnaker/image_*.npz")
def test_every_word_of_the_host(reference_file, pynn_reference):
    partner = reference_file.with_name(reference_file.name.replace("image_", "net_"))
    if not partner.is_file():
        pytest.skip(f"no {partner.name} beside it")
    with np.load(reference_file) as image:
        assert compare(dict(image), pynn_reference(partner).network) > 400


def connections(n_pre, n_post, probability, mean, longest, seed):
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((n_pre, n_post)) < probability)
    return np.stack(
        [i, j, np.abs(rng.normal(mean, mean / 3, len(i))), rng.uniform(0.1, longest, len(i))], axis=1
    )


def everything():
    """All cells, several cores, parallel projections, receptors without projections or with given sums, a population
    without synapses, delay extensions with equal and with different atoms per core, STDP behind one of them."""
    stdp = PyNNSTDP(tau_plus=15.0, tau_minus=25.0, A_plus=0.02, A_minus=0.03, w_min=0.1, w_max=3.3)
    slow = PyNNSTDP(
        A_plus=0.001,
        A_minus=0.0012,
        w_max=0.01,
        dependence=Dependence.MULTIPLICATIVE,
        pairing=Pairing.NEAREST,
    )
    populations = [
        PyNNPopulation(name="src", size=70, cell="SpikeSourceArray", atoms_per_core=32),
        PyNNPopulation(
            name="exc", size=100, atoms_per_core=64, parameters={"tau_m": np.linspace(9.0, 21.0, 100)}
        ),
        PyNNPopulation(name="delta", size=90, cell="IF_curr_delta", atoms_per_core=50),
        PyNNPopulation(
            name="cond", size=40, cell="IF_cond_exp", spikes_per_second=60.0, ring_buffer_sigma=3.0
        ),
        PyNNPopulation(
            name="plastic", size=60, atoms_per_core=32, initial_values={"v": -60.0, "isyn_exc": 0.5}
        ),
        PyNNPopulation(name="learns", size=20, cell="IF_cond_exp"),
        PyNNPopulation(name="given", size=33, atoms_per_core=7, max_expected_summed_weight=(4.0, 9.0)),
        PyNNPopulation(name="alone", size=5),
    ]
    lists = [
        ("given", "exc", 0.3, 1.5, 5, "inhibitory", None),
        ("src", "exc", 0.3, 1.5, 5, "excitatory", None),
        ("src", "exc", 0.1, 2.5, 9, "excitatory", None),
        ("exc", "exc", 0.1, 0.3, 300, "inhibitory", None),
        ("src", "exc", 0.1, -1.5, 3, "inhibitory", None),
        ("exc", "delta", 0.1, 1.0, 250, "excitatory", None),
        ("src", "plastic", 0.3, 1.5, 300, "excitatory", stdp),
        ("plastic", "plastic", 0.3, 0.5, 5, "inhibitory", None),
        ("delta", "cond", 0.3, 0.004, 20, "excitatory", None),
        ("src", "learns", 0.3, 0.005, 90, "excitatory", slow),
        ("exc", "given", 0.1, 2.5, 100, "excitatory", None),
    ]
    sizes = {p.name: p.size for p in populations}
    projections = [
        PyNNProjection(
            pre=pre, post=post, receptor=receptor, stdp=rule,
            connections=connections(sizes[pre], sizes[post], probability, abs(weight), longest, seed)
            * [1, 1, np.sign(weight), 1],
        )
        for seed, (pre, post, probability, weight, longest, receptor, rule) in enumerate(lists)
    ]  # fmt: skip
    return PyNNNetwork(populations=populations, projections=projections)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_every_word_that_spynnaker_writes_of_a_network_with_everything(host_image):
    network = everything()
    assert compare(host_image(network), network) > 20000
