"""The checks that read the source: lint, format, types. Each is the tool's own command and says what to change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run_tool(*arguments: str | Path, folder: Path) -> None:
    """Run a tool of this environment and fail with what it printed."""
    result = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True)
    # mypy's list of possible overloads fills screens; the error above it is what one needs.
    lines = [line for line in (result.stdout + result.stderr).splitlines() if ": note:" not in line]
    if result.returncode:
        pytest.fail("\n".join(lines), pytrace=False)


def test_lint(repository: Path) -> None:
    run_tool("ruff", "check", ".", folder=repository)


def test_format(repository: Path) -> None:
    run_tool("ruff", "format", "--diff", "--quiet", ".", folder=repository)


@pytest.mark.slow
def test_types(repository: Path, installed_layout: Path) -> None:
    """On the installed layout: inside the checkout, neurosim.hardware is not where a type checker looks for it."""
    run_tool(
        *("mypy", "--config-file", repository / "pyproject.toml", "--cache-dir", repository / ".mypy_cache"),
        *("-p", "neurosim"),
        folder=installed_layout,
    )
