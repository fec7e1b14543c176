"""Batches of labelled spikes as tensors, with the list of their spikes attached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from neurosim import random
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.cpu.batch import clear_batch, fill_batch
from neurosim.nn.ops.events import Events, attach
from neurosim.nn.ops.threads import for_range
from neurosim.spikes import Spikes

__all__ = ["BatchLoader", "BatchSource", "Split", "batch_order", "batch_tensor", "batches", "hold_out"]


class BatchSource:
    """Spikes from which batches are taken: sample by sample, in any order, without looking at the rest.

    Args:
        spikes: what to take from.
        dtype: of the tensors, float32 or float64.
        device: where the tensors go.
    """

    def __init__(
        self,
        spikes: Spikes,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> None:
        self.spikes, self.device = spikes, torch.device("cpu" if device is None else device)
        self._dtype = np.float64 if dtype == torch.float64 else np.float32
        everyone = np.arange(spikes.samples + 1, dtype=np.int32)
        self._first = np.searchsorted(spikes.sample, everyone)
        none = np.empty(0, np.int32)
        self._count = none if spikes.count is None else spikes.count
        self._reused = np.empty((0, spikes.steps, spikes.size), self._dtype)
        self._held: Events | None = None

    def take(self, samples: NDArray[np.integer], *, reuse: bool = False) -> Tensor:
        """``[T, B, n]`` of these samples, laid out for the layers: the steps of a sample lie together.

        Args:
            reuse: write over the tensor that the last such call returned, which must not be used any more. Clearing
                its spikes takes less time than making room for a new one.
        """
        spikes = self.spikes
        source = self._first[:-1][samples]
        start = np.zeros(len(source) + 1, np.int64)
        np.cumsum(self._first[1:][samples] - source, out=start[1:])
        x = self._cleared(len(source)) if reuse else self._room(len(source))
        row = np.zeros(len(source) * spikes.steps + 1, np.int64)
        listed = np.empty(start[-1], np.uint32)
        value = np.empty(start[-1] if len(self._count) else 0, self._dtype)
        vectors = (source, start, spikes.step, spikes.neuron, self._count, x, row, listed, value)
        for_range(fill_batch, len(source), *vectors)
        kept = value if len(self._count) else None
        events = Events(row, listed, kept, (spikes.steps, len(source), spikes.size))
        if reuse:
            self._held = events
        tensor = torch.from_numpy(x).transpose(0, 1)
        if self.device.type != "cpu":
            return tensor.to(self.device)
        attach(tensor, events)
        return tensor

    def _room(self, samples: int) -> NDArray[np.floating]:
        return np.zeros((samples, self.spikes.steps, self.spikes.size), self._dtype)

    def _cleared(self, samples: int) -> NDArray[np.floating]:
        if self._held is None or len(self._reused) != samples:
            self._reused = self._room(samples)
        else:
            for_range(clear_batch, samples, self._held.row, self._held.neuron, self._reused)
        return self._reused


def batch_tensor(
    spikes: Spikes, dtype: torch.dtype = torch.float32, device: torch.device | str | None = None
) -> Tensor:
    """All samples as ``[T, B, n]``, laid out for the layers: the steps of a sample lie together."""
    return BatchSource(spikes, dtype, device).take(np.arange(spikes.samples))


def batch_order(samples: int, batch_size: int, *, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """The samples of each batch of an epoch, all of them once, in an order that the seed and the epoch decide."""
    order = random.permutation(random.key(seed, "shuffle", epoch), samples)
    for first in range(0, samples, batch_size):
        yield order[first : first + batch_size]


def batches(
    spikes: Spikes,
    labels: ArrayLike,
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    rank: int = 0,
    world: int = 1,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches ``(x [T, B, n], labels [B])`` of one epoch, shuffled as `neurosim.nn.fit` does.

    Args:
        epoch: each has another order.
        rank, world: of ``world`` processes, what the one numbered ``rank`` takes of every batch; a last batch of fewer
            samples than processes is left out where there are several.
    """
    target = np.asarray(labels)
    if target.shape != (spikes.samples,):
        raise ShapeError(
            "needs one label a sample", where="labels", value=target.shape, limit=(spikes.samples,)
        )
    source = BatchSource(spikes, dtype, device)
    for chosen in batch_order(spikes.samples, batch_size, seed=seed, epoch=epoch):
        if len(chosen) >= world:
            mine = chosen[rank::world]
            yield source.take(mine), torch.from_numpy(target[mine]).to(source.device)


class BatchLoader:
    """The `batches` of one epoch each time it is iterated over, and of the next epoch the next time: for loops and
    frameworks that take an iterable.

    Args:
        options: of `batches`: ``seed``, ``rank``, ``world``, ``dtype``, ``device``.
    """

    def __init__(self, spikes: Spikes, labels: ArrayLike, batch_size: int, **options: Any) -> None:
        self.spikes, self.labels, self.batch_size, self.options = spikes, labels, batch_size, options
        self.epoch = 0

    def __len__(self) -> int:
        """Batches of an epoch."""
        whole, rest = divmod(self.spikes.samples, self.batch_size)
        return whole + (rest >= max(1, int(self.options.get("world", 1))))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        return batches(self.spikes, self.labels, self.batch_size, epoch=epoch, **self.options)


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Labelled spikes in two parts, and which samples are in each."""

    spikes: Spikes
    labels: NDArray[np.integer]
    held_out: Spikes
    held_out_labels: NDArray[np.integer]
    index: NDArray[np.int64]
    held_out_index: NDArray[np.int64]

    @property
    def validation(self) -> tuple[Spikes, NDArray[np.integer]]:
        """What `neurosim.nn.fit` takes as ``validation``."""
        return self.held_out, self.held_out_labels


def hold_out(
    spikes: Spikes, labels: ArrayLike, share: float, *, seed: int = 0, groups: ArrayLike | None = None
) -> Split:
    """Put a share of the samples aside, for validation: to stop early, to choose among settings.

    Without ``groups`` every class gives its share (rounded); with them (a speaker a sample, say) whole groups go aside
    until they hold the share, so that nobody is on both sides.

    Raises:
        DataError: nothing is left on one of the sides.
        DescriptionError: a share outside (0, 1).
    """
    target = np.asarray(labels)
    if not 0.0 < share < 1.0:
        raise DescriptionError("must be between 0 and 1", where="hold_out.share", value=share)
    kinds = target if groups is None else np.asarray(groups)
    if target.shape != (spikes.samples,) or kinds.shape != target.shape:
        found = target.shape if target.shape != (spikes.samples,) else kinds.shape
        raise ShapeError("needs one entry a sample", where="hold_out", value=found, limit=(spikes.samples,))
    key = random.key(seed, "split")
    order = random.permutation(key, spikes.samples)
    aside = np.zeros(spikes.samples, bool)
    names = np.unique(kinds)
    if groups is None:
        for name in names:
            mine = order[kinds[order] == name]
            aside[mine[: int(len(mine) * share + 0.5)]] = True
    else:
        for name in names[random.permutation(random.key(seed, "split", "groups"), len(names))]:
            if aside.sum() >= share * spikes.samples:
                break
            aside[kinds == name] = True
    kept, out = np.flatnonzero(~aside), np.flatnonzero(aside)
    if not len(kept) or not len(out):
        raise DataError(
            "one side is empty",
            where="hold_out",
            value=f"{len(kept)} and {len(out)} samples of {len(names)} groups",
        )
    return Split(
        spikes=spikes.select(kept), labels=target[kept], held_out=spikes.select(out), held_out_labels=target[out],
        index=kept, held_out_index=out,
    )  # fmt: skip
