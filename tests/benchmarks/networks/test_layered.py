"""Layers to be trained: shapes, ranges and densities of what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.networks.layered import GAIN, layered

SIZES = (40, 30, 20, 5)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))


def test_weights_and_spikes() -> None:
    case = layered("x", sizes=SIZES, steps=50, samples=20, density=0.1)
    assert case.kind == "training"
    assert (case.neurons, case.synapses) == (55, 40 * 30 + 30 * 20 + 20 * 5)
    with np.load(case.arrays) as a:
        for k, n_pre in enumerate(SIZES[:-1]):
            weight = a[f"weight{k}"]
            assert weight.shape == (SIZES[k + 1], n_pre)
            bound = GAIN * (2 if k == 0 else 1) / np.sqrt(n_pre)
            assert 0.9 * bound < np.abs(weight).max() <= bound
            assert abs(weight.mean()) < 0.2 * bound
        assert "delay0" not in a
        assert "recurrent0" not in a
        code = (a["sample"] * 50 + a["step"]) * 40 + a["channel"]
        assert (np.diff(code) > 0).all()
        assert len(code) == pytest.approx(0.1 * 20 * 50 * 40, abs=5 * np.sqrt(4000))
        assert a["label"].shape == (20,)
        assert set(a["label"]) <= set(range(5))


def test_delays_and_recurrence() -> None:
    case = layered("x", sizes=SIZES, steps=50, samples=20, delays=9, recurrent=True)
    assert case.kind == "delays-recurrent"
    assert case.synapses == 40 * 30 + 30 * 20 + 20 * 5 + 30 * 30 + 20 * 20
    with np.load(case.arrays) as a:
        for k in range(3):
            assert a[f"delay{k}"].shape == a[f"weight{k}"].shape
            assert a[f"delay{k}"].min() >= 0
            assert 7.5 < a[f"delay{k}"].max() <= 8
        for k in range(2):
            assert a[f"recurrent{k}"].shape == (SIZES[k + 1], SIZES[k + 1])
            assert a[f"recurrent_delay{k}"].min() >= 1
            assert 7.5 < a[f"recurrent_delay{k}"].max() <= 8
        assert "recurrent2" not in a


def test_surrogate_and_device_change_no_array() -> None:
    given = {"sizes": SIZES, "steps": 5, "samples": 2}
    first = layered("x", **given)  # type: ignore[arg-type]
    other = layered("y", **given, surrogate="triangle", device="cuda")  # type: ignore[arg-type]
    assert first.arrays == other.arrays
    assert (other.parameters["surrogate"], other.parameters["device"]) == ("triangle", "cuda")
