from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import DataError, FileFormatError
from neurosim.nn.training.checkpoint import load_checkpoint, save_checkpoint

SETTINGS = {"seed": 0, "epochs": 3, "betas": (0.9, 0.999)}


def make():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=generator)
    return {
        "module": {"a.weight": weight, "a.delay": weight.double(), "empty": torch.zeros(0, 2)},
        "optimiser": {
            "state": {0: {"step": torch.tensor(3.0), "mean": weight.bfloat16(), "seen": weight > 0}},
            "groups": [{"lr": 0.1 + 0.2, "betas": (0.9, 0.999), "fused": True, "params": [0], "none": None}],
        },
        "draws": torch.tensor(7),
        "best": None,
        "inf": float("inf"),
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "training.npz", make(), SETTINGS)
    return tmp_path / "training.npz"


def test_what_is_saved_comes_back_bit_for_bit(path):
    assert same(load_checkpoint(path, SETTINGS), make())
    assert [p.name for p in path.parent.iterdir()] == ["training.npz"]


def test_it_needs_no_pickle(path):
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype == np.uint8 for name in archive.files)


def test_other_settings_are_refused(path):
    with pytest.raises(FileFormatError, match=r"other settings.*got {'epochs': 3}; allowed: {'epochs': 4}"):
        load_checkpoint(path, {**SETTINGS, "epochs": 4})
    with pytest.raises(FileFormatError, match=r"allowed: {'clip': 1.0}"):
        load_checkpoint(path, {**SETTINGS, "clip": 1.0})


def test_the_file_before_stays_until_the_new_one_is_there(path):
    before = path.read_bytes()
    with pytest.raises(DataError, match="plain data, tensors"):
        save_checkpoint(path, {"module": object()}, SETTINGS)
    with pytest.raises(DataError, match="complex64"):
        save_checkpoint(path, {"module": torch.zeros(2, dtype=torch.complex64)}, SETTINGS)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["training.npz"]


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def _foreign(path):
    path.write_bytes(b"not an archive")


def _pickled(path):
    np.savez(path, header=np.array([{"format": "neurosim-training-2"}], dtype=object))


def _headless(path):
    np.savez(path, numbers=np.zeros(3))


def _headed(text):
    return lambda path: np.savez(path, header=np.frombuffer(text.encode(), np.uint8))


def _huge(path):
    np.savez_compressed(path, header=np.zeros(2**20, np.uint8))


WHOLE = '{"format": "neurosim-training-2", "settings": {"seed": 0, "epochs": 3, "betas": [0.9, 0.999]}, "state": %s}'


@pytest.mark.parametrize(
    "damage",
    [
        _truncated, _foreign, _pickled, _headless, _huge,
        _headed("{"), _headed("[1]"), _headed('{"format": "neurosim-training-1", "settings": {}}'),
        _headed(WHOLE % "[1]"), _headed(WHOLE % '{"module": 1, "b": 2}'), _headed(WHOLE % '{"import": ["os"]}'),
        _headed(WHOLE % '{"dict": [["a", {"tensor": 0, "kind": "float32", "shape": [3]}]]}'),
        _headed(WHOLE % '{"dict": [[{"dict": []}, 1]]}'),
    ],
)  # fmt: skip
def test_damaged_and_foreign_files_are_refused(path, damage):
    damage(path)
    with pytest.raises(FileFormatError, match=r"training\.npz"):
        load_checkpoint(path, SETTINGS)


def test_any_damaged_byte_is_a_clear_error_or_harmless(path):
    data = path.read_bytes()
    for at in range(0, len(data), 11):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            found = load_checkpoint(path, SETTINGS)
        except FileFormatError:
            continue
        assert same(found, make()), at
