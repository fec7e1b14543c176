"""Tests that need files from outside find every one of them, and say so when there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.reference("loihi/lif_*.npz")
@pytest.mark.reference("loihi/dense_*.npz")
def test_vectors(reference_file):
    assert reference_file.suffix == ".npz"

@pytest.mark.data
def test_recordings(data_folder):
    assert data_folder.is_dir()
"""


def run(folder: Path, repository: Path, *arguments: str, **variables: str) -> str:
    (folder / "test_some.py").write_text(TESTS)
    (folder / "conftest.py").write_text((repository / "tests" / "conftest.py").read_text())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEUROSIM_")} | variables
    options = ["-q", "-rs", "-p", "no:cacheprovider", "-c", str(repository / "pyproject.toml")]
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", str(folder), *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_unset_variables_skip_visibly(tmp_path: Path, repository: Path) -> None:
    output = run(tmp_path, repository)
    assert "3 skipped" in output
    assert "reference: NEUROSIM_REFERENCE is not set, 2 kinds of files skipped" in output
    assert "NEUROSIM_DATA is not set" in output


@pytest.mark.parametrize(("files", "processes"), [(1, 0), (3, 2)])
def test_every_file_of_a_kind_is_a_case(tmp_path: Path, repository: Path, files: int, processes: int) -> None:
    vectors = tmp_path / "vectors" / "loihi"
    vectors.mkdir(parents=True)
    for index in range(files):
        (vectors / f"lif_{index}.npz").touch()
    output = run(tmp_path, repository, f"-n{processes}", NEUROSIM_REFERENCE=str(tmp_path / "vectors"))
    assert f"{files} passed, 2 skipped" in output
    assert f"reference: {files} files of 1 kinds used; none of loihi/dense_*.npz" in output
