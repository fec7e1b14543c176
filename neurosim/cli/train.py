"""Train the demo's classifier (events to classes through one hidden layer, a learned delay on every input synapse) and
write it as a network file. Beside it goes FILE.run.json: all it takes to repeat the training, and its history.

Under torchrun (``torchrun --nproc-per-node 2 -m neurosim.cli train ...``) the processes share every batch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli import DONE

if TYPE_CHECKING:
    from neurosim.cli.demo.tasks import Task
    from neurosim.cli.progress import Progress

__all__ = ["add_arguments", "run"]

SCHEDULES = ("constant", "cosine", "one-cycle")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim train``."""
    parser.add_argument(
        "--data", choices=("digits", "nmnist"), default="digits", help="nmnist needs $NEUROSIM_DATA"
    )
    parser.add_argument("--out", required=True, metavar="FILE.h5", help="network file")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training samples")
    parser.add_argument("--hidden", type=int, metavar="N", help="neurons of the hidden layer")
    parser.add_argument("--max-delay", type=int, metavar="STEPS", help="longest delay")
    parser.add_argument("--batch-size", type=int, metavar="N", help="samples an update")
    parser.add_argument("--rate", type=float, help="learning rate of the weights")
    parser.add_argument("--delay-rate", type=float, help="learning rate of the delays, in steps")
    parser.add_argument("--schedule", choices=SCHEDULES, default="cosine", help="of both rates")
    parser.add_argument("--weight-decay", type=float, default=0.0, help="of the weights")
    parser.add_argument("--clip", type=float, metavar="NORM", help="largest norm of the gradients")
    parser.add_argument(
        "--validation", type=float, metavar="SHARE", help="share of the training samples to hold out"
    )
    parser.add_argument(
        "--patience", type=int, metavar="EPOCHS", help="stop after so many without a better validation loss"
    )
    parser.add_argument("--seed", type=int, default=0, help="draws events, weights and the order of training")
    parser.add_argument(
        "--checkpoint", metavar="FILE.npz", help="written after every epoch; goes on from it if there"
    )
    parser.add_argument("--curves", metavar="FILE.svg|.png", help="plot loss, accuracy, spikes and rates")
    parser.add_argument("--quick", action="store_true", help="a small network and few samples: seconds")


def run(args: argparse.Namespace) -> int:
    """Train, write the network, and print the accuracy on held-out samples."""
    from neurosim.cli.demo.tasks import load_task
    from neurosim.cli.progress import Progress
    from neurosim.nn import data_parallel

    if args.curves is not None:
        from neurosim.analysis.axes import blank_figure

        blank_figure(1, 1)  # what is missing is better said now
    with data_parallel() as here:
        progress = Progress(silent=not here.first)
        with progress.stage("data", args.data):
            task = load_task(args.data, seed=args.seed, quick=args.quick)
        result = _train(args, task, progress)
    if here.first:
        _write(args, task, result)
    return DONE


def _train(args: argparse.Namespace, task: Task, progress: Progress) -> Any:
    from dataclasses import replace

    from neurosim import nn
    from neurosim.cli.demo.classifier import train

    asked = ("epochs", "hidden", "max_delay", "batch_size", "rate", "delay_rate")
    values = {name: getattr(args, name) for name in asked if getattr(args, name) is not None}
    recipe = replace(task.recipe, **values)
    schedules = dict(zip(SCHEDULES, (nn.Constant(), nn.Cosine(), nn.OneCycle()), strict=True))
    spikes, labels = task.train, task.train_labels
    options: dict[str, Any] = {}
    if args.validation is not None:
        split = nn.hold_out(spikes, labels, args.validation, seed=args.seed)
        spikes, labels, options = split.spikes, split.labels, {"validation": split.validation}
    if args.patience is not None:
        options["early_stopping"] = nn.EarlyStopping(patience=args.patience)
    with progress.stage("train", f"{recipe.epochs} epochs on {spikes.samples} samples"):
        trained = train(
            spikes,
            labels,
            task.classes,
            recipe,
            seed=args.seed,
            checkpoint=args.checkpoint,
            progress=progress.training(),
            schedule=schedules[args.schedule],
            weight_decay=args.weight_decay,
            clip=args.clip,
            run=_beside(args.out),
            **options,
        )
    return recipe, trained


def _beside(out: str) -> Path:
    return Path(out).with_suffix(".run.json")


def _write(args: argparse.Namespace, task: Task, result: Any) -> None:
    from neurosim.cli.demo.deployment import run_engine
    from neurosim.cli.output import print_json
    from neurosim.hardware.verify.accuracy_interval import wilson
    from neurosim.network_file import network_hash

    recipe, trained = result
    trained.network.save(args.out)
    if args.curves is not None:
        from neurosim.analysis.training_curves import training_figure
        from neurosim.atomic_file import atomic_path

        with atomic_path(args.curves) as temporary:
            training_figure(trained.history).savefig(temporary)
    correct = int((run_engine(trained.network, task.test).predicted[0] == task.test_labels).sum())
    low, high = wilson(correct, task.test.samples)
    summary = {
        "network": args.out,
        "run": str(_beside(args.out)),
        "hash": network_hash(trained.network),
        "data": task.text,
        "recipe": vars(recipe),
        "accuracy": correct / task.test.samples,
        "interval": [low, high],
        "losses": [loss.to_json() for loss in trained.losses],
        "epochs": [epoch.to_json() for epoch in trained.history],
    }
    if args.json:
        print_json(summary)
        return
    share = correct / task.test.samples
    print(f"{correct} of {task.test.samples} held-out samples correct: {share:.2%}", end="")
    print(f" (95 % interval {low:.1%} to {high:.1%})\nnetwork: {args.out}\nrun: {_beside(args.out)}")
