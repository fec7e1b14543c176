"""Routing keys against those that PACMAN gives out."""

from __future__ import annotations

import json

import pytest

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_keys_of_large_networks(reference_file):
    content = json.loads(reference_file.read_text())
    atoms = {p["label"]: p["npc"] for p in content["spec"]["pops"]}
    sizes = {p["label"]: p["n"] for p in content["spec"]["pops"]}
    names = dict.fromkeys(k[0] for k in content["keys"])
    spaces = allocate([Sender(name=n, size=sizes[n], atoms=atoms[n]) for n in names])
    for name, lo, _, key, mask in content["keys"]:
        assert (spaces[name].core_key(lo // atoms[name]), spaces[name].core_mask) == (key, mask)


def test_keys_of_one_core_and_of_many():
    spaces = allocate([Sender(name="a", size=20, atoms=20), Sender(name="b", size=100, atoms=64)])
    assert (spaces["b"].key, spaces["b"].mask, spaces["b"].core_mask) == (0x800, 0xFFFFF800, 0xFFFFFC00)
    assert spaces["b"].core_key(1) == 0x800 | 1 << 10
    assert spaces["a"].core_mask == 0xFFFFFE00


def test_a_spike_source_has_room_for_two_atoms():
    """A source of one atom, then a population: sPyNNaker 7.4.1 gives out masks of 5 and of 4 bits, and key 0x20."""
    spaces = allocate([Sender(name="in", size=1, atoms=1, room=2), Sender(name="a", size=1, atoms=1)])
    assert [spaces[n].core_mask for n in ("in", "a")] == [0xFFFFFFE0, 0xFFFFFFF0]
    assert spaces["a"].key == 0x20


def test_too_many_keys_are_refused():
    with pytest.raises(CapacityError, match="32 bits"):
        allocate([Sender(name=str(i), size=2**27, atoms=2**27) for i in range(4)])
