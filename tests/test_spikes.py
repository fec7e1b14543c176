import time
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from hypothesis.extra import numpy as hnp

from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning, Spikes, step_of

dense = hnp.arrays(np.int32, st.tuples(*[st.integers(1, 5)] * 4), elements=st.integers(0, 3))


@given(dense)
def test_dense_round_trip(x: np.ndarray) -> None:
    spikes = Spikes.from_dense(x, dt=1e-3)
    assert np.array_equal(spikes.dense(np.int32), x)
    assert np.array_equal(spikes.counts(), x.sum(axis=0).reshape(x.shape[1], -1))
    assert Spikes.from_dense(spikes.dense(), dt=1e-3) == spikes
    assert spikes.sample.dtype == spikes.step.dtype == spikes.neuron.dtype == np.int32


@given(dense, st.data())
def test_select_concatenate_and_shift_agree_with_dense(x: np.ndarray, data: st.DataObject) -> None:
    spikes = Spikes.from_dense(x, dt=1e-3)
    chosen = data.draw(st.lists(st.integers(0, x.shape[1] - 1), max_size=6))
    assert np.array_equal(spikes.select(np.array(chosen, int)).dense(np.int32), x[:, chosen])
    parts = [spikes.select([i]) for i in range(x.shape[1])]
    some = range(*sorted(data.draw(st.tuples(*[st.integers(0, x.shape[1])] * 2))))
    assert np.array_equal(spikes.select(some).dense(np.int32), x[:, some.start : some.stop])
    assert Spikes.concatenate(parts) == spikes
    by = data.draw(st.integers(-3, 3))
    shifted = np.zeros_like(x)
    if by >= 0:
        shifted[by:] = x[: len(x) - by] if by < len(x) else 0
    else:
        shifted[:by] = x[-by:]
    assert np.array_equal(spikes.shift(by).dense(np.int32), shifted)


