"""Targets and their options as a user types them."""

from __future__ import annotations

import pytest

from neurosim.cli.target_argument import make_target, target_classes
from neurosim.errors import DescriptionError, UnsupportedError


def test_options_are_set_from_text() -> None:
    crossbar = make_target("Crossbar", ["rows=64", "age=none", "scaling=projection", "profile=pcm"])
    assert (crossbar.rows, crossbar.age, crossbar.profile) == (64, None, "pcm")
    assert crossbar.scaling.name == "PROJECTION"
    assert make_target("loihi1", ["signs=MIXED"]).signs.name == "MIXED"


def test_every_installed_target_has_a_name() -> None:
    assert {name: make_target(name).name for name in target_classes()} == {n: n for n in target_classes()}


@pytest.mark.parametrize("setting", ["rows", "lines=3", "scaling=colum"])
def test_wrong_options_name_the_right_ones(setting: str) -> None:
    with pytest.raises(DescriptionError, match=r"scaling|Scaling\.COLUMN"):
        make_target("crossbar", [setting])


def test_unknown_target() -> None:
    with pytest.raises(UnsupportedError, match="loihi1"):
        make_target("loihi")
