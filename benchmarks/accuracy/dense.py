"""Training on inputs that are real numbers, made of stored sounds a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.accuracy.commands import BANDS, spectrogram
from neurosim import nn, random
from neurosim.datasets import ArrayDataset
from neurosim.errors import NumericsError
from neurosim.nn.ops.threads import one_torch_thread

__all__ = ["DenseInput", "fit_dense"]


class DenseInput:
    """Labelled sounds, handed out as spectrograms ``[T, B, n]``, followed by zeros up to ``steps``."""

    shape = (BANDS,)

    def __init__(self, data: ArrayDataset, steps: int) -> None:
        self.data, self.steps = data, steps

    def __len__(self) -> int:
        return len(self.data)

    def take(self, samples: NDArray[np.integer[Any]]) -> Tensor:
        """The inputs of some samples."""
        frames = spectrogram(self.data.data[samples])[:, : self.steps]
        x = np.zeros((len(samples), self.steps, BANDS), np.float32)
        x[:, : frames.shape[1]] = frames
        return torch.from_numpy(x).transpose(0, 1)


@one_torch_thread()
def fit_dense(
    module: nn.Sequential,
    inputs: DenseInput,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    rate: float,
    delay_rate: float,
    weight_decay: float,
    loss: Any,
    schedule: Callable[[float], float],
    delay_schedule: Callable[[float], float] | None,
    anneal: Callable[[torch.nn.Module, float], object] | None,
    round_delays_after: int | None,
) -> list[nn.Epoch]:
    """What `neurosim.nn.fit` does, for inputs that are not spikes: the same optimiser, rates and order of samples."""
    groups = nn.parameter_groups(module, rate=rate, delay_rate=delay_rate, weight_decay=weight_decay)
    optimiser = nn.adam(groups)
    full = [group["lr"] for group in optimiser.param_groups]
    batches = -(-len(inputs) // batch_size)
    delayed: list[Any] = [layer for layer in module.modules() if hasattr(layer, "round_delays_")]
    history = []
    for epoch in range(epochs):
        if epoch == round_delays_after:
            for layer in delayed:
                layer.round_delays_()
        module.train()
        order = random.permutation(random.key(seed, "shuffle", epoch), len(inputs))
        total, hits, spikes = 0.0, 0.0, np.zeros(len(module.pairs()))
        for k in range(batches):
            done = (epoch + k / batches) / epochs
            held = round_delays_after is not None and epoch >= round_delays_after
            for group, most in zip(optimiser.param_groups, full, strict=True):
                delays = group["kind"] == "delay"
                factor = delay_schedule if delays and delay_schedule is not None else schedule
                group["lr"] = 0.0 if delays and held else most * factor(done)
            if anneal is not None:
                anneal(module, done)
            chosen = order[k * batch_size : (k + 1) * batch_size]
            y = torch.from_numpy(inputs.data.labels[chosen])
            outputs, _ = module.trace(inputs.take(chosen))
            value = loss(outputs, y)
            if not torch.isfinite(value):
                raise NumericsError("the loss is not finite", where=f"epoch {epoch}", value=value.item())
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            module.constrain_()
            total += value.item() * len(chosen)
            hits += float((loss.scores(outputs[-1]).argmax(1) == y).sum())
            spikes += [float(o.detach().sum()) for o in outputs]
        n = len(inputs)
        history.append(
            nn.Epoch(epoch=epoch, loss=total / n, accuracy=hits / n, spikes=tuple(spikes / n), seconds=0.0)
        )
    return history
