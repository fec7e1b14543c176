"""Neurons per core against rows and memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import extensions
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.mapping.map_network import senders_of
from neurosim.hardware.spinnaker.mapping.partition import Needs, halvings, with_atoms
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.routing.keys import allocate

LIMITS = read_limits()


def neurons(name, size, atoms=256):
    """IF_curr_exp of zeros."""
    return DevicePopulation(
        name=name, size=size, atoms=atoms, model=CoreModel.IF_CURR_EXP, neuron=np.zeros((size, 9), np.int64),
        inputs=np.zeros((size, 0), np.int64), threshold=np.zeros(size, np.int64), synapse=np.zeros((size, 5), np.int64),
    )  # fmt: skip


def projection(pre, post, source, target, delay, n_pre, receptor=0):
    source, target, delay = (
        np.broadcast_to(np.asarray(a), np.shape(target)) for a in (source, target, delay)
    )
    return DeviceProjection(
        name=f"{pre}->{post}", pre=pre, post=post, receptor=receptor,
        row_start=np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n_pre))]).astype(np.int64),
        target=target.astype(np.int32), raw=np.ones(len(target), np.uint16), delay=delay.astype(np.uint16),
    )  # fmt: skip


def network(target, delay=1, size=500, n_pre=4):
    populations = {"in": DevicePopulation(name="in", size=n_pre, atoms=n_pre), "a": neurons("a", size)}
    source = np.zeros(np.shape(target), int)
    return DeviceNetwork(
        populations=populations, projections=(projection("in", "a", source, target, delay, n_pre),)
    )


@given(st.integers(1, 1000), st.integers(1, 256))
def test_halvings_are_powers_of_two_below_the_most(size, most):
    found = list(halvings(size, most))
    assert found[0] == min(size, most)
    assert found[-1] == 1
    assert found == sorted(set(found), reverse=True)
    assert all(a & (a - 1) == 0 for a in found[1:])


def test_rows_of_many_synapses_take_fewer_atoms():
    """Two synapses from one source to each of 256 neurons are 512 words, twice what a row holds."""
    needs = Needs(network(np.repeat(np.arange(256), 2)))
    assert needs.of("a", 256, {}).row == 512
    assert not needs.fits("a", 256, {}, LIMITS)
    assert needs.largest("a", 256, LIMITS) == 128


def test_a_bound_is_enough_where_all_synapses_of_a_source_fit_a_row():
    needs = Needs(network(np.arange(200)))
    assert needs.fits("a", 256, {}, LIMITS)
    assert not needs._counts
    assert needs.fits("a", 128, {}, LIMITS | {"row_words": 128})
    assert needs._counts


def test_memory_takes_fewer_atoms():
    needs = Needs(network(np.arange(500)))
    need = needs.of("a", 256, {})
    for limit, used in (("dtcm_bytes", need.dtcm), ("sdram_bytes", need.sdram)):
        assert needs.largest("a", 256, LIMITS | {limit: used}) == 256
        assert needs.largest("a", 256, LIMITS | {limit: used - 1}) == 128


@pytest.mark.parametrize(
    ("limits", "target", "message"),
    [
        ({}, np.zeros(300, int), r"projection 'in->a': .*300 words; allowed: 256 words.*Merge"),
        ({"dtcm_bytes": 100}, np.arange(3), r"population 'a': .*data memory.*bytes; allowed: 100 bytes"),
        ({"sdram_bytes": 100}, np.arange(3), r"population 'a': .*memory of its chip.*allowed: 100 bytes"),
    ],
)
def test_what_does_not_fit_at_all_names_the_offender(limits, target, message):
    with pytest.raises(CapacityError, match=message):
        Needs(network(target)).largest("a", 256, LIMITS | limits)


@given(st.integers(0, 10**6), st.sampled_from([8, 32, 64]))
def test_needs_are_those_of_the_words(seed, atoms):
    """Rows and data memory of the words of a core, with delays through extensions; sources of full cores."""
    rng = np.random.default_rng(seed)
    projections = []
    for k, pre in enumerate(("in", "in", "a")):
        n, size = int(rng.integers(1, 400)), {"in": 64, "a": 128}[pre]
        delay = rng.integers(1, int(rng.choice([2, 40, 300])), n)
        source = rng.integers(0, size, n)
        p = projection(pre, "a", np.sort(source), rng.integers(0, 128, n), delay, size, k % 2)
        projections.append(p)
    net = DeviceNetwork(
        populations={"in": DevicePopulation(name="in", size=64, atoms=32), "a": neurons("a", 128, atoms)},
        projections=tuple(projections),
    )
    found = extensions(net)
    words = CoreWords(net, "a", found, allocate(senders_of(net, found)))
    need = Needs(net).of("a", atoms, found)
    assert need.row == max(b.length for b in words.blocks)
    assert need.dtcm == words.dtcm
    assert need.sdram == words.sdram(0) > 4 * sum(words.words(0).values())
    bound = Needs(net).of("a", atoms, found, exact=False)
    assert bound.row >= need.row
    assert bound.sdram >= need.sdram


def test_atoms_change_nothing_else():
    net = network(np.arange(3))
    less = with_atoms(net, {"a": 64})
    assert (less.populations["a"].atoms, less.populations["in"].atoms) == (64, 4)
    assert less.populations["in"] is net.populations["in"]
    assert less.projections == net.projections
