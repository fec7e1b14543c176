"""Synaptic rows: layout, and reading back what was written."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.rows import RowFormat, block_words, decode_block, join_blocks


def test_a_row_has_the_published_layout():
    """weight 0x1234, delay 3, inhibitory, neuron 5 of 64: weight | delay | type | index."""
    word = RowFormat(64).encode(0x1234, 3, 1, 5)
    assert hex(int(word)) == hex(0x1234 << 16 | 3 << 7 | 1 << 6 | 5)


def test_rows_survive():
    rng = np.random.default_rng(1)
    n, atoms = 300, 32
    layout = RowFormat(atoms)
    fields = (
        rng.integers(0, 65536, n),
        rng.integers(1, 129, n),
        rng.integers(0, 2, n),
        rng.integers(0, atoms, n),
    )
    rows = rng.integers(0, 10, n)
    words = layout.encode(*fields)
    length = int(np.bincount(rows).max())
    memory, starts = join_blocks([np.ones((1, 5), np.uint32), block_words(rows, words, 10, length)])
    assert starts == [0, 32]
    got_rows, got = decode_block(memory, starts[1], length, 2, 8, "here")
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 2]
    np.testing.assert_array_equal(got_rows, rows[order] - 2)
    for a, b in zip(layout.decode(got), fields, strict=True):
        np.testing.assert_array_equal(a, b[order])


def test_rows_outside_the_memory_are_refused():
    with pytest.raises(FileFormatError, match="outside"):
        decode_block(np.zeros(10, np.uint32), 0, 4, 0, 2, "core")


def test_a_row_longer_than_its_block_is_refused():
    memory = np.zeros(8, np.uint32)
    memory[1] = 6
    with pytest.raises(FileFormatError, match="longer"):
        decode_block(memory, 0, 5, 0, 1, "core")
