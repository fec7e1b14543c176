"""Training a feed-forward network on labelled spikes."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from neurosim import random
from neurosim.errors import DataError, DescriptionError, NumericsError, ShapeError
from neurosim.nn.ops.threads import one_torch_thread
from neurosim.nn.sequential import Sequential
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.training.adam import Adam
from neurosim.nn.training.checkpoint import load_checkpoint, save_checkpoint
from neurosim.nn.training.losses import SpikeCountCrossEntropy
from neurosim.spikes import Spikes

__all__ = ["Epoch", "Schedule", "batch_tensor", "fit", "spike_counts"]

Loss = Callable[[Sequence[Tensor], Tensor], Tensor]


class Schedule(Enum):
    """How learning rates change over the epochs."""

    CONSTANT = "constant"
    COSINE = "cosine"
    """from the full rate to zero along half a cosine"""

    def factor(self, done: float) -> float:
        """The share of the full rate after a share ``done`` of the training."""
        return 1.0 if self is Schedule.CONSTANT else 0.5 * (1.0 + math.cos(math.pi * done))


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to, measured while training: on weights that change from batch to batch."""

    epoch: int
    loss: float
    accuracy: float
    spikes: tuple[float, ...]
    """spikes a sample of every population"""
    seconds: float


def batch_tensor(spikes: Spikes, dtype: torch.dtype = torch.float32) -> Tensor:
    """Spikes as ``[T, B, n]``, laid out for the layers: the steps of a sample lie together."""
    x = np.zeros(
        (spikes.samples, spikes.steps, spikes.size), np.float64 if dtype == torch.float64 else np.float32
    )
    x[spikes.sample, spikes.step, spikes.neuron] = spikes.counts_of_cells()
    return torch.from_numpy(x).transpose(0, 1)


