"""Packets of cores: averages, and steps in which delay cores send again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.image.machine_image import VertexKind
from neurosim.hardware.spinnaker.report.packets import mean_packets, packets_by_step
from neurosim.spikes import Spikes

CORES = [
    SimpleNamespace(population="a", kind=VertexKind.NEURONS, lo=0, hi=2, key=0),
    SimpleNamespace(population="a", kind=VertexKind.NEURONS, lo=2, hi=3, key=64),
    SimpleNamespace(population="b", kind=VertexKind.NEURONS, lo=0, hi=4, key=None),
    SimpleNamespace(population="a", kind=VertexKind.DELAY, lo=0, hi=2, key=128),
]
EXTENSIONS = {"a": Extension(pre="a", stages=2, slots=3)}


def test_averages():
    activity = {"a": np.array([0.1, 0.2, 0.4]), "b": np.ones(4)}
    assert np.allclose(mean_packets(CORES, activity, EXTENSIONS), [0.3, 0.4, 0.0, 0.6])


def test_steps(monkeypatch):
    spikes = Spikes([0, 0, 1], [1, 5, 0], [0, 2, 1], [2, 1, 1], shape=3, dt=1e-3, steps=6, samples=2)
    expected = np.zeros((4, 12))
    expected[0, [1, 6]] = 2, 1
    expected[1, 5] = 1
    expected[3, [4, 9]] = 2, 1  # 3 steps later; 6 steps later the run is over
    whole = np.concatenate(list(packets_by_step(CORES, {"a": spikes}, EXTENSIONS)), axis=1)
    assert np.array_equal(whole, expected)
    monkeypatch.setattr("neurosim.hardware.spinnaker.report.packets._BLOCK", 20)
    parts = list(packets_by_step(CORES, {"a": spikes}, EXTENSIONS))
    assert len(parts) == 3
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


def test_no_spikes():
    assert list(packets_by_step(CORES, {}, EXTENSIONS)) == []
