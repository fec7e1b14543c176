"""Rows without their padding, against a plain reading of the words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.row_reader import RowReader, Rows
from neurosim.hardware.spinnaker.image.regions import CoreParameters
from neurosim.hardware.spinnaker.image.rows import RowFormat
from neurosim.plasticity.options import Pairing

CORE = CoreParameters(16, None, 16, 4, (0, 0))
WORD = st.builds(
    lambda w, d, r, i: int(RowFormat(16).encode(w, d, r, i)),
    st.integers(0, 65535), st.integers(1, 16), st.integers(0, 1), st.integers(0, 15),
)  # fmt: skip
BLOCK = st.lists(st.lists(WORD, max_size=4), min_size=1, max_size=6)


def memory_of(blocks):
    """The words of blocks of rows, and where each block begins, in bytes."""
    words, starts = [], []
    for rows in blocks:
        words += [0] * (-len(words) % 4)
        starts.append(4 * len(words))
        length = max(1, *map(len, rows))
        for row in rows:
            words += [0, len(row), 0, *row, *[0] * (length - len(row))]
    return np.array(words, np.uint32), starts


def read(reader, memory, wanted, rule=-1):
    return reader.read(memory, wanted, CORE, 0, rule, Pairing.ALL, "core 'x'")


@given(st.lists(BLOCK, min_size=1, max_size=3), st.lists(BLOCK, max_size=2), st.data())
def test_rows_are_what_the_words_say(first, second, data):
    """Parts of blocks of two cores, in any order, also twice."""
    reader = RowReader()
    for blocks in (first, second):
        memory, starts = memory_of(blocks)
        wanted, found = [], []
        for _ in range(data.draw(st.integers(0, 4)) if blocks else 0):
            k = data.draw(st.integers(0, len(blocks) - 1))
            begin = data.draw(st.integers(0, len(blocks[k]) - 1))
            count = data.draw(st.integers(1, len(blocks[k]) - begin))
            length = max(1, *map(len, blocks[k]))
            wanted.append(Rows(start=starts[k], length=length, first=begin, count=count))
            found.append(blocks[k][begin : begin + count])
        places, rows = read(reader, memory, wanted)
        for (row, plastic), expected in zip(places, found, strict=True):
            assert not plastic
            for i, words in enumerate(expected):
                assert rows.word[rows.start[row + i] : rows.start[row + i + 1]].tolist() == words


@pytest.mark.parametrize(
    ("place", "word", "message"),
    [
        (1, 9, "longer than its block"),
        (5, 1, "some rows"),
        (7, 1, "some rows"),
        (3, 0xFFFF_0000, "delay of zero"),
    ],
)
def test_what_contradicts_itself_is_refused(place, word, message):
    good = int(RowFormat(16).encode(5, 3, 0, 1))
    memory, _ = memory_of([[[good, good], [good]]])
    memory[place] = word
    with pytest.raises(FileFormatError, match=message):
        read(RowReader(), memory, [Rows(start=0, length=2, first=0, count=2)])


def test_plastic_rows_need_a_rule_and_neurons_must_exist():
    memory = np.array([3, 0, 0, 7, 0, 1, int(RowFormat(16).encode(0, 1, 0, 3)), 0], np.uint32)
    rows = Rows(start=0, length=5, first=0, count=1)
    with pytest.raises(FileFormatError, match="no rule"):
        read(RowReader(), memory, [rows])
    reader = RowReader()
    assert read(reader, memory, [rows], rule=0)[0] == [(0, True)]
    assert reader.plastic_rows().weight.tolist() == [7]
    with pytest.raises(FileFormatError, match="does not exist"):
        RowReader().read(
            memory, [rows], CoreParameters(3, None, 16, 4, (0, 0)), 0, 0, Pairing.ALL, "core 'x'"
        )
    with pytest.raises(FileFormatError, match="outside the memory"):
        read(RowReader(), memory, [Rows(start=0, length=5, first=1, count=1)])


def test_rows_are_not_read_again_and_again():
    """A table of a few kilobytes may name one block as often as it likes; nothing is read then."""
    memory = np.zeros(65536 * 4, np.uint32)
    block = Rows(start=0, length=1, first=0, count=65536)
    places, rows = read(RowReader(), memory, [block] * 100)
    assert (len(places), len(rows.word)) == (100, 0)
    with pytest.raises(FileFormatError, match=r"core 'x'.*more rows.*262144000 words.*33554432"):
        read(RowReader(), memory, [block] * 1000)
