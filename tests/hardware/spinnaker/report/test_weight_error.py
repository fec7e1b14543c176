"""Rounding of weights, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import ShapeError
from neurosim.hardware.spinnaker.report.weight_error import weight_error


def test_numbers_by_hand():
    # unit 1/8: 0.3 is 2.4 units, 1.0 is 8, 0.05 is 0.4 and vanishes, 0 is no weight that vanishes
    wanted = np.array([-0.3, -1.0, -0.05, 0.0])
    held = np.rint(np.abs(wanted) * 8) / 8
    found = weight_error("p", 1, wanted, held, 0.125)
    assert (found.receptor, found.synapses, found.unit, found.wrapped) == (1, 4, 0.125, 0)
    assert found.largest == pytest.approx(0.05)
    assert found.zero == pytest.approx(1 / 3)
    assert found.relative == pytest.approx(np.sqrt(0.05**2 + 0.05**2) / np.sqrt(0.3**2 + 1 + 0.05**2))


def test_weights_that_need_more_than_16_bits_are_counted():
    unit = 2.0**-15
    wanted = np.array([1.99996, 2.0, 2.5])  # 65535 units are 1.99997
    raw = np.rint(wanted / unit).astype(np.int64) & 0xFFFF
    found = weight_error("p", 0, wanted, raw * unit, unit)
    assert found.wrapped == 2
    assert found.zero == pytest.approx(1 / 3)  # 2.0 becomes 0
    assert found.largest == pytest.approx(2.0)


def test_nothing_is_no_error():
    found = weight_error("p", 0, np.zeros(0), np.zeros(0), 1.0)
    assert (found.synapses, found.largest, found.relative, found.zero) == (0, 0.0, 0.0, 0.0)


def test_shapes_must_agree():
    with pytest.raises(ShapeError, match="'p'"):
        weight_error("p", 0, np.zeros(2), np.zeros(3), 1.0)
