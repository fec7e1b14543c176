"""Chunks into memory and into files: the same recording; files of runs that were cut short, killed, or damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from itertools import pairwise

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.engine.recording import Record, Recording
from neurosim.engine.storage import recording_sink, recording_stream, stored_recording
from neurosim.engine.storage.array_file import load_arrays, save_arrays
from neurosim.engine.storage.recording_file import load_recording, save_recording
from neurosim.engine.storage.recording_sink import Chunk, Frame, MemorySink, Sink, sink_for
from neurosim.engine.storage.recording_stream import FileSink, join_pieces
from neurosim.errors import CapacityError, DataError, DescriptionError, FileFormatError


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_recording, "_STRETCH", 50)


FRAME = Frame(
    dt=1e-3,
    steps=50,
    samples=5,
    record={
        "z/odd": Record("counts", "spikes", "v", "i"),
        "chosen": Record("v", every=4e-3, neurons=[2, 0]),
        "spikes only": Record("spikes"),
        "counted": Record("counts"),
    },
    shapes={"z/odd": (2, 3), "chosen": (4,), "spikes only": (7,), "counted": (3, 2)},
    dtype=np.dtype(np.float32),
    weights={"a/x->b": 3, "empty": 0},
)
WEIGHTS = {"a/x->b": np.arange(15.0).reshape(5, 3), "empty": np.zeros((5, 0))}


class Truth:
    """A whole recording as dense arrays, and its chunks."""

    def __init__(self, frame: Frame, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.frame = frame
        self.spikes, self.traces = {}, {}
        for name in frame.record:
            size = int(np.prod(frame.shapes[name]))
            self.spikes[name] = rng.random((frame.samples, frame.steps, size)) < 0.1
            for v in frame.variables(name):
                shape = (frame.rows(name, frame.steps), frame.samples, frame.width(name))
                self.traces[name, v] = rng.normal(size=shape).astype(frame.dtype)

    def chunk(self, first: int, stop: int, low: int, high: int) -> Chunk:
        f = self.frame
        spikes = {}
        for name in f.record:
            if f.has_spikes(name):
                sample, step, neuron = np.nonzero(self.spikes[name][low:high, first:stop])
                spikes[name] = tuple(a.astype(np.int32) for a in (sample, step + first, neuron))
        traces = {
            (name, v): values[f.rows(name, first) : f.rows(name, stop), low:high]
            for (name, v), values in self.traces.items()
        }
        part = {n: self.spikes[n][low:high, first:stop].sum(axis=1) for n in f.record if f.has_counts(n)}
        counts = {n: counted.astype(np.int64) for n, counted in part.items()}
        recorded = {"spikes": spikes, "counts": counts, "traces": traces}
        return Chunk(first=first, stop=stop, first_sample=low, samples=high - low, **recorded)

    def give(self, sink: Sink, ranges: list[tuple[int, int]], cuts: list[int], seed: int = 0) -> None:
        """All chunks, those of different ranges in an order drawn from the seed."""
        rng = np.random.default_rng(seed)
        left = {r: list(pairwise(cuts)) for r in ranges}
        while open_ranges := [r for r, todo in left.items() if todo]:
            r = open_ranges[rng.integers(len(open_ranges))]
            sink.take(self.chunk(*left[r].pop(0), *r))

    def check(self, found: Recording, held: np.ndarray | None = None) -> None:
        f = self.frame
        assert list(found) == list(f.record)
        steps = f.steps if held is None else int(max(held))
        assert (found.dt, found.steps, found.samples) == (f.dt, steps, f.samples)
        assert found.complete == (held is None)
        if held is not None:
            assert found.held is not None
            assert found.held.tolist() == list(held)
        there = np.arange(steps)[None, :] < (np.full(f.samples, steps) if held is None else held)[:, None]
        for name, record in f.record.items():
            part = found[name]
            assert sorted(part.recorded) == sorted(record.variables)
            assert (part.every, part.neurons) == (f.stride(name), record.neurons)
            if f.has_spikes(name):
                expected = self.spikes[name][:, :steps] & there[:, :, None]
                dense = part.spikes.dense().reshape(steps, f.samples, part.spikes.size)
                assert np.array_equal(dense.transpose(1, 0, 2), expected)
                assert part.spikes.shape == f.shapes[name]
                assert np.array_equal(part.spike_counts(), part.spikes.counts())
            assert (part.counts is not None) == f.has_counts(name)
            if f.has_counts(name):
                expected = (self.spikes[name][:, :steps] & there[:, :, None]).sum(axis=1)
                assert part.counts.dtype == np.int64
                assert np.array_equal(part.counts, expected.reshape(f.samples, *f.shapes[name]))
                assert np.array_equal(part.spike_counts(), expected)
            for v in f.variables(name):
                expected = self.traces[name, v][: f.rows(name, steps)].copy()
                expected[~there.T[:: f.stride(name)]] = np.nan
                assert part.variables[v].dtype == f.dtype
                shape = expected.shape[:2] + (f.shapes[name] if record.neurons is None else (2,))
                assert np.array_equal(part.variables[v], expected.reshape(shape), equal_nan=True)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(FRAME)


RANGES = [(0, 2), (2, 3), (3, 5)]
CUTS = [0, 7, 8, 8, 30, 50]


@pytest.mark.parametrize("to", [None, "run.h5"])
def test_chunks_in_any_order_of_ranges_make_the_recording(truth: Truth, tmp_path, to: str | None) -> None:
    path = None if to is None else tmp_path / to
    for seed in range(3):
        sink = sink_for(FRAME, path)
        truth.give(sink, RANGES, CUTS, seed)
        found = sink.finish(None, WEIGHTS)
        truth.check(found)
        assert {n: w.tolist() for n, w in found.weights.items()} == {
            n: w.tolist() for n, w in WEIGHTS.items()
        }
        sink.close()
    if path is not None:
        assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]
        truth.check(load_recording(path))
        save_recording(load_recording(path), tmp_path / "whole.h5")
        truth.check(load_recording(tmp_path / "whole.h5"))


@given(
    st.lists(st.integers(0, 50), max_size=6),
    st.sets(st.integers(1, 4)),
    st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_any_cut_gives_the_same(truth: Truth, tmp_path_factory, cuts, edges, seed) -> None:
    path = tmp_path_factory.getbasetemp() / "any.h5"
    bounds = [0, *sorted(edges), 5]
    for sink in (MemorySink(FRAME), FileSink(path, FRAME)):
        truth.give(sink, list(pairwise(bounds)), [0, *sorted(cuts), 50], seed)
        truth.check(sink.finish())


@pytest.mark.parametrize("worth", [0, 10**9])
def test_chunks_are_joined_by_slices_or_by_sorting(truth: Truth, worth: int, monkeypatch) -> None:
    monkeypatch.setattr(recording_sink, "_WORTH_SLICING", worth)
    sink = MemorySink(FRAME)
    truth.give(sink, RANGES, CUTS)
    truth.check(sink.finish())


@pytest.mark.parametrize("to", [None, "run.h5"])
def test_a_run_that_is_cut_short_keeps_what_came(truth: Truth, tmp_path, to: str | None) -> None:
    sink = sink_for(FRAME, None if to is None else tmp_path / to)
    for first, stop, low, high in ((0, 10, 0, 2), (10, 30, 0, 2), (0, 10, 3, 5)):
        sink.take(truth.chunk(first, stop, low, high))
    found = sink.finish(None, WEIGHTS if to else None)
    truth.check(found, np.array([30, 30, 0, 10, 10]))
    assert "cut short" in repr(found)
    if to:
        truth.check(load_recording(tmp_path / to), np.array([30, 30, 0, 10, 10]))
        assert load_recording(tmp_path / to).weights["a/x->b"].tolist() == WEIGHTS["a/x->b"].tolist()
    save_recording(found, tmp_path / "whole.h5")
    truth.check(load_recording(tmp_path / "whole.h5"), np.array([30, 30, 0, 10, 10]))
    empty = sink_for(FRAME, None if to is None else tmp_path / to).finish()
    truth.check(empty, np.zeros(5, int))


@pytest.mark.parametrize("to", [None, "run.h5"])
def test_pieces_of_time(truth: Truth, tmp_path, to: str | None) -> None:
    sink = sink_for(FRAME, None if to is None else tmp_path / to)
    truth.give(sink, RANGES, CUTS)
    whole = sink.finish(None, WEIGHTS)
    piece = whole.between(12, 37)
    assert (piece.steps, piece.weights) == (25, {})
    expected = truth.spikes["z/odd"][:, 12:37].transpose(1, 0, 2).reshape(25, 5, 2, 3)
    assert np.array_equal(piece["z/odd"].spikes.dense(), expected)
    assert np.array_equal(piece["chosen"].v, truth.traces["chosen", "v"][3:10])
    assert np.array_equal(piece["z/odd"].counts, expected.sum(axis=0))
    assert (piece["counted"].counts, piece["counted"].recorded) == (None, ())  # of a part nobody knows
    assert whole.between(0, 50)["counted"].counts.sum() == truth.spikes["counted"].sum()
    assert whole.between(12, 50).weights.keys() == WEIGHTS.keys()
    assert [p.steps for p in whole.pieces(20)] == [20, 20, 10]
    assert sum(len(p["spikes only"].spikes) for p in whole.pieces(16)) == truth.spikes["spikes only"].sum()
    nested = whole.between(8, 48).between(4, 29)
    assert nested["z/odd"].spikes == piece["z/odd"].spikes
    for bad in ((-1, 3), (4, 60), (9, 8), (3, 20)):  # the last starts between two recorded states
        with pytest.raises(DescriptionError, match="between"):
            whole.between(*bad)


def test_a_file_is_read_when_it_is_asked_for(truth: Truth, tmp_path) -> None:
    path = tmp_path / "run.h5"
    sink = FileSink(path, FRAME)
    truth.give(sink, RANGES, CUTS)
    found = sink.finish()
    spikes, held = found["z/odd"].spikes, found["spikes only"]
    assert found["z/odd"].spikes is spikes
    assert found["z/odd"].v is found["z/odd"].v
    assert sorted(found["z/odd"].variables) == ["i", "v"]
    assert len(found["z/odd"].variables) == 2
    with pytest.raises(AttributeError, match="was not recorded"):
        _ = found["z/odd"].u
    path.unlink()
    assert repr(held).startswith("StoredPopulation(spikes in")
    with pytest.raises(FileFormatError, match="no such file"):
        _ = held.spikes


def test_what_does_not_follow_is_refused(truth: Truth, tmp_path) -> None:
    for sink in (MemorySink(FRAME), FileSink(tmp_path / "run.h5", FRAME)):
        sink.take(truth.chunk(0, 10, 0, 2))
        for bad in ((0, 10, 0, 2), (20, 30, 0, 2), (10, 20, 1, 3)):
            with pytest.raises(DataError, match="does not follow"):
                sink.take(truth.chunk(*bad))
        with pytest.raises(DataError, match="out of range"):
            sink.take(Chunk(first=0, stop=1, first_sample=4, samples=2))
        sink.take(truth.chunk(10, 11, 0, 2))
        sink.close()
    with pytest.raises(DataError, match="closed"):
        sink.take(truth.chunk(11, 12, 0, 2))
    truth.check(load_recording(tmp_path / "run.h5.part"), np.array([11, 11, 0, 0, 0]))


@pytest.mark.parametrize("to", [None, "run.h5"])
def test_threads_give_chunks_at_once(truth: Truth, tmp_path, to: str | None) -> None:
    sink = sink_for(FRAME, None if to is None else tmp_path / to)
    ranges = [(i, i + 1) for i in range(5)]
    threads = [threading.Thread(target=truth.give, args=(sink, [r], list(range(51)))) for r in ranges]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    truth.check(sink.finish())


def test_a_long_run_holds_memory_flat(tmp_path, monkeypatch) -> None:
    """Eight times the steps and the same peak of what Python and NumPy allocate, far below what is recorded."""

    def peak(steps: int) -> int:
        frame = Frame(
            dt=1e-3, steps=steps, samples=1, record={"p": Record("spikes", "v")}, shapes={"p": (2000,)}
        )
        fired = np.arange(0, 2000, 20, dtype=np.int32)
        tracemalloc.start()
        sink = FileSink(tmp_path / "long.h5", frame)
        for first in range(0, steps, 50):
            step = np.repeat(np.arange(first, first + 50, dtype=np.int32), 100)
            spikes = (np.zeros(5000, np.int32), step, np.tile(fired, 50))
            trace = np.full((50, 1, 2000), float(first))
            sink.take(Chunk(first=first, stop=first + 50, spikes={"p": spikes}, traces={("p", "v"): trace}))
        sink.finish()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    monkeypatch.setattr(recording_stream, "_PENDING_BYTES", 2**21)
    small, large = peak(500), peak(4000)
    assert large < small + 2**19
    assert large < 8 * 2**20 < 4000 * 2000 * 8
    found = load_recording(tmp_path / "long.h5")
    assert [float(p["p"].v[0, 0, 0]) for p in found.pieces(1000)] == [0.0, 1000.0, 2000.0, 3000.0]


def test_what_a_killed_process_wrote_is_readable(tmp_path) -> None:
    """The writer is killed while it writes pieces without a pause."""
    path = tmp_path / "run.h5"
    code = """
        import sys, numpy as np
        import neurosim.engine.storage.recording_stream as stream
        from neurosim.engine.recording import Record
        from neurosim.engine.storage.recording_sink import Chunk, Frame
        stream._PENDING_SECONDS = 0
        frame = Frame(dt=1e-3, steps=10**5, samples=2, record={"p": Record("spikes", "v")}, shapes={"p": (3,)})
        sink = stream.FileSink(sys.argv[1], frame)
        for k in range(10**5):
            s = (np.array([0, 1], np.int32), np.array([k, k], np.int32), np.array([k % 3, 1], np.int32))
            v = {("p", "v"): np.full((1, 2, 3), k)}
            sink.take(Chunk(first=k, stop=k + 1, samples=2, spikes={"p": s}, traces=v))
            print(k + 1, flush=True)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 60:
                break
        live = load_recording(f"{path}.part")  # while it is being written
        process.send_signal(signal.SIGKILL)
    with pytest.raises(FileFormatError, match=r"run\.h5\.part holds what"):
        load_recording(path)
    for found in (load_recording(f"{path}.part"), join_pieces(path)):
        assert found.steps >= live.steps >= 60
        assert not found.complete
        assert len(found["p"].spikes) == 2 * found.steps
        assert np.array_equal(found["p"].v[:, 1, 2], np.arange(found.steps))
    assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]


