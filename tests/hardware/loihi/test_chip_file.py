from __future__ import annotations

import pytest

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.loihi import Loihi1, Loihi2
from neurosim.hardware.loihi.chip import Fit
from neurosim.hardware.loihi.chip_file import read_chip, read_chip_file

SMALL = """
[chip]
base = "loihi1"
name = "small"

[limits]
cores = { value = 2, source = "a test" }
"""


def written(tmp_path, text):
    path = tmp_path / "chip.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_every_number_has_a_source(name):
    chip = read_chip(name)
    numbers = {"limits": chip.limits, "energy": chip.energy, "time": chip.time}
    assert {f"{section}.{key}" for section, values in numbers.items() for key in values} == set(chip.sources)
    assert all(len(source) > 10 for source in chip.sources.values())


def test_shipped_chips_have_the_same_limits():
    assert set(read_chip("loihi1").limits) == set(read_chip("loihi2").limits)


def test_published_figures_of_loihi_1():
    chip = read_chip("loihi1")
    limits = chip.limits
    assert (limits["cores"], limits["compartments"], limits["synapse_bits"]) == (128, 1024, 128 * 1024 * 8)
    assert (chip.numerics, chip.fit) == ("nengo-loihi", Fit.PUBLISHED)
    assert chip.energy["synaptic_operation"] == 23.6e-12
    assert chip.time["barrier_longest"] == 465e-9


def test_loihi_2_claims_no_more_than_is_public():
    chip = read_chip("loihi2")
    assert (chip.fit, dict(chip.energy), dict(chip.time)) == (Fit.MODEL_FEASIBLE, {}, {})


def test_a_chip_of_ones_own_names_what_differs(tmp_path):
    path = str(written(tmp_path, SMALL))
    chip, base = Loihi1(chip_file=path).chip, read_chip("loihi1")
    assert dict(chip.limits) == {**base.limits, "cores": 2}
    assert (chip.name, chip.label, chip.base, chip.numerics) == ("small", "small", "loihi1", "nengo-loihi")
    assert chip.sources["limits.cores"] == "a test"
    assert chip.energy == base.energy
    assert chip.fit is Fit.MODEL_FEASIBLE  # nobody has published this one
    with pytest.raises(DescriptionError, match=r"Loihi2\.chip_file.*based on another chip.*loihi1"):
        Loihi2(chip_file=path)


def test_a_chip_of_ones_own_may_stand_alone(tmp_path):
    lines = [
        f'{key} = {{ value = {value}, source = "x" }}' for key, value in read_chip("loihi2").limits.items()
    ]
    text = '[chip]\nname = "own"\nnumerics = "brian2-loihi"\n[limits]\n' + "\n".join(lines)
    target = Loihi2(chip_file=str(written(tmp_path, text)))
    assert target.chip.base is None
    assert target.numerics.name == "brian2-loihi"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL + 'wings = { value = 2, source = "x" }', r"chip\.toml, limits\.wings.*unknown number"),
        (SMALL.replace("2", '"many"'), r"limits\.cores.*whole number as value and a source"),
        (SMALL.replace("= 2", "= true"), r"limits\.cores.*whole number"),
        (SMALL.replace("= 2", "= -1"), r"limits\.cores.*out of range.*-1.*1 to 4096"),
        (SMALL.replace("a test", ""), r"limits\.cores.*source"),
        (SMALL.replace("= 2", "= 129"), r"limits\.cores.*more cores than the tiles hold.*129.*128"),
        (SMALL.replace("loihi1", "loihi9"), r"chip\.base.*loihi9"),
        (SMALL.replace('base = "loihi1"', 'numerics = "lava"'), r"limits\.\w+.*missing.*based on no other"),
        (SMALL.replace('name = "small"', ""), r"chip\.name.*missing"),
        (SMALL + "[speed]\n", r"unknown section.*speed"),
        (
            SMALL + '[energy]\nstatic_power = { value = 1, source = "x" }',
            r"energy\.synaptic_operation.*missing",
        ),
        (SMALL + "x", r"cannot be read"),
        ("x = " + "[" * 10_000, r"cannot be read.*recursion"),
        ("limits = 3", r"limits.*not a section"),
    ],
)
def test_a_file_that_does_not_describe_a_chip(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=rf"(?s){message}"):
        read_chip_file(written(tmp_path, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be read"):
        Loihi1(chip_file=str(tmp_path / "none.toml"))
