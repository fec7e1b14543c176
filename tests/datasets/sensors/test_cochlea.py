from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.datasets.sensors.auditory_nerve import fire, fire_reference
from neurosim.datasets.sensors.cochlea import Cochlea
from neurosim.datasets.sensors.gammatone import Gammatone
from neurosim.datasets.sensors.hair_cell import HairCell
from neurosim.errors import DataError, DescriptionError

RATE = 8000.0
SMALL = Cochlea(membrane=Gammatone(channels=8), thresholds=(75.0, 120.0))


def tone(frequency: float, seconds: float = 0.25, amplitude: float = 1000.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return amplitude * np.sin(2 * np.pi * frequency * t)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 100.0, samples)


@pytest.mark.parametrize("channel", [3, 20, 40, 60])
def test_a_tone_is_loudest_in_its_own_channel(channel: int) -> None:
    cochlea = Cochlea()
    events = cochlea.record(tone(cochlea.membrane.centres()[channel]), RATE)
    counts = np.bincount(events.x, minlength=64)
    assert abs(np.average(np.arange(64), weights=counts) - channel) < 1.5
    assert counts[channel] >= 0.9 * counts.max() > 0
    assert counts[(channel + 32) % 64] == 0


@pytest.mark.parametrize("frequency", [150.0, 200.0, 500.0])
def test_spikes_lock_to_the_phase_of_low_tones(frequency: float) -> None:
    """Vector strength, the length of the mean phasor of spikes: near one at the tone, near zero beside it."""
    cochlea = Cochlea(membrane=Gammatone(channels=1, lowest=frequency, highest=frequency))
    events = cochlea.record(tone(frequency, 1.0), RATE)
    late = events.t[events.t > 20_000] * 1e-6
    assert len(late) > 100
    assert abs(np.exp(2j * np.pi * frequency * late).mean()) > 0.9
    assert abs(np.exp(2j * np.pi * 1.1 * frequency * late).mean()) < 0.1


def test_more_spikes_at_the_onset_than_later() -> None:
    cochlea = Cochlea(membrane=Gammatone(channels=1, lowest=1000.0, highest=1000.0))
    t = cochlea.record(tone(1000.0, 0.4), RATE).t
    assert (t < 50_000).sum() > 2 * ((t > 300_000) & (t < 350_000)).sum()


def test_ganglion_cells_fire_at_the_rate_of_their_equation() -> None:
    """Under a constant rate R a cell fires every refractory + tau ln(R/(R - theta)), on the grid of samples."""
    threshold, tau, held = np.array([[50.0, 100.0], [150.0, 300.0]]), 2e-3, 8
    rest = HairCell().steady(0.0)[:, None].repeat(2, axis=1)
    rest[1] = 200.0 / 50000.0
    still = np.array([5.0, 300.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 50000.0])  # stores that stay: R = 200 Hz
    out = np.empty(4000, np.int64), np.empty(4000), np.empty(4000, np.int64)
    samples = 8000
    n = fire(np.zeros(samples), np.zeros(2), np.zeros(2), np.ones(2), still, np.exp(-1 / (tau * RATE)),
             threshold, held, rest, *out)  # fmt: skip
    counts = np.bincount(out[2][:n], minlength=4)
    for count, theta in zip(counts[:3], threshold.ravel()[:3], strict=True):
        period = held + np.ceil(tau * np.log(200.0 / (200.0 - theta)) * RATE)
        assert abs(count - samples / period) <= 1
    assert counts[3] == 0
    part = out[1][:n]
    assert ((part >= 0) & (part <= 1)).all()


@given(seed=st.integers(0, 1000), samples=st.integers(1, 400), refractory=st.sampled_from([0.0, 1e-3, 5e-3]))
@settings(max_examples=15, deadline=None)
def test_kernel_and_reference_agree(seed: int, samples: int, refractory: float) -> None:
    cochlea = SMALL.replace(refractory=refractory, mismatch=0.1)
    pole = cochlea.membrane.poles(RATE)
    arguments = (
        cochlea._levelled(noise(samples, seed)), pole.real.copy(), pole.imag.copy(), 1 - np.abs(pole),
        cochlea._cell(RATE), 0.9, cochlea._thresholds(seed), round(refractory * RATE),
    )  # fmt: skip
    ours, theirs = cochlea._rest(), cochlea._rest()
    out = np.empty(20_000, np.int64), np.empty(20_000), np.empty(20_000, np.int64)
    n = fire(*arguments, ours, *out)
    for a, b in zip(out, fire_reference(*arguments, theirs), strict=True):
        assert np.array_equal(a[:n], b)
    assert np.array_equal(ours, theirs)


def test_rest_is_silent_and_stays_at_rest() -> None:
    assert len(SMALL.record(np.zeros(500), RATE)) == 0
    assert len(SMALL.record(np.zeros(0), RATE)) == 0
    stores = SMALL._rest()
    none = np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    pole = SMALL.membrane.poles(RATE)
    fire(np.zeros(8000), pole.real.copy(), pole.imag.copy(), 1 - np.abs(pole), SMALL._cell(RATE), 0.9,
         SMALL._thresholds(0), 8, stores, *none)  # fmt: skip
    assert np.allclose(stores, SMALL._rest(), rtol=1e-10)


def test_events_do_not_depend_on_gain_batch_or_container() -> None:
    sounds = [noise(800), noise(500, 1)]
    one, other = SMALL.record_all(sounds, RATE)
    assert one == SMALL.record(sounds[0], RATE)
    assert other == SMALL.record(2.0**9 * sounds[1], RATE) == SMALL.record(2.0**-40 * sounds[1], RATE)
    assert len(one) > 20
    assert one.shape == (1, 2, 8)
    whole = np.rint(sounds[0]).astype(np.int16)
    assert SMALL.record(whole, RATE) == SMALL.record(whole.astype(float), RATE)


def test_lower_thresholds_fire_more_and_channels_do_not_disturb_each_other() -> None:
    events = SMALL.record(noise(2000), RATE)
    low, high = np.bincount(events.y, minlength=2)
    assert low > high > 0
    alone = SMALL.replace(thresholds=(120.0,)).record(noise(2000), RATE)
    assert np.array_equal(alone.t, events.t[events.y == 1])


def test_mismatch_is_a_pattern_of_the_seed() -> None:
    cochlea = SMALL.replace(mismatch=0.2)
    a, b, c = (cochlea.record(noise(2000), RATE, seed=s) for s in (0, 0, 1))
    assert a == b != c
    spread = cochlea.replace(membrane=Gammatone(channels=2000))._thresholds(0)[0] / 75.0
    assert spread.std() == pytest.approx(0.2, rel=0.1)
    assert spread.min() >= 0.1


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3)), np.array(["a"]), np.array([1.0, np.nan]), np.array([np.inf]), [1 + 1j]]
)
def test_refuses_what_is_no_sound(wrong: object) -> None:
    with pytest.raises(DataError):
        SMALL.record(wrong, RATE)  # type: ignore[arg-type]


def test_refuses_numbers_out_of_range() -> None:
    for wrong in (
        {"thresholds": ()},
        {"thresholds": (0.0,)},
        {"thresholds": 3.0},
        {"membrane": None},
        {"tau": 0.0},
    ):
        with pytest.raises(DescriptionError):
            Cochlea(**wrong)
    with pytest.raises(DataError, match="rate"):
        SMALL.record(np.zeros(5), 0.0)
    with pytest.raises(DescriptionError, match="half"):
        SMALL.record(np.zeros(5), 1000.0)
