"""Synaptic rows: layout, and reading back what was written."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.rows import RowFormat, decode_block


def test_a_row_has_the_published_layout():
    """weight 0x1234, delay 3, inhibitory, neuron 5 of 64: weight | delay | type | index."""
    word = RowFormat(64).encode(0x1234, 3, 1, 5)
    assert hex(int(word)) == hex(0x1234 << 16 | 3 << 7 | 1 << 6 | 5)


def test_rows_are_read():
    """Two rows of one and two synapses behind another block; padding is not read."""
    memory = np.zeros(8 + 2 * (3 + 2), np.uint32)
    memory[8:] = [0, 1, 0, 11, 99, 0, 2, 0, 21, 22]
    rows, words = decode_block(memory, 32, 2, 0, 2, "here")
    assert rows.tolist() == [0, 1, 1]
    assert words.tolist() == [11, 21, 22]
    rows, words = decode_block(memory, 32, 2, 1, 1, "here")
    assert rows.tolist() == [0, 0]
    assert words.tolist() == [21, 22]


def test_words_are_read():
    rng = np.random.default_rng(1)
    layout = RowFormat(32)
    fields = (
        rng.integers(0, 65536, 300), rng.integers(1, 129, 300), rng.integers(0, 2, 300), rng.integers(0, 32, 300),
    )  # fmt: skip
    for a, b in zip(layout.decode(layout.encode(*fields)), fields, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_outside_the_memory_are_refused():
    with pytest.raises(FileFormatError, match="outside"):
        decode_block(np.zeros(10, np.uint32), 0, 4, 0, 2, "core")


def test_a_row_longer_than_its_block_is_refused():
    memory = np.zeros(8, np.uint32)
    memory[1] = 6
    with pytest.raises(FileFormatError, match="longer"):
        decode_block(memory, 0, 5, 0, 1, "core")
