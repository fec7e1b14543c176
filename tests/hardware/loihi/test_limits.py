from __future__ import annotations

import json

import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi import Loihi1
from neurosim.hardware.loihi.limits import read_limits, read_sources


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_every_limit_has_a_source(chip):
    assert all(len(source) > 10 for source in read_sources(chip).values())
    assert set(read_limits(chip)) == set(read_limits("loihi1"))


def test_published_figures_of_loihi_1():
    limits = read_limits("loihi1")
    assert (limits["cores"], limits["compartments"], limits["synapse_bits"]) == (128, 1024, 128 * 1024 * 8)


def written(tmp_path, change):
    table = {name: {"value": value, "source": "a test"} for name, value in read_limits("loihi1").items()}
    change(table)
    lines = [
        f"{name} = {{ value = {json.dumps(e.get('value'))}, source = {json.dumps(e['source'])} }}"
        for name, e in table.items()
    ]
    path = tmp_path / "chip.toml"
    path.write_text("\n".join(lines))
    return path


def test_a_chip_of_ones_own_is_a_file(tmp_path):
    path = written(tmp_path, lambda table: table["cores"].update(value=2))
    assert Loihi1(chip_file=str(path)).limits["cores"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.pop("cores"),
        lambda table: table.update(wings={"value": 2, "source": "x"}),
        lambda table: table["cores"].update(value="many"),
        lambda table: table["cores"].update(value=-1),
        lambda table: table["cores"].update(source=""),
    ],
)
def test_a_file_that_does_not_describe_a_chip(tmp_path, change):
    with pytest.raises(FileFormatError, match=r"chip\.toml"):
        Loihi1(chip_file=str(written(tmp_path, change)))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read"):
        Loihi1(chip_file=str(tmp_path / "none.toml"))
