from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import npz
from neurosim.datasets.npz import read_npz
from neurosim.errors import FileFormatError

SPEC = {"a": ("i", ("n", 2)), "b": ("f", ("n",))}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=np.arange(1000).reshape(500, 2), b=np.linspace(0, 1, 500), other=np.zeros(1))
    return path


def test_reads_the_named_arrays(file: Path) -> None:
    arrays = read_npz(file, SPEC)
    assert sorted(arrays) == ["a", "b"]
    assert np.array_equal(arrays["a"], np.arange(1000).reshape(500, 2))
    with np.load(file) as theirs:
        assert np.array_equal(arrays["b"], theirs["b"])


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_refuses_a_truncated_file(file: Path, part: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(FileFormatError, match=r"x\.npz"):
        read_npz(file, SPEC)


def test_refuses_a_damaged_file(file: Path) -> None:
    """A flipped byte anywhere in the data of the arrays that are read is noticed (CRC-32)."""
    content = bytearray(file.read_bytes())
    content[300] ^= 0x55
    file.write_bytes(content)
    with pytest.raises(FileFormatError):
        read_npz(file, SPEC)


@pytest.mark.parametrize(
    "spec",
    [
        {"c": ("i", ("n",))},
        {"a": ("f", ("n", 2))},
        {"a": ("i", ("n", 3))},
        {"a": ("i", ("n",))},
        {"a": ("i", (501, 2))},
        {"a": ("i", ("n", 2)), "b": ("f", ("m",)), "other": ("f", ("m",))},
    ],
)
def test_refuses_other_arrays(file: Path, spec: dict[str, tuple[str, tuple[int | str, ...]]]) -> None:
    with pytest.raises(FileFormatError, match="array"):
        read_npz(file, spec)


def test_refuses_a_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_text("<html>not found</html>")
    with pytest.raises(FileFormatError, match="truncated or damaged"):
        read_npz(path, SPEC)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        raise AssertionError("unpickled")


def test_never_unpickles(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + buffer.getvalue()[8:] + pickle.dumps([1]))
    for kinds in ("i", "O"):
        with pytest.raises(FileFormatError):
            read_npz(path, {"a": (kinds, (1,))})


def test_a_header_that_claims_more_than_the_file_holds_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<i8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", buffer.getvalue() + b"\0" * 64)
    with pytest.raises(FileFormatError, match="larger than the file"):
        read_npz(path, {"a": ("i", ("n",))})


def test_refuses_what_unpacks_to_too_much(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", 9_000)
    with pytest.raises(FileFormatError, match="larger"):
        read_npz(file, SPEC)
