"""One training of a recipe: to the last epoch, delays made whole, then tested once. The result is plain JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.accuracy.dense import DenseInput, fit_dense
from benchmarks.accuracy.model import build, objective
from benchmarks.accuracy.parts import Labelled, Parts
from benchmarks.accuracy.recipe import Delays, Kernel, Recipe
from neurosim import nn
from neurosim.atomic_file import write_atomically
from neurosim.datasets import SpikeDataset
from neurosim.nn.ops.threads import one_torch_thread

__all__ = ["FORMAT", "finished", "run", "run_once"]

FORMAT = "neurosim-accuracy-1"
END_SIGMA = 0.23  # steps; width at which the Gaussian of DCLS is one tap and little else


def run_once(recipe: Recipe, parts: Parts, seed: int, file: Path, *, tune: bool = False) -> dict[str, Any]:
    """The result in ``file`` if it is of this recipe and seed; else the training is run, and its result kept there.

    A training on spikes that was interrupted goes on from its last epoch.
    """
    if (result := finished(recipe, seed, file, tune=tune)) is not None:
        return result
    file.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = file.with_suffix(".checkpoint.npz")
    result = run(recipe, parts, seed, tune=tune, checkpoint=checkpoint)
    write_atomically(file, (json.dumps(result) + "\n").encode())
    checkpoint.unlink(missing_ok=True)
    return result


def finished(recipe: Recipe, seed: int, file: Path, *, tune: bool = False) -> dict[str, Any] | None:
    """A result kept earlier, or None where there is none or it is of another training."""
    try:
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    wanted = {"format": FORMAT, "recipe": recipe.to_json(), "seed": seed, "tuning": tune}
    return result if all(result.get(k) == v for k, v in wanted.items()) else None


def run(
    recipe: Recipe, parts: Parts, seed: int, *, tune: bool = False, checkpoint: Path | None = None
) -> dict[str, Any]:
    """Train on the training set and test on the test set; or, to ``tune``, on parts of the training set."""
    train, test = parts.for_tuning(recipe.data.held_out) if tune else (parts.train, parts.test)
    module = build(recipe, _shape(train), len(train.class_names), seed)
    began = time.perf_counter()
    history = _fit(recipe, module, train, seed, checkpoint)
    seconds = time.perf_counter() - began
    delayed: list[Any] = [layer for layer in module.modules() if hasattr(layer, "round_delays_")]
    change = [layer.round_delays_() for layer in delayed]
    predicted = _predict(module, test, recipe)
    return {
        "format": FORMAT,
        "recipe": recipe.to_json(),
        "seed": seed,
        "tuning": tune,
        "samples": {"train": len(train), "test": len(test)},
        "parameters": {
            name: sum(p.numel() for n, p in module.named_parameters() if n.endswith(name) and p.requires_grad)
            for name in ("weight", "delay", "scale", "shift")
        },
        "accuracy": float((predicted == test.labels).mean()),
        "accuracy_in_training": history[-1].accuracy,
        "spikes": list(history[-1].spikes),
        "rounding": max(change, default=0.0),
        "seconds": seconds,
        "labels": test.labels.tolist(),
        "predicted": predicted.tolist(),
    }


def _shape(data: Labelled) -> tuple[int, ...]:
    return data.spikes.shape if isinstance(data, SpikeDataset) else DenseInput.shape


def _fit(recipe: Recipe, module: nn.Sequential, data: Labelled, seed: int, checkpoint: Path | None) -> Any:
    how = recipe.training
    rates = nn.OneCycle(peak=how.warm_up) if how.warm_up else nn.Cosine()
    gaussian = recipe.network.kernel is Kernel.GAUSSIAN and recipe.network.delays is Delays.LEARNED
    options: dict[str, Any] = {
        "epochs": how.epochs, "batch_size": how.batch, "seed": seed, "rate": how.rate, "delay_rate": how.delay_rate,
        "weight_decay": how.weight_decay, "loss": objective(recipe),
        "schedule": nn.Stepped(parts=how.epochs, of=rates) if how.by_epoch else rates,
        "delay_schedule": None if how.delays_follow else nn.Cosine(),
        "anneal": nn.AnnealSigma(start=how.sigma, end=END_SIGMA, parts=how.epochs) if gaussian else None,
        "round_delays_after": round(how.whole_after * how.epochs) if how.whole_after < 1.0 else None,
    }  # fmt: skip
    if not isinstance(data, SpikeDataset):
        return fit_dense(module, DenseInput(data, recipe.data.steps), **options)
    return nn.fit(module, data.spikes, data.labels, progress=False, checkpoint=checkpoint, **options)


@one_torch_thread()
@torch.no_grad()
def _predict(module: nn.Sequential, data: Labelled, recipe: Recipe, batch: int = 256) -> NDArray[np.int64]:
    module.eval()
    scores = objective(recipe).scores
    found = []
    for first in range(0, len(data), batch):
        some = data.select(np.arange(first, min(first + batch, len(data))))
        if isinstance(some, SpikeDataset):
            x = nn.batch_tensor(some.spikes)
        else:
            x = DenseInput(some, recipe.data.steps).take(np.arange(len(some)))
        found.append(scores(module(x)[0]).argmax(1).numpy())
    return np.concatenate(found)
