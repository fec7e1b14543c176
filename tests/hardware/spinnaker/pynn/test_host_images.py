"""Every word that sPyNNaker's host writes of a network: keys, tables, rows, parameters of cores and delay cores.

The reference images are compared, and images that sPyNNaker makes on its virtual board of networks with whatever else
there is.
"""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from neurosim.hardware.spinnaker import (
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
    PyNNSTDP,
    SpiNNaker,
    compile_pynn,
)
from neurosim.hardware.spinnaker.image.machine_image import VertexKind, read_image
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.pynn.host_network import device_network
from neurosim.loss_report import LossKind
from neurosim.plasticity.options import Dependence, Pairing


def mapped_of(network):
    """A network on the machine, with the rows where the host puts them."""
    target = SpiNNaker()
    return map_network(device_network(network), target.read_machine(), target.limits, DelayedRows.HOST)


@pytest.mark.reference("spinnaker/image_*.npz")
def test_every_word_of_the_host(reference_file, network_of_image, same_words, host_cores):
    """And the sizes of the regions that the host reserves."""
    mapped = mapped_of(network_of_image(reference_file).network)
    with np.load(reference_file) as file:
        image = dict(file)
    assert same_words(image, mapped.image) > 400
    reserved = {(x, y, p, r): size for x, y, p, r, _, size in json.loads(str(image["regions"]))}
    for place, vertex in host_cores(image, mapped.image):
        if vertex.kind is VertexKind.NEURONS:
            words = mapped.words[vertex.population]
            for region, size in words.reserved(vertex.lo // words.population.atoms).items():
                assert size == reserved[*place, region], (vertex.label, region)


def connections(n_pre, n_post, probability, mean, longest, seed):
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((n_pre, n_post)) < probability)
    return np.stack(
        [i, j, np.abs(rng.normal(mean, mean / 3, len(i))), rng.uniform(0.1, longest, len(i))], axis=1
    )


def everything():
    """All cells, several cores, parallel projections, receptors without projections or with given sums, a population
    without synapses, delay extensions with equal and with different atoms per core, STDP behind one of them."""
    stdp = PyNNSTDP(
        tau_plus=15.0,
        tau_minus=25.0,
        A_plus=0.02,
        A_minus=0.03,
        w_min=0.1,
        w_max=3.3,
        dependence=Dependence.MULTIPLICATIVE,
    )
    slow = PyNNSTDP(A_plus=0.001, A_minus=0.0012, w_max=0.01, pairing=Pairing.NEAREST)

    def cells(name, size, cell="IF_curr_exp", **options):
        """Neurons that differ: the host then writes the parameters of each itself."""
        given = {"i_offset": np.linspace(-0.33, 0.77, size), **options.pop("parameters", {})}
        return PyNNPopulation(name=name, size=size, cell=cell, parameters=given, **options)

    populations = [
        PyNNPopulation(name="src", size=70, cell="SpikeSourceArray", atoms_per_core=32),
        cells(
            "exc",
            100,
            atoms_per_core=64,
            parameters={"tau_m": np.linspace(9.0, 21.0, 100), "tau_refrac": 1.0001},
        ),
        cells("delta", 90, "IF_curr_delta", atoms_per_core=50, parameters={"cm": 0.25}),
        cells(
            "cond",
            40,
            "IF_cond_exp",
            spikes_per_second=60.0,
            ring_buffer_sigma=3.0,
            parameters={"e_rev_I": -80.3},
        ),
        cells(
            "plastic", 60, atoms_per_core=32, initial_values={"v": -60.0, "isyn_exc": 0.5, "refract_timer": 3}
        ),
        cells("learns", 20, "IF_cond_exp", parameters={"tau_syn_I": np.linspace(1.0, 9.9, 20)}),
        cells("given", 33, atoms_per_core=7, max_expected_summed_weight=(4.0, 9.0)),
        cells("alone", 5),
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


needs_spynnaker = pytest.mark.skipif(
    find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')"
)


def short_steps():
    """All cells at 0.1 ms, where the host would split neurons and synapses unless it is told not to."""
    populations = [
        PyNNPopulation(name="src", size=40, cell="SpikeSourceArray"),
        PyNNPopulation(name="exc", size=60, parameters={"tau_refrac": 0.25}),
        PyNNPopulation(name="delta", size=50, cell="IF_curr_delta"),
        PyNNPopulation(name="cond", size=30, cell="IF_cond_exp"),
    ]
    lists = [
        ("src", "exc", 1.5, 1.55),
        ("exc", "delta", 0.8, 0.5),
        ("delta", "cond", 0.004, 1.0),
        ("exc", "cond", 0.01, 9.0),
    ]
    sizes = {p.name: p.size for p in populations}
    projections = [
        PyNNProjection(
            pre=pre, post=post, connections=connections(sizes[pre], sizes[post], 0.2, weight, longest, seed),
            stdp=PyNNSTDP(tau_plus=3.3, w_max=4.0) if post == "delta" else None,
        )
        for seed, (pre, post, weight, longest) in enumerate(lists)
    ]  # fmt: skip
    return PyNNNetwork(populations=populations, projections=projections, timestep=0.1)


@pytest.mark.slow
@needs_spynnaker
@pytest.mark.parametrize(("make", "words"), [(everything, 20000), (short_steps, 3000)])
def test_every_word_that_spynnaker_writes_of_our_lists(make, words, host_image, same_words):
    network = make()
    assert same_words(host_image(network), mapped_of(network).image) > words


@pytest.mark.slow
@needs_spynnaker
def test_our_script_makes_spynnaker_write_our_words(tmp_path, script_image, same_words):
    """The shifts that the lists call for are given as sums, weights as those that the machine holds."""
    compile_pynn(short_steps(), allow=tuple(LossKind)).save(tmp_path / "b")
    assert same_words(script_image(tmp_path / "b"), read_image(tmp_path / "b")) > 3000
