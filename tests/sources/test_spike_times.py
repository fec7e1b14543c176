from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim.errors import DescriptionError, ShapeError


def draw(source: Any, n: int, first: int, stop: int, samples: int = 1, dt: float = 0.1) -> ns.Spikes:
    source.check((n,), dt, "input 'in'")
    return source.spikes((n,), dt, first, stop, range(samples), 0)


def test_times_fall_into_their_steps() -> None:
    """Times on the grid are not a step early (0.3 / 0.1 is 2.9999999999999996), and several in a step are a count."""
    source = ns.SpikeTimes(times=[0.3, 0.1, 0.1, 0.25, 0.7], channels=[1, 0, 0, 2, 1])
    spikes = draw(source, 3, 0, 5, samples=2)
    assert spikes.step.tolist() == [1, 2, 3] * 2
    assert spikes.neuron.tolist() == [0, 2, 1] * 2
    assert spikes.count is not None
    assert spikes.count.tolist() == [2, 1, 1] * 2
    assert source.most(0.1) == 2


@settings(max_examples=50, deadline=None)
@given(
    cells=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), min_size=1, max_size=60),
    dt=st.sampled_from([1e-4, 1e-3, 0.1, 1 / 3]),
    cuts=st.lists(st.integers(0, 100), max_size=3),
)
def test_spikes_on_the_grid_come_back(cells: list[tuple[int, int]], dt: float, cuts: list[int]) -> None:
    step, channel = np.array(cells).T
    source = ns.SpikeTimes(times=step * dt, channels=channel)
    expected = np.zeros((100, 4), np.int64)
    np.add.at(expected, (step, channel), 1)
    edges = sorted({0, 100, *cuts})
    found = np.concatenate([draw(source, 4, a, b, dt=dt).dense()[:, 0] for a, b in pairwise(edges)])
    assert np.array_equal(found, expected)
    assert expected.max() == source.most(dt)


def test_order_does_not_matter() -> None:
    a = ns.SpikeTimes(times=[0.2, 0.1], channels=[0, 1])
    assert a == ns.SpikeTimes(times=[0.1, 0.2], channels=[1, 0])


@settings(max_examples=50, deadline=None)
@given(
    interval=st.lists(st.integers(1, 40), min_size=3, max_size=3),
    phase=st.lists(st.integers(0, 30), min_size=3, max_size=3),
    cut=st.integers(0, 200),
)
def test_regular_spikes_on_the_grid(interval: list[int], phase: list[int], cut: int) -> None:
    source = ns.RegularSource(interval=np.array(interval) * 0.1, phase=np.array(phase) * 0.1)
    expected = np.zeros((200, 3), np.int64)
    for channel, (every, start) in enumerate(zip(interval, phase, strict=True)):
        expected[start::every, channel] = 1
    found = [draw(source, 3, a, b).dense()[:, 0] for a, b in ((0, cut), (cut, 200))]
    assert np.array_equal(np.concatenate(found), expected)


def test_regular_spikes_off_the_grid() -> None:
    """Interval 0.25, dt 0.1: times 0, 0.25, 0.5, 0.75 are in steps 0, 2, 5, 7. Interval 0.04: two or three a step."""
    assert draw(ns.RegularSource(interval=0.25), 1, 0, 10).step.tolist() == [0, 2, 5, 7]
    fast = ns.RegularSource(interval=0.04)
    assert draw(fast, 1, 0, 1000).counts().sum() == 2500
    assert draw(fast, 1, 0, 1000).dense().max() <= fast.most(0.1)


@pytest.mark.parametrize(
    ("source", "error", "what"),
    [
        (lambda: ns.SpikeTimes(times=[0.1], channels=[3]), ShapeError, "channel"),
        (lambda: ns.SpikeTimes(times=[0.1], channels=[0, 1]), ShapeError, "length"),
        (lambda: ns.SpikeTimes(times=[0.1], channels=[0.5]), ShapeError, "whole"),
        (lambda: ns.SpikeTimes(times=[0.1], channels=[-1]), DescriptionError, "negative"),
        (lambda: ns.SpikeTimes(times=[-0.1], channels=[0]), DescriptionError, "times"),
        (lambda: ns.RegularSource(interval=0.0), DescriptionError, "interval"),
        (lambda: ns.RegularSource(interval=1e-6), DescriptionError, "too many"),
        (lambda: ns.RegularSource(interval=np.ones(2)), ShapeError, "interval"),
    ],
)
def test_misfits_are_refused(source: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        ns.Network(dt=0.1).input("in", 3, source=source())
