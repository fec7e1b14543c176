from __future__ import annotations

from neurosim.hardware.loihi.chip import read_chip
from neurosim.hardware.loihi.limits import read_limits


def test_limits_of_the_shipped_chips():
    assert read_limits("loihi1") == read_chip("loihi1").limits
    assert set(read_limits("loihi1")) == set(read_limits("loihi2"))
