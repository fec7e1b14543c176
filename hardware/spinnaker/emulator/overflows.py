"""What a core does that exact arithmetic would not: counted by cause and neuron, and the first of each kept."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["CAUSE_TEXT", "EVENT_KIND", "KEPT", "Cause", "Overflows", "no_overflows", "note"]

KEPT = 32
"""Overflows of each cause that are listed for each core; beyond, they are counted."""


class Cause(IntEnum):
    """Causes. The values of the first two are those of the receptor."""

    SATURATION_EXCITATORY = 0
    SATURATION_INHIBITORY = 1
    ARRIVAL = 2
    SYNAPSE = 3
    INPUT = 4
    MEMBRANE = 5
    TRACE = 6
    HISTORY = 7


EVENT_KIND = {
    **dict.fromkeys((Cause.SATURATION_EXCITATORY, Cause.SATURATION_INHIBITORY), "saturation"),
    **dict.fromkeys((Cause.ARRIVAL, Cause.SYNAPSE, Cause.INPUT, Cause.MEMBRANE, Cause.TRACE), "wrap"),
    Cause.HISTORY: "late",
}
"""`DeviceEvent.kind` by cause."""

CAUSE_TEXT = {
    Cause.SATURATION_EXCITATORY: "excitatory ring buffer",
    Cause.SATURATION_INHIBITORY: "inhibitory ring buffer",
    Cause.ARRIVAL: "ring-buffer cell, shifted",
    Cause.SYNAPSE: "synaptic value",
    Cause.INPUT: "input",
    Cause.MEMBRANE: "membrane",
    Cause.TRACE: "trace of STDP",
    Cause.HISTORY: "history of postsynaptic spikes",
}
"""`DeviceEvent.cause` by cause."""


class Overflows(NamedTuple):
    """Overflows of a run of one sample.

    ``counts`` int64 [cores, causes] how many; ``of_neuron`` int32 [causes, n] how many of each neuron; ``listed`` int64
    [cores, causes] how many entries there are in ``first`` int64 [cores, causes, KEPT, 4]: step, neuron, value, count.
    A saturation is dated by the step in which the cell is used, its value is by how much the cell was exceeded (each
    addition counts); of a wrap, count and value are the results of the neuron that wrapped in this step; of the
    history, the synapses of a row that missed a postsynaptic spike which is not held any more, listed under the first
    neuron.
    """

    counts: NDArray[np.int64]
    of_neuron: NDArray[np.int32]
    listed: NDArray[np.int64]
    first: NDArray[np.int64]


def no_overflows(cores: int, neurons: int) -> Overflows:
    """None yet."""
    n = len(Cause)
    return Overflows(
        np.zeros((cores, n), np.int64),
        np.zeros((n, neurons), np.int32),
        np.zeros((cores, n), np.int64),
        np.zeros((cores, n, KEPT, 4), np.int64),
    )


def _note(o: Any, core: Any, cause: Any, step: Any, neuron: Any, value: Any, count: Any) -> None:
    """Note ``count`` overflows of one cause and neuron in a step."""
    k = o.listed[core, cause]
    if k < KEPT:
        o.first[core, cause, k, 0] = step
        o.first[core, cause, k, 1] = neuron
        o.first[core, cause, k, 2] = value
        o.first[core, cause, k, 3] = count
        o.listed[core, cause] = k + 1
    o.counts[core, cause] += count
    o.of_neuron[cause, neuron] += count


note = njit(cache=True, nogil=True)(_note)
