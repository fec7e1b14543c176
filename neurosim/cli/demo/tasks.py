"""The demo's tasks: labelled spikes with a fixed split, and the recipe that fits them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from neurosim.cli.demo.recipe import DIGITS, NMNIST, QUICK, Recipe
from neurosim.errors import DataError
from neurosim.spikes import Binning, Spikes

if TYPE_CHECKING:
    from neurosim.datasets import SpikeDataset

__all__ = ["TASKS", "Task", "load_task"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Spikes and labels to train on and to test with; ``calibration`` are training samples for ranges and scales."""

    name: str
    text: str
    classes: int
    train: Spikes
    train_labels: NDArray[Any]
    test: Spikes
    test_labels: NDArray[Any]
    recipe: Recipe

    @property
    def calibration(self) -> Spikes:
        """Training samples for ranges and scales of the targets."""
        return self.train.select(range(min(100, self.train.samples)))

    def first(self, train: int, test: int, recipe: Recipe) -> Task:
        """The same with fewer samples and another recipe."""
        train, test = min(train, self.train.samples), min(test, self.test.samples)
        return replace(
            self,
            text=f"{self.text}; of these only the first {train} and {test}",
            train=self.train.select(range(train)),
            train_labels=self.train_labels[:train],
            test=self.test.select(range(test)),
            test_labels=self.test_labels[:test],
            recipe=recipe,
        )


def _task(name: str, text: str, train: SpikeDataset, test: SpikeDataset, recipe: Recipe) -> Task:
    spikes = test.spikes
    events = len(spikes) / max(len(test), 1)
    facts = f"{len(train)} to train on, {len(test)} held out; {events:.0f} input spikes a sample"
    return Task(
        name=name,
        text=f"{text}: {facts} in {spikes.steps} steps of {spikes.dt * 1e3:g} ms",
        classes=len(train.class_names),
        train=train.spikes,
        train_labels=train.labels,
        test=spikes,
        test_labels=test.labels,
        recipe=recipe,
    )


def _digits(seed: int) -> Task:
    from neurosim.datasets import load_spikes

    train, test = load_spikes("digits", "train", seed=seed), load_spikes("digits", "test", seed=seed)
    return _task("event digits", "Handwritten digits seen by a moving event camera", train, test, DIGITS)


def _nmnist(seed: int) -> Task:
    from neurosim.datasets import EventDataset, crop_time, downsample, load

    def spikes(split: str) -> SpikeDataset:
        data = load("nmnist", split)
        assert isinstance(data, EventDataset)
        # 34 x 34 pixels need more word lines and synapses than a quarter of them are worth
        small = data.map(lambda events: crop_time(downsample(events, 2), stop=NMNIST_STEPS * DT))
        return small.to_spikes(dt=DT, steps=NMNIST_STEPS, binning=Binning.MERGE)

    text = "N-MNIST recordings, 34 x 34 pixels joined to 17 x 17"
    return _task("N-MNIST", text, spikes("train"), spikes("test"), NMNIST)


DT = 5e-3
NMNIST_STEPS = 62
TASKS = {"digits": _digits, "nmnist": _nmnist}


def load_task(name: str, *, seed: int = 0, quick: bool = False) -> Task:
    """The task of that name; ``quick`` takes fewer samples and a smaller network.

    Raises:
        DataError: no such task, or its data are not there.
    """
    if name not in TASKS:
        raise DataError("no such data", where="--data", value=name, limit=sorted(TASKS))
    task = TASKS[name](seed)
    return task.first(600, 120, QUICK) if quick else task