@one_torch_thread()
def fit(
    module: Sequential,
    spikes: Spikes,
    labels: ArrayLike,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    rate: float = 2e-3,
    delay_rate: float = 0.1,
    schedule: Schedule = Schedule.COSINE,
    loss: Loss | None = None,
    round_delays_after: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Epoch, ...]:
    """Train with Adam, in place. The same seed gives the same weights, bit for bit, on the same machine,
    whatever its number of threads.

    Args:
        module: what to train.
        spikes: inputs, with the module's ``dt``; one sample a label.
        labels: classes ``[samples]``, whole numbers below the size of the last population.
        seed: draws the order of samples, anew in every epoch.
        rate: learning rate of the weights.
        delay_rate: learning rate of the delays, in steps.
        loss: of (outputs of every population, labels); default: `SpikeCountCrossEntropy`.
        round_delays_after: after this many epochs delays are made whole and stay as they are, so that the rest of
            the training is of the network that will be deployed. None: never.
        checkpoint: an ``.npz`` file written after every epoch. If it is there, training goes on from it.
        on_epoch: called after every epoch.

    Returns:
        One `Epoch` for each epoch, those before a checkpoint included.

    Raises:
        DataError, ShapeError: data that do not fit the module.
        FileFormatError: a checkpoint of another training.
        NumericsError: a loss that is not finite.
    """
    target = _checked(module, spikes, labels)
    if epochs < 1 or batch_size < 1:
        raise DescriptionError(
            "must be positive", where="fit", value={"epochs": epochs, "batch_size": batch_size}
        )
    objective: Loss = SpikeCountCrossEntropy() if loss is None else loss
    adam = Adam(dict(module.named_parameters()))
    settings = {
        "seed": seed, "epochs": epochs, "batch_size": batch_size, "rate": rate, "delay_rate": delay_rate,
        "schedule": schedule.value, "round_delays_after": round_delays_after, "loss": _plain(objective),
        "samples": spikes.samples, "module": _plain(module),
    }  # fmt: skip
    history: list[Epoch] = []
    if checkpoint is not None and os.path.exists(checkpoint):
        history = [
            Epoch(**{**e, "spikes": tuple(e["spikes"])}) for e in load_checkpoint(checkpoint, adam, settings)
        ]
    delays = [m for m in module.modules() if isinstance(m, DelayLinear)]
    batches = -(-spikes.samples // batch_size)
    for epoch in range(len(history), epochs):
        began = time.perf_counter()
        learn_delays = round_delays_after is None or epoch < round_delays_after
        if epoch == round_delays_after:
            for layer in delays:
                layer.round_delays_()
        module.train()
        sums: list[Any] = []
        for k, chosen in enumerate(_shuffled(spikes.samples, batch_size, seed, epoch)):
            share = schedule.factor((epoch + k / batches) / epochs)
            rates = _rates(adam, rate * share, delay_rate * share if learn_delays else 0.0)
            sums.append(_step(module, objective, adam, rates, delays, spikes.select(chosen), target[chosen]))
        done = _summary(epoch, np.array(sums), spikes.samples, time.perf_counter() - began)
        history.append(done)
        if checkpoint is not None:
            save_checkpoint(checkpoint, adam, settings, [vars(e) for e in history])
        if on_epoch is not None:
            on_epoch(done)
    module.eval()
    return tuple(history)


def _plain(thing: object) -> str:
    """Its text without addresses in memory: the same in another process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))


def _checked(module: Sequential, spikes: Spikes, labels: ArrayLike) -> NDArray[np.int64]:
    first, last = module.pairs()[0][0], module.pairs()[-1][1]
    target = np.asarray(labels)
    if not isinstance(spikes, Spikes):
        raise DataError(
            "is not Spikes",
            where="spikes",
            value=type(spikes).__name__,
            remedy="Of an array [T, B, ...] make them with Spikes.from_dense(x, dt=...)",
        )
    if spikes.size != first.n_in:
        raise ShapeError("does not fit the first layer", where="spikes", value=spikes.shape, limit=first.n_in)
    if not math.isclose(spikes.dt, module.dt, rel_tol=1e-9):
        raise DataError("the spikes have another time step", where="spikes", value=spikes.dt, limit=module.dt)
    if target.shape != (spikes.samples,) or target.dtype.kind not in "iu":
        found = f"{target.dtype}{target.shape}"
        raise ShapeError(
            "needs one whole number a sample", where="labels", value=found, limit=(spikes.samples,)
        )
    if target.size == 0:
        raise DataError("there is nothing to train on", where="spikes", value="0 samples")
    if target.min() < 0 or target.max() >= last.size:
        bad = int(target[(target < 0) | (target >= last.size)][0])
        raise DataError(
            "no output neuron for this class", where="labels", value=bad, limit=f"0 to {last.size - 1}"
        )
    return target.astype(np.int64)


def _shuffled(samples: int, batch_size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    order = random.permutation(random.key(seed, "shuffle", epoch), samples)
    for first in range(0, samples, batch_size):
        yield order[first : first + batch_size]


def _rates(adam: Adam, rate: float, delay_rate: float) -> dict[str, float]:
    return {name: delay_rate if name.endswith(".delay") else rate for name in adam.parameters}


def _step(
    module: Sequential,
    loss: Loss,
    adam: Adam,
    rates: dict[str, float],
    delays: list[DelayLinear],
    spikes: Spikes,
    labels: NDArray[np.int64],
) -> list[float]:
    """One update. Returns sums over the batch: loss, hits, and the spikes of every population."""
    for synapses, _ in module.pairs():
        synapses.noise_index = adam.steps
    target = torch.from_numpy(labels)
    outputs, _ = module.trace(batch_tensor(spikes, module.pairs()[0][0].weight.dtype))
    value = loss(outputs, target)
    if not math.isfinite(value.item()):
        raise NumericsError(
            "the loss is not finite", where=f"update {adam.steps}", value=value.item(), remedy="Lower rate"
        )
    module.zero_grad()
    value.backward()
    adam.step(rates)
    for layer in delays:
        layer.clamp_delays_()
    with torch.no_grad():
        hits = (outputs[-1].sum(0).argmax(1) == target).sum().item()
        return [value.item() * len(labels), hits, *(o.sum().item() for o in outputs)]


def _summary(epoch: int, sums: NDArray[np.float64], samples: int, seconds: float) -> Epoch:
    loss, hits, *spikes = (float(v) for v in sums.sum(0) / samples)
    return Epoch(epoch=epoch, loss=loss, accuracy=hits, spikes=tuple(spikes), seconds=seconds)


@one_torch_thread()
@torch.no_grad()
def spike_counts(module: Sequential, spikes: Spikes, *, batch_size: int = 256) -> NDArray[np.int64]:
    """Spikes of every output neuron ``[samples, n_out]``; the class is the ``argmax`` over the last axis."""
    module.eval()
    size = module.pairs()[-1][1].size
    counts = np.zeros((spikes.samples, size), np.int64)
    dtype = module.pairs()[0][0].weight.dtype
    for first in range(0, spikes.samples, batch_size):
        chosen = np.arange(first, min(first + batch_size, spikes.samples))
        counts[chosen] = module(batch_tensor(spikes.select(chosen), dtype))[0].sum(0).round().numpy()
    return counts
