"""Handing a run over to NEST under MPI: a folder with the network, its inputs, and a script that every process runs.

    from neurosim.interchange.nest_folder import merge_ranks, write_script

    write_script(net, "run", inputs, record={"e": "spikes"}, threads=8)
    # anywhere with a NEST that was built with MPI:  mpirun -n 4 python run/run_nest.py
    recording = merge_ranks("run")

Every process reads the folder and lowers the whole network (some bytes a synapse, for a while); of neurons and synapses
NEST keeps in each those that live there. A process writes what it recorded to its own file, and `merge_ranks` puts
the files together. Spikes and states do not depend on how many processes there were, but for the order in which NEST
adds up weights; what its own random generators draw (`PoissonDrive`) does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.atomic_file import atomic_path
from neurosim.engine.recording import Record, Recording
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.interchange.nest import nest_kernel, nest_parts
from neurosim.interchange.nest_models import nest_model
from neurosim.interchange.nest_recording import NestPart, recording_of
from neurosim.interchange.run_request import RunRequest, requested_run
from neurosim.network import Network
from neurosim.npz_file import open_npz, read_member
from neurosim.spikes import Spikes
from neurosim.spikes_file import load_spikes, save_spikes

__all__ = ["merge_ranks", "run_rank", "write_script"]

FORMAT = "neurosim-nest-run"
VERSION = 1
_LIMIT = 64 * 2**30
"""Bytes that an array of a process may have."""
_HEADER_LIMIT = 2**20
_SCRIPT = '''"""Run the network of this folder in NEST: python run_nest.py, or mpirun -n 4 python run_nest.py."""

from pathlib import Path

from neurosim.interchange.nest_folder import run_rank

run_rank(Path(__file__).parent)
'''


def write_script(
    net: Network,
    folder: str | os.PathLike[str],
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    *,
    record: Mapping[str, Record | str] | None = None,
    samples: int | None = None,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Write a folder whose ``run_nest.py`` runs a network in NEST. Arguments as for `neurosim.simulate`.

    ``threads`` is the number of threads of each process. The folder must be new or empty; it gets ``network.h5``,
    ``inputs.npz`` (where there are any), ``run.json`` and ``run_nest.py``.

    Raises:
        DescriptionError: a folder that holds something; a run that `neurosim.simulate` would refuse.
        UnsupportedError: a model that NEST does not have. Other limits of NEST are met when the script runs.
    """
    request = requested_run(net, inputs, duration, record, samples, seed)
    if not isinstance(threads, int) or threads < 1:
        raise DescriptionError(
            "is not a number of threads", where="write_script", value=threads, limit=">= 1"
        )
    for population in request.plan.populations.values():
        nest_model(population, net.dt)
    place = Path(folder)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise DescriptionError(
            "the folder is not empty", where="write_script", value=str(place), remedy="Choose a new one"
        )
    place.mkdir(parents=True, exist_ok=True)
    net.save(place / "network.h5")
    given = {name: s for name, s in request.given.items() if name in (inputs or {})}
    if given:
        save_spikes(given, place / "inputs.npz")
    run = {
        "format": FORMAT,
        "version": VERSION,
        "steps": request.steps,
        "samples": request.samples,
        "seed": seed,
        "threads": threads,
        "inputs": bool(given),
        "record": {
            name: {"variables": r.variables, "every": r.every, "neurons": r.neurons}
            for name, r in request.wanted.items()
        },
    }
    (place / "run.json").write_text(json.dumps(run, indent=1), encoding="utf-8")
    (place / "run_nest.py").write_text(_SCRIPT, encoding="utf-8")


def run_rank(folder: str | os.PathLike[str]) -> Path:
    """Run a folder's network as one of the processes of this MPI job (the only one without MPI).

    Returns the file ``rank-N-of-M.npz`` with what this process recorded.
    """
    request, threads, digest = _read_run(Path(folder))
    arrays: dict[str, NDArray[Any]] = {}
    with nest_kernel() as nest:
        rank, ranks = int(nest.GetKernelStatus("mpi_rank")), int(nest.num_processes)
        for sample, part in enumerate(nest_parts(nest, request, threads)):
            for name, array in _arrays(request, sample, part):
                arrays[name] = array
    header = {"format": FORMAT, "version": VERSION, "run": digest, "rank": rank, "ranks": ranks}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    path = Path(folder) / f"rank-{rank}-of-{ranks}.npz"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return path


