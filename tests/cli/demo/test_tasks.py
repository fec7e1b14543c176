"""The demo's tasks: what is trained on is never tested on, and targets can take the spikes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosim.cli.demo.tasks import TASKS, Task, load_task
from neurosim.errors import DataError
from neurosim.spikes import Spikes


def rows(spikes: Spikes) -> set[bytes]:
    return {
        spikes.select([i]).neuron.tobytes() + spikes.select([i]).step.tobytes() for i in range(spikes.samples)
    }


def check(task: Task) -> None:
    assert task.train.samples == len(task.train_labels)
    assert task.test.samples == len(task.test_labels)
    assert set(np.unique(task.train_labels)) == set(range(task.classes))
    assert not rows(task.train) & rows(task.test)
    assert task.train.count is None  # no spike counts above 1: every target takes them
    assert rows(task.calibration) <= rows(task.train)


def test_digits() -> None:
    pytest.importorskip("sklearn")
    task = load_task("digits")
    check(task)
    assert (task.train.samples, task.test.samples) == (1433, 364)
    quick = load_task("digits", quick=True)
    assert (quick.train.samples, quick.test.samples) == (600, 120)
    assert rows(quick.train) <= rows(task.train)


@pytest.mark.data
def test_nmnist(data_folder: Path) -> None:
    task = load_task("nmnist")
    check(task)
    assert (task.train.samples, task.test.samples) == (900, 100)
    assert task.train.shape == (2, 17, 17)


def test_unknown_data_are_refused() -> None:
    with pytest.raises(DataError, match="no such data"):
        load_task("cifar")
    assert set(TASKS) == {"digits", "nmnist"}
