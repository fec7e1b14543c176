from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy.__main__ import changed
from benchmarks.accuracy.data import SOURCES
from benchmarks.accuracy.recipe import Delays, Kernel, Recipe, named, names
from neurosim.errors import FileFormatError


@pytest.mark.parametrize("name", names())
def test_every_configuration_can_be_read_and_written(name: str) -> None:
    recipe = named(name)
    assert recipe.data.name in SOURCES
    assert Recipe.from_values(json.loads(json.dumps(recipe.to_json())), name) == recipe


def test_shd_has_the_published_numbers() -> None:
    """140-256-256-20, Td = 25 taps, 150 epochs of 256 samples, 5e-3 at most, sigma from 12 (learning rates x 20)."""
    recipe = named("shd_dcls")
    assert recipe.network.hidden == (256, 256)
    assert (recipe.network.max_delay, recipe.network.kernel) == (24, Kernel.GAUSSIAN)
    assert (recipe.training.epochs, recipe.training.batch, recipe.training.rate) == (150, 256, 5e-3)
    assert 700 // recipe.data.merge == 140


def test_changes_by_name() -> None:
    recipe = changed(
        named("shd_dcls"), ["training.epochs=3", "network.hidden=[4]", 'network.delays="none"', "seeds=1"]
    )
    assert (recipe.training.epochs, recipe.network.hidden, recipe.seeds) == (3, (4,), 1)
    assert recipe.network.delays is Delays.NONE
    for wrong in ("epochs=3", "training.speed=3", "nothing.at=1"):
        with pytest.raises(SystemExit):
            changed(recipe, [wrong])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 150", "epochs = 1.5", "another kind"),
        ("epochs = 150", "epoch = 150", "unknown keys"),
        ("epochs = 150", "", "lacks a key"),
        ('delays = "learned"', 'delays = "some"', "none, fixed, learned"),
        ("hidden = [256, 256]", "hidden = [0]", "another kind"),
        ("[network]", "[network", "not TOML"),
        ("seeds = 10", "seeds = 10\ndata = 3", "not TOML"),
    ],
)
def test_refuses_what_it_does_not_know(tmp_path: Path, old: str, new: str, message: str) -> None:
    from benchmarks.accuracy import recipe

    text = (Path(recipe.__file__).parent / "shd_dcls.toml").read_text()
    assert old in text
    (tmp_path / "r.toml").write_text(text.replace(old, new))
    with pytest.raises(FileFormatError, match=message):
        Recipe.from_toml(tmp_path / "r.toml")
