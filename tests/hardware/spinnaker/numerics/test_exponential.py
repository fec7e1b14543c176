"""The on-chip exponential against decimals of 60 digits and the published error bounds."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np

from neurosim.hardware.spinnaker.numerics.exponential import expk, expulr


def exact(words, scale):
    with localcontext() as context:
        context.prec = 40
        return np.array([float((Decimal(int(w)) / 32768).exp() * scale) for w in words])


def test_expk_is_within_its_stated_error():
    """1.04 units of 2**-15 over all arguments <= 0 is the bound measured on the firmware's own routine."""
    words = np.unique(np.concatenate([-np.arange(0, 4000), -np.linspace(0, 400000, 3000).astype(np.int64)]))
    error = expk(words) - exact(words, 2**15)
    assert np.abs(error).max() <= 1.04
    assert error.mean() < -0.3  # it truncates


def test_expulr_is_within_its_stated_error():
    words = np.unique(np.concatenate([-np.arange(1, 4000), -np.linspace(1, 340000, 3000).astype(np.int64)]))
    error = expulr(words) - exact(words, 2**32)
    assert np.abs(error).max() <= 5296


def test_known_words():
    """tau_m = 20, dt = 1 gives 31170; tau_syn = 5 gives the decay 3516490311."""
    assert expk(-1638) == 31170
    assert expulr(-6553) == 3516490311


def test_edges():
    assert expk(0) == 32768
    assert expulr(0) == 0  # a decay of one does not exist on the machine
    assert expk(-340696) == 0
    assert expk(363409) == 0x7FFFFFFF
    assert expk(32768) == int(np.e * 32768)
