"""The NETWORK argument: a file of `Network.save`, or a .nir file, with what a plain .nir file leaves open."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.network import Network

__all__ = ["add_network_argument", "load_network"]


def add_network_argument(parser: argparse.ArgumentParser) -> None:
    """NETWORK, --dt and --dialect."""
    parser.add_argument("network", metavar="NETWORK", help="network file (Network.save) or .nir file")
    parser.add_argument(
        "--dt", type=float, metavar="SECONDS", help="time step of a .nir file that another tool wrote"
    )
    parser.add_argument(
        "--dialect", metavar="NAME", help="conventions of a .nir file that another tool wrote, e.g. norse"
    )


def load_network(args: argparse.Namespace) -> Network:
    """The network of the arguments. What a .nir file does not state is said on stderr."""
    from neurosim.network import Network

    if Path(args.network).suffix != ".nir":
        return Network.load(args.network)
    from neurosim.errors import DescriptionError
    from neurosim.interchange.nir import DIALECTS, read_nir
    from neurosim.interchange.nir_file import read_file

    foreign = read_file(args.network)
    if foreign.network is None and not foreign.stale and (args.dt is None or args.dialect is None):
        raise DescriptionError(
            "another tool wrote this file, and NIR states neither its time step nor its conventions",
            where=args.network,
            remedy=f"Pass --dt SECONDS and --dialect NAME, one of {', '.join(sorted(DIALECTS))}",
        )
    net, report = read_nir(args.network, dt=args.dt, dialect=args.dialect)
    for loss in report:
        print(loss, file=sys.stderr)
    return net
