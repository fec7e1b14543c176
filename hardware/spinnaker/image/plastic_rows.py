"""Synaptic rows whose weights change: the words of one projection with plasticity on one core.

A row is ``[P] header, weights [0] [C] controls``: P words of plastic data, which the core writes back, no fixed
synapses, and C controls. The header holds the time and the trace of the last presynaptic spike (no trace for
nearest-neighbour rules); weights and controls are 16 bits, two a word, the first in the low half. A control is the
lower half of a fixed synapse: delay, receptor, neuron. Rows without synapses have a header too. All rows of a block are
padded with zeros to the same length (sPyNNaker ``synapse_row.h``, ``synapse_dynamics_stdp.py``).

Projections without plasticity have ordinary rows, also onto a population with a rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS, rows_of_block
from neurosim.plasticity.options import Pairing

__all__ = [
    "PlasticBlock",
    "decode_plastic_block",
    "history_bytes",
    "history_words",
    "plastic_block",
    "plastic_words",
]

Uint32 = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class PlasticBlock:
    """Consecutive rows of a block.

    ``row`` int64 [k] of each synapse, counted from the first; ``weight`` uint16 and ``control`` uint16 [k];
    ``last_time`` int64 and ``last_trace`` int16 [rows].
    """

    row: NDArray[np.int64]
    weight: NDArray[np.uint16]
    control: NDArray[np.uint16]
    last_time: NDArray[np.int64]
    last_trace: NDArray[np.int16]


def history_words(pairing: Pairing) -> int:
    """Words of the header of a row."""
    return 1 if pairing is Pairing.NEAREST else 2


def history_bytes(pairing: Pairing) -> int:
    """Data memory that a neuron's last spikes take: their number, 16 times, and with traces 16 of these."""
    return 68 if pairing is Pairing.NEAREST else 100


def plastic_words(synapses: int, header: int = 2) -> int:
    """Data words of a row of that many synapses; a row of none needs none in a block without any."""
    return header + 2 * ((synapses + 1) // 2) if synapses else 0


def _halves(rows: NDArray[np.int64], values: NDArray[np.uint16], n_rows: int, words: int) -> Uint32:
    """Values by row, two a word, uint32 [n_rows, words]."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n_rows)
    position = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    halves = np.zeros((n_rows, 2 * words), dtype="<u2")
    halves[rows[order], position] = values[order]
    return halves.view("<u4").astype(np.uint32)


def plastic_block(
    rows: NDArray[np.int64],
    weights: NDArray[np.uint16],
    controls: NDArray[np.uint16],
    n_rows: int,
    length: int,
    header: int = 2,
    last_time: NDArray[np.int64] | None = None,
    last_trace: NDArray[np.int16] | None = None,
) -> Uint32:
    """The rows of a block, uint32 [n_rows, 3 + length].

    Args:
        rows: row of each synapse; synapses of a row keep their order.
        weights: raw weight of each. controls: lower half of `RowFormat.encode` of each.
        length: data words a row is padded to, at least `plastic_words` of the longest row.
        header: words of the header, see `history_words`.
        last_time, last_trace: [n_rows] of the last presynaptic spike; zero if not given.
    """
    counts = np.bincount(rows, minlength=n_rows)
    half = (int(counts.max(initial=0)) + 1) // 2
    block = np.zeros((n_rows, HEADER_WORDS + max(length, header + 2 * half)), dtype=np.uint32)
    packed = (_halves(rows, weights, n_rows, half), _halves(rows, controls, n_rows, half))
    used = (counts + 1) // 2
    block[:, 0] = header + used
    if last_time is not None:
        block[:, 1] = last_time
    if last_trace is not None and header > 1:
        block[:, 2] = last_trace.view(np.uint16)
    at = np.arange(half) < used[:, None]
    row, word = np.nonzero(at)
    block[row, 1 + header + word] = packed[0][at]
    block[np.arange(n_rows), 2 + header + used] = counts
    block[row, 3 + header + used[row] + word] = packed[1][at]
    return block[:, : HEADER_WORDS + length]


def decode_plastic_block(
    memory: Uint32, start: int, length: int, first_row: int, n_rows: int, where: str, header: int = 2
) -> PlasticBlock:
    """Consecutive rows of a block, see `rows.rows_of_block`.

    Raises:
        FileFormatError: rows lie outside the memory, contradict themselves, or hold fixed synapses.
    """
    words = rows_of_block(memory, start, length, first_row, n_rows, where)
    used = words[:, 0].astype(np.int64) - header
    every = np.arange(n_rows)
    if np.any(used < 0) or np.any(header + 2 * used > length):
        raise FileFormatError(
            "a plastic synaptic row is longer than its block",
            where=where,
            value=int(words[:, 0].max(initial=0)),
            limit=length,
        )
    counts = words[every, 2 + header + used].astype(np.int64)
    if np.any(words[every, 1 + header + used] != 0) or np.any((counts + 1) // 2 != used):
        raise FileFormatError("a plastic synaptic row contradicts itself", where=where)
    widest = int(used.max(initial=0))
    column = np.minimum(np.arange(widest), np.maximum(used - 1, 0)[:, None])
    held = np.arange(2 * widest) < counts[:, None]

    def halves(first: NDArray[np.int64]) -> NDArray[np.uint16]:
        packed = words[every[:, None], first[:, None] + column].astype("<u4")
        return packed.view("<u2").reshape(n_rows, 2 * widest)[held].astype(np.uint16)

    trace = words[:, 2] if header > 1 else np.zeros(n_rows, np.uint32)
    return PlasticBlock(
        np.repeat(every, counts),
        halves(np.full(n_rows, 1 + header)),
        halves(3 + header + used),
        words[:, 1].astype(np.int64),
        trace.astype(np.uint16).view(np.int16),
    )
