"""Ratios, comparability and scaling of rows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.row import Row, is_ours, with_ratios

OURS = Row(
    case="a",
    system="neurosim",
    version="1",
    threads=1,
    precision="double",
    neurons=10,
    synapses=100,
    steps=1000,
    spikes=1000,
    work=1e4,
    unit="events",
    build_seconds=0.1,
    seconds=2.0,
    repeats=(1.0, 2.0, 3.0),
)
PEER = replace(OURS, system="peer", seconds=5.0)


def test_ratio_is_the_peers_time_over_ours() -> None:
    rows = list(with_ratios([PEER, OURS, replace(PEER, case="b")]))
    assert [row.ratio for row in rows] == [2.5, None, None]


def test_threads_and_precision_are_compared_with_their_own() -> None:
    single = replace(OURS, system="neurosim-f32", precision="single", seconds=1.0)
    both = replace(OURS, threads=2, seconds=0.5)
    peers = [replace(PEER, precision="single"), replace(PEER, threads=2), replace(PEER, threads=4)]
    rows = list(with_ratios([OURS, single, both, *peers]))
    assert [row.ratio for row in rows] == [None, None, None, 5.0, 10.0, None]
    assert all(row.comparable for row in rows)  # four threads: nothing of ours beside it, yet the same work


@pytest.mark.parametrize(("spikes", "comparable"), [(1010, True), (990, True), (1011, False), (0, False)])
def test_spikes_may_differ_by_a_hundredth(spikes: int, comparable: bool) -> None:
    row = list(with_ratios([OURS, replace(PEER, spikes=spikes, ratio=9.0)]))[1]
    assert row.comparable == comparable
    assert (row.ratio is not None) == comparable


@pytest.mark.parametrize("field", ["neurons", "synapses", "steps"])
def test_sizes_must_be_equal(field: str) -> None:
    row = list(with_ratios([OURS, replace(PEER, **{field: 7})]))[1]
    assert not row.comparable
    assert row.ratio is None


def test_every_layer_must_have_spiked_as_often() -> None:
    ours = replace(OURS, layer_spikes=(600, 400))
    rows = [ours, replace(PEER, layer_spikes=(596, 403)), replace(PEER, layer_spikes=(610, 390))]
    assert [row.comparable for row in with_ratios(rows)] == [True, True, False]


def test_what_differs_on_purpose_has_a_ratio_and_is_not_comparable() -> None:
    row = list(with_ratios([OURS, replace(PEER, spikes=7, differs="no delays")]))[1]
    assert (row.ratio, row.comparable) == (2.5, False)


def test_ratio_to_our_own_layers_without_delays() -> None:
    rows = list(with_ratios([replace(OURS, without_delays_seconds=0.5), PEER]))
    assert [row.without_delays_ratio for row in rows] == [4.0, None]


def test_scaling_is_the_systems_own_gain_from_threads() -> None:
    rows = list(with_ratios([OURS, replace(OURS, threads=2, seconds=1.25), replace(PEER, threads=2)]))
    assert [row.scaling for row in rows] == [None, 1.6, None]


def test_ours_has_two_names() -> None:
    assert [is_ours(name) for name in ("neurosim", "neurosim-f32", "nest", "neurosimulator")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_rows_are_json() -> None:
    assert json.loads(json.dumps(OURS.to_json()))["repeats"] == [1.0, 2.0, 3.0]
