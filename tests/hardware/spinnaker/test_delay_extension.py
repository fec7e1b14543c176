"""Delay extensions: which sources get one, with how many stages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import (
    Extension,
    delay_core_dtcm,
    extensions,
    stage_of,
)
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.machine import read_limits


def projection(pre, post, delay):
    """One synapse of a delay."""
    words = np.ones(1, np.uint16)
    start = np.array([0, 1])
    return DeviceProjection(
        name=f"{pre}->{post}", pre=pre, post=post, receptor=0, row_start=start,
        target=np.zeros(1, np.int32), raw=words, delay=words * delay,
    )  # fmt: skip


def network(atoms, *projections):
    return DeviceNetwork(
        populations={n: DevicePopulation(name=n, size=1000, atoms=a) for n, a in atoms.items()},
        projections=tuple(projection(*p) for p in projections),
    )


def test_delays_within_the_slots_need_none():
    assert extensions(network({"a": 256, "b": 64}, ("a", "b", 128), ("b", "a", 32))) == {}


@pytest.mark.parametrize(("delay", "stages"), [(33, 1), (64, 1), (65, 2), (96, 2), (97, 3), (288, 8)])
def test_stages_reach_the_longest_delay(delay, stages):
    assert extensions(network({"a": 256, "b": 256}, ("a", "b", delay))) == {
        "a": Extension(pre="a", stages=stages, slots=32)
    }


def test_a_source_has_one_extension_of_the_most_stages():
    """Sources follow the order of their first projection, extended or not."""
    net = network(
        {"a": 256, "b": 256, "c": 64}, ("b", "c", 1), ("a", "a", 97), ("a", "b", 40), ("b", "a", 40)
    )
    assert list(extensions(net).items()) == [
        ("b", Extension(pre="b", stages=1, slots=32)),
        ("a", Extension(pre="a", stages=3, slots=32)),
    ]


def test_no_extension_has_the_name_of_a_population():
    """Keys and cores go by these names."""
    net = network({"x": 256, "x delayed": 256}, ("x", "x delayed", 40), ("x delayed", "x", 40))
    assert [e.name for e in extensions(net).values()] == ["x delayed'", "x delayed delayed'"]
    assert [e.name for e in extensions(network({"x": 256}, ("x", "x", 40))).values()] == ["x delayed"]


def test_targets_that_need_it_must_have_equal_slots():
    """A target that does not need the extension may have any number (``DelayExtensionException`` on the host)."""
    assert extensions(network({"a": 256, "b": 64}, ("a", "a", 40), ("a", "b", 128)))["a"].slots == 32
    with pytest.raises(CapacityError, match=r"'a->b'.*128 slots of 'b'.*32 slots, those of 'a'.*equal"):
        extensions(network({"a": 256, "b": 64}, ("a", "a", 40), ("a", "b", 129)))


def test_the_reach_is_nine_times_the_slots():
    """128 atoms would reach 576 steps, but 4 stages of 64 steps of 256 source neurons fit no delay core."""
    with pytest.raises(
        CapacityError, match=r"'a->b'.*289 steps.*288 steps with 256.*atoms_per_core=16 of 'b'"
    ):
        extensions(network({"a": 256, "b": 256}, ("a", "b", 289)))
    with pytest.raises(CapacityError, match=r"Shorten"):
        extensions(network({"a": 256, "b": 256}, ("a", "b", 40000)))


@given(st.integers(1, 5000), st.sampled_from([32, 64, 1024]))
def test_a_stage_leaves_a_delay_that_the_ring_holds(delay, slots):
    stage = stage_of(delay, slots)
    assert 1 <= delay - stage * slots <= slots
    assert stage_of(np.array([delay]), slots)[0] == stage


def test_four_stages_of_256_atoms_exceed_the_data_memory():
    """As the firmware found, which stopped with an error while it allocated them; three stages run."""
    limit = read_limits()["dtcm_bytes"]
    assert delay_core_dtcm(256, 4, 32) > limit > delay_core_dtcm(256, 3, 32)
    assert DevicePopulation(name="a", size=1000, atoms=256).slots == 32
    assert DevicePopulation(name="a", size=50, atoms=256).slots == 128


@pytest.mark.parametrize(
    ("stages", "slots", "atoms"),
    [(4, 32, 216), (9, 32, 100), (1, 128, 216), (2, 128, 100), (4, 128, 44), (1, 1024, 16)],
)
def test_as_many_atoms_as_the_machine_code_finds_memory_for(stages, slots, atoms):
    """The most with which ``delay_extension.aplx`` starts, when it is executed instruction by instruction."""
    limit = read_limits()["dtcm_bytes"]
    assert delay_core_dtcm(atoms, stages, slots) <= limit < delay_core_dtcm(atoms + 1, stages, slots)
