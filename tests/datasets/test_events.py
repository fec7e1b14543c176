from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.datasets.events import Events, to_spikes
from neurosim.errors import DataError, NeurosimError, ShapeError
from neurosim.spikes import Binning

SHAPE = (2, 5, 7)


@st.composite
def recordings(draw: st.DrawFn) -> Events:
    n = draw(st.integers(0, 30))
    t = sorted(draw(st.lists(st.integers(0, 9_999), min_size=n, max_size=n)))
    x = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    y = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    p = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return Events(t, x, y, p, shape=SHAPE)


def test_holds_the_types_and_is_read_only() -> None:
    t = np.array([0, 5, 5])
    events = Events(t, [1, 2, 3], [0, 0, 4], [True, False, True], shape=SHAPE)
    assert [events.t.dtype, events.x.dtype, events.y.dtype, events.p.dtype] == ["i8", "u2", "u2", "u1"]
    t[0] = 99  # the caller's array is theirs
    assert events.t[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        events.t[0] = 1
    with pytest.raises(AttributeError):
        events.t = t  # type: ignore[misc]
    assert len(events) == 3
    assert events.duration == pytest.approx(6e-6)


def test_address_is_the_c_order_index_of_polarity_y_x() -> None:
    events = Events([0, 0], [6, 2], [4, 3], [1, 0], shape=SHAPE)
    assert events.address.tolist() == [
        np.ravel_multi_index((1, 4, 6), SHAPE),
        np.ravel_multi_index((0, 3, 2), SHAPE),
    ]


@pytest.mark.parametrize(
    ("columns", "shape", "error", "text"),
    [
        (([3, 1], [0, 0], [0, 0], [0, 0]), SHAPE, DataError, "time goes back"),
        (([-1], [0], [0], [0]), SHAPE, DataError, "negative"),
        (([0], [7], [0], [0]), SHAPE, DataError, "0 to 6"),
        (([0], [0], [5], [0]), SHAPE, DataError, "0 to 4"),
        (([0], [0], [0], [2]), SHAPE, DataError, "0 to 1"),
        (([0.5], [0], [0], [0]), SHAPE, DataError, "whole numbers"),
        (([np.nan], [0], [0], [0]), SHAPE, DataError, "whole numbers"),
        ((["a"], [0], [0], [0]), SHAPE, DataError, "whole numbers"),
        (([0, 1], [0], [0], [0]), SHAPE, ShapeError, "length"),
        (([[0]], [0], [0], [0]), SHAPE, ShapeError, "vector"),
        (([0], [0], [0], [0]), (5, 7), ShapeError, "polarity"),
        (([0], [0], [0], [0]), (2, 0, 7), ShapeError, "polarity"),
    ],
)
def test_refuses(
    columns: tuple[list[object], ...], shape: tuple[int, ...], error: type[NeurosimError], text: str
) -> None:
    with pytest.raises(error, match=text):
        Events(*columns, shape=shape)


@given(recordings())
def test_structured_round_trip_has_tonic_fields(events: Events) -> None:
    array = events.structured()
    assert array.dtype.names == ("x", "y", "t", "p")
    assert Events.from_structured(array, shape=SHAPE) == events


def test_from_structured_sorts_stably_and_fills_missing_fields() -> None:
    array = np.array([(9, 0), (3, 1), (9, 2), (3, 3)], [("t", "f8"), ("x", "i4")])  # a cochlea: no y, no p
    events = Events.from_structured(array, shape=(1, 1, 700))
    assert events.t.tolist() == [3, 3, 9, 9]
    assert events.x.tolist() == [1, 3, 0, 2]
    assert not events.y.any()
    with pytest.raises(DataError, match="fields"):
        Events.from_structured(np.zeros(2, [("t", "i8")]), shape=SHAPE)


@given(st.lists(recordings(), min_size=1, max_size=3), st.sampled_from([1e-3, 3e-4, 1e-6]))
@settings(max_examples=50)
def test_to_spikes_counts_every_event_in_its_integer_step(batch: list[Events], dt: float) -> None:
    steps = 10_000 * 1000 // round(dt * 1e9) + 1
    spikes = to_spikes(batch, dt=dt, steps=steps)
    expected: dict[tuple[int, ...], int] = {}
    for i, r in enumerate(batch):
        for t, x, y, p in zip(r.t.tolist(), r.x.tolist(), r.y.tolist(), r.p.tolist(), strict=True):
            cell = (i, t * 1000 // round(dt * 1e9), (p * 5 + y) * 7 + x)
            expected[cell] = expected.get(cell, 0) + 1
    cells = zip(spikes.sample.tolist(), spikes.step.tolist(), spikes.neuron.tolist(), strict=True)
    assert dict(zip(cells, spikes.counts_of_cells().tolist(), strict=True)) == expected
    merged = to_spikes(batch, dt=dt, steps=steps, binning=Binning.MERGE)
    assert len(merged) == len(expected)
    assert merged.count is None


def test_to_spikes_refuses_late_events_and_mixed_sensors() -> None:
    one = Events([1500], [0], [0], [0], shape=SHAPE)
    assert one.to_spikes(dt=1e-3).steps == 2
    with pytest.raises(DataError):
        one.to_spikes(dt=1e-3, steps=1)
    with pytest.raises(ShapeError, match="sensors differ"):
        to_spikes([one, Events([], [], [], [], shape=(2, 5, 8))], dt=1e-3)
    with pytest.raises(DataError, match="no recordings"):
        to_spikes([], dt=1e-3)
