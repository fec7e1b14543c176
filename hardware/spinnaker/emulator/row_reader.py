"""The synaptic rows that a core needs, taken out of its shared memory without the padding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.row_streams import CoreRows
from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block, history_words
from neurosim.hardware.spinnaker.image.regions import CoreParameters
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS, RowFormat
from neurosim.hardware.spinnaker.numerics.stdp import PlasticRows
from neurosim.plasticity.options import Pairing

__all__ = ["RowReader", "Rows"]

Uint32 = NDArray[np.uint32]
Int64 = NDArray[np.int64]

_MOST_WORDS = 1 << 25
"""Words of the shared memory of a chip: a table that names the same rows again and again could fill ours."""
_TOO_LONG, _PLASTIC, _NO_NEURON, _NO_DELAY = 1, 2, 3, 4
_MESSAGES = {
    _TOO_LONG: "a synaptic row is longer than its block",
    _PLASTIC: "some rows of a block are plastic and others are not",
    _NO_NEURON: "a synapse names a neuron that does not exist",
    _NO_DELAY: "a synapse has a delay of zero steps",
}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Consecutive rows of a block: ``start`` of the block in bytes, data words of a row, first row, number of rows."""

    start: int
    length: int
    first: int
    count: int


@dataclass
class RowReader:
    """Takes the rows of one core after the other; plastic ones it puts together."""

    _plastic: list[tuple[Any, ...]] = field(default_factory=list)
    _plastic_rows: int = 0

    def read(
        self,
        memory: Uint32,
        wanted: list[Rows],
        core: CoreParameters,
        lo: int,
        rule: int,
        pairing: Pairing,
        where: str,
    ) -> tuple[list[tuple[int, bool]], CoreRows]:
        """Rows of the next core.

        Args:
            memory: region of the rows.
            lo: number of the first neuron of the core.
            rule: of its plastic synapses, -1 without.

        Returns:
            For each of ``wanted``, the number of its first row among the plastic rows of all cores or the static rows
            of this one, and whether it is plastic; the static rows of this core, without entries.

        Raises:
            FileFormatError: rows lie outside the memory, contradict themselves, or name what does not exist.
        """
        for rows in wanted:
            stride = rows.length + HEADER_WORDS
            if rows.start % 16 or rows.start // 4 + (rows.first + rows.count) * stride > len(memory):
                raise FileFormatError(
                    "synaptic rows lie outside the memory of the core",
                    where=where,
                    value=f"row {rows.first + rows.count - 1} of the block at {rows.start}",
                    limit=len(memory) * 4,
                )
        words = sum(rows.count * (rows.length + HEADER_WORDS) for rows in wanted)
        if words > _MOST_WORDS:
            raise FileFormatError(
                "its population table names more rows than a memory can hold",
                where=where,
                value=f"{words} words",
                limit=f"{_MOST_WORDS} words",
            )
        begins = [r.start // 4 + r.first * (r.length + HEADER_WORDS) for r in wanted]
        plastic = [bool(memory[b]) for b in begins]
        found: list[tuple[int, bool]] = []
        ranges: list[tuple[int, int, int]] = []
        at = 0
        for rows, begin, changes in zip(wanted, begins, plastic, strict=True):
            if changes:
                found.append((self._plastic_rows, True))
                self._read_plastic(memory, rows, core, lo, rule, pairing, where)
            else:
                found.append((at, False))
                ranges.append((begin, rows.length, rows.count))
                at += rows.count
        return found, self._read_static(memory, np.array(ranges, np.int64).reshape(-1, 3), core, where)

    def _read_static(self, memory: Uint32, ranges: Int64, core: CoreParameters, where: str) -> CoreRows:
        layout = RowFormat(core.atoms)
        memory = memory.view()
        memory.flags.writeable = False  # as words of a file are: the kernels are compiled once
        synapses = _measure(memory, ranges)
        start = np.zeros(int(ranges[:, 2].sum()) + 1, np.uint32)
        words = np.zeros(max(synapses, 0), np.uint32)
        problem = (
            -synapses
            if synapses < 0
            else _gather(memory, ranges, start, words, core.neurons, layout.index_bits, layout.type_bits)
        )
        if problem:
            raise FileFormatError(_MESSAGES[problem], where=where)
        return CoreRows(np.zeros((0, 4), np.int64), start, words)

    def _read_plastic(
        self,
        memory: Uint32,
        rows: Rows,
        core: CoreParameters,
        lo: int,
        rule: int,
        pairing: Pairing,
        where: str,
    ) -> None:
        if rule < 0:
            raise FileFormatError("has plastic synapses but no rule for them", where=where)
        header = history_words(pairing)
        block = decode_plastic_block(memory, rows.start, rows.length, rows.first, rows.count, where, header)
        _, delay, receptor, index = RowFormat(core.atoms).decode(block.control.astype(np.uint32))
        if np.any(index >= core.neurons):
            raise FileFormatError(_MESSAGES[_NO_NEURON], where=where)
        if np.any(delay == 0):
            raise FileFormatError(_MESSAGES[_NO_DELAY], where=where)
        delay &= np.uint32((1 << core.delay_bits) - 1)  # as the core masks it: zero, and nothing is delivered
        counts = np.bincount(block.row, minlength=rows.count)
        self._plastic.append(
            (
                counts, np.full(rows.count, rule), block.last_time, block.last_trace,
                index.astype(np.int64) + lo, receptor, delay, block.weight,
            )
        )  # fmt: skip
        self._plastic_rows += rows.count

    def plastic_rows(self) -> PlasticRows:
        """Plastic rows of all cores."""
        none = (np.zeros(0, np.int64),) * 8
        counts, *rest = (np.concatenate(column) for column in zip(none, *self._plastic, strict=True))
        types = (np.int64, np.int64, np.int16, np.int32, np.uint8, np.int32, np.uint16)
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return PlasticRows(start, *(a.astype(t) for a, t in zip(rest, types, strict=True)))


@njit(cache=True, nogil=True)
def _measure(memory: Any, ranges: Any) -> Any:
    """Synapses of all rows (begin, data words, count), or the negative number of what is wrong."""
    total: Any = 0
    for k in range(len(ranges)):
        length, at = ranges[k, 1], np.int64(ranges[k, 0])
        for _ in range(ranges[k, 2]):
            count = np.int64(memory[at + 1])
            if memory[at] != 0 or memory[at + 2] != 0:
                return -_PLASTIC
            if count > length:
                return -_TOO_LONG
            total += count
            at += length + HEADER_WORDS
    return total


@njit(cache=True, nogil=True)
def _gather(
    memory: Any, ranges: Any, start: Any, words: Any, neurons: int, index_bits: int, type_bits: int
) -> int:
    """Copy the synapses of rows; 0, or the number of what is wrong."""
    row, found = 0, 0
    index_mask = np.uint32((1 << index_bits) - 1)
    delay_shift = np.uint32(index_bits + type_bits)
    for k in range(len(ranges)):
        stride = ranges[k, 1] + HEADER_WORDS
        for r in range(ranges[k, 2]):
            at = ranges[k, 0] + r * stride
            start[row] = found
            row += 1
            for i in range(at + HEADER_WORDS, at + HEADER_WORDS + np.int64(memory[at + 1])):
                word = memory[i]
                if word & index_mask >= neurons:
                    return _NO_NEURON
                if (word & np.uint32(0xFFFF)) >> delay_shift == 0:
                    return _NO_DELAY
                words[found] = word
                found += 1
    start[row] = found
    return 0
