"""States bit for bit through files; files that are damaged, foreign, or of another network."""

from __future__ import annotations

import json
import math

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

import neurosim as ns
from neurosim.engine.recording import State
from neurosim.engine.storage.array_file import load_arrays, save_arrays
from neurosim.engine.storage.state_file import load_state, save_state
from neurosim.errors import DataError, DescriptionError, FileFormatError, ShapeError


@pytest.fixture
def state() -> State:
    rng = np.random.default_rng(0)
    v = rng.normal(size=(3, 5))
    v[0, :4] = [math.nan, -0.0, math.inf, 5e-324]  # values that text or arithmetic would not keep
    return State(
        {"a/b": {"v": v, "left": rng.integers(0, 9, (3, 5), dtype=np.int32)}, ".": {"i": np.zeros((3, 0))}},
        {"a/b": {"x": rng.random((3, 7, 5)).astype(np.float32), "n": np.ones((3, 7, 5), np.uint16)}, ".": {}},
        {"in->a/b": {"weight": rng.random((3, 11)), "traces": {"pre": {"fast": rng.random((3, 2)) > 0.5}}}},
        step=10**12 + 1,
    )


def test_round_trip_keeps_every_bit(state: State, tmp_path) -> None:
    state.save(tmp_path / "state.h5")
    read = State.load(tmp_path / "state.h5")
    assert read.same(state)
    assert list(read.variables) == list(state.variables)
    assert read.samples == 3
    assert [p.name for p in tmp_path.iterdir()] == ["state.h5"]


def test_states_that_differ_are_not_the_same(state: State) -> None:
    assert state.same(state.select(slice(None)))
    assert not state.same(state.select([0, 2, 1]))
    assert not state.same(State(state.variables, state.arrivals, state.extras, step=3))
    assert not state.same(State(state.variables, state.arrivals, {}, step=state.step))
    zero = State({"p": {"v": np.zeros((1, 1))}}, {})
    assert not zero.same(State({"p": {"v": -np.zeros((1, 1))}}, {}))
    assert not zero.same(State({"p": {"v": np.zeros((1, 1), np.float32)}}, {}))


def test_samples_are_taken_apart_and_put_together(state: State) -> None:
    parts = [state.select(slice(0, 2)), state.select([2])]
    assert [p.samples for p in parts] == [2, 1]
    assert State.concatenate(parts).same(state)
    with pytest.raises(ShapeError, match="one step"):
        State.concatenate([parts[0], State(parts[1].variables, parts[1].arrivals, parts[1].extras)])
    with pytest.raises(ShapeError, match="different networks"):
        State.concatenate([parts[0], State({}, parts[1].arrivals, parts[1].extras, parts[1].step)])


def test_the_state_of_another_network_is_refused(state: State, tmp_path) -> None:
    def network(size: int) -> ns.Network:
        net = ns.Network(dt=1e-3)
        net.population("a", size, ns.LIF())
        return net

    path = tmp_path / "state.h5"
    state.save(path, network(5))
    assert State.load(path, network(5)).same(state)
    assert State.load(path).same(state)
    with pytest.raises(DataError, match="another network"):
        State.load(path, network(6))


def test_truncated_and_foreign_files(state: State, tmp_path) -> None:
    good, bad = tmp_path / "good.h5", tmp_path / "bad.h5"
    state.save(good)
    data = good.read_bytes()
    for cut in (0, 100, len(data) // 2, len(data) - 1):
        bad.write_bytes(data[:cut])
        with pytest.raises(FileFormatError):
            load_state(bad)
    with h5py.File(bad, "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="not a neurosim-state"):
        load_state(bad)
    save_arrays({"x": 1}, bad, "neurosim-result", 1)
    with pytest.raises(FileFormatError, match="not a neurosim-state"):
        load_state(bad)
    with pytest.raises(FileFormatError, match="no such file"):
        load_state(tmp_path / "none.h5")


@pytest.mark.parametrize(
    "damage", ["value", "version", "huge", "link", "object", "missing", "content", "json"]
)
def test_damaged_content(state: State, tmp_path, damage: str) -> None:
    path = tmp_path / "state.h5"
    save_state(state, path)
    with h5py.File(path, "r+") as file:
        if damage == "value":
            file["arrays/0"][1, 1] += 1e-12
        elif damage == "huge":
            del file["arrays/0"]
            file.create_dataset("arrays/0", (10**9, 10**4), "f8", chunks=(1000, 1000), compression="gzip")
        elif damage == "link":
            del file["arrays/0"]
            file["arrays/0"] = h5py.ExternalLink("/etc/hostname", "x")
        elif damage == "object":
            del file["arrays/0"]
            file["arrays/0"] = ["text"]
        elif damage == "missing":
            del file["arrays/1"]
        else:
            header = json.loads(file["header"][()].tobytes())
            header["version"] += damage == "version"
            if damage == "content":
                header["content"] = {"map": [["step", 3]]}
            text = b"[" * 10_000 if damage == "json" else json.dumps(header).encode()
            del file["header"]
            file["header"] = np.frombuffer(text, np.uint8)
    with pytest.raises(FileFormatError):
        load_state(path)


@given(
    arrays(
        st.sampled_from([np.float64, np.float32, np.int8, np.uint64, np.bool_]),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
    st.text(max_size=5),
)
@settings(max_examples=20, deadline=None)
def test_any_array_under_any_name(tmp_path_factory, array, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.h5"
    content = {name: {"x": [array, 1.5, -0.0, None, True, 3, "text"]}}
    save_arrays(content, path, "test", 1)
    read = load_arrays(path, "test", 1)
    (found, *rest) = read[name]["x"]
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert repr(rest) == repr([1.5, -0.0, None, True, 3, "text"])


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array(["text"]), np.array([None]), b"bytes"])
def test_other_values_are_refused(value: object, tmp_path) -> None:
    with pytest.raises(DescriptionError):
        save_arrays({"x": value}, tmp_path / "x.h5", "test", 1)
    assert not list(tmp_path.iterdir())
