"""Training a network on labelled spikes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.ops.threads import one_torch_thread
from neurosim.nn.training.annealing import Annealing
from neurosim.nn.training.chunks import Chunks
from neurosim.nn.training.early_stopping import EarlyStopping
from neurosim.nn.training.history import Epoch
from neurosim.nn.training.loop import Data, Loop
from neurosim.nn.training.losses import AnyLoss, SpikeCountCrossEntropy
from neurosim.nn.training.optimiser import OptimiserFactory, adam
from neurosim.nn.training.parameter_groups import parameter_groups
from neurosim.nn.training.progress import Show
from neurosim.nn.training.ranks import ranks
from neurosim.nn.training.run_record import fingerprint, plain_text
from neurosim.nn.training.schedules import Schedule
from neurosim.spikes import Spikes

__all__ = ["fit"]

Labelled = tuple[Spikes, ArrayLike]
Path = str | os.PathLike[str]


@one_torch_thread()
def fit(
    module: Any,
    spikes: Spikes,
    labels: ArrayLike,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    rate: float = 2e-3,
    delay_rate: float = 0.1,
    neuron_rate: float | None = None,
    weight_decay: float = 0.0,
    schedule: Callable[[float], float] = Schedule.COSINE,
    delay_schedule: Callable[[float], float] | None = None,
    optimiser: OptimiserFactory | None = None,
    loss: AnyLoss | None = None,
    clip: float | None = None,
    anneal: Annealing | None = None,
    chunks: Chunks | None = None,
    round_delays_after: int | None = None,
    validation: Labelled | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | None = None,
    run: Path | None = None,
    progress: Show = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Epoch, ...]:
    """Train in place. The same seed gives the same weights, bit for bit, on the same machine, whatever its number of
    threads, and whether or not the training was interrupted.

    Inside `data_parallel` every process calls it with the same arguments and takes its share of each batch.

    Args:
        module: what to train: a `Sequential`, or a module with its ``trace``, ``n_in``, ``n_out`` and ``dt``.
        spikes: inputs, with the module's ``dt``; one sample a label.
        labels: classes ``[samples]``, whole numbers below the size of the last population.
        batch_size: samples an update, of all processes together.
        seed: draws the order of samples, anew in every epoch, and seeds PyTorch for every update.
        rate: learning rate of the weights.
        delay_rate: learning rate of the delays, in steps.
        neuron_rate: learning rate of the neurons' own parameters (time constants are in steps); None: ``rate``.
        weight_decay: of the weights alone.
        schedule: factor of the rates, of the share of the training that is done; see `Schedule`.
        delay_schedule: the same for the delays; None: ``schedule``.
        optimiser: makes one of parameter groups, such as a class of ``torch.optim``; default: Adam, AdamW with decay.
        loss: of (outputs of every population, labels); default: `SpikeCountCrossEntropy`.
        clip: largest norm of all gradients together.
        anneal: called before every update as (module, share that is done), such as `AnnealSigma`.
        chunks: how to cut long sequences for the backward pass.
        round_delays_after: after this many epochs delays are made whole and stay as they are, so that the rest of
            the training is of the network that will be deployed. None: never.
        validation: spikes and labels that are not trained on (`hold_out`), measured after every epoch.
        early_stopping: when to stop by them; the weights are those of the best epoch then, of those after rounding.
        checkpoint: an ``.npz`` file written after every epoch. If it is there, training goes on from it.
        checkpoint_every: updates after which it is written as well.
        run: a JSON file with all it takes to repeat the training, and its history, written after every epoch.
        progress: a bar: True, False, None (on a terminal), or a function of `TrainingProgress`.
        on_epoch: called after every epoch, in the first process.

    Returns:
        One `Epoch` for each epoch, those before a checkpoint included.

    Raises:
        DataError, ShapeError, DescriptionError: data or options that do not fit.
        FileFormatError: a checkpoint that is damaged, or of another training.
        NumericsError: a loss that is not finite.
    """
    train = Data(spikes, _checked(module, spikes, labels, ""))
    held_out = (
        None if validation is None else Data(validation[0], _checked(module, *validation, "validation "))
    )
    counts = {"epochs": epochs, "batch_size": batch_size}
    counts |= {} if checkpoint_every is None else {"checkpoint_every": checkpoint_every}
    if any(n < 1 for n in counts.values()):
        raise DescriptionError("must be positive", where="fit", value=counts)
    if early_stopping is not None and held_out is None:
        raise DescriptionError(
            "needs validation data", where="fit.early_stopping", remedy="Put some aside with nn.hold_out"
        )
    if clip is not None and not clip > 0:
        raise DescriptionError("must be positive", where="fit.clip", value=clip)
    groups = parameter_groups(
        module, rate=rate, delay_rate=delay_rate, neuron_rate=neuron_rate, weight_decay=weight_decay
    )
    made = (adam if optimiser is None else optimiser)(groups)
    if anneal is not None:
        anneal(module, 0.0)
    objective: AnyLoss = SpikeCountCrossEntropy() if loss is None else loss
    delay_factor = schedule if delay_schedule is None else delay_schedule
    settings = {
        "seed": seed, "epochs": epochs, "batch_size": batch_size, "rate": rate, "delay_rate": delay_rate,
        "neuron_rate": neuron_rate, "weight_decay": weight_decay, "schedule": plain_text(schedule),
        "delay_schedule": plain_text(delay_factor), "optimiser": _optimiser_text(made),
        "loss": plain_text(objective), "clip": clip, "anneal": plain_text(anneal), "chunks": plain_text(chunks),
        "round_delays_after": round_delays_after, "early_stopping": plain_text(early_stopping),
        "samples": spikes.samples, "module": plain_text(module),
    }  # fmt: skip
    if checkpoint is not None or run is not None:
        settings["data"] = fingerprint(*train)
        settings["validation"] = None if held_out is None else fingerprint(*held_out)
    loop = Loop(
        module=module,
        optimiser=made,
        loss=objective,
        ranks=ranks(),
        settings=settings,
        schedule=schedule,
        delay_schedule=delay_factor,
        clip=clip,
        anneal=anneal,
        chunks=chunks,
        early_stopping=early_stopping,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        run=run,
    )
    return loop.train(train, held_out, progress, on_epoch)


def _optimiser_text(optimiser: torch.optim.Optimizer) -> str:
    groups = [{k: v for k, v in g.items() if k not in ("params", "lr")} for g in optimiser.param_groups]
    return f"{type(optimiser).__name__} {plain_text(groups)}"


def _checked(module: Any, spikes: Spikes, labels: ArrayLike, what: str) -> NDArray[np.int64]:
    target = np.asarray(labels)
    if not isinstance(spikes, Spikes):
        raise DataError(
            "is not Spikes",
            where=f"{what}spikes",
            value=type(spikes).__name__,
            remedy="Of an array [T, B, ...] make them with Spikes.from_dense(x, dt=...)",
        )
    if spikes.size != module.n_in:
        raise ShapeError(
            "does not fit the first layer", where=f"{what}spikes", value=spikes.shape, limit=module.n_in
        )
    if not math.isclose(spikes.dt, module.dt, rel_tol=1e-9):
        raise DataError(
            "the spikes have another time step", where=f"{what}spikes", value=spikes.dt, limit=module.dt
        )
    if target.shape != (spikes.samples,) or target.dtype.kind not in "iu":
        found = f"{target.dtype}{target.shape}"
        raise ShapeError(
            "needs one whole number a sample", where=f"{what}labels", value=found, limit=(spikes.samples,)
        )
    if target.size == 0:
        raise DataError("there is nothing to train on", where=f"{what}spikes", value="0 samples")
    if target.min() < 0 or target.max() >= module.n_out:
        bad = int(target[(target < 0) | (target >= module.n_out)][0])
        raise DataError(
            "no output neuron for this class",
            where=f"{what}labels",
            value=bad,
            limit=f"0 to {module.n_out - 1}",
        )
    return target.astype(np.int64)
