from __future__ import annotations

import numpy as np
import pytest

from neurosim.datasets.events import Events
from neurosim.datasets.transforms import crop_space, crop_time, downsample, merge_polarity
from neurosim.errors import DataError

EVENTS = Events([0, 10, 20, 30], [0, 3, 6, 5], [0, 1, 4, 3], [0, 1, 1, 0], shape=(2, 5, 7))


def test_crop_time_is_half_open_and_starts_at_zero() -> None:
    cut = crop_time(EVENTS, 10e-6, 30e-6)
    assert cut.t.tolist() == [0, 10]
    assert cut.x.tolist() == [3, 6]
    assert crop_time(EVENTS) == EVENTS
    with pytest.raises(DataError, match="interval"):
        crop_time(EVENTS, 2e-6, 1e-6)


def test_crop_space_keeps_a_rectangle() -> None:
    cut = crop_space(EVENTS, top=1, left=3, height=3, width=3)
    assert cut.shape == (2, 3, 3)
    assert np.stack([cut.t, cut.y, cut.x, cut.p]).T.tolist() == [[10, 0, 0, 1], [30, 2, 2, 0]]
    with pytest.raises(DataError, match="leaves the sensor"):
        crop_space(EVENTS, top=3, height=3, width=1)


def test_downsample_keeps_every_event() -> None:
    small = downsample(EVENTS, 2)
    assert small.shape == (2, 3, 4)
    assert small.x.tolist() == [0, 1, 3, 2]
    assert small.y.tolist() == [0, 0, 2, 1]
    assert len(small) == len(EVENTS)
    with pytest.raises(DataError):
        downsample(EVENTS, 0)


def test_merge_polarity() -> None:
    one = merge_polarity(EVENTS)
    assert one.shape == (1, 5, 7)
    assert not one.p.any()
    assert EVENTS.p.any()  # the argument is untouched
