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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError

__all__ = ["AXON", "CX_CFG", "CX_STATE", "SYNAPSE", "SYNAPSE_MAP", "read_arrays", "read_chip", "write_arrays"]

CX_CFG = np.dtype([("bias", "<i2"), ("biasExp", "u1"), ("vthProfile", "<u2"), ("cxProfile", "<u2")])
"""a compartment: bias = bias << biasExp, rows of the two profile tables"""
CX_STATE = np.dtype([("u", "<i4"), ("v", "<i4")])
"""initial state of a compartment"""
SYNAPSE = np.dtype([("CIdx", "<u2"), ("Wgt", "<i2"), ("Dly", "u1"), ("synFmtId", "u1"), ("LrnEn", "u1")])
SYNAPSE_MAP = np.dtype(
    [("synapsePtr", "<u4"), ("synapseLen", "<u4"), ("popSize", "<u2"), ("cxBase", "<i2"), ("atomBits", "u1")]
)
"""an input axon: its list of synapses"""
AXON = np.dtype([("srcCx", "<u2"), ("dstChip", "<u2"), ("dstCore", "<u2"), ("dstSynMapId", "<u2")])
"""an output axon: where spikes of a compartment go. The host's axons leave out ``srcCx``"""

MAX_CHIP_BYTES = 64 * 2**20
MAX_ARRAYS_BYTES = 2**30


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An NPZ file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    # numpy.savez_compressed has no level, and its best one takes most of the time of compiling
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in sorted(arrays.items()):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def read_arrays(path: Path, dtypes: Mapping[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
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


def read_chip(path: Path) -> dict[str, Any]:
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
