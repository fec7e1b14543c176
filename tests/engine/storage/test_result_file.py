"""Results of sweeps through files, and the names by which they are found."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording, State
from neurosim.engine.storage.array_file import save_arrays
from neurosim.engine.storage.result_file import load_result, name_of_task, save_result
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.neurons.lif import LIF
from neurosim.neurons.options import Reset
from neurosim.spikes import Spikes


def test_recordings_come_back_whole(tmp_path) -> None:
    spikes = Spikes([0, 1], [3, 4], [0, 5], [1, 2], shape=(2, 3), dt=1e-3, steps=8, samples=2)
    parts = {
        "z/odd": PopulationRecording(spikes, {"v": np.ones((8, 2, 2, 3), np.float32)}),
        "b": PopulationRecording(None, {"i": np.zeros((2, 2, 2))}, 4, (3, 1), np.ones((2, 4), np.int64)),
    }
    state = State({"b": {"v": np.ones((2, 4))}}, {"b": {"x": np.zeros((2, 3, 4))}}, {}, 8)
    events = (DeviceEvent("late", "b", 0, 1, 2), DeviceEvent("wrap", "b", 1, 2, 3, 4.5, 6))
    weights, held = {"a->b": np.eye(2)}, np.array([8, 3])
    recording = Recording(parts, 1e-3, 8, 2, state, events, {"b": 3}, weights, held)
    result = {"recording": recording, "map": [1, (2.5, None)], "spikes": {"list": spikes}, "n": np.int32(4)}
    save_result(result, tmp_path / "result.h5")
    found = load_result(tmp_path / "result.h5")
    assert (found["map"], found["spikes"]["list"], found["n"]) == ([1, [2.5, None]], spikes, 4)
    read = found["recording"]
    assert (read.dt, read.steps, read.samples, read.events, read.lag) == (1e-3, 8, 2, events, {"b": 3})
    assert read.final_state.same(state)
    assert read["z/odd"].spikes == spikes
    assert (read["b"].counts.tolist(), read["z/odd"].counts) == ([[1] * 4] * 2, None)
    assert (read["b"].spikes, read["b"].every, read["b"].neurons) == (None, 4, (3, 1))
    for name, part in parts.items():
        for v, values in part.variables.items():
            assert np.array_equal(read[name].variables[v], values)
            assert read[name].variables[v].dtype == values.dtype
    assert np.array_equal(read.weights["a->b"], np.eye(2))
    assert read.held.tolist() == [8, 3]


@pytest.mark.parametrize(
    "tree", [{"pickle": 1}, {"spikes": {"sample": 3}}, {"recording": []}, {"list": 3}, {}]
)
def test_trees_that_nobody_wrote(tree: object, tmp_path) -> None:
    save_arrays(tree, tmp_path / "x.h5", "neurosim-result", 1)
    with pytest.raises(FileFormatError):
        load_result(tmp_path / "x.h5")


def test_other_results_are_refused(tmp_path) -> None:
    with pytest.raises(DescriptionError, match="cannot be saved"):
        save_result({"x": object()}, tmp_path / "x.h5")


def test_the_name_of_a_task_tells_runs_apart() -> None:
    def one() -> None: ...

    def two() -> None: ...

    spikes = Spikes([0], [3], [0], shape=6, dt=1e-3, steps=8)
    variants = [
        (one, {"a": 1}, {}),
        (two, {"a": 1}, {}),
        (one, {"a": 2}, {}),
        (one, {"a": 1.0}, {}),
        (one, {"a": True}, {}),
        (one, {"a": "1"}, {}),
        (one, {"a": None}, {}),
        (one, {"b": 1}, {}),
        (one, {"a": [1]}, {}),
        (one, {"a": {"a": 1}}, {}),
        (one, {"a": np.float32(1)}, {}),
        (one, {"a": np.ones(1)}, {}),
        (one, {"a": np.ones(2)}, {}),
        (one, {"a": 2**64}, {}),
        (one, {"a": LIF()}, {}),
        (one, {"a": LIF(threshold=2.0)}, {}),
        (one, {"a": Reset.TO_VALUE}, {}),
        (one, {"a": 1}, {"duration": 1.0}),
        (one, {"a": 1}, {"duration": 1.0, "inputs": {"in": spikes}}),
        (one, {"a": 1}, {"duration": 1.0, "inputs": {"in": spikes.resize(9)}}),
        (one, {"a": 1}, {"record": {"p": Record("v")}}),
        (one, {"a": 1}, {"record": {"p": Record("v", every=1e-3)}}),
    ]
    names = [name_of_task(*v) for v in variants]
    assert len(set(names)) == len(names)
    assert names == [name_of_task(*v) for v in variants]
    assert name_of_task(one, {"a": 1, "b": 2}, {}) == name_of_task(one, {"b": 2, "a": 1}, {})
    assert name_of_task(functools.partial(one), {"a": 1}, {}) != names[0]
    with pytest.raises(DescriptionError, match=r"parameters\['a'\].*object"):
        name_of_task(one, {"a": object()}, {})
