"""Sentences about what deserves a look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.report.analyse import analyse
from neurosim.hardware.spinnaker.report.cell_load import Sampled
from neurosim.hardware.spinnaker.report.headroom import CYCLES, Headroom
from neurosim.hardware.spinnaker.report.remarks import remarks
from neurosim.hardware.spinnaker.report.weight_error import weight_error


@pytest.fixture
def report(on_three_chips):
    return analyse(on_three_chips, read_limits(), dt=1e-3, step=1e-3)


def test_nothing_to_say(report):
    assert remarks(report) == ()
    assert "Worth a look" not in str(report)


@pytest.mark.parametrize(
    ("weights", "unit", "expected"),
    [
        ([1.0, 5.0], 2.0**-14, "1 weights wrap around to small ones; the largest that fits is 4"),
        ([1.0, 0.001], 0.1, "50.0% of the weights round to zero; the smallest that does not is 0.05"),
        ([0.96, 1.04], 0.1, "rounding changes the weights by 4.0%"),
    ],
)
def test_weights(report, weights, unit, expected):
    wanted = np.array(weights)
    raw = np.rint(wanted / unit).astype(int) & 0xFFFF
    found = remarks(replace(report, weights=(weight_error("p", 0, wanted, raw * unit, unit),)))
    assert len(found) == 1
    assert expected in found[0]
    assert "'p', excitatory" in found[0]


def test_cells_and_limits(report):
    cell = replace(report.cells[0], expected=3.0, fewest=7, wraps=2, value=70000.0)
    full = replace(report.headroom[0], used=750)
    busy = Headroom(limit=CYCLES, used=500_000, most=200_000, where="out(0:2)")
    found = remarks(replace(report, cells=(cell,), headroom=(full, busy)))
    for text in (
        "cores: 750 of 759",
        "7 spikes at once",
        "could wrap around (up to 7e+04",
        "take 2.5 of its step",
    ):
        assert any(text in line for line in found), text
    assert len(found) == 4


def test_given_spikes_replace_the_expectation(report):
    cell = replace(report.cells[0], expected=3.0)
    counted = Sampled(population="out", receptor=0, steps=10, cells=5, neurons=2, largest=70000)
    found = remarks(replace(report, cells=(cell,), sampled=(counted,)))
    assert found == (
        "Population 'out': the given spikes overfill 5 excitatory cells of 2 neurons in 10 steps.",
    )
