"""Show versions, extras, targets and the kernel cache, or describe a network, recording, spikes or build."""

from __future__ import annotations

import argparse
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli import DONE

if TYPE_CHECKING:
    from neurosim.network import Network

__all__ = ["add_arguments", "describe", "installation", "run"]

DISTRIBUTION = "neurosim-toolkit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``neurosim info``."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="network, recording or spikes file, or build folder"
    )


def run(args: argparse.Namespace) -> int:
    """Print facts, one a line."""
    from neurosim.cli.output import print_json

    facts = describe(Path(args.file)) if args.file else installation()
    if args.json:
        print_json(facts)
        return DONE
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, entry in value.items():
                print(f"  {key:<24} {_line(entry)}")
        else:
            print(f"{name:<16} {_line(value)}")
    return DONE


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_line(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def installation() -> dict[str, Any]:
    """Versions, packages of each extra that are missing, installed targets, and where compiled kernels are kept."""
    from neurosim import __version__
    from neurosim.cli.target_argument import target_classes

    requirements: dict[str, list[str]] = {}
    try:
        for text in metadata.requires(DISTRIBUTION) or ():
            name = re.match(r"[\w.-]+", text)
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", text)
            if name and name[0] != DISTRIBUTION:
                requirements.setdefault(extra[1] if extra else "core", []).append(name[0])
    except metadata.PackageNotFoundError:
        pass
    packages = {extra: {name: _version(name) for name in names} for extra, names in requirements.items()}
    return {
        "neurosim": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {
            extra: {n: v or "missing" for n, v in names.items()} for extra, names in sorted(packages.items())
        },
        "targets": {name: cls.__module__.rpartition(".")[0] for name, cls in target_classes().items()},
        "kernel cache": _cache_folder(),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cache_folder() -> str:
    from neurosim.cache_folder import cache_folder

    return str(cache_folder())


def describe(path: Path) -> dict[str, Any]:
    """What a file or build folder holds.

    Raises:
        FileFormatError: the file is missing or of none of the known kinds.
    """
    from neurosim.errors import FileFormatError

    if path.is_dir():
        return _build(path)
    if path.suffix == ".npz":
        return _spikes(path)
    if path.suffix == ".nir":
        return _nir(path)
    try:
        return _network(path)
    except FileFormatError as first:
        try:
            return _recording(path)
        except FileFormatError:
            raise first from None


def _build(path: Path) -> dict[str, Any]:
    from neurosim.hardware.manifest import read_manifest

    m = read_manifest(path)
    return {
        "kind": "build",
        "target": m.target,
        "profile": m.profile,
        "dt": m.dt,
        "network hash": m.network,
        "written by": f"neurosim {m.neurosim}",
        "inputs": {n: {"shape": list(e.shape), "lag": e.lag} for n, e in m.inputs.items()},
        "populations": {n: {"shape": list(e.shape), "lag": e.lag} for n, e in m.populations.items()},
        "outputs": list(m.outputs),
        "usage": {u["resource"]: {"used": u["used"], "limit": u["limit"]} for u in m.usage},
        "losses": {f"{i} {loss['kind']}": _loss(loss) for i, loss in enumerate(m.losses)},
        "files": {name: f"{entry['bytes']} bytes" for name, entry in m.files.items()},
    }


def _loss(loss: Mapping[str, Any]) -> str:
    amount = "" if loss["amount"] is None else f" [{loss['amount']:.3g}]"
    return f"{loss['where']}: {loss['what']}{amount}"


def _spikes(path: Path) -> dict[str, Any]:
    from neurosim.spikes_file import load_spikes

    found = {name: repr(spikes) for name, spikes in load_spikes(path).items()}
    return {"kind": "spikes", "inputs": found}


def _nir(path: Path) -> dict[str, Any]:
    """The network that a .nir file carries, or the nodes of one that carries none."""
    from neurosim.interchange.nir_file import read_file

    file = read_file(path)
    if file.network is not None:
        return {**_described(file.network), "kind": "NIR with network"}
    nodes = {name: type(node).__name__ for name, node in file.graph.nodes.items()}
    kind = "NIR, changed since neurosim wrote it" if file.stale else "plain NIR"
    return {"kind": kind, "nodes": nodes, "edges": [f"{a} -> {b}" for a, b in file.graph.edges]}


def _network(path: Path) -> dict[str, Any]:
    from neurosim.network import Network

    return _described(Network.load(path))


def _described(net: Network) -> dict[str, Any]:
    from neurosim.network_file import network_hash

    return {
        "kind": "network",
        "dt": net.dt,
        "seed": net.seed,
        "hash": network_hash(net),
        "inputs": {n: list(p.shape) for n, p in net.inputs.items()},
        "populations": {
            n: {"model": type(p.model).__name__, "shape": list(p.shape)} for n, p in net.populations.items()
        },
        "projections": {n: type(p.rule).__name__ for n, p in net.projections.items()},
        "outputs": list(net.outputs),
    }


def _recording(path: Path) -> dict[str, Any]:
    from neurosim.engine.storage.recording_file import load_recording

    r = load_recording(path)
    return {
        "kind": "recording",
        "dt": r.dt,
        "steps": r.steps,
        "samples": r.samples,
        "populations": {
            n: {"spikes": "not recorded" if (counts := p.spike_counts()) is None else int(counts.sum())}
            | {variable: list(values.shape) for variable, values in p.variables.items()}
            for n, p in r.items()
        },
        "events": len(r.events),
    }
