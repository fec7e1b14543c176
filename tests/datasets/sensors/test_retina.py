from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets.events import Events
from neurosim.datasets.sensors.retina import Retina
from neurosim.datasets.sensors.saccades import Profile, Saccades
from neurosim.errors import DataError, DescriptionError

QUIET = {"mismatch": 0.0, "leak_rate": 0.0, "shot_rate": 0.0}
ONE_WAY = Saccades(extent=6.0, duration=0.1, corners=((-0.5, 0.0), (0.5, 0.0)), profile=Profile.CONSTANT)


def blob(size: int = 12) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.exp(-(x**2 + y**2) / 8)


def test_a_uniform_image_gives_no_events() -> None:
    retina = Retina(shape=(8, 8), surround=0.4, **QUIET)
    assert len(retina.record(np.full((20, 20), 0.4))) == 0


def test_a_linear_ramp_in_log_intensity_gives_the_number_of_thresholds_crossed() -> None:
    """The image shifts by 6 pixels over a ramp of 0.25 per pixel in log(I + dark): 1.5 of change, 7 events of 0.2.

    The image is finely sampled, so that bilinear interpolation of intensity follows the exponential (8 image pixels
    for a sensor pixel: relative error 1e-4), and wide enough that no pixel sees its border.
    """
    dark, slope, fine = 0.1, 0.25 / 8, np.arange(8 * 15)
    intensity = np.exp(np.log(dark) + 0.01 + slope * fine[: 8 * 9]) - dark
    image = np.tile(np.clip(intensity, 0, 1), (80, 1))
    retina = Retina(
        shape=(3, 3), magnification=1 / 8, dark=dark, refractory=0.0, sampling=1e-3, saccades=ONE_WAY, **QUIET
    )
    events = retina.record(image)
    assert np.bincount(events.address, minlength=18).reshape(2, 9).tolist() == [[7] * 9, [0] * 9]
    times = events.t[events.address == 4]  # the image moves right, the pixel looks ever further left: darker
    assert np.abs(times - np.arange(1, 8) * 0.2 / 1.5 * 1e5).max() < 50  # microseconds of 100 000


def test_an_image_that_moves_the_other_way_swaps_the_polarity() -> None:
    retina = Retina(shape=(10, 10), saccades=ONE_WAY, refractory=0.0, **QUIET)
    back = Saccades(extent=6.0, duration=0.1, corners=((0.5, 0.0), (-0.5, 0.0)), profile=Profile.CONSTANT)
    there = retina.record(blob())
    again = retina.replace(saccades=back).record(blob())
    # A pixel that became brighter by n thresholds becomes darker by n (or n - 1: where the first step started).
    mirrored = np.bincount(again.address, minlength=200).reshape(2, 100)[::-1, :]
    assert np.abs(np.bincount(there.address, minlength=200).reshape(2, 100) - mirrored).max() <= 1
    flipped = retina.replace(saccades=back).record(
        blob()[:, ::-1]
    )  # a mirror image is the mirrored recording
    assert np.array_equal(np.sort(flipped.t), np.sort(there.t))
    assert np.bincount(9 - flipped.x, minlength=10).tolist() == np.bincount(there.x, minlength=10).tolist()


def test_refractory_time_limits_the_rate_of_a_pixel() -> None:
    retina = Retina(shape=(12, 12), refractory=5e-3, dark=0.01, **QUIET)
    events = retina.record(blob())
    assert len(events) > 100
    for address in np.unique(events.address % 144):
        gaps = np.diff(events.t[events.address % 144 == address])
        assert (gaps >= 5000 - 1).all()


def test_shot_noise_is_poisson() -> None:
    """On a black image only noise is left. Count and polarity within 4 standard deviations; 64 recordings."""
    retina = Retina(shape=(10, 10), shot_rate=20.0, leak_rate=0.0, refractory=0.0)
    recordings = retina.record_all(np.zeros((64, 5, 5)), seed=3)
    counts = np.array([len(e) for e in recordings])
    mean = 20.0 * 100 * 0.3
    assert abs(counts.mean() - mean) < 4 * math.sqrt(mean / 64)
    assert abs(counts.var(ddof=1) / mean - 1) < 4 * math.sqrt(2 / 63)  # variance equals the mean
    on = sum(int(e.p.sum()) for e in recordings)
    assert abs(on - counts.sum() / 2) < 4 * math.sqrt(counts.sum() / 4)
    per_pixel = sum(np.bincount(e.address % 100, minlength=100) for e in recordings)
    assert abs(((per_pixel - per_pixel.mean()) ** 2 / per_pixel.mean()).sum() - 99) < 4 * math.sqrt(
        2 * 99
    )  # chi-squared
    gaps = np.concatenate([np.diff(e.t) for e in recordings])
    assert abs((gaps > 500).mean() - math.exp(-2000 * 500e-6)) < 0.01  # exponential, n = 38 000


