"""Plastic rows: layout, and reading back what was written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block, plastic_block, plastic_words
from neurosim.hardware.spinnaker.image.rows import RowFormat


def test_a_row_has_the_published_layout():
    """Three synapses: header of 2 words, 2 words of weights, no fixed ones, 3 controls in 2 words, padding."""
    control = RowFormat(64).encode(0, [3, 4, 5], 1, [5, 6, 7]).astype(np.uint16)
    block = plastic_block(
        np.zeros(3, np.int64), np.array([0x1111, 0x2222, 0x3333], np.uint16), control, 1, 8,
        last_time=np.array([77]), last_trace=np.array([-2], np.int16),
    )  # fmt: skip
    low = [3 << 7 | 1 << 6 | 5, 4 << 7 | 1 << 6 | 6, 5 << 7 | 1 << 6 | 7]
    expected = [4, 77, 0xFFFE, 0x22221111, 0x3333, 0, 3, low[0] | low[1] << 16, low[2], 0, 0]
    assert block.tolist() == [expected]


@settings(max_examples=50)
@given(data=st.data(), header=st.sampled_from([1, 2]))
def test_rows_survive(data, header):
    n_rows = data.draw(st.integers(1, 6))
    rows = np.array(data.draw(st.lists(st.integers(0, n_rows - 1), max_size=40)), np.int64)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    weight, control = (rng.integers(0, 65536, len(rows)).astype(np.uint16) for _ in range(2))
    time, trace = rng.integers(0, 2**31, n_rows), rng.integers(-(2**15), 2**15, n_rows).astype(np.int16)
    length = max(plastic_words(int(np.bincount(rows, minlength=1).max()), header), header) + data.draw(
        st.integers(0, 2)
    )
    block = plastic_block(rows, weight, control, n_rows, length, header, time, trace)
    memory = np.concatenate([np.zeros(4, np.uint32), block.reshape(-1)])
    first = data.draw(st.integers(0, n_rows - 1))
    found = decode_plastic_block(memory, 16, length, first, n_rows - first, "core", header)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= first]
    np.testing.assert_array_equal(found.row, rows[order] - first)
    np.testing.assert_array_equal(found.weight, weight[order])
    np.testing.assert_array_equal(found.control, control[order])
    np.testing.assert_array_equal(found.last_time, time[first:])
    np.testing.assert_array_equal(found.last_trace, trace[first:] if header == 2 else 0)


def test_rows_that_contradict_themselves_are_refused():
    block = plastic_block(np.zeros(3, np.int64), np.ones(3, np.uint16), np.ones(3, np.uint16), 1, 6).reshape(
        -1
    )
    for word, value, what in (
        (0, 5, "longer"),
        (0, 1, "longer"),
        (5, 1, "contradicts"),
        (6, 5, "contradicts"),
    ):
        wrong = block.copy()
        wrong[word] = value
        with pytest.raises(FileFormatError, match=what):
            decode_plastic_block(wrong, 0, 6, 0, 1, "core")
    with pytest.raises(FileFormatError, match="outside"):
        decode_plastic_block(block, 0, 6, 0, 2, "core")
