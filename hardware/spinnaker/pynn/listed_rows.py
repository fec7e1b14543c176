"""How long sPyNNaker 7.4.1 takes the rows of a list of connections to be.

``FromListConnector.get_n_connections_from_pre_vertex_maximum`` counts the connections of every source neuron, then cuts
the list into as many pieces of these lengths, which are those of the source neurons only if the list is sorted by them.
Rows of other lists come out longer than they need be, or too short; then what does not fit is left out without a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import stage_of

__all__ = ["left_out", "listed_rows"]


def listed_rows(
    source: NDArray[np.int64], target: NDArray[np.int64], delay: NDArray[np.int64], atoms: int, slots: int
) -> tuple[int, int] | None:
    """Synapses that a row has room for, of delays up to the slots and from the slots on; None: the longest row.

    Args:
        source, target, delay: of the connections, in the order of the list; delays in steps.
        atoms, slots: of the cores of the target.
    """
    if np.all(np.diff(source) >= 0):
        return None
    most = []
    for here in (delay <= slots, delay >= slots):
        counts = np.bincount(source[here])
        counts = counts[counts > 0]
        piece = np.repeat(np.arange(len(counts)), counts)
        core = target[here] // atoms
        cell = piece * (int(core.max(initial=0)) + 1) + core
        most.append(int(np.bincount(cell, minlength=1).max()))
    return most[0], most[1]


def left_out(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    delay: NDArray[np.int64],
    atoms: int,
    slots: int,
    room: tuple[int, int],
) -> int:
    """How many synapses find no room in their rows."""
    stage = stage_of(delay, slots)
    row = source * (int(stage.max(initial=0)) + 1) + stage
    core = target // atoms
    cell, count = np.unique(row * (int(core.max(initial=0)) + 1) + core, return_counts=True)
    late = cell // (int(core.max(initial=0)) + 1) % (int(stage.max(initial=0)) + 1) > 0
    return int(np.maximum(count - np.where(late, room[1], room[0]), 0).sum())
