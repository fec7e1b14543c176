"""The trace of a real chip is compared in `test_lif`."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI
from neurosim.hardware.loihi.numerics.voltage_register import voltage_range, voltage_readout


@pytest.mark.parametrize("refractory", [1, 2, 4, 63])
def test_counts_down_from_the_spike_to_the_last_dead_step(refractory):
    registers = lif.Registers.of(1, du=4095, dv=4096, threshold=64, refractory=refractory)
    q = np.zeros((80, 1), dtype=np.int64)
    q[2:] = 65
    q[3 : 2 + refractory] = 7  # below the threshold, and not seen
    q[2 + refractory :] = 9
    found = lif.run(q, registers, NENGO_LOIHI)
    assert found.v[2 : 2 + refractory].max() == 0
    expected = [0, 0, *range(128 * refractory, 0, -128), *[9] * (78 - refractory)]
    assert voltage_readout(found.v, found.spike, found.dead)[:, 0].tolist() == expected


def test_range_of_the_limit_registers_published_values():
    assert [voltage_range(0, k)[1] for k in range(8)] == [
        511,
        2047,
        8191,
        32767,
        2**17 - 1,
        2**19 - 1,
        2**21 - 1,
        2**23 - 1,
    ]
    assert [voltage_range(e, 0)[0] for e in (0, 1, 12, 23, 31)] == [0, -1, -4095, -(2**23) + 1, -(2**31) + 1]
