"""``benchmarks`` is no part of the installed package: found in the checkout, after everything that is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE.parents[1]) not in sys.path:
    sys.path.append(str(HERE.parents[1]))

from benchmarks.systems import System  # noqa: E402


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., System]:
    """Makes systems that run nothing (`stub_system.py` beside this file), of a name and with options."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))

    def make(name: str = "stub", **options: Any) -> System:
        return System(name=name, module="stub_system", kinds=frozenset({"cuba"}), options=options)

    return make
