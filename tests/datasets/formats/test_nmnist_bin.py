import json
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import read_events
from neurosim.errors import DataError, FileFormatError


def encode(events: list[tuple[int, int, int, int]]) -> bytes:
    """(x, y, p, t) as 40-bit events."""
    return b"".join(bytes([x, y]) + ((p << 23) | t).to_bytes(3, "big") for x, y, p, t in events)


def test_fields_and_overflow(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(encode([(3, 4, 1, 10), (33, 0, 0, 70_000), (0, 240, 0, 70_001), (5, 6, 1, 70_002)]))
    events = read_events(file)
    assert events.t.tolist() == [10, 70_000, 70_002 + 8192]
    assert events.x.tolist() == [3, 33, 5]
    assert events.y.tolist() == [4, 0, 6]
    assert events.p.tolist() == [1, 0, 1]


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        read_events(tmp_path / "none.bin")
    (tmp_path / "short.bin").write_bytes(b"1234567")
    with pytest.raises(FileFormatError, match="multiple of 5"):
        read_events(tmp_path / "short.bin")
    (tmp_path / "far.bin").write_bytes(encode([(100, 4, 1, 10)]))
    with pytest.raises(DataError):
        read_events(tmp_path / "far.bin")
    with pytest.raises(DataError, match="no reader"):
        read_events(tmp_path / "a.docx")


@pytest.mark.data("formats/*nmnist*.bin", "formats/*nmnist*.bs2")
def test_recordings_hold_what_is_expected(data_file: Path) -> None:
    expected = json.loads((data_file.parent / "EXPECTED.json").read_text())[data_file.name]
    events = read_events(data_file)
    rows = np.stack([events.x, events.y, events.p, events.t], axis=1)
    assert len(rows) == expected["n_events"]
    assert rows[:3].tolist() == expected["first3"]
    assert rows[-1].tolist() == expected["last"]
