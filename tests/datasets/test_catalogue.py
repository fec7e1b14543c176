from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import digits
from neurosim.datasets.catalogue import CATALOGUE, load, load_spikes
from neurosim.datasets.sensors.retina import Retina
from neurosim.datasets.sensors.saccades import Saccades
from neurosim.errors import DataError
from neurosim.spikes import Binning


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_card_is_filled_in_and_its_loader_exists(name: str) -> None:
    card = CATALOGUE[name]
    assert card.holds
    assert card.licence
    assert card.source
    assert card.splits
    module, function = card.loader.split(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_splits_of_a_card_are_those_of_its_loader(name: str) -> None:
    """The loader's own message lists them; without data no split gets further than that."""
    with pytest.raises(DataError) as error:
        load(name, "no such split")
    assert error.value.what == "no such split"
    assert str(error.value.limit).split(", ") == list(CATALOGUE[name].splits)


def test_refuses_unknown_names() -> None:
    with pytest.raises(DataError, match="digits, nmnist"):
        load("cifar")


def test_loads_with_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    images = np.outer(np.arange(8), np.arange(8)) % 17.0
    monkeypatch.setattr(digits, "_digits", lambda: (np.stack([images, images.T]), np.array([3, 7])))
    retina = Retina(shape=(4, 4), magnification=0.5, saccades=Saccades(extent=1.0, duration=0.01))
    whole = load("digits", "all", retina=retina)
    assert whole.labels.tolist() == [3, 7]
    part = load_spikes("digits", "all", dt=1e-3, duration=0.02, binning=Binning.COUNT, retina=retina)
    assert part.spikes.steps == 20
    events = np.concatenate([r.t for r in whole.recordings])  # type: ignore[attr-defined]
    assert int(part.spikes.counts().sum()) == int((events < 20_000).sum()) < len(events)


def test_load_spikes_refuses_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    arrays = {}
    for split, n in (("train", 5000), ("validation", 1000), ("test", 1000)):
        arrays |= {f"samples_{split}": np.zeros((n, 4)), f"labels_{split}": np.zeros(n, np.int64)}
    np.savez(tmp_path / "yin_yang.npz", **arrays)
    assert len(load("yin_yang")) == 5000
    with pytest.raises(DataError, match="no events"):
        load_spikes("yin_yang")
