from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets.cache import cached, digest

SPEC = {"a": ("i", ("n",))}


def test_digest_goes_by_content() -> None:
    a = np.arange(6)
    assert digest({"x": 1}, a) == digest({"x": 1}, a[::1].copy())
    different = [
        digest({"x": 2}, a),
        digest({"x": 1}, a + 1),
        digest({"x": 1}, a.reshape(2, 3)),
        digest({"x": 1}, a.astype("i4")),
    ]
    assert len({digest({"x": 1}, a), *different}) == 5


def test_makes_once_and_again_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(100)}

    for _ in range(2):
        assert np.array_equal(cached("x", "0" * 64, SPEC, make)["a"], np.arange(100))
    assert len(made) == 1
    (file,) = (tmp_path / "datasets").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert np.array_equal(cached("x", "0" * 64, SPEC, make)["a"], np.arange(100))
    assert len(made) == 2
    cached("x", "1" * 64, SPEC, make)
    assert len(made) == 3


def test_an_unwritable_folder_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")  # a file where the folder should be: fails for root too
    monkeypatch.setenv("NEUROSIM_CACHE", str(blocked))
    assert cached("x", "0" * 64, SPEC, lambda: {"a": np.arange(3)})["a"].tolist() == [0, 1, 2]


def test_a_failed_make_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        cached("x", "0" * 64, SPEC, lambda: {"a": np.arange(1 // 0)})
    assert list(tmp_path.rglob("*")) == []
