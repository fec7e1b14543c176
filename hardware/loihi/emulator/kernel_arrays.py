"""What the kernels of the emulator read and write: groups of arrays that Numba passes on as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axons", "Feed", "Found", "Spikes", "Watch"]

Ints = NDArray[np.int64]


class Axons(NamedTuple):
    """`neurosim.hardware.loihi.emulator.chip.Sends` as a kernel reads it: ``start`` int64 [sources + 1], ``to`` int64
    [axons, 3]: first synapse, one behind the last, base."""

    start: Ints
    to: Ints


class Feed(NamedTuple):
    """Input spikes of one sample: in step t of the run ``source[start[t]:start[t + 1]]`` spike ``times`` times
    (``source`` int32, the others int64)."""

    start: Ints
    source: NDArray[np.int32]
    times: Ints


class Spikes(NamedTuple):
    """A buffer: the compartments that send something in step t of the run end at ``end[t + 1]`` (int64 [T + 1]);
    ``compartment`` int32 [capacity]."""

    end: Ints
    compartment: NDArray[np.int32]


class Watch(NamedTuple):
    """What is kept of each step: of the compartments ``compartment`` int64 [W] the rows ``row`` int64 [R] of the state;
    ``kept`` int64 [T, R, W]."""

    compartment: Ints
    row: Ints
    kept: Ints


class Found(NamedTuple):
    """Overflows: ``rows`` and counts by cause, as `neurosim.hardware.loihi.numerics.overflow` has them."""

    rows: Ints
    counted: Ints
