from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.crossbar.profile import ReadNoiseModel, profile_names, read_profile

CELL = """name = "mine"
[cell]
g_min_S = { value = 1e-6, source = "s" }
g_max_S = { value = 1e-4, source = "s" }
read_voltage_V = { value = 0.2, source = "s" }
"""


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_reads_and_states_its_sources(name):
    profile = read_profile(name)
    assert profile.name == name
    assert profile.description
    assert {"cell.g_min_S", "cell.g_max_S", "cell.read_voltage_V"} <= set(profile.sources)
    assert all(profile.sources.values())


def test_the_default_reads_with_noise():
    profile = read_profile("rram-wan-1d")
    assert profile.read_noise.model is ReadNoiseModel.ADDITIVE
    assert profile.g_max == 40e-6


def test_a_profile_extends_another():
    base, top = read_profile("rram-wan-1s"), read_profile("rram-wan-1d")
    assert (base.g_max, base.read_noise, base.pulse) == (top.g_max, top.read_noise, top.pulse)
    assert base.programming.sigma != top.programming.sigma
    assert base.programming.reference == top.programming.reference


def test_a_users_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(CELL)
    assert read_profile(file).span == pytest.approx(99e-6)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (CELL + "[programming]\nsigma_uS = [1.0]\n", FileFormatError, "source"),
        (
            CELL + '[programming]\nsigma_uS = { value = ["x"], source = "s" }\n',
            FileFormatError,
            "not a number",
        ),
        (CELL + "[wires]\n", FileFormatError, "unknown keys"),
        (CELL + '[faults]\nstuck = { value = 0.1, source = "s" }\n', FileFormatError, "unknown key"),
        (CELL + '[read_noise]\nmodel = "pink"\n', FileFormatError, "unknown read noise"),
        (CELL.replace("1e-4", "1e-7"), DescriptionError, "g_max must exceed"),
        (CELL.replace("1e-4", "inf"), DescriptionError, "out of range"),
        (CELL.replace("name", "nom"), FileFormatError, "unknown keys"),
        ('name = "mine"\n', FileFormatError, "missing"),
        ("name = ", FileFormatError, "not TOML"),
        ('extends = "{self}"\n', FileFormatError, "extends itself"),
    ],
)
def test_bad_profiles_are_refused(tmp_path, text, error, says):
    file = tmp_path / "bad.toml"
    file.write_text(text.replace("{self}", str(file)))
    with pytest.raises(error, match=says):
        read_profile(file)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DescriptionError, match="rram-wan-1d"):
        read_profile("rram")


def test_profiles_compare_by_value():
    assert read_profile("pcm") == read_profile("pcm")
    assert read_profile("pcm") != read_profile("ideal")
    assert np.isfinite(hash(read_profile("pcm")))
