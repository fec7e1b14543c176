from __future__ import annotations

import numpy as np

from neurosim.hardware.crossbar import Crossbar
from neurosim.hardware.emulator import Overflow

EXACT = Crossbar(profile="ideal", adc_bits=24)
"""Float32 conductances and 24-bit converters: sums agree with float64 weights to about 1e-6 of the largest one."""


def test_calibration_narrows_the_range_and_lowers_the_error(tmp_path, layered, events, opened):
    net, given = layered(), {"in": events()}
    coarse = EXACT.replace(adc_bits=6)
    want = opened(net, EXACT, tmp_path / "x").emulate(given, record={"hidden": "v"})["hidden"].v
    error, range_ = {}, {}
    for name, calibration in (("open", None), ("calibrated", {"in": events(3, seed=9)})):
        device = opened(net, coarse, tmp_path / name, calibration=calibration)
        range_[name] = np.concatenate([b.full_scale for b in device.machine.blocks]).mean()
        v = device.emulate(given, record={"hidden": "v"}, overflow=Overflow.AS_CHIP)["hidden"].v
        error[name] = np.abs(v - want)[:5].mean()  # before spikes differ
    assert range_["calibrated"] < range_["open"]
    assert error["calibrated"] < error["open"]
