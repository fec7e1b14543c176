from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from neurosim.datasets.sensors.gammatone import ORDER, Gammatone, bandwidth, erb_frequency, erb_number
from neurosim.errors import DescriptionError


def test_erbs_are_those_of_glasberg_and_moore() -> None:
    """Their formula at 1 kHz: a band of 132.6 Hz, 15.6 ERBs up."""
    assert bandwidth(1000.0) == pytest.approx(132.639)
    assert erb_number(1000.0) == pytest.approx(15.62, abs=0.01)
    f = np.geomspace(20, 16_000, 50)
    assert np.allclose(erb_frequency(erb_number(f)), f, rtol=1e-12)
    # The scale counts bands: its slope is one over the bandwidth (to the digits of 21.4, 0.07 %).
    assert np.allclose(np.gradient(erb_number(f), f)[1:-1], 1 / bandwidth(f)[1:-1], rtol=0.03)
    step = 1e-3
    slope = (erb_number(f + step) - erb_number(f - step)) / (2 * step)
    assert np.allclose(slope * bandwidth(f), 1.0, rtol=1e-2)


def test_centres_are_equally_far_apart_in_erbs() -> None:
    centre = Gammatone(channels=20, lowest=80.0, highest=3000.0).centres()
    assert centre[0] == pytest.approx(80.0)
    assert centre[-1] == pytest.approx(3000.0)
    assert np.ptp(np.diff(erb_number(centre))) < 1e-12
    assert Gammatone(channels=1, lowest=500.0, highest=500.0).centres() == pytest.approx([500.0])


@pytest.mark.parametrize("rate", [8000.0, 16000.0])
def test_response_is_that_of_four_resonators_in_a_row(rate: float) -> None:
    bank = Gammatone(channels=6, highest=3500.0)
    f = np.linspace(0.0, rate / 2, 201)
    ours = bank.response(f, rate)
    for a, row in zip(bank.poles(rate), ours, strict=True):
        _, one = signal.freqz([1 - abs(a)], [1, -a], worN=2 * np.pi * f / rate)
        assert np.allclose(row, one**ORDER, rtol=1e-12)
    assert np.allclose(np.abs(np.diag(bank.response(bank.centres(), rate))), 1.0)


@pytest.mark.parametrize("centre", [300.0, 1000.0, 2500.0])
def test_band_has_the_shape_of_scipys_gammatone(centre: float) -> None:
    """scipy.signal.gammatone discretises another way (impulse-invariant FIR). Within two ERBs of the centre the gains
    of a bank that is sampled well above the band agree to 2 % of the peak.
    """
    rate = 32_000.0
    bank = Gammatone(channels=1, lowest=centre, highest=centre)
    f = np.linspace(centre - 2 * bandwidth(centre), centre + 2 * bandwidth(centre), 41)
    b, a = signal.gammatone(centre, "fir", numtaps=8000, fs=rate)
    _, theirs = signal.freqz(b, a, worN=2 * np.pi * f / rate)
    theirs = np.abs(theirs) / np.abs(theirs).max()
    assert np.abs(np.abs(bank.response(f, rate)[0]) - theirs).max() < 0.02


def test_band_is_as_wide_as_an_erb() -> None:
    """The integral of |gain|^2 over frequency is the bandwidth, by definition of ERB and of b = 1.019 ERB."""
    bank = Gammatone(channels=5, lowest=400.0, highest=2500.0)
    f = np.arange(0.0, 16_000.0, 2.0)
    power = (np.abs(bank.response(f, 32_000.0)) ** 2).sum(1) * 2.0
    assert np.allclose(power, bandwidth(bank.centres()), rtol=0.03)


def test_refuses_bands_that_are_none() -> None:
    for wrong in ({"channels": 0}, {"channels": 2.5}, {"lowest": 500.0, "highest": 400.0}, {"lowest": -1.0}):
        with pytest.raises(DescriptionError):
            Gammatone(**wrong)
    with pytest.raises(DescriptionError, match="half the sampling rate"):
        Gammatone(highest=4000.0).poles(8000.0)