def test_events_fall_into_steps_by_integer_arithmetic() -> None:
    assert step_of([0, 999, 1000, 2999, 3000], 1e-3).tolist() == [0, 0, 1, 2, 3]
    # 0.3 / 0.1 is 2.999... in floats; in integers 300 us / 100 us is 3
    assert step_of([299, 300], 1e-4).tolist() == [2, 3]
    # a sixtieth of a second is no whole number of nanoseconds
    assert step_of([16666, 16667, 50000, 10**12], 1 / 60).tolist() == [0, 1, 3, 60 * 10**6]
    with pytest.raises(DataError, match="integer"):
        step_of([0.5], 1e-3)


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(1, 10**6))
def test_steps_are_exact_for_any_fraction_of_a_second(t: int, p: int, q: int) -> None:
    assume(p / q < 10 and p / q > 1e-8)
    assert step_of([t], p / q).tolist() == [t * q // (p * 10**6)]


@given(st.lists(st.tuples(st.integers(0, 4999), st.integers(0, 3), st.integers(0, 1)), max_size=40))
def test_events_in_any_order_become_sorted_counts(events: list[tuple[int, int, int]]) -> None:
    t, neuron, sample = (np.array([e[i] for e in events], int) for i in range(3))
    frame = {"shape": 4, "dt": 1e-3, "steps": 5, "samples": 2}
    counted = Spikes.from_events(t, neuron, sample, **frame)
    x = np.zeros((5, 2, 4), int)
    np.add.at(x, (t // 1000, sample, neuron), 1)
    assert np.array_equal(counted.dense(int), x)
    assert np.array_equal(
        Spikes.from_events(t, neuron, sample, binning=Binning.MERGE, **frame).dense(int), x > 0
    )


def test_structured_and_aer_views() -> None:
    x = np.zeros((3, 1, 2, 2, 2), int)
    x[2, 0, 1, 0, 1] = 2
    spikes = Spikes.from_dense(x, dt=2e-3)
    events = spikes.structured()
    assert events.dtype.names == ("x", "y", "t", "p")
    assert [tuple(e) for e in events] == [(1, 0, 4000, 1)] * 2
    assert [tuple(e) for e in spikes.aer()] == [(0, 4000, 5, 2)]
    with pytest.raises(ShapeError, match="polarity"):
        Spikes([], [], [], shape=4, dt=1e-3, steps=1).structured()


@pytest.mark.parametrize(
    ("arrays", "error", "says"),
    [
        (([0], [5], [0]), DataError, "0 to 4"),
        (([0], [0], [9]), DataError, "neuron"),
        (([1], [0], [0]), DataError, "sample"),
        (([0, 0], [1, 0], [0, 0]), DataError, "sorted"),
        (([0, 0], [1, 1], [0, 0]), DataError, "duplicates"),
        (([0], [0, 1], [0]), ShapeError, "length"),
        (([0], [0.5], [0]), DataError, "whole"),
        (([0], [0], [0], [0]), DataError, "at least 1"),
        (([0], [2**40], [0]), DataError, "32 bits"),
        (([0], [float("inf")], [0]), DataError, "32 bits"),
        (([0], ["a"], [0]), DataError, "whole"),
    ],
)
def test_bad_vectors_are_refused(arrays: tuple[list[float], ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Spikes(*arrays, shape=4, dt=1e-3, steps=5)


def test_events_outside_the_run_are_an_error_not_dropped() -> None:
    with pytest.raises(DataError, match="Crop"):
        Spikes.from_events([5000], [0], shape=1, dt=1e-3, steps=5)
    with pytest.raises(DataError, match="-1"):
        Spikes.from_events([0], [-1], shape=1, dt=1e-3, steps=5)


def test_batches_that_do_not_fit_are_not_joined() -> None:
    a = Spikes([], [], [], shape=4, dt=1e-3, steps=5)
    with pytest.raises(ShapeError):
        Spikes.concatenate([a, a.resize(6)])
    with pytest.raises(DataError):
        Spikes.concatenate([])


@pytest.mark.parametrize(
    "frame",
    [
        {"shape": (-2, -2)},
        {"shape": (2.5,)},
        {"steps": 2.7},
        {"steps": -1},
        {"samples": -1},
        {"steps": 2**31 - 1, "shape": 2**31 - 1, "samples": 3},
        {"dt": float("nan")},
    ],
)
def test_bad_frames_are_refused(frame: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Spikes([], [], [], **{"shape": 1, "dt": 1e-3, "steps": 5, **frame})


@pytest.mark.parametrize("x", [np.full((2, 1, 1), np.inf), np.full((2, 1, 1), "a"), np.full((2, 1, 1), None)])
def test_dense_views_of_no_counts_are_refused(x: np.ndarray) -> None:
    with pytest.raises(DataError, match="dense spikes must be"):
        Spikes.from_dense(x, dt=1e-3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"neuron": [0.7]}, "integers"),
        ({"binning": "merge"}, "Binning"),
        ({"t_us": [2**60]}, "too large"),
        ({"t_us": np.array([2**63 + 5], np.uint64)}, "too large"),
        ({"t_us": [1.0]}, "integer microseconds"),
    ],
)
def test_events_of_another_kind_are_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        Spikes.from_events(**{"t_us": [0], "neuron": [0], "shape": 1, "dt": 1e-3, **arguments})


def test_a_count_that_does_not_fit_a_dense_view_is_refused() -> None:
    spikes = Spikes([0], [0], [0], [300], shape=1, dt=1e-3, steps=1)
    assert spikes.dense(np.uint16).item() == 300
    with pytest.raises(DataError, match="300"):
        spikes.dense(np.uint8)


def test_select_refuses_samples_that_are_not_there_and_takes_none() -> None:
    spikes = Spikes([0, 1], [0, 0], [0, 0], shape=1, dt=1e-3, steps=1, samples=2)
    assert spikes.select([]).samples == 0
    for wrong in ([2], [-3], [0.0], [True]):
        with pytest.raises(DataError, match="no such samples"):
            spikes.select(wrong)


def test_selecting_one_sample_does_not_touch_the_others() -> None:
    """A thousand selections from four million spikes: milliseconds each would mean that all of them are copied."""
    n = 4_000_000
    spikes = Spikes(
        np.arange(n) // 1000, np.zeros(n), np.arange(n) % 1000, shape=1000, dt=1e-3, steps=1, samples=4000
    )
    started = time.perf_counter()
    for i in range(1000):
        assert len(spikes.select([i])) == 1000
    assert time.perf_counter() - started < 1.0  # 0.05 s; 2.5 s if each copies


def test_trusted_vectors_are_taken_as_they_are() -> None:
    vectors = [np.array(v, np.int32) for v in ([0, 0, 1], [1, 1, 0], [0, 3, 2])]
    frame = {"shape": (2, 2), "dt": 1e-3, "steps": 3, "samples": 2}
    trusted = Spikes.trusted(*vectors, **frame)
    assert trusted == Spikes(*vectors, **frame)
    assert trusted.sample is vectors[0]
    assert not vectors[2].flags.writeable
    assert trusted.select([1]) == Spikes(*vectors, **frame).select([1])
