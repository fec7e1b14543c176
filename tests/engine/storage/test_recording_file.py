"""Round trips, and files that are damaged or foreign."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Recording
from neurosim.engine.storage.recording_file import load_recording, save_recording
from neurosim.errors import FileFormatError
from neurosim.spikes import Spikes

FRAME = {"dt": 2e-3, "steps": 8, "samples": 2}


@pytest.fixture
def recording() -> Recording:
    hidden = Spikes([0, 1], [3, 4], [0, 5], [1, 2], shape=(2, 3), **FRAME)
    parts = {
        "z/odd name": PopulationRecording(
            hidden, {"v": np.arange(96.0).reshape(8, 2, 2, 3).astype(np.float32)}
        ),
        "out": PopulationRecording(
            Spikes([], [], [], shape=4, **FRAME), {"v": np.ones((2, 2, 2))}, 4, (3, 1)
        ),
        "state only": PopulationRecording(None, {"i": np.zeros((8, 2, 1))}),
    }
    events = (DeviceEvent("wrap", "out", 1, 2, 3, 4.5, 6, "input"), DeviceEvent("late", "out", 0, -1, -1))
    return Recording(parts, events=events, lag={"out": 3}, weights={"a/x->b": np.eye(2)}, **FRAME)


def test_round_trip(recording: Recording, tmp_path) -> None:
    path = tmp_path / "run.h5"
    save_recording(recording, path)
    read = load_recording(path)
    assert list(read) == list(recording)
    assert (read.dt, read.steps, read.samples) == (2e-3, 8, 2)
    assert read.events == recording.events
    assert read.lag == {"z/odd name": 0, "out": 3, "state only": 0}
    assert np.array_equal(read.weights["a/x->b"], np.eye(2))
    for name, part in recording.items():
        assert read[name].spikes == part.spikes
        assert (read[name].every, read[name].neurons) == (part.every, part.neurons)
        assert sorted(read[name].variables) == sorted(part.variables)
        for variable, values in part.variables.items():
            assert read[name].variables[variable].dtype == values.dtype
            assert np.array_equal(read[name].variables[variable], values)
    assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]


def test_truncated_and_foreign_files(recording: Recording, tmp_path) -> None:
    good, bad = tmp_path / "good.h5", tmp_path / "bad.h5"
    save_recording(recording, good)
    data = good.read_bytes()
    for cut in (0, 100, len(data) // 2):
        bad.write_bytes(data[:cut])
        with pytest.raises(FileFormatError):
            load_recording(bad)
    with h5py.File(bad, "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="not a recording"):
        load_recording(bad)
    with pytest.raises(FileFormatError, match="no such file"):
        load_recording(tmp_path / "none.h5")


@pytest.mark.parametrize(
    "damage", ["version", "step", "vector", "external", "linked group", "huge", "column"]
)
def test_damaged_content(recording: Recording, tmp_path, damage: str) -> None:
    path = tmp_path / "run.h5"
    save_recording(recording, path)
    with h5py.File(path, "r+") as file:
        spikes = file["populations/0/spikes"]
        if damage == "version":
            file.attrs["version"] = 2
        elif damage == "step":
            spikes["step"][0] = 99
        elif damage == "vector":
            del spikes["neuron"]
        elif damage == "external":
            del spikes["neuron"]
            spikes["neuron"] = h5py.ExternalLink("/etc/hostname", "x")
        elif damage == "linked group":
            file.move("populations", "elsewhere")
            file["populations"] = h5py.SoftLink("/elsewhere")
        elif damage == "huge":
            del file["weights/0"]
            data = file.create_dataset(
                "weights/0", (10**9, 10**4), "f8", chunks=(1000, 1000), compression="gzip"
            )
            data.attrs["name"] = "a->b"
        else:
            del file["events/step"]
    with pytest.raises(FileFormatError):
        load_recording(path)
