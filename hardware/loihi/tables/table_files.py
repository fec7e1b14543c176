"""The tables of a core as files: registers in JSON, columns in NPZ. Field names are those of Intel's NxSDK.

Layout of a build (docs/contracts.md names the manifest beside it):

``chip.json``
    ``cores``: for each core its number and the small tables ``cxProfileCfg``, ``vthProfileCfg``, ``synapseFmt``
    (entry 0 unused), ``dendriteSharedCfg``, ``dendriteAccumCfg``, ``numUpdates``; ``populations``: which compartments
    hold which neurons; ``inputs``: names and sizes of the host's inputs.
``core_NNN.npz``
    ``cxCfg``, ``cxState``, ``synapses``, ``synapseMap``, ``axons``: one structured array each.
``inputs.npz``
    ``start_I``, ``axon_I`` for input number I: neuron n sends to the axons start[n]:start[n + 1].
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.tables.chip_tables import (
    AXON,
    CX_CFG,
    CX_STATE,
    SYNAPSE,
    SYNAPSE_MAP,
    ChipTables,
    CoreTables,
    InputTable,
    Piece,
)

__all__ = ["read_tables", "write_tables"]

_CORE = {
    "cxCfg": CX_CFG,
    "cxState": CX_STATE,
    "synapses": SYNAPSE,
    "synapseMap": SYNAPSE_MAP,
    "axons": AXON,
}

MAX_CHIP_BYTES = 64 * 2**20
MAX_ARRAYS_BYTES = 2**30


def _write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An NPZ file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    # numpy.savez_compressed has no level, and its best one takes most of the time of compiling
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in sorted(arrays.items()):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _read_arrays(path: Path, dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
    """The vectors of an NPZ file, each of the dtype that is expected.

    Raises:
        FileFormatError: not such a file, too large, or a vector missing or of another type.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_ARRAYS_BYTES:
            raise FileFormatError(
                "is too large", where=str(path), value=size, limit=f"{MAX_ARRAYS_BYTES} bytes"
            )
        with np.load(path, allow_pickle=False) as archive_arrays:
            found = {name: archive_arrays[name] for name in dtypes}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read: {error}", where=str(path)) from None
    for name, dtype in dtypes.items():
        if found[name].dtype != dtype or found[name].ndim != 1:
            raise FileFormatError(
                "has another layout",
                where=f"{path}, array {name!r}",
                value=f"{found[name].dtype}, {found[name].ndim} axes",
                limit=f"{dtype}, 1 axis",
            )
    return found


def _read_chip(path: Path) -> dict[str, Any]:
    """The content of ``chip.json``.

    Raises:
        FileFormatError: not such a file, or too large.
    """
    if not path.is_file() or path.stat().st_size > MAX_CHIP_BYTES:
        raise FileFormatError("is missing or too large", where=str(path), limit=f"{MAX_CHIP_BYTES} bytes")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(f"is no JSON: {error}", where=str(path)) from None
    for key, kind in (("cores", list), ("populations", dict), ("inputs", list)):
        if not isinstance(data, dict) or not isinstance(data.get(key), kind):
            raise FileFormatError(f"has no {key}", where=str(path))
    return data


def write_tables(tables: ChipTables) -> dict[str, bytes | str]:
    """Files of a build by path."""
    files: dict[str, bytes | str] = {}
    cores = []
    for core in tables.cores:
        name = f"core_{core.number:03d}.npz"
        cores.append({"core": core.number, "tables": name, **core.registers})
        arrays = (core.cx, core.state, core.synapses, core.synapse_map, core.axons)
        files[name] = _write_arrays(dict(zip(_CORE, arrays, strict=True)))
    inputs, arrays_of = [], {}
    for i, (name, table) in enumerate(tables.inputs.items()):
        inputs.append({"name": name, "size": len(table.start) - 1})
        arrays_of[f"start_{i}"], arrays_of[f"axon_{i}"] = table.start, table.axons
    files["inputs.npz"] = _write_arrays(arrays_of)
    populations = {name: [asdict(p) for p in pieces] for name, pieces in tables.populations.items()}
    chip = {
        "format": 1,
        "numerics": tables.numerics,
        "cores": cores,
        "populations": populations,
        "inputs": inputs,
    }
    files["chip.json"] = json.dumps(chip, indent=1) + "\n"
    return files


def read_tables(folder: Path) -> ChipTables:
    """The tables in a build folder; what they say is checked when they are loaded.

    Raises:
        FileFormatError: files that are damaged or incomplete.
    """
    path = folder / "chip.json"
    chip = _read_chip(path)
    try:
        cores = []
        for entry in chip["cores"]:
            where = folder / str(entry["tables"])
            if where.parent != folder:
                raise FileFormatError("names another folder", where=str(path), value=entry["tables"])
            arrays = _read_arrays(where, _CORE)
            cores.append(
                CoreTables(
                    number=int(entry["core"]),
                    registers=entry,
                    cx=arrays["cxCfg"],
                    state=arrays["cxState"],
                    synapses=arrays["synapses"],
                    synapse_map=arrays["synapseMap"],
                    axons=arrays["axons"],
                )
            )
        populations = {
            str(name): tuple(Piece(**piece) for piece in pieces)
            for name, pieces in chip["populations"].items()
        }
        count = range(len(chip["inputs"]))
        expected = {f"start_{i}": np.dtype("<i8") for i in count}
        arrays = _read_arrays(folder / "inputs.npz", {**expected, **{f"axon_{i}": AXON for i in count}})
        for i in count:
            if int(chip["inputs"][i]["size"]) != len(arrays[f"start_{i}"]) - 1:
                raise FileFormatError("axons of an input do not fit", where=str(path))
        inputs = {
            str(chip["inputs"][i]["name"]): InputTable(start=arrays[f"start_{i}"], axons=arrays[f"axon_{i}"])
            for i in count
        }
        return ChipTables(
            numerics=str(chip.get("numerics")),
            cores=tuple(cores),
            populations=populations,
            inputs=inputs,
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"a table is incomplete: {error!r}", where=str(path)) from None
