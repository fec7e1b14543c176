"""Plastic synapses between two runs: plain arrays, one entry a sample, that do not depend on the number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.engine.learning.walk import NEVER
from neurosim.errors import ShapeError

if TYPE_CHECKING:
    from neurosim.engine.learning.plastic_synapses import PlasticSynapses

__all__ = ["load_plastic", "place_cursors", "save_plastic"]


def save_plastic(p: PlasticSynapses) -> dict[str, NDArray[Any]]:
    """Weights, traces and the spikes under way after the steps before ``p.step``.

    ``weight`` is as read; ``working`` as it is, where that differs. ``pre_spikes`` and ``post_spikes`` [S, D, n]
    count the spikes of the last D steps, where some may still be under way.
    """
    a = p.arrays
    out = {
        "weight": p.weight.copy(),
        "x": a["x"][:, 0].copy(),
        "y": a["y"].copy(),
        "states": a["states"].copy(),
        "scale": a["scale64"].reshape(p.sizes["samples"], p.sizes["parts"], -1)[:, 0].copy(),
    }
    if p.deferred:
        out["working"] = a["weight"].copy()
    if p.dendritic:
        out["under_way"] = a["out"].copy()
        out["post_spikes"] = _counts(p, "post", p.projection.n_post)
    else:
        out["pre_spikes"] = _counts(p, "pre", p.projection.n_pre)
    return out


def _counts(p: PlasticSynapses, side: str, n: int) -> NDArray[np.int32]:
    """Spikes of the last steps, [S, max_delay, n]; entry d is d + 1 steps before ``p.step``."""
    parts, slots = p.sizes["parts"], p.sizes[f"{side}_slots"]
    found = np.zeros((p.sizes["samples"], p.max_delay, n), np.int32)
    for lane in range(p.sizes["samples"] * parts):
        for d in range(p.max_delay):
            row = (p.step - 1 - d) % slots
            kept = int(p.arrays[f"{side}_n"][lane, row])
            neurons = p.arrays[f"{side}_i"][lane, row, :kept]
            found[lane // parts, d, neurons] = p.arrays[f"{side}_c"][lane, row, :kept]
    return found


def load_plastic(p: PlasticSynapses, carried: Mapping[str, NDArray[Any]], step: int) -> None:
    """Go on from what `save_plastic` gave, at ``step``. Raises `ShapeError` if it is of another projection."""
    if "target" in carried:
        _load_rows(p, carried)
    a, samples = p.arrays, p.sizes["samples"]
    side, n = ("post", p.projection.n_post) if p.dendritic else ("pre", p.projection.n_pre)
    given = {
        "weight": p.weight,
        "x": a["x"][:, 0],
        "y": a["y"],
        "states": a["states"],
        "scale": a["scale64"].reshape(samples, p.sizes["parts"], -1)[:, 0],
    }
    if p.deferred:
        given["working"] = a["weight"]
    if p.dendritic:
        given["under_way"] = a["out"]
    shapes = {name: array.shape for name, array in given.items()}
    shapes[f"{side}_spikes"] = (samples, p.max_delay, n)
    for name, shape in shapes.items():
        found = carried[name].shape if name in carried else None
        if found != shape:
            raise ShapeError(
                f"{name} of another network",
                where=f"state of projection {p.projection.name!r}",
                value=found,
                limit=shape,
            )
    for name, array in given.items():
        if name == "x":
            a["x"][:] = carried["x"][:, None]
        elif name == "scale":
            a["scale64"].reshape(samples, p.sizes["parts"], -1)[:] = carried["scale"][:, None]
        else:
            array[:] = carried[name]
    a["clock"][:] = step
    _load_spikes(p, side, carried[f"{side}_spikes"], step)
    place_cursors(p, step)


def _load_rows(p: PlasticSynapses, carried: Mapping[str, NDArray[Any]]) -> None:
    from neurosim.engine.learning.rewire import rows_like

    pre, target, delay = (carried[name][0] for name in ("pre", "target", "delay"))
    rows: SynapseRows = rows_like(p.rows, pre, target, delay)
    p.set_synapses(rows, np.zeros((1, len(pre)), p.real), None, None)


def _load_spikes(p: PlasticSynapses, side: str, counts: NDArray[Any], step: int) -> None:
    parts, slots = p.sizes["parts"], p.sizes[f"{side}_slots"]
    for sample, d in zip(*np.nonzero(counts.any(axis=2)), strict=True):
        row = (step - 1 - d) % slots
        for part in range(parts):
            neurons = np.flatnonzero(counts[sample, d])
            if side == "post":
                neurons = neurons[(neurons >= p.edges[part]) & (neurons < p.edges[part + 1])]
            lane = sample * parts + part
            p.arrays[f"{side}_n"][lane, row] = len(neurons)
            p.arrays[f"{side}_i"][lane, row, : len(neurons)] = neurons
            p.arrays[f"{side}_c"][lane, row, : len(neurons)] = counts[sample, d, neurons]


def place_cursors(p: PlasticSynapses, step: int) -> None:
    """Put the cursor of every spike under way to the first synapse that it reaches at ``step`` or later."""
    if not p.sizes["ring"]:
        return
    side = "post" if p.dendritic else "pre"
    start = p.columns.start if p.dendritic else p.rows.row_start
    if p.dendritic:
        delays = p.columns.word >> p.columns.word.dtype.type(p.columns.pre_bits)
        delays = delays.astype(np.int64) + p.min_delay
    else:
        delays = p.rows.delays().astype(np.int64)
    a, slots = p.arrays, p.sizes[f"{side}_slots"]
    for lane in range(p.sizes["samples"] * p.sizes["parts"]):
        for back in range(1, p.max_delay + 1):
            emitted = step - back
            row = emitted % slots
            dues = []
            for q in range(int(a[f"{side}_n"][lane, row])):
                i = a[f"{side}_i"][lane, row, q]
                here = int(start[i] + np.searchsorted(delays[start[i] : start[i + 1]], back))
                due = emitted + int(delays[here]) if here < start[i + 1] else NEVER
                a["cursor"][lane, row, q], a["due"][lane, row, q] = here, due
                dues.append(due)
            a["next_due"][lane, row] = min(dues, default=NEVER)
