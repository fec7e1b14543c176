"""A user's own machine as a file."""

from __future__ import annotations

import json

import pytest

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.spinnaker.machine import build_machine, read_machine
from neurosim.hardware.spinnaker.machine_file import describe_machine, machine_from, read_machine_file


def test_a_file_gives_size_and_what_is_missing(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "width = 12\nheight = 12\nmissing_chips = [[4, 4]]\nmissing_cores = [[0, 0, 5]]\n"
        "missing_links = [[3, 3, 0]]\n"
    )
    machine = read_machine_file(path)
    assert (4, 4) not in machine.cores
    assert len(machine.cores) == 143
    assert 5 not in machine.cores[0, 0]
    assert machine.neighbour((3, 3), 0) is machine.neighbour((4, 3), 3) is None
    again = machine_from(json.loads(json.dumps(describe_machine(machine))))
    assert (again.cores, again.missing) == (machine.cores, machine.missing)
    assert describe_machine(again) == describe_machine(machine)


def test_a_file_may_leave_the_size_to_the_target(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("missing_chips = [[3, 3]]\n")
    assert len(read_machine_file(path).cores) == 47
    assert len(read_machine_file(path, boards=3).cores) == 143
    assert machine_from({"boards": 3}).cores == read_machine(boards=3).cores
    assert machine_from({"width": 12, "height": 24}).cores == build_machine(12, 24).cores
    with pytest.raises(DescriptionError, match="twice"):
        machine_from({"boards": 3}, boards=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("boards = ", "cannot be read"),
        ("boards = 0", "positive integer"),
        ("boards = true", "positive integer"),
        ("width = 12", "width and height"),
        ("boards = 3\nwidth = 12\nheight = 12", "width and height"),
        ("dead_chips = [[1, 1]]", "unknown entry.*dead_chips.*missing_chips"),
        ("missing_chips = [[1, 1, 1]]", "missing_chips: is not a list of lists of 2 integers"),
        ("missing_links = [[1, 1, 0.0]]", "lists of 3 integers"),
        ("missing_cores = 3", "missing_cores"),
        ("#" * (1 << 20) + "\n", "too large"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_machine_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"'none\.toml'.*cannot be read"):
        read_machine_file(tmp_path / "none.toml")
