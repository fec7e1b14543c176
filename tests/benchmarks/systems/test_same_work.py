"""The same work in ours, in Brian2 and in PyTorch: small forms of the cases, equal spikes and weights.

Brian2 runs in NumPy, which needs no compiler. Weights of the liquid are float32 numbers summed in float64, which is
exact, so sums do not depend on their order; potentials differ by rounding alone, far less than their distance from
the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.case import Case
from benchmarks.networks.brunel import brunel
from benchmarks.networks.liquid import liquid
from benchmarks.networks.stdp import stdp
from benchmarks.networks.vogels_abbott import coba, cuba
from benchmarks.systems import brian2 as brian2_system, ours

DOUBLE = {"precision": "double", "threads": 1}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.networks.arrays_file.cache_folder", lambda: tmp_path)


@pytest.fixture
def brian2() -> Iterator[Any]:
    """Brian2's own preferences and clock come back after the test."""
    module = pytest.importorskip("brian2")
    before = module.prefs.codegen.target, module.defaultclock.dt
    yield lambda case: brian2_system.build(case, {**DOUBLE, "device": "numpy"})
    module.prefs.codegen.target, module.defaultclock.dt = before


def in_numpy(case: Case) -> int:
    """Spikes of the liquid, restated: v <- b v + c i, i <- a i, threshold, then what arrives and the reset."""
    with np.load(case.arrays) as a:
        weights = []
        for prefix in ("", "input_"):
            starts = a[f"{prefix}row_start"]
            dense = np.zeros((len(starts) - 1, case.neurons))
            pre = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
            dense[pre, a[f"{prefix}target"]] = a[f"{prefix}weight"]
            weights.append(dense)
        x = np.zeros((case.steps, case.samples, len(weights[1])))
        x[a["step"], a["sample"], a["channel"]] = 1.0
    p = case.parameters
    i_decay, v_decay = np.exp(-case.dt / p["tau_synapse"]), np.exp(-case.dt / p["tau_membrane"])
    gain = p["tau_synapse"] / (p["tau_synapse"] - p["tau_membrane"]) * (i_decay - v_decay)
    v, i = np.zeros((case.samples, case.neurons)), np.zeros((case.samples, case.neurons))
    count = 0
    for k in range(case.steps):
        v = v_decay * v + gain * i
        fired = v > p["threshold"]
        i = i_decay * i + fired @ weights[0] + x[k] @ weights[1]
        v[fired] = 0.0
        count += int(fired.sum())
    return count


def test_liquid(brian2: Any) -> None:
    case = liquid("x", side=6, pixels=20, steps=80, samples=3)
    expected = in_numpy(case)
    assert expected > 100
    mine = ours.build(case, DOUBLE)
    assert mine.run().spikes == expected
    assert mine.run().spikes == expected  # from the start again
    assert mine.synapses == case.synapses
    theirs = brian2(case)
    assert theirs.run().spikes == expected
    assert theirs.run().spikes == expected
    assert theirs.synapses == case.synapses


@pytest.mark.parametrize("implementation", ["dense", "sparse", "snntorch", "spikingjelly", "norse"])
@pytest.mark.filterwarnings("ignore")
def test_liquid_in_pytorch(implementation: str) -> None:
    """Single precision: a neuron within 1e-6 of the threshold may decide otherwise."""
    pytest.importorskip("torch")
    if implementation in ("snntorch", "spikingjelly", "norse"):
        pytest.importorskip(implementation)
    from benchmarks.systems import torch as torch_system

    case = liquid("x", side=6, pixels=20, steps=80, samples=3)
    found = torch_system.build(case, {"threads": 1, "implementation": implementation}).run()
    assert found.spikes == pytest.approx(in_numpy(case), rel=0.005)


@pytest.mark.parametrize("make", [cuba, coba])
def test_vogels_abbott(make: Any, brian2: Any) -> None:
    """50 ms, before rounding has grown through the chaos of the network."""
    case = make("x", neurons=400, steps=500)
    mine = ours.build(case, DOUBLE)
    found = mine.run().spikes
    assert found > 50
    assert brian2(case).run().spikes == found
    assert mine.synapses == case.synapses


def test_brunel(brian2: Any) -> None:
    """Their noise is not ours, so rates are compared: with some 1000 spikes to a few per cent."""
    case = brunel("x", neurons=500, steps=1500)
    mine = ours.build(case, DOUBLE)
    found = mine.run().spikes
    assert found > 500
    assert brian2(case).run().spikes == pytest.approx(found, rel=0.1)
    assert mine.finish()["noise_seconds"] >= 0


def test_plastic_weights(brian2: Any) -> None:
    case = stdp("x", side=20, steps=5000)
    mine, theirs = ours.build(case, DOUBLE), brian2(case)
    assert mine.run().spikes == theirs.run().spikes > 0
    weights = np.asarray(mine.weights)[0]
    assert np.abs(weights - 0.5).max() > 0.01
    np.testing.assert_allclose(weights, theirs.weights(), rtol=0, atol=1e-12)
    assert mine.finish()["note"] == theirs.finish()["note"]
