from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import spoken_digits
from benchmarks.accuracy.dense import DenseInput
from benchmarks.accuracy.model import build
from benchmarks.accuracy.parts import Parts
from benchmarks.accuracy.recipe import Data, Delays, Network, Objective, Recipe, Training, named
from benchmarks.accuracy.run import FORMAT, finished, run, run_once
from neurosim import nn
from neurosim.datasets import ArrayDataset, SpikeDataset
from neurosim.spikes import Spikes

RECIPE = Recipe(
    about="two channels, one after the other: only the order tells the classes apart",
    data=Data(name="toy", dt=10e-3, steps=12, held_out=0.25),
    network=Network(
        hidden=(8,), delays=Delays.LEARNED, max_delay=6, tau_membrane=2e-3, tau_readout=50e-3, dropout=0.1
    ),
    training=Training(epochs=6, batch=16, objective=Objective.MEAN, rate=2e-2, delay_rate=0.3, shift_steps=1),
)


def toy(n: int, split: str) -> SpikeDataset:
    """Class 0: channel 0 first, channel 1 five steps later; class 1: the other way round."""
    labels = np.arange(n) % 2
    start = np.random.default_rng(n).integers(0, 4, n)
    sample = np.repeat(np.arange(n), 2)
    step = np.stack([start, start + 5], 1).ravel()
    neuron = np.stack([labels, 1 - labels], 1).ravel()
    spikes = Spikes(sample, step, neuron, shape=(1, 2), dt=10e-3, steps=12, samples=n)
    return SpikeDataset(name="toy", split=split, labels=labels, class_names=("a", "b"), spikes=spikes)


PARTS = Parts(train=toy(96, "train"), test=toy(40, "test"))


def test_delays_are_needed_and_learned() -> None:
    learned = run(RECIPE, PARTS, 0)
    assert learned["accuracy"] > 0.9
    assert learned["parameters"] == {"weight": 32, "delay": 32, "scale": 0, "shift": 0}
    none = dataclasses.replace(RECIPE, network=dataclasses.replace(RECIPE.network, delays=Delays.NONE))
    assert run(none, PARTS, 0)["parameters"]["delay"] == 0


def test_fixed_delays_are_whole_and_stay() -> None:
    recipe = dataclasses.replace(RECIPE, network=dataclasses.replace(RECIPE.network, delays=Delays.FIXED))
    drawn = build(recipe, (1, 2), 2, 3)
    delays = [layer.delay.clone() for layer in drawn.modules() if isinstance(layer, nn.DelayLinear)]
    assert all(torch.equal(d, d.round()) for d in delays)
    result = run(recipe, PARTS, 3)
    assert result["rounding"] == 0.0
    assert result["parameters"]["delay"] == 0


def test_tuning_never_sees_the_test_set() -> None:
    class Forbidden:
        def __getattr__(self, name: str) -> object:
            raise AssertionError("the test set was looked at")

    result = run(RECIPE, Parts(train=PARTS.train, test=Forbidden()), 0, tune=True)  # type: ignore[arg-type]
    assert result["samples"] == {"train": 72, "test": 24}


def test_a_result_is_kept_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "r" / "0.json"
    result = run_once(RECIPE, PARTS, 0, file)
    assert result == finished(RECIPE, 0, file) == json.loads(file.read_text())
    assert [f.name for f in file.parent.iterdir()] == ["0.json"]
    assert finished(RECIPE, 1, file) is None
    assert finished(RECIPE, 0, file, tune=True) is None
    assert finished(dataclasses.replace(RECIPE, seeds=9), 0, file) is None
    file.write_text("{")
    assert finished(RECIPE, 0, file) is None


def test_trains_on_spectrograms() -> None:
    """Two tones, told apart through the path of Speech Commands."""
    t = np.arange(8000) / 8000
    sounds = np.stack([(3000 * np.sin(2 * np.pi * f * t)).astype(np.int16) for f in (300, 1500)] * 8)
    data = ArrayDataset(name="GSC", split="x", data=sounds, labels=np.arange(16) % 2, class_names=("a", "b"))
    network = dataclasses.replace(RECIPE.network, hidden=(8,), batch_norm=1.0, dropout=0.0)
    training = dataclasses.replace(
        RECIPE.training, shift_steps=0, batch=8, epochs=4, whole_after=0.5, warm_up=0.0
    )
    recipe = dataclasses.replace(
        RECIPE, data=Data(name="GSC", dt=10e-3, steps=20), network=network, training=training
    )
    assert DenseInput(data, 120).take(np.arange(2)).shape == (120, 2, 140)
    result = run(recipe, Parts(train=data, test=data), 0)
    assert result["accuracy"] == 1.0
    assert result["rounding"] == 0.0
    assert result["parameters"]["scale"] == 8


