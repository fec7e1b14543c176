"""The loop of a training: epochs of updates, what is measured, and what is written where."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim import random
from neurosim.errors import FileFormatError, NumericsError
from neurosim.nn.training.annealing import Annealing
from neurosim.nn.training.batches import BatchSource, batch_order
from neurosim.nn.training.checkpoint import load_checkpoint, save_checkpoint
from neurosim.nn.training.chunks import Chunks, chunked_step
from neurosim.nn.training.early_stopping import EarlyStopping
from neurosim.nn.training.evaluate import evaluate
from neurosim.nn.training.history import Epoch
from neurosim.nn.training.losses import AnyLoss, scores_of
from neurosim.nn.training.parameter_groups import ParameterKind
from neurosim.nn.training.progress import ProgressBar, Show
from neurosim.nn.training.ranks import Ranks
from neurosim.nn.training.run_record import run_record, write_run
from neurosim.nn.training.step import after_update, before_update, spike_total, training_step
from neurosim.spikes import Spikes

__all__ = ["Data", "Loop"]

Path = str | os.PathLike[str]
Weights = dict[str, Tensor]


class Data(NamedTuple):
    """Spikes and the class of each sample."""

    spikes: Spikes
    labels: NDArray[np.int64]


@dataclass
class _Position:
    """Where a training is: before update ``batch`` of ``epoch``, and what this epoch came to so far."""

    epoch: int = 0
    batch: int = 0
    sums: list[float] = field(default_factory=list)
    gradient: float | None = None
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)
    best: Weights | None = None


@dataclass(kw_only=True)
class Loop:
    """All that is set before a training begins; `neurosim.nn.fit` says what each is."""

    module: Any
    optimiser: torch.optim.Optimizer
    loss: AnyLoss
    ranks: Ranks
    settings: Mapping[str, Any]
    schedule: Callable[[float], float]
    delay_schedule: Callable[[float], float]
    clip: float | None
    anneal: Annealing | None
    chunks: Chunks | None
    early_stopping: EarlyStopping | None
    checkpoint: Path | None
    checkpoint_every: int | None
    run: Path | None

    def __post_init__(self) -> None:
        self.parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.full = [float(group.get("initial_lr", group["lr"])) for group in self.optimiser.param_groups]
        self.epochs, self.seed = int(self.settings["epochs"]), int(self.settings["seed"])
        self.batch_size = int(self.settings["batch_size"])
        after = self.settings["round_delays_after"]
        self.round_after = math.inf if after is None else int(after)
        self.scores = scores_of(self.loss)

    def train(
        self,
        data: Data,
        held_out: Data | None,
        progress: Show,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> tuple[Epoch, ...]:
        """Train to the end, or until early stopping says so, from a checkpoint if there is one."""
        self.ranks.same_start(self.module)
        at = self._begin()
        device = self.parameters[0].device
        source = BatchSource(data.spikes, self.parameters[0].dtype, device)
        per_epoch = -(-data.spikes.samples // self.batch_size)
        done = at.epoch * per_epoch + at.batch
        bar = ProgressBar(progress if self.ranks.first else False, self.epochs * per_epoch, self.epochs, done)
        try:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                while at.epoch < self.epochs and not self._over(at.history):
                    self._epoch(at, source, data.labels, per_epoch, bar)
                    self._close_epoch(at, data.spikes.samples, held_out)
                    if on_epoch is not None and self.ranks.first:
                        on_epoch(at.history[-1])
        finally:
            bar.close()
        if at.best is not None:
            self.module.load_state_dict(at.best)
        self.module.eval()
        return tuple(at.history)

    def _over(self, history: list[Epoch]) -> bool:
        rule, seen = self.early_stopping, self._candidates(history)
        best = None if rule is None else rule.best(tuple(seen))
        return rule is not None and best is not None and seen[-1].epoch - best.epoch >= rule.patience

    def _candidates(self, history: list[Epoch]) -> list[Epoch]:
        """Epochs whose weights may be kept: with delays as they will be deployed, if that was asked for."""
        return [e for e in history if self.round_after == math.inf or e.epoch >= self.round_after]

    def _epoch(
        self, at: _Position, source: BatchSource, labels: NDArray[np.int64], per_epoch: int, bar: ProgressBar
    ) -> None:
        began = time.perf_counter() - at.seconds
        if at.epoch == self.round_after and at.batch == 0:
            for layer in self.module.modules():
                if hasattr(layer, "round_delays_"):
                    layer.round_delays_()
        self.module.train()
        order = batch_order(len(labels), self.batch_size, seed=self.seed, epoch=at.epoch)
        samples = at.batch * self.batch_size
        for k, chosen in enumerate(order):
            if k < at.batch:
                continue
            update = at.epoch * per_epoch + k
            self._set_rates((at.epoch + k / per_epoch) / self.epochs, at.epoch)
            found = self._update(update, source, labels, chosen, at)
            at.sums = [a + b for a, b in zip(at.sums, found, strict=True)] if at.sums else found
            samples += len(chosen)
            at.batch, at.seconds = k + 1, time.perf_counter() - began
            bar.advance(at.epoch, at.sums[0] / samples, at.sums[1] / samples)
            if self.checkpoint_every and (update + 1) % self.checkpoint_every == 0 and at.batch < per_epoch:
                self._save(at)

    def _set_rates(self, done: float, epoch: int) -> None:
        if self.anneal is not None:
            self.anneal(self.module, done)
        for group, full in zip(self.optimiser.param_groups, self.full, strict=True):
            delays = group.get("kind") == ParameterKind.DELAY.value
            factor = float((self.delay_schedule if delays else self.schedule)(done))
            group["lr"] = 0.0 if delays and epoch >= self.round_after else full * factor

    def _update(
        self,
        update: int,
        source: BatchSource,
        labels: NDArray[np.int64],
        chosen: NDArray[np.int64],
        at: _Position,
    ) -> list[float]:
        """One update. Returns sums over the whole batch: loss, hits, and the spikes of every population."""
        rank, world = self.ranks.rank, self.ranks.world
        torch.manual_seed(random.key(self.seed, "dropout", "torch", update, rank))
        before_update(self.module, update, rank=rank, world=world)
        share = chosen[rank::world]
        mine = share if len(share) else chosen[:1]  # nothing to do: looked at, but counted for nothing
        x = source.take(mine, reuse=True)
        target = torch.from_numpy(labels[mine]).to(x.device)
        self.optimiser.zero_grad(set_to_none=True)
        if self.chunks is None or self.chunks.steps >= len(x):
            value, outputs = training_step(self.module, self.loss, x, target)
            value.backward()
            totals = [spike_total(o) for o in outputs]
        else:
            value, outputs, totals = chunked_step(self.module, self.loss, x, target, self.chunks)
        with torch.no_grad():
            hits = float((self.scores(outputs[-1].detach()).argmax(1) == target).sum())
        sums = [value.item() * len(mine), hits, *totals]
        if world > 1:
            sums = self._averaged(sums, len(share), len(chosen))
        if not math.isfinite(sums[0]):
            raise NumericsError(
                "the loss is not finite", where=f"update {update}", value=sums[0], remedy="Lower rate"
            )
        if self.clip is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.clip))
            at.gradient = max(norm, at.gradient or 0.0)
        self.optimiser.step()
        after_update(self.module)
        return sums

    @torch.no_grad()
    def _averaged(self, sums: list[float], mine: int, everyone: int) -> list[float]:
        """Gradients and running averages as of the whole batch, in every process; and the sums."""
        tensors = [p.grad for p in self.parameters if p.grad is not None]
        tensors += [b for b in self.module.buffers() if b.is_floating_point()]
        for tensor in tensors:
            tensor.mul_(mine / everyone)
        device = self.parameters[0].device
        together = torch.tensor(sums, dtype=torch.float64, device=device) * (mine > 0)
        self.ranks.add_up([*tensors, together])
        found: list[float] = together.tolist()
        return found

    def _close_epoch(self, at: _Position, samples: int, held_out: Data | None) -> None:
        loss, hits, *spikes = (total / samples for total in at.sums)
        groups = self.optimiser.param_groups
        began = time.perf_counter()
        measured = None if held_out is None else evaluate(self.module, *held_out, loss=self.loss)
        epoch = Epoch(
            epoch=at.epoch,
            loss=loss,
            accuracy=hits,
            spikes=tuple(spikes),
            seconds=at.seconds + time.perf_counter() - began,
            rates={str(g.get("kind", i)): float(g["lr"]) for i, g in enumerate(groups)},
            gradient=at.gradient,
            validation_loss=None if measured is None else measured.loss,
            validation_accuracy=None if measured is None else measured.accuracy,
        )
        at.history.append(epoch)
        if self.early_stopping is not None:
            best = self.early_stopping.best(tuple(self._candidates(at.history)))
            if best is epoch:
                at.best = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        at.epoch, at.batch, at.sums, at.gradient, at.seconds = at.epoch + 1, 0, [], None, 0.0
        self._save(at)

    def _save(self, at: _Position) -> None:
        if not self.ranks.first:
            return
        if self.checkpoint is not None:
            state = {
                **vars(at),
                "history": [epoch.to_json() for epoch in at.history],
                "module": dict(self.module.state_dict()),
                "optimiser": self.optimiser.state_dict(),
            }
            save_checkpoint(self.checkpoint, state, self.settings)
        if self.run is not None and at.batch == 0:
            record = run_record(self.module, self.settings, at.history, world=self.ranks.world)
            write_run(self.run, record)

    def _begin(self) -> _Position:
        """From the checkpoint, or from the beginning; every process at the same place."""
        at = _Position()
        if self.checkpoint is not None and os.path.exists(self.checkpoint):
            at = self._restore(load_checkpoint(self.checkpoint, self.settings), os.fspath(self.checkpoint))
        place = torch.tensor([at.epoch, at.batch], dtype=torch.float64, device=self.parameters[0].device)
        everyone = place.clone()
        self.ranks.add_up([everyone])
        if not torch.equal(everyone, place * self.ranks.world):
            raise FileFormatError(
                "not every process sees the same checkpoint",
                where=str(self.checkpoint),
                remedy="Put it on a file system that all share",
            )
        return at

    def _restore(self, state: dict[str, Any], where: str) -> _Position:
        """Put a state into the module and the optimiser; if it does not fit, nothing is changed."""
        module, optimiser = state.pop("module"), state.pop("optimiser")
        try:
            for found in (module, *([] if state["best"] is None else [state["best"]])):
                _fits(found, self.module.state_dict())
            mine = self.optimiser.state_dict()["param_groups"]
            if [g["params"] for g in optimiser["param_groups"]] != [g["params"] for g in mine]:
                raise ValueError("the optimiser has other parameters")
            at = _Position(**{**state, "history": [Epoch.from_json(e) for e in state["history"]]})
            self.optimiser.load_state_dict(optimiser)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"is not a checkpoint of this training: {error}", where=where) from error
        self.module.load_state_dict(module)
        return at


def _fits(found: Weights, mine: Weights) -> None:
    kinds = {name: (tuple(t.shape), t.dtype) for name, t in mine.items()}
    theirs = {name: (tuple(t.shape), t.dtype) for name, t in found.items()}
    for name in sorted({*kinds, *theirs}):
        if kinds.get(name) != theirs.get(name):
            raise ValueError(f"{name} is {theirs.get(name)}, expected {kinds.get(name)}")
