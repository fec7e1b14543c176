"""Master population tables: the host's read back, and limits."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neurosim.errors import CapacityError, FileFormatError
from neurosim.hardware.spinnaker.image.population_table import TableEntry, decode_table, encode_table


@pytest.mark.reference("spinnaker/image_*.npz")
def test_tables_of_the_host_are_read_back(reference_file):
    """Decoding and encoding the host's population tables gives the same words."""
    with np.load(reference_file) as image:
        names = [
            k for k in image.files if re.fullmatch(r"r_\d+_\d+_\d+_5", k) and f"{k[:-1]}6" in image.files
        ]
        assert names
        for name in names:
            table = decode_table(image[name], name)
            np.testing.assert_array_equal(encode_table(table), image[name])


@pytest.mark.parametrize("words", [[], [1, 1, 0, 0, 0], [0, 0, 1]])
def test_damaged_tables_are_refused(words):
    with pytest.raises(FileFormatError, match="core 1"):
        decode_table(np.array(words, np.uint32), "core 1")


def test_rows_of_more_than_256_words_are_refused():
    entry = TableEntry(key=0, mask=0, core_mask=0, core_shift=4, neurons=1, blocks=((0, 257),))
    with pytest.raises(CapacityError, match="257"):
        encode_table([entry])
