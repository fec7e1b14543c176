"""Find the first population, step and neuron where two recordings part, and why.

Exit code 1 when a population's share of differing spikes is above the tolerance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neurosim.cli import CHECK_FAILED, DONE

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim compare``."""
    parser.add_argument("a", metavar="A", help="recording, such as the engine's (simulate --out)")
    parser.add_argument("b", metavar="B", help="recording, such as an emulator's (emulate --out)")
    parser.add_argument("--build", metavar="DIR", help="build folder of B: its losses help to name the cause")
    parser.add_argument(
        "--order", metavar="NAMES", help="populations from input to output, separated by commas"
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.0, metavar="RATE", help="largest accepted share (default 0)"
    )


def _names(a: str, b: str) -> tuple[str, str]:
    """What to call two files: their names without ending, or a and b where these are the same or too long."""
    names = Path(a).stem, Path(b).stem
    return names if names[0] != names[1] and max(map(len, names)) <= 9 else ("a", "b")


def run(args: argparse.Namespace) -> int:
    """Compare and print the verdict."""
    from neurosim.analysis.comparison import compare
    from neurosim.cli.output import print_json
    from neurosim.engine.storage.recording_file import load_recording
    from neurosim.loss_report import Loss, LossKind

    losses = []
    if args.build:
        from neurosim.hardware.manifest import read_manifest

        for loss in read_manifest(args.build).losses:
            losses.append(Loss(**{**loss, "kind": LossKind(loss["kind"])}))
    order = args.order.split(",") if args.order else None
    runs = load_recording(args.a), load_recording(args.b)
    found = compare(*runs, order=order, losses=losses, names=_names(args.a, args.b))
    failed = found.rate > args.tolerance
    if args.json:
        print_json({**found.to_json(), "tolerance": args.tolerance, "passed": not failed})
    else:
        print(found)
        print(
            f"{'FAILED' if failed else 'passed'}: at most {found.rate:.3%} of a population's spikes differ, "
            f"{'more than' if failed else 'within'} the tolerance of {args.tolerance:.3%}"
        )
    return CHECK_FAILED if failed else DONE