@pytest.mark.parametrize("damage", ["cut", "gap", "frame", "sample", "order", "counts", "steps", "kind"])
def test_damaged_pieces(truth: Truth, tmp_path, damage: str, monkeypatch) -> None:
    monkeypatch.setattr(recording_stream, "_PENDING_BYTES", 0)
    sink = FileSink(tmp_path / "run.h5", FRAME)
    truth.give(sink, RANGES, CUTS)
    sink.close()
    part = tmp_path / "run.h5.part"
    truth.check(load_recording(part))
    piece = part / "00000001.h5"
    (content,) = load_arrays(piece, "neurosim-recording-piece", 1)
    if damage == "cut":
        piece.write_bytes(piece.read_bytes()[:1000])
    elif damage == "gap":
        piece.unlink()
    elif damage == "frame":
        (part / "frame.h5").unlink()
    elif damage == "sample":
        content["spikes"]["z/odd"][0] = content["spikes"]["z/odd"][0] + np.int32(9)
    elif damage == "order":
        content["spikes"]["z/odd"] = [v[::-1].copy() for v in content["spikes"]["z/odd"]]
    elif damage == "counts":
        content["counts"]["counted"] = -content["counts"]["counted"] - 1
    elif damage == "steps":
        content["stop"] = "7"
    else:
        content["traces"] = 3
    if damage in ("sample", "order", "counts", "steps", "kind"):
        save_arrays([content], piece, "neurosim-recording-piece", 1)
    for read in (load_recording, lambda _: join_pieces(tmp_path / "run.h5")):
        with pytest.raises(FileFormatError):
            read(part)
    assert part.is_dir()


