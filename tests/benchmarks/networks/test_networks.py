"""What the generators draw: sizes, order, degrees, and the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.case import Case
from benchmarks.networks.brunel import brunel
from benchmarks.networks.liquid import liquid
from benchmarks.networks.stdp import stdp
from benchmarks.networks.vogels_abbott import coba, cuba


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))


def arrays(case: Case) -> dict[str, Any]:
    with np.load(case.arrays) as file:
        return {name: file[name] for name in file.files}


def pre_of(a: dict[str, Any], prefix: str = "") -> Any:
    starts = a[f"{prefix}row_start"]
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def assert_sorted(a: dict[str, Any], neurons: int, prefix: str = "") -> None:
    code = pre_of(a, prefix) * neurons + a[f"{prefix}target"]
    assert (np.diff(code) >= 0).all()


def test_probability() -> None:
    case = cuba("x", neurons=500, steps=10)
    a = arrays(case)
    assert_sorted(a, 500)
    assert case.synapses == len(a["target"]) == pytest.approx(0.02 * 500**2, abs=5 * np.sqrt(5000))
    assert a["excitatory"] == 400
    assert a["v"].min() >= -60e-3
    assert a["v"].max() < -50e-3
    again = coba("y", neurons=500, steps=20)
    assert again.arrays == case.arrays  # the same connectivity
    assert cuba("z", neurons=500, steps=10, seed=2).arrays != case.arrays


def test_in_degree() -> None:
    a = arrays(cuba("x", neurons=200, steps=10, in_degree=80))
    assert_sorted(a, 200)
    excitatory = pre_of(a) < a["excitatory"]
    assert (np.bincount(a["target"][excitatory], minlength=200) == 64).all()
    assert (np.bincount(a["target"][~excitatory], minlength=200) == 16).all()


def test_brunel() -> None:
    case = brunel("x", neurons=200, steps=10)
    a = arrays(case)
    assert_sorted(a, 200)
    assert case.synapses == len(a["target"]) == 200 * 20
    assert (np.bincount(a["target"], minlength=200) == 20).all()
    assert (pre_of(a) < 160).sum() == 200 * 16
    # the background alone would hold the mean potential at twice the threshold
    p = case.parameters
    mean = p["noise_inputs"] * p["noise_rate"] * p["noise_weight"] * p["tau_membrane"]
    assert mean == pytest.approx(2 * p["threshold"])


def test_liquid() -> None:
    case = liquid("x", side=5, pixels=10, steps=50, samples=4)
    a = arrays(case)
    assert_sorted(a, 125)
    assert_sorted(a, 125, "input_")
    assert (pre_of(a) != a["target"]).all()
    assert a["weight"].dtype == np.float32
    inhibitory = np.unique(pre_of(a)[a["weight"] < 0])
    assert len(inhibitory) == 25
    assert not np.isin(pre_of(a)[a["weight"] > 0], inhibitory).any()
    place = np.stack(np.unravel_index(np.arange(125), (5, 5, 5)), axis=1)
    distance = np.linalg.norm(place[pre_of(a)] - place[a["target"]], axis=1)
    pairs = np.linalg.norm(place[:, None] - place[None], axis=2)
    assert distance.mean() < pairs[pairs > 0].mean()
    cell = (a["sample"].astype(int) * 50 + a["step"]) * 100 + a["channel"]
    assert (np.diff(cell) > 0).all()
    fan_out = np.diff(a["input_row_start"])
    assert case.input_events == fan_out[a["channel"]].sum() > 0


def test_stdp() -> None:
    case = stdp("x", side=50, steps=20_000)
    a = arrays(case)
    for group in ("pre", "post"):
        step = a[f"{group}_step"]
        assert step.min() >= 20
        assert step.max() < 20_000 - 20
        assert len(step) == pytest.approx(50 * 2.0 * 20.0, abs=5 * np.sqrt(2000))  # 2 s at 20 Hz
        assert (np.diff(step.astype(int) * 50 + a[f"{group}_neuron"]) > 0).all()
    assert case.events(len(a["pre_step"])) == 50 * len(a["pre_step"])
