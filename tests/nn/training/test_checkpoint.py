from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.errors import FileFormatError
from neurosim.nn.training.adam import Adam
from neurosim.nn.training.checkpoint import load_checkpoint, save_checkpoint

SETTINGS = {"seed": 0, "epochs": 3}


def make(seed=0, size=4):
    generator = torch.Generator().manual_seed(seed)
    parameters = {
        n: torch.nn.Parameter(torch.randn(size, 3, generator=generator)) for n in ("a.weight", "a.delay")
    }
    adam = Adam(parameters)
    for parameter in parameters.values():
        parameter.grad = torch.randn(size, 3, generator=generator)
    adam.step({"a.weight": 0.1, "a.delay": 0.2})
    return adam


def same(a, b):
    return a.steps == b.steps and all(
        torch.equal(a.parameters[n], b.parameters[n])
        and np.array_equal(a.mean[n], b.mean[n])
        and np.array_equal(a.square[n], b.square[n])
        for n in a.parameters
    )


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "training.npz", make(), SETTINGS, [{"epoch": 0, "loss": 0.1}])
    return tmp_path / "training.npz"


def test_what_is_saved_comes_back_bit_for_bit(path):
    adam = make(seed=1)
    assert load_checkpoint(path, adam, SETTINGS) == [{"epoch": 0, "loss": 0.1}]
    assert same(adam, make())
    assert [p.name for p in path.parent.iterdir()] == ["training.npz"]


def test_other_settings_are_refused(path):
    with pytest.raises(FileFormatError, match=r"other settings.*got {'epochs': 3}; allowed: {'epochs': 4}"):
        load_checkpoint(path, make(), {"seed": 0, "epochs": 4})


def test_another_module_is_refused(path):
    adam = make(seed=1, size=5)
    with pytest.raises(
        FileFormatError, match=r"not a checkpoint of this training.*\(4, 3\), expected float32 \(5, 3\)"
    ):
        load_checkpoint(path, adam, SETTINGS)
    assert same(adam, make(seed=1, size=5))


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def _foreign(path):
    path.write_bytes(b"not an archive")


def _pickled(path):
    np.savez(path, header=np.array([{"format": "neurosim-training-1"}], dtype=object))


def _headless(path):
    np.savez(path, numbers=np.zeros(3))


def _not_json(path):
    np.savez(path, header=np.frombuffer(b"{", np.uint8))


def _list(path):
    np.savez(path, header=np.frombuffer(b"[1]", np.uint8))


def _huge(path):
    np.savez_compressed(path, header=np.zeros(2**26, np.uint8))


def _other_version(path):
    header = b'{"format": "neurosim-training-0", "steps": 1, "settings": {}, "history": []}'
    np.savez(path, header=np.frombuffer(header, np.uint8))


@pytest.mark.parametrize(
    "damage", [_truncated, _foreign, _pickled, _headless, _not_json, _list, _huge, _other_version]
)
def test_damaged_and_foreign_files_are_refused_and_nothing_changes(path, damage):
    damage(path)
    adam = make(seed=1)
    with pytest.raises(FileFormatError, match=r"training\.npz"):
        load_checkpoint(path, adam, SETTINGS)
    assert same(adam, make(seed=1))


def test_any_damaged_byte_is_a_clear_error_or_harmless(path):
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        adam = make(seed=1)
        try:
            load_checkpoint(path, adam, SETTINGS)
        except FileFormatError:
            assert same(adam, make(seed=1)), at
        else:
            assert same(adam, make()), at
