"""Ops of drives: a kernel (`neurosim.engine.ops.drive_kernels`) on the arrivals or the injected current of a tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.engine.ops.driver import TILE
from neurosim.engine.ops.generate import load_generated
from neurosim.engine.ops.native import SHORT

if TYPE_CHECKING:
    from neurosim.engine.ops.drive_kernels import PreparedDrive

__all__ = ["drive_op"]

_TEMPLATE = '''"""The drive {kernel} on {real_type}. Generated; do not edit."""

from __future__ import annotations

from numba import carray, cfunc

from neurosim.engine.ops.drive_kernels import {kernel}
from neurosim.engine.ops.native import OP, {imports}


@cfunc(OP, cache=True, error_model="numpy")
def drive(table, sample, low, high, step, scratch):
    """table: receptor (-1: injected current), the run's first sample here, then address and shape of every array."""
    t = carray(i64_at(table), {entries})
    own = carray(i64_at(scratch), 4)
    x = carray({real}_at(own[3] if t[0] < 0 else own[0] + t[0] * {TILE} * {itemsize}), high - low)
    {kernel}(x, low, high, step, sample + t[1], {arrays})
'''


def drive_op(prepared: PreparedDrive, real: Any) -> int:
    """Address of the compiled op for a drive and arrivals of this type."""
    kind = np.dtype(real)
    arrays, at = [], 2
    for array in prepared.arrays:
        shape = ", ".join(f"t[{at + 1 + axis}]" for axis in range(array.ndim))
        arrays.append(f"carray({SHORT[array.dtype.name]}_at(t[{at}]), ({shape},))")
        at += 1 + array.ndim
    used = {"i64_at", f"{SHORT[kind.name]}_at"} | {f"{SHORT[a.dtype.name]}_at" for a in prepared.arrays}
    text = _TEMPLATE.format(
        kernel=prepared.add.__name__,
        real_type=kind.name,
        real=SHORT[kind.name],
        itemsize=kind.itemsize,
        imports=", ".join(sorted(used)),
        entries=at,
        TILE=TILE,
        arrays=", ".join(arrays),
    )
    address: int = load_generated("drive", text).drive.address
    return address
