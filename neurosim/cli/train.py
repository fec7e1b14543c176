"""Train the demo's classifier (events to classes through one hidden layer, a learned delay on every input synapse) and
write it as a network file.
"""

from __future__ import annotations

import argparse

from neurosim.cli import DONE

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim train``."""
    parser.add_argument(
        "--data", choices=("digits", "nmnist"), default="digits", help="nmnist needs $NEUROSIM_DATA"
    )
    parser.add_argument("--out", required=True, metavar="FILE.h5", help="network file")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training samples")
    parser.add_argument("--hidden", type=int, metavar="N", help="neurons of the hidden layer")
    parser.add_argument("--max-delay", type=int, metavar="STEPS", help="longest delay")
    parser.add_argument("--seed", type=int, default=0, help="draws events, weights and the order of training")
    parser.add_argument(
        "--checkpoint", metavar="FILE.npz", help="written after every epoch; goes on from it if there"
    )
    parser.add_argument("--quick", action="store_true", help="a small network and few samples: seconds")


def run(args: argparse.Namespace) -> int:
    """Train, write the network, and print the accuracy on held-out samples."""
    from dataclasses import replace

    from neurosim.cli.demo.classifier import train
    from neurosim.cli.demo.deployment import run_engine
    from neurosim.cli.demo.tasks import load_task
    from neurosim.cli.output import print_json
    from neurosim.cli.progress import Progress
    from neurosim.hardware.verify.accuracy_interval import wilson
    from neurosim.network_file import network_hash

    progress = Progress()
    with progress.stage("data", args.data):
        task = load_task(args.data, seed=args.seed, quick=args.quick)
    asked = {"epochs": args.epochs, "hidden": args.hidden, "max_delay": args.max_delay}
    recipe = replace(task.recipe, **{name: value for name, value in asked.items() if value is not None})
    with progress.stage("train", f"{recipe.epochs} epochs on {task.train.samples} samples"):
        trained = train(
            task.train,
            task.train_labels,
            task.classes,
            recipe,
            seed=args.seed,
            checkpoint=args.checkpoint,
            on_epoch=progress.epoch(recipe.epochs),
        )
        trained.network.save(args.out)
    correct = int((run_engine(trained.network, task.test).predicted[0] == task.test_labels).sum())
    low, high = wilson(correct, task.test.samples)
    result = {
        "network": args.out,
        "hash": network_hash(trained.network),
        "data": task.text,
        "recipe": vars(recipe),
        "accuracy": correct / task.test.samples,
        "interval": [low, high],
        "losses": [loss.to_json() for loss in trained.losses],
        "epochs": [{"epoch": e.epoch, "loss": e.loss, "accuracy": e.accuracy} for e in trained.history],
    }
    if args.json:
        print_json(result)
    else:
        print(
            f"{correct} of {task.test.samples} held-out samples correct: {correct / task.test.samples:.2%}",
            end="",
        )
        print(f" (95 % interval {low:.1%} to {high:.1%})\nnetwork: {args.out}")
    return DONE