def merge_ranks(folder: str | os.PathLike[str]) -> Recording:
    """The recording of a run from the files of all its processes.

    Raises:
        FileFormatError: a file that is missing, damaged, or of another run.
    """
    place = Path(folder)
    request, _, digest = _read_run(place)
    found = sorted(place.glob("rank-*-of-*.npz"))
    ranks = {path.stem.rpartition("-")[2] for path in found}
    if len(ranks) != 1 or not ranks <= {str(len(found))}:
        raise FileFormatError(
            "does not hold the files of all processes of one run",
            where=str(place),
            value=[path.name for path in found],
            remedy="Run run_nest.py, with an empty folder but for what write_script wrote",
        )
    samples: list[list[NestPart]] = [[] for _ in range(request.samples)]
    for path in found:
        with open_npz(path, "what a NEST process recorded") as archive:
            header = json.loads(
                read_member(archive, "header", np.dtype(np.uint8), limit=_HEADER_LIMIT).tobytes()
            )
            if header["format"] != FORMAT or header["version"] != VERSION or header["run"] != digest:
                raise FileFormatError("is of another run", where=str(path))
            for sample in range(request.samples):
                samples[sample].append(_part(request, sample, archive))
    return recording_of(request, samples)


def _read_run(folder: Path) -> tuple[RunRequest, int, str]:
    """The run that a folder describes, the threads of each process, and a hash of it all."""
    path = folder / "run.json"
    try:
        text = path.read_bytes()
        run = json.loads(text)
        if run["format"] != FORMAT or run["version"] != VERSION:
            raise ValueError(f"format {run['format']!r}, version {run['version']!r}")
        numbers = {name: int(run[name]) for name in ("steps", "samples", "seed", "threads")}
        record = {
            str(name): Record(*r["variables"], every=r["every"], neurons=r["neurons"])
            for name, r in run["record"].items()
        }
        has_inputs = bool(run["inputs"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"is not a run for NEST: {error}", where=str(path)) from error
    digest = hashlib.sha256(text)
    digest.update((folder / "network.h5").read_bytes() if (folder / "network.h5").is_file() else b"")
    net = Network.load(folder / "network.h5")
    inputs = load_spikes(folder / "inputs.npz") if has_inputs else {}
    request = requested_run(
        net, inputs, numbers["steps"] * net.dt, record, numbers["samples"], numbers["seed"]
    )
    return request, numbers["threads"], digest.hexdigest()


_SPIKES = ("step", "neuron")
_TRACE = ("row", "neuron", "value")
_WEIGHTS = ("synapse", "weight")
_FLOATS = ("value", "weight")


def _columns(request: RunRequest, sample: int) -> Iterator[tuple[str, Any, str, tuple[str, ...]]]:
    """Each table of a part: its name in the file, its key in the part, its place there, and its columns."""
    for i, (name, r) in enumerate(request.wanted.items()):
        for k, variable in enumerate(r.kept):
            if variable == "spikes":
                yield f"{sample}.{i}.{k}", name, "spikes", _SPIKES
            else:
                yield f"{sample}.{i}.{k}", (name, variable), "traces", _TRACE
    for i, p in enumerate(request.plan.projections):
        if p.plasticity is not None:
            yield f"{sample}.weights.{i}", p.name, "weights", _WEIGHTS


def _arrays(request: RunRequest, sample: int, part: NestPart) -> Iterator[tuple[str, NDArray[Any]]]:
    for table, key, place, columns in _columns(request, sample):
        for column, values in zip(columns, getattr(part, place)[key], strict=True):
            yield f"{table}.{column}", values


def _part(request: RunRequest, sample: int, archive: Any) -> NestPart:
    found: dict[str, dict[Any, Any]] = {"spikes": {}, "traces": {}, "weights": {}}
    for table, key, place, columns in _columns(request, sample):
        values = []
        for column in columns:
            kind = np.dtype(np.float64 if column in _FLOATS else np.int64)
            values.append(read_member(archive, f"{table}.{column}", kind, limit=_LIMIT))
        if len({len(v) for v in values}) > 1:
            raise ValueError(f"the columns of {table} differ in length")
        _check_indices(request, key, place, values)
        found[place][key] = tuple(values)
    return NestPart(**found)


def _check_indices(request: RunRequest, key: Any, place: str, values: list[NDArray[Any]]) -> None:
    """Raise ValueError for neurons, rows or synapses that the network does not have."""
    if place == "weights":
        sizes = [next(p.n_synapses for p in request.plan.projections if p.name == key)]
    else:
        name = key if place == "spikes" else key[0]
        sizes = [2**31, request.plan.populations[name].size]
    for size, column in zip(sizes, values, strict=False):
        low = -(2**31) if place == "spikes" and size == 2**31 else 0
        if len(column) and not (low <= column.min() and column.max() < size):
            raise ValueError(f"{place} of {key!r} are out of range")
