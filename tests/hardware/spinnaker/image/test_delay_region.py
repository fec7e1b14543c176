"""The words of a delay core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.delay_region import DelayParameters, decode_delay_region, delay_region

PARAMETERS = DelayParameters(
    key=0x2000, incoming_key=0x800, incoming_mask=0xFFFFF800, neurons=36, stages=2, slots=64
)


def test_the_words_are_those_of_the_published_layout():
    """has_key, key, incoming key and mask, neurons, stages, slots, late spikes kept, colour bits."""
    assert delay_region(PARAMETERS).tolist() == [1, 0x2000, 0x800, 0xFFFFF800, 36, 2, 64, 0, 4]


@pytest.mark.parametrize("key", [0, 0x2000, None])
def test_parameters_survive(key):
    given = replace(PARAMETERS, key=key)
    assert decode_delay_region(delay_region(given), "core") == given


@pytest.mark.parametrize(
    ("word", "value"), [(0, 2), (4, 0), (4, 1 << 16), (5, 0), (5, 9), (6, 0), (6, 1 << 14), (7, 1), (8, 3)]
)
def test_damaged_words_are_refused(word, value):
    words = delay_region(PARAMETERS)
    words[word] = value
    with pytest.raises(FileFormatError, match=r"core.*damaged"):
        decode_delay_region(words, "core")
    with pytest.raises(FileFormatError, match=r"core.*truncated"):
        decode_delay_region(np.append(words, words), "core")
