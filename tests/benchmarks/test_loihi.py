"""Small forms of the emulated chips; the same spikes in nengo-loihi where its interpreter is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.__main__ import PYTHON
from benchmarks.loihi import CASES
from benchmarks.networks.loihi_core import full_chip, recurrent_core
from benchmarks.process import WorkerProcess
from benchmarks.race import Options, entries, race
from benchmarks.row import Missing, Row, with_ratios
from benchmarks.systems import SYSTEMS, System, ours_loihi
from benchmarks.systems.raster import raster_digest
from neurosim.hardware.loihi.numerics.lif import Registers, reference
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI

PEER = os.environ.get(f"{PYTHON}NENGO_LOIHI")


def test_the_core_spikes_as_its_numbers_say() -> None:
    """Against the reference kernel, fed with arrivals step by step."""
    case = recurrent_core("x", size=60, steps=120)
    runner = ours_loihi.build(case, {"threads": 1})
    done = runner.run()
    with np.load(case.arrays) as file:
        arrays = {name: file[name] for name in file.files}
    dense = np.zeros((60, 60), np.int64)
    np.add.at(
        dense,
        (np.repeat(np.arange(60), np.diff(arrays["row_start"])), arrays["target"]),
        arrays["weight"] << 6,
    )
    bias = arrays["bias_mantissa"] << arrays["bias_exponent"]
    registers = Registers.of(
        60, du=arrays["du"], dv=arrays["dv"], threshold=arrays["threshold"] << 6, bias=bias
    )
    raster = np.zeros((120, 60), np.int64)
    for t in range(120):
        arrived = np.vstack([np.zeros((1, 60), np.int64), raster[:t] @ dense])
        raster[t] = reference(arrived, registers, NENGO_LOIHI).spike[-1]
    assert done.spikes == raster.sum() > 50
    found = runner.finish()
    assert found["digest"] == raster_digest(*np.nonzero(raster), 60)
    assert found["work"] == int(raster.sum(axis=0) @ np.diff(arrays["row_start"]))
    assert runner.cores == 1


def test_digests_tell_rasters_apart_and_not_their_order() -> None:
    step, neuron = np.array([1, 2, 2]), np.array([5, 0, 3])
    one = raster_digest(step, neuron, 7)
    assert one == raster_digest(step[::-1].astype(np.int32), neuron[::-1], 7)
    assert one != raster_digest(step, np.array([5, 0, 4]), 7)
    assert len(one) == 16


def test_a_small_chip() -> None:
    """A ring: every neuron reaches its own core and the next, and the row can be filled."""
    case = full_chip("x", cores=3, fan_out=5, size=32, steps=60)
    runner = ours_loihi.build(case, {"threads": 1})
    assert runner.synapses == case.synapses == 2 * 3 * 32 * 5
    with np.load(case.arrays) as file:
        pre, post = np.repeat(np.arange(96), 10) // 32, file["target"] // 32
    assert {((b - a) % 3) for a, b in zip(pre.tolist(), post.tolist(), strict=True)} == {0, 1}
    assert runner.run().spikes > 20
    assert "ms a step" in runner.finish()["note"]


def test_a_batch_has_samples_that_differ() -> None:
    case = recurrent_core("x", size=40, steps=80, samples=3, inputs=20)
    assert case.kind == "loihi-batch"
    runner = ours_loihi.build(case, {"threads": 2})
    assert runner.synapses == case.synapses
    spikes = runner._emulate(80)
    counts = [int((spikes.sample == b).sum()) for b in range(3)]
    assert len(set(counts)) > 1
    assert runner.run().spikes == sum(counts)
    assert runner.finish()["work"] == runner.events + case.input_events


def test_only_the_first_case_has_a_peer() -> None:
    case = recurrent_core("x", size=40, steps=10)
    assert [system.name for system, _ in entries(case, Options())] == ["nengo-loihi"]
    assert "nengo-loihi" not in [s.name for s, _ in entries(replace(case, kind="loihi-chip"), Options())]
    assert set(CASES) == {"core10", "chip128", "batch32"}


def test_a_peer_that_is_not_there_is_a_line() -> None:
    case = recurrent_core("x", size=40, steps=10)
    found = list(race(case, Options(quick=True), [(SYSTEMS["nengo-loihi"], 1)]))
    if all(isinstance(row, Missing) for row in found):
        (line,) = found
        assert isinstance(line, Missing)
        assert "not installed" in line.reason


def test_other_spikes_have_no_ratio(stub: Callable[..., System]) -> None:
    """As many spikes, but not the same."""
    case = replace(recurrent_core("x", size=40, steps=10), kind="cuba")

    def row(name: str, digest: str) -> Row:
        (found,) = race(case, Options(quick=True), [(stub(name, fields={"digest": digest}), 1)])
        assert isinstance(found, Row)
        return found

    mine = replace(row("stub", "aa"), system="neurosim")
    same, other = list(with_ratios([mine, row("stub", "aa"), row("stub", "bb")]))[1:]
    assert same.comparable
    assert same.ratio is not None
    assert not other.comparable
    assert other.ratio is None


@pytest.mark.skipif(PEER is None, reason=f"{PYTHON}NENGO_LOIHI names no interpreter with nengo-loihi")
def test_nengo_loihi_has_the_same_spikes() -> None:
    case = recurrent_core("x", size=200, steps=150)
    runner = ours_loihi.build(case, {"threads": 1})
    runner.run()
    with WorkerProcess(SYSTEMS["nengo-loihi"], 1, PEER) as worker:
        worker.build(case)
        worker.run()
        theirs = worker.finish()
    mine = runner.finish()
    assert theirs["digest"] == mine["digest"]
    assert theirs["work"] == mine["work"] > 0
