import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurosim.errors import DataError, FileFormatError
from neurosim.npz_file import open_npz, read_member

FLOATS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.savez_compressed(tmp_path / "a.npz", x=FLOATS, v=FLOATS[0])
    return tmp_path / "a.npz"


def test_members_come_back(path: Path) -> None:
    with open_npz(path, "a test") as archive:
        assert np.array_equal(read_member(archive, "x", np.dtype(np.float32), shape=(2, 3), limit=24), FLOATS)
        vector = read_member(archive, "v", np.dtype(np.float32), limit=12)
        assert np.array_equal(vector, FLOATS[0])
        assert not vector.flags.writeable


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ({"name": "x", "shape": (3, 2), "limit": 24}, r"x is float32 \(2, 3\), expected float32 \(3, 2\)"),
        ({"name": "x", "limit": 24}, "expected float32 vector"),
        ({"name": "v", "limit": 11}, "larger than 11 bytes"),
        ({"name": "w", "limit": 11}, "w.npy"),
    ],
)
def test_other_members_are_refused(path: Path, member: dict[str, object], says: str) -> None:
    expected = pytest.raises(FileFormatError, match=rf"a\.npz: is not a test: .*{says}")
    with expected, open_npz(path, "a test") as archive:
        read_member(archive, dtype=np.dtype(np.float32), **member)  # type: ignore[arg-type]


def test_other_packings_are_refused(path: Path) -> None:
    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(path.with_name("b.npz"), "w", zipfile.ZIP_BZIP2) as new,
    ):
        new.writestr("x.npy", old.read("x.npy"))
    with (
        pytest.raises(FileFormatError, match="packed"),
        open_npz(path.with_name("b.npz"), "a test") as archive,
    ):
        read_member(archive, "x", np.dtype(np.float32), shape=(2, 3), limit=24)


def test_errors_about_the_content_name_the_file(path: Path) -> None:
    expected = pytest.raises(FileFormatError, match=r"a\.npz: is not valid as a test: .*too many")
    with expected, open_npz(path, "a test"):
        raise DataError("too many")
    with pytest.raises(FileFormatError, match="no such file"), open_npz(path.parent / "none.npz", "a test"):
        pass
