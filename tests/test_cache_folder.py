from pathlib import Path

import pytest

from neurosim.cache_folder import cache_folder


def test_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("NEUROSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "neurosim"


def test_a_place_that_cannot_be_written_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "file" / "below"))
    folder = cache_folder()
    assert folder.is_dir()
    assert folder == cache_folder()
