"""What a network makes of labelled spikes, without learning from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DataError, ShapeError
from neurosim.nn.ops.threads import one_torch_thread
from neurosim.nn.training.batches import BatchSource
from neurosim.nn.training.losses import AnyLoss, SpikeCountCrossEntropy, scores_of
from neurosim.nn.training.ranks import ranks
from neurosim.nn.training.step import spike_total
from neurosim.spikes import Spikes

__all__ = ["Evaluation", "accuracy", "evaluate", "spike_counts"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Loss, share of samples that were named right, and spikes a sample of every population."""

    loss: float
    accuracy: float
    spikes: tuple[float, ...]


@one_torch_thread()
@torch.no_grad()
def evaluate(
    module: Any,
    spikes: Spikes,
    labels: ArrayLike,
    *,
    loss: AnyLoss | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """The module as it is when deployed (``eval()``, in which it is left), over all samples.

    Args:
        loss: of (outputs of every population, labels), whose rule names the class; default: `SpikeCountCrossEntropy`.

    Raises:
        DataError: no samples.
    """
    objective: AnyLoss = SpikeCountCrossEntropy() if loss is None else loss
    target = np.asarray(labels)
    if target.shape != (spikes.samples,):
        raise ShapeError(
            "needs one label a sample", where="labels", value=target.shape, limit=(spikes.samples,)
        )
    if not spikes.samples:
        raise DataError("there is nothing to evaluate", where="spikes", value="0 samples")
    module.eval()
    known, together = next(module.parameters()), ranks()
    source = BatchSource(spikes, known.dtype, known.device)
    scores = scores_of(objective)
    sums: torch.Tensor | None = None
    # every process takes its share of every batch; one that is left with nothing looks at the first sample, for nothing
    for first in range(0, spikes.samples, batch_size):
        chosen = np.arange(first, min(first + batch_size, spikes.samples))[together.rank :: together.world]
        seen = chosen if len(chosen) else np.zeros(1, np.int64)
        y = torch.from_numpy(target[seen].astype(np.int64)).to(known.device)
        outputs, _ = module.trace(source.take(seen, reuse=True))
        hits = float((scores(outputs[-1]).argmax(1) == y).sum())
        value = float(objective(outputs, y)) * len(seen)
        found = torch.tensor([value, hits, *map(spike_total, outputs)], dtype=torch.float64)
        found = found if len(chosen) else torch.zeros_like(found)
        sums = found if sums is None else sums + found
    assert sums is not None
    sums = sums.to(known.device)
    together.add_up([sums])
    value, hits, *counts = (sums / spikes.samples).tolist()
    return Evaluation(loss=value, accuracy=hits, spikes=tuple(counts))


def accuracy(
    module: Any, spikes: Spikes, labels: ArrayLike, *, loss: AnyLoss | None = None, batch_size: int = 256
) -> float:
    """Share of samples whose class the module names right, by the rule of ``loss`` (default: most spikes)."""
    return evaluate(module, spikes, labels, loss=loss, batch_size=batch_size).accuracy


@one_torch_thread()
@torch.no_grad()
def spike_counts(module: Any, spikes: Spikes, *, batch_size: int = 256) -> NDArray[np.int64]:
    """Spikes of every output neuron ``[samples, n_out]``; the class is the ``argmax`` over the last axis."""
    module.eval()
    known = next(module.parameters())
    source = BatchSource(spikes, known.dtype, known.device)
    counts = np.zeros((spikes.samples, module.n_out), np.int64)
    for first in range(0, spikes.samples, batch_size):
        chosen = np.arange(first, min(first + batch_size, spikes.samples))
        output = module(source.take(chosen, reuse=True))[0]
        counts[chosen] = output.sum(0).round().cpu().numpy()
    return counts
