"""Run a compiled build as the chip would, from its files alone."""

from __future__ import annotations

import argparse

from neurosim.cli.simulate import add_run_arguments, finish, inputs_of, record_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim emulate``."""
    parser.add_argument("build", metavar="DIR", help="build folder (compile --out)")
    add_run_arguments(parser)
    parser.add_argument(
        "--overflow",
        choices=("count", "raise"),
        default="count",
        help="where a number leaves the device's range: compute what the chip would and count it, or stop",
    )
    parser.add_argument(
        "--raw", action="store_true", help="machine time and device units instead of the network's"
    )


def run(args: argparse.Namespace) -> int:
    """Emulate and print the spike counts."""
    from neurosim.hardware import Overflow, load

    inputs = inputs_of(args)
    device = load(args.build)
    record = record_of(args.record)
    overflow = Overflow.RAISE if args.overflow == "raise" else Overflow.AS_CHIP
    recording = device.emulate(
        inputs, args.duration, record=record, seed=args.seed, raw=args.raw, overflow=overflow
    )
    return finish(recording, args)
