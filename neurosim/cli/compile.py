"""Compile a network file for a chip and write the build folder.

What the chip cannot do is refused with the limit, the offender and what to change; nothing is written then.
"""

from __future__ import annotations

import argparse

from neurosim.cli import DONE
from neurosim.cli.network_argument import add_network_argument, load_network

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim compile``."""
    add_network_argument(parser)
    parser.add_argument(
        "--target", required=True, metavar="NAME", help="loihi1, loihi2, spinnaker, crossbar or your own"
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="build folder; an older build there is replaced"
    )
    parser.add_argument(
        "--report", metavar="DIR", help="also write report.html and report.json there (needs matplotlib)"
    )
    parser.add_argument(
        "--calibration", metavar="FILE", help="typical input spikes (.npz), for ranges and scales"
    )
    parser.add_argument(
        "--allow",
        default="rounded,approximated",
        metavar="KINDS",
        help="losses to accept: rounded, approximated, clipped, dropped, startup (default %(default)s)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="option of the target, e.g. rows=64; a wrong one lists them; may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    """Compile, save, and print the build's report."""
    from neurosim.cli.output import print_json
    from neurosim.cli.target_argument import make_target
    from neurosim.errors import DescriptionError
    from neurosim.hardware import compile as compile_network
    from neurosim.loss_report import LossKind
    from neurosim.spikes_file import load_spikes

    kinds = [kind for kind in args.allow.split(",") if kind]
    known = [kind.value for kind in LossKind]
    if not set(kinds) <= set(known):
        raise DescriptionError("unknown kind of loss", where="--allow", value=args.allow, limit=known)
    target = make_target(args.target, args.set)
    net = load_network(args)
    calibration = load_spikes(args.calibration) if args.calibration else None
    build = compile_network(net, target, calibration=calibration, allow=[LossKind(kind) for kind in kinds])
    manifest = build.save(args.out)
    pages = build.write_report(args.report) if args.report else ()
    if args.json:
        print_json(
            {
                "target": manifest.target,
                "profile": manifest.profile,
                "folder": args.out,
                "network": manifest.network,
                "files": {name: entry["bytes"] for name, entry in manifest.files.items()},
                "usage": manifest.usage,
                "losses": manifest.losses,
                "report": [str(page) for page in pages],
            }
        )
    else:
        print(build.report())
        print(f"written to {', '.join([args.out, *map(str, pages)])}")
    return DONE