def test_another_folder_in_the_way_is_left_alone(tmp_path) -> None:
    (tmp_path / "run.h5.part").mkdir()
    (tmp_path / "run.h5.part" / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="in the way"):
        FileSink(tmp_path / "run.h5", FRAME)
    assert (tmp_path / "run.h5.part" / "mine.txt").exists()


def test_a_recording_too_large_for_memory_is_said_before_the_run() -> None:
    frame = Frame(dt=1e-3, steps=2**31, samples=2**20, record={"p": Record("v")}, shapes={"p": (2**20,)})
    with pytest.raises(CapacityError, match=r"does not fit into memory.*to="):
        MemorySink(frame)


def test_a_path_that_cannot_be_written_is_said_before_the_run(tmp_path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileSink(tmp_path / "none" / "run.h5", FRAME)


def test_empty_frames(tmp_path) -> None:
    for steps, samples, size in ((0, 2, 3), (4, 0, 3), (4, 2, 0)):
        frame = Frame(
            dt=1e-3,
            steps=steps,
            samples=samples,
            record={"p": Record("spikes", "counts", "v")},
            shapes={"p": (size,)},
        )
        truth = Truth(frame)
        for path in (None, tmp_path / "run.h5"):
            sink = sink_for(frame, path)
            sink.take(truth.chunk(0, steps, 0, samples))
            truth.check(sink.finish())


@pytest.mark.parametrize(
    "damage",
    [
        "cut",
        "version",
        "json",
        "neuron",
        "huge",
        "samples",
        "index",
        "ends",
        "link",
        "name",
        "trace",
        "held",
        "counts",
    ],
)
def test_damaged_files(truth: Truth, tmp_path, damage: str) -> None:
    path = tmp_path / "run.h5"
    sink = FileSink(path, FRAME)
    truth.give(sink, RANGES, CUTS)
    sink.finish(None, WEIGHTS)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        with h5py.File(path, "r+") as file:
            header = json.loads(file["header"][()].tobytes())
            group = file["populations/0"]
            if damage == "neuron":
                group["neuron"][0] = 99
            elif damage == "huge":
                del group["variables/v"]
                group.create_dataset("variables/v", (50, 5, 10**9), "f4", chunks=(1, 1, 100))
                header["populations"][0]["shape"] = [10**9]
            elif damage == "index":
                group["index"][1, 0] += 1
            elif damage == "ends":
                group["index"][-1, -1] = 10**9
            elif damage == "link":
                del group["step"]
                group["step"] = h5py.ExternalLink("/etc/hostname", "x")
            elif damage == "trace":
                del group["variables/v"]
                group["variables/v"] = np.zeros((3, 5, 6), np.float32)
            elif damage == "counts":
                group["counts"][0, 0] = -1
            header["version"] += damage == "version"
            header["samples"] = 10**15 if damage == "samples" else header["samples"]
            header["held"] = [3] if damage == "held" else None
            header["populations"][1]["name"] = "z/odd" if damage == "name" else "chosen"
            text = b"[" * 10_000 if damage == "json" else json.dumps(header).encode()
            del file["header"]
            file["header"] = np.frombuffer(text, np.uint8)
    with pytest.raises(FileFormatError):  # noqa: PT012  (where it shows depends on what is damaged)
        found = load_recording(path)
        _ = [(p.spikes, p.counts, dict(p.variables)) for p in found.values()]


def test_files_of_before_counts_were_recorded(truth: Truth, tmp_path) -> None:
    path = tmp_path / "run.h5"
    sink = FileSink(path, FRAME)
    truth.give(sink, RANGES, CUTS)
    sink.finish()
    with h5py.File(path, "r+") as file:
        header = json.loads(file["header"][()].tobytes())
        for i, population in enumerate(header["populations"]):
            if population.pop("counts"):
                del file[f"populations/{i}/counts"]
        del file["header"]
        file["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    found = load_recording(path)["z/odd"]
    assert (found.counts, found.recorded) == (None, ("spikes", "v", "i"))
    assert np.array_equal(found.spike_counts(), truth.spikes["z/odd"].sum(axis=1))
