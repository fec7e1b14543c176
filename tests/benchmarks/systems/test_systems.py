"""The list of systems, and that peers can run where this project is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.row import is_ours
from benchmarks.systems import SYSTEMS, chosen


def test_modules_exist() -> None:
    for name, system in SYSTEMS.items():
        assert system.name == name
        assert find_spec(system.module) is not None
        assert system.precision == ("single" if name.endswith("f32") else system.precision)


def test_families() -> None:
    names = [system.name for system in chosen(("brian2-cpp",)) if not is_ours(system.name)]
    assert names == ["brian2-cpp", "brian2-cpp-f32"]
    assert {system.name for system in chosen(None)} == set(SYSTEMS)
    with pytest.raises(KeyError):
        chosen(("neu",))


def test_workers_and_peers_need_no_neurosim(repository: Path) -> None:
    """Nor the simulator itself, before it builds."""
    peers = sorted({system.module for system in SYSTEMS.values() if not is_ours(system.name)})
    absent = ["neurosim", "brian2", "nest", "brainpy", "torch", "nengo", "nengo_loihi"]
    text = f"import sys; sys.modules.update(dict.fromkeys({absent})); import benchmarks.worker, {', '.join(peers)}"
    subprocess.run([sys.executable, "-c", text], cwd=repository, check=True)
