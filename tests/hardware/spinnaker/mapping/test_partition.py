"""Neurons per core against delays and row lengths."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.plan import PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.mapping.partition import atoms_per_core, dtcm_bytes, longest_row


def projection(pre, target, delay, n_pre=4, n_post=500):
    pre, target, delay = (np.broadcast_to(np.asarray(a), np.shape(target)) for a in (pre, target, delay))
    return PlanProjection("in->a", "in", "a", rows_from(pre, target, 1.0, delay, n_pre, n_post))


@pytest.mark.parametrize(("delay", "atoms"), [(1, 256), (32, 256), (33, 128), (64, 128), (65, 64), (1024, 8)])
def test_long_delays_take_fewer_atoms(delay, atoms):
    p = projection(0, np.arange(10), delay)
    assert atoms_per_core("a", 500, [p], 256, read_limits()) <= atoms
    assert atoms_per_core("a", 500, [p], 256, read_limits()) > atoms // 2


def test_a_small_population_has_slots_to_spare():
    assert atoms_per_core("a", 50, [projection(0, np.arange(10), 128)], 256, read_limits()) == 256


def test_rows_of_many_synapses_take_fewer_atoms():
    """Two synapses from one source to each of 256 neurons are 512 words, twice what a row holds."""
    p = projection(0, np.repeat(np.arange(256), 2), 1)
    assert longest_row(p, 256) == 512
    assert atoms_per_core("a", 500, [p], 256, read_limits()) == 128


def test_what_does_not_fit_at_all_names_the_projection():
    with pytest.raises(CapacityError, match=r"'in->a'.*1025 steps.*1024 steps.*Shorten"):
        atoms_per_core("a", 500, [projection(0, np.arange(3), 1025)], 256, read_limits())
    with pytest.raises(CapacityError, match=r"'in->a'.*300"):
        atoms_per_core("a", 500, [projection(0, np.zeros(300, int), 1)], 256, read_limits())


def test_full_rings_leave_room_in_the_data_memory():
    """2**14 cells of two bytes are half of it."""
    assert 32768 < dtcm_bytes(256, 5, 100, 256) < read_limits()["dtcm_bytes"]