def test_leak_sends_on_events_at_its_rate() -> None:
    retina = Retina(shape=(20, 20), leak_rate=10.0, shot_rate=0.0, mismatch=0.2, refractory=0.0)
    events = retina.record(np.zeros((4, 4)))
    assert events.p.all()
    assert len(events) == pytest.approx(
        10.0 * 0.3 * 400, abs=4 * math.sqrt(400 / 4)
    )  # each pixel 3, its phase random
    assert set(np.bincount(events.address - 400).tolist()) <= {2, 3, 4}


def test_mismatch_is_a_fixed_pattern_of_the_sensor() -> None:
    retina = Retina(shape=(30, 30), mismatch=0.1, leak_rate=0.0, shot_rate=0.0)
    on, off = retina._thresholds(seed=5)
    assert on.std() / 0.2 == pytest.approx(0.1, rel=4 / math.sqrt(2 * 900))
    assert abs(np.corrcoef(on, off)[0, 1]) < 4 / math.sqrt(900)
    first, again = retina.record(blob(), seed=5, index=0), retina.record(blob(), seed=5, index=1)
    assert first == again  # without other noise, recordings of one sensor agree
    assert retina.record(blob(), seed=6) != first


def test_recordings_do_not_depend_on_order_or_company() -> None:
    retina = Retina(shape=(12, 12), shot_rate=5.0, leak_rate=5.0)
    images = np.stack([blob(), blob()[::-1] * 0.5, blob()])
    together = retina.record_all(images, seed=1)
    alone = [retina.record(images[i], seed=1, index=i) for i in (2, 0, 1)]
    assert [alone[1], alone[2], alone[0]] == list(together)
    assert together[0] != together[2]  # the same image, another recording
    assert together[0] != retina.record(images[0], seed=2, index=0)


def test_uint8_and_fractions_are_the_same_light() -> None:
    image = (blob() * 255).astype(np.uint8)
    assert Retina().record(image) == Retina().record(image / 255.0)


@pytest.mark.parametrize(
    "image",
    [np.zeros(4), np.zeros((0, 3)), np.full((3, 3), 1.5), np.full((3, 3), np.nan), np.full((3, 3), -0.1)],
)
def test_refuses_what_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(DataError):
        Retina().record(image)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold_on": 0.0},
        {"threshold_off": np.ones(4)},
        {"shape": (3,)},
        {"shape": (0, 4)},
        {"shot_rate": -1.0},
        {"dark": 0.0},
        {"saccades": "left"},
    ],
)
def test_refuses_options(options: dict[str, object]) -> None:
    with pytest.raises(DescriptionError):
        Retina(**options)  # type: ignore[arg-type]


def test_configuration_is_compared_by_value() -> None:
    assert Retina(shape=(8, 8)) == Retina(shape=[8, 8])  # type: ignore[arg-type]
    assert Retina() != Retina(dark=0.2)


@pytest.mark.data
def test_sees_mnist_as_the_camera_of_nmnist_did(data_folder: Path) -> None:
    """Events per pixel, polarity and saccade against real recordings of the same digits: correlation 0.83 with the
    default path; the mirrored paths, which share everything but the direction, stay below 0.65."""
    with np.load(data_folder / "nmnist_1000.npz") as pack:
        real = {name: pack[name] for name in ("t", "x", "y", "p", "offsets", "mnist_index")}
    with np.load(data_folder / "mnist.npz") as pack:
        images = pack["x_train"][real["mnist_index"][:20]]

    def counts(events: Events) -> np.ndarray:
        saccade = np.minimum(events.t // 105_000, 2)
        return np.bincount(saccade * 2 * 34 * 34 + events.address, minlength=3 * 2 * 34 * 34)

    slices = [slice(a, b) for a, b in zip(real["offsets"][:20], real["offsets"][1:21], strict=True)]
    camera = [counts(Events(*(real[c][s] for c in "txyp"), shape=(2, 34, 34))) for s in slices]

    def likeness(corners: tuple[tuple[float, float], ...]) -> float:
        retina = Retina(surround=1.0, saccades=Saccades(duration=0.105, corners=corners))
        seen = [counts(e) for e in retina.record_all(255 - images)]
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(camera, seen, strict=True)]))

    path = Saccades().corners
    assert likeness(path) > 0.78
    assert likeness(tuple((-x, y) for x, y in path)) < 0.65
    assert likeness(tuple((x, -y) for x, y in path)) < 0.65
