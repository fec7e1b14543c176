"""The target's own description."""

from __future__ import annotations

import pytest

from neurosim.errors import DescriptionError
from neurosim.hardware import SpiNNaker
from neurosim.hardware.target import Feature, SupportKind


def test_every_feature_has_an_answer():
    support = SpiNNaker().support
    assert set(support) == set(Feature)
    assert all(s.note for s in support.values() if s.kind in (SupportKind.REFUSED, SupportKind.APPROXIMATED))


def test_it_is_a_value():
    assert SpiNNaker(atoms_per_core=64) == SpiNNaker(atoms_per_core=64) != SpiNNaker()
    assert (SpiNNaker().name, SpiNNaker().transport.minimum) == ("spinnaker", 1)
    assert SpiNNaker().limits["chips"] == 48


@pytest.mark.parametrize("atoms", [0, 257, 1.5])
def test_atoms_per_core_are_checked(atoms):
    with pytest.raises(DescriptionError, match="1 to 256"):
        SpiNNaker(atoms_per_core=atoms)


def test_the_machine_has_boards_and_faults(tmp_path):
    assert len(SpiNNaker().read_machine().cores) == 48
    assert len(SpiNNaker(boards=3).read_machine().cores) == 144
    mine = tmp_path / "mine.toml"
    mine.write_text("missing_chips = [[3, 3]]\n")
    assert len(SpiNNaker(machine=str(mine)).read_machine().cores) == 47
    assert len(SpiNNaker(boards=3, machine=str(mine)).read_machine().cores) == 143


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"boards": 0}, r"SpiNNaker\.boards"),
        ({"boards": 10**4}, "size"),
        ({"long_delays": "auto"}, "LongDelays.*AUTO"),
    ],
)
def test_impossible_machines_are_refused(options, message):
    with pytest.raises(DescriptionError, match=message):
        SpiNNaker(**options)