def test_the_comparison_of_spoken_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With guesses in the place of trainings."""
    opened = []

    def guess(recipe: Recipe, parts: Parts, seed: int, file: Path, *, tune: bool) -> dict[str, object]:
        wrong = {Delays.NONE: 20, Delays.FIXED: 10, Delays.LEARNED: 1}[recipe.network.delays]
        predicted = parts.test.labels.copy()
        predicted[seed : seed + wrong] ^= 1
        result = {
            "format": FORMAT, "recipe": recipe.to_json(), "seed": seed, "tuning": tune,
            "labels": parts.test.labels.tolist(),
            "predicted": predicted.tolist(), "accuracy": 0.0, "seconds": 1.0, "parameters": {"weight": 2, "delay": 2},
        }  # fmt: skip
        file.write_text(json.dumps(result))
        return result

    def open_toy(data: Data) -> Parts:
        opened.append(data.name)
        return PARTS

    tiny = dataclasses.replace(RECIPE, data=dataclasses.replace(RECIPE.data, name="spoken_digits"))
    monkeypatch.setattr(spoken_digits, "run_once", guess)
    monkeypatch.setattr(spoken_digits, "open_data", open_toy)
    monkeypatch.setattr(spoken_digits, "named", lambda _: tiny)
    monkeypatch.setattr(spoken_digits, "SPEAKERS", ("theo", "lucas"))
    command = ["--seeds", "2", "--out", str(tmp_path)]
    assert spoken_digits.main([*command, "--part", "0/2"]) == 0
    assert spoken_digits.main([*command, "--part", "1/2"]) == 0
    assert set(opened) == {"spoken_digits", "spoken_digits:theo", "spoken_digits:lucas"}
    opened.clear()
    assert spoken_digits.main(command) == 0
    assert not opened  # nothing was left to do
    text = (tmp_path / "summary.md").read_text()
    assert capsys.readouterr().out.endswith(f"{text}\n")
    assert text.count("| official |") == text.count("| speakers |") == 8
    found = json.loads((tmp_path / "summary.json").read_text())["splits"]
    assert found["speakers"]["conditions"]["learned"]["accuracies"] == [39 / 40, 39 / 40]
    assert found["speakers"]["conditions"]["learned"]["items"] == 80
    assert "| learned | 0.0 | 0.0 |" in text  # by speaker, as the guesses claim
    assert found["official"]["comparisons"]["learned - none"]["difference"] == pytest.approx(19 / 40)
    assert found["official"]["comparisons"]["fixed - none"]["only_second"] == 0


@pytest.mark.parametrize("name", ["shd_dcls", "shd_recurrent"])
def test_configurations_of_both_protocols_run(name: str) -> None:
    """With few neurons and steps, on data of the shape of SHD."""
    recipe = named(name)
    network = dataclasses.replace(recipe.network, hidden=(3,) * len(recipe.network.hidden))
    training = dataclasses.replace(recipe.training, epochs=2, batch=4)
    data = dataclasses.replace(recipe.data, steps=12)
    r = np.random.default_rng(0)
    spikes = Spikes.from_dense(r.poisson(0.05, (12, 8, 1, 1, 140)), dt=data.dt)
    labels = np.arange(8) % 2
    shd = SpikeDataset(name="SHD", split="x", labels=labels, class_names=("a", "b"), spikes=spikes)
    tiny = dataclasses.replace(recipe, data=data, network=network, training=training)
    result = run(tiny, Parts(train=shd, test=shd), 0)
    assert result["parameters"]["delay"] == (3 * (140 + 3 + 2) if name == "shd_dcls" else 2 * 3 * 3)
    assert np.isfinite(result["spikes"]).all()
