"""Round trips, and files that are damaged, foreign or lie about their size."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import DataError, FileFormatError
from neurosim.spikes import Spikes
from neurosim.spikes_file import load_spikes, save_spikes

CELL = st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5))


@given(st.dictionaries(CELL, st.integers(1, 3)), st.text(max_size=12))
@settings(max_examples=25, deadline=None)
def test_round_trip(tmp_path_factory, cells, name) -> None:
    path = tmp_path_factory.mktemp("spikes") / "a.npz"
    sample, step, neuron = np.array(sorted(cells), int).reshape(-1, 3).T
    count = [cells[c] for c in sorted(cells)]
    spikes = Spikes(sample, step, neuron, count, shape=(2, 3), dt=1e-3, steps=10, samples=3)
    empty = Spikes([], [], [], shape=4, dt=1e-3, steps=0, samples=0)
    save_spikes({name: spikes, name + "/..": empty}, path)
    read = load_spikes(path)
    assert list(read) == [name, name + "/.."]
    assert read[name] == spikes
    assert read[name + "/.."] == empty


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.npz"
    save_spikes({"in": Spikes([0], [1], [2], shape=3, dt=1e-3, steps=5)}, path)
    return path


def rewrite(path, **members: bytes):
    with zipfile.ZipFile(path) as old:
        content = {n: old.read(n) for n in old.namelist()} | {f"{k}.npy": v for k, v in members.items()}
    out = path.with_name("bad.npz")
    with zipfile.ZipFile(out, "w") as new:
        for name, data in content.items():
            new.writestr(name, data)
    return out


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(**changes) -> bytes:
    entry = {"name": "in", "shape": [3], "dt": 1e-3, "steps": 5, "samples": 1}
    top = {"format": "neurosim-spikes", "version": 1, "spikes": [entry | changes.pop("entry", {})]} | changes
    return npy(np.frombuffer(json.dumps(top).encode(), np.uint8))


@pytest.mark.parametrize(
    "members",
    [
        {"header": header(format="other")},
        {"header": header(version=2)},
        {"header": npy(np.frombuffer(b"{", np.uint8))},
        {"header": header(entry={"shape": [2]})},
        {"header": header(entry={"steps": 1})},
        {"header": header(entry={"dt": "x"})},
        {"0.step": npy(np.array([1.0]))},
        {"0.step": npy(np.array([1, 2], np.int32))},
        {"0.step": npy(np.array([[1]], np.int32))},
        {"0.step": npy(np.array([1], np.int32)).replace(b"(1,)", b"(99999999999999,)")[: 64 + 72]},
        {"0.step": b""},
    ],
)
def test_bad_members_are_refused(good, members) -> None:
    with pytest.raises(FileFormatError):
        load_spikes(rewrite(good, **members))


def test_pickled_objects_are_never_loaded(good) -> None:
    with pytest.raises(FileFormatError):
        load_spikes(rewrite(good, **{"0.step": npy(np.array([{"a": 1}], object))}))


def test_truncated_missing_and_foreign_files(good, tmp_path) -> None:
    data = good.read_bytes()
    for cut in (0, 10, len(data) // 2, len(data) - 5):
        (tmp_path / "cut.npz").write_bytes(data[:cut])
        with pytest.raises(FileFormatError):
            load_spikes(tmp_path / "cut.npz")
    with pytest.raises(FileFormatError, match="no such file"):
        load_spikes(tmp_path / "none.npz")
    np.savez(tmp_path / "foreign.npz", x=np.arange(3))
    with pytest.raises(FileFormatError, match="not a file of spikes"):
        load_spikes(tmp_path / "foreign.npz")


def test_another_suffix_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"\.npz"):
        save_spikes({}, tmp_path / "a.h5")


def test_any_damaged_byte_is_a_clear_error_or_harmless(tmp_path) -> None:
    """Every third byte of a file in turn is changed: in packed data, checksums, headers, names and the directory."""
    dense = np.random.default_rng(0).integers(0, 3, (6, 1, 5))
    spikes = Spikes.from_dense(dense, dt=1e-3)
    save_spikes({"in": spikes}, tmp_path / "good.npz")
    data, refused = (tmp_path / "good.npz").read_bytes(), 0
    for at in range(0, len(data), 3):
        (tmp_path / "bad.npz").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            read = load_spikes(tmp_path / "bad.npz")
        except FileFormatError:
            refused += 1
        else:
            assert read == {"in": spikes}, at
    assert refused > 0.6 * len(data) / 3  # dates and attributes of the archive's members do not matter
