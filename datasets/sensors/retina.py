"""Retina: an event camera that looks at a still image and moves, so that the image becomes events."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.datasets.events import Events
from neurosim.datasets.sensors.pixel import emit
from neurosim.datasets.sensors.saccades import Saccades
from neurosim.errors import DataError, DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["Retina"]

# Levels and thresholds are rounded to this grid: logarithms that differ in the last bit between machines then give the
# same events everywhere. It is a ten-thousandth of the usual threshold.
_GRID = 2.0**-16


class Retina(Parameters):
    """A moving event camera (the pixel is in `neurosim.datasets.sensors.pixel`, the movement in `Saccades`).

    Args:
        shape: (rows, columns) of the sensor.
        magnification: sensor pixels per image pixel. Bilinear between image pixels.
        threshold_on, threshold_off: contrast thresholds in units of log intensity (0.2 is a change by 22 %).
        mismatch: relative standard deviation of the thresholds from pixel to pixel, a fixed pattern of the sensor.
        dark: intensity, as a fraction of white, that a pixel sees where the image is black. It sets the contrast:
            white on black is log((1 + dark)/dark).
        surround: intensity around the image.
        refractory: seconds for which a pixel is held in reset after an event.
        leak_rate: ON events per second and pixel from the leak of the reference level.
        shot_rate: noise events per second and pixel, half of them ON, a Poisson process.
        sampling: seconds between the times at which the moving image is resampled.
        saccades: the movement.

    One `seed` is one sensor with one series of recordings; `index` is the recording in the series. A recording does not
    depend on which others are made, in which order or on how many threads.
    """

    shape: tuple[int, int] = (34, 34)
    magnification: float = parameter(default=1.0, above=0.0, unit="1", doc="sensor pixels per image pixel")
    threshold_on: float = parameter(default=0.2, above=0.0, unit="1", doc="change of log intensity")
    threshold_off: float = parameter(default=0.2, above=0.0, unit="1", doc="change of log intensity")
    mismatch: float = parameter(
        default=0.03, minimum=0.0, maximum=1.0, unit="1", doc="relative, of the thresholds"
    )
    dark: float = parameter(default=0.1, above=0.0, unit="1", doc="intensity of black, white is 1")
    surround: float = parameter(
        default=0.0, minimum=0.0, maximum=1.0, unit="1", doc="intensity around the image"
    )
    refractory: float = parameter(default=1e-3, minimum=0.0, unit="s", doc="held in reset after an event")
    leak_rate: float = parameter(default=0.1, minimum=0.0, unit="Hz", doc="ON events per pixel")
    shot_rate: float = parameter(default=0.1, minimum=0.0, unit="Hz", doc="events per pixel")
    sampling: float = parameter(default=2e-3, above=0.0, unit="s", doc="between resampled images")
    saccades: Saccades = Saccades()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.__dataclass_fields__:
            if isinstance(getattr(self, name), np.ndarray):
                raise DescriptionError(
                    "must be one number", where=f"Retina.{name}", remedy="Use mismatch to vary pixels"
                )
        size = tuple(int(n) for n in self.shape)
        if len(size) != 2 or min(size) < 1 or max(size) > 4096:
            raise DescriptionError(
                "is not a sensor", where="Retina.shape", value=self.shape, limit="(rows, columns)"
            )
        object.__setattr__(self, "shape", size)
        if not isinstance(self.saccades, Saccades):
            raise DescriptionError(
                "is not a movement", where="Retina.saccades", value=repr(self.saccades), limit="Saccades"
            )

    def record(self, image: ArrayLike, *, seed: int = 0, index: int = 0) -> Events:
        """Look at one image ``[rows, columns]``: floats from 0 (black) to 1 (white), or uint8 from 0 to 255.

        Returns events of shape (2, *self.shape) over ``self.saccades.total`` seconds.
        """
        frame = _intensity(image)
        time = self._times()
        level = self._levels(frame, time)
        on, off = self._thresholds(seed)
        n = len(on)
        leak = on * (self.leak_rate * 1e-6)
        # Where between two leak events each pixel happens to be when the recording starts.
        phase = random.uniform(random.key(seed, "retina", "phase", index), np.arange(n))
        start = on * phase if self.leak_rate > 0 else np.zeros(n)
        noise = self._shot_noise(seed, index, n, float(time[-1]))
        capacity = 4096
        while True:
            t, pixel, p = (
                np.empty(capacity, np.int64),
                np.empty(capacity, np.int64),
                np.empty(capacity, np.uint8),
            )
            count = emit(level, time, on, off, leak, start, self.refractory * 1e6, *noise, t, pixel, p)
            if count <= capacity:
                break
            capacity = count
        order = np.argsort(t[:count], kind="stable")  # equal times stay in order of pixels
        y, x = np.divmod(pixel[order], self.shape[1])
        return Events(t[order], x, y, p[order], shape=(2, *self.shape))

    def record_all(
        self, images: Sequence[ArrayLike] | NDArray[np.generic], *, seed: int = 0
    ) -> tuple[Events, ...]:
        """Look at many images; image i is ``record(image, seed=seed, index=i)``. Runs on all cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(lambda i: self.record(images[i], seed=seed, index=i), range(len(images))))

    def _times(self) -> NDArray[np.float64]:
        intervals = max(1, math.ceil(self.saccades.total / self.sampling - 1e-9))
        return np.arange(intervals + 1, dtype=np.float64) * (self.saccades.total * 1e6 / intervals)

    def _levels(self, frame: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log intensity ``[n, k]`` of every pixel at every time."""
        shift = self.saccades.position(time * 1e-6)  # [k, (x, y)]
        rows = _weights(self.shape[0], frame.shape[0], shift[:, 1], self.magnification)
        columns = _weights(self.shape[1], frame.shape[1], shift[:, 0], self.magnification)
        framed = np.pad(frame, 1, constant_values=self.surround)
        below, above, part = rows
        lines = (
            framed[below] * (1.0 - part)[..., None] + framed[above] * part[..., None]
        )  # [k, y, image columns]
        left, right, part = columns
        k = np.arange(len(time))[:, None]
        left_part, right_part = (1.0 - part)[:, None], part[:, None]
        light = lines.transpose(0, 2, 1)[k, left].transpose(0, 2, 1) * left_part
        light += lines.transpose(0, 2, 1)[k, right].transpose(0, 2, 1) * right_part
        level = np.rint(np.log(light + self.dark) / _GRID) * _GRID
        return np.ascontiguousarray(level.reshape(len(time), -1).T)

    def _thresholds(self, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pixel = np.arange(math.prod(self.shape))
        pattern = random.key(seed, "retina", "mismatch")

        def spread(threshold: float, lane: int) -> NDArray[np.float64]:
            # No pixel is more than ten times as sensitive as the nominal one.
            factor = np.maximum(1.0 + self.mismatch * random.normal(pattern, pixel, lane), 0.1)
            return np.maximum(np.rint(threshold * factor / _GRID), 1.0) * _GRID

        return spread(self.threshold_on, 0), spread(self.threshold_off, 1)

    def _shot_noise(
        self, seed: int, index: int, n: int, end: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]:
        """Poisson events of all pixels together, dealt out: (first entry of each pixel, times, polarities)."""
        if self.shot_rate == 0.0:
            return np.zeros(n + 1, np.int64), np.empty(0), np.empty(0, np.uint8)
        stream = random.key(seed, "retina", "shot", index)
        gap = 1e6 / (self.shot_rate * n)
        block = int(end / gap + 6.0 * math.sqrt(end / gap)) + 16
        t = np.empty(0)
        while not len(t) or t[-1] < end:
            more = -gap * np.log1p(-random.uniform(stream, np.arange(len(t), len(t) + block)))
            t = np.concatenate([t, (t[-1] if len(t) else 0.0) + np.cumsum(more)])
        t = t[t < end]
        counter = np.arange(len(t))
        pixel = (random.uniform(stream, counter, lane=1) * n).astype(np.int64)
        p = (random.uniform(stream, counter, lane=2) < 0.5).astype(np.uint8)
        order = np.argsort(pixel, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(pixel, minlength=n))])
        return first, t[order], p[order]


def _intensity(image: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(image)
    if array.ndim != 2 or not array.size:
        raise DataError(
            "is not a grey image", where="Retina.record", value=array.shape, limit="[rows, columns]"
        )
    frame = array / 255.0 if array.dtype == np.uint8 else array.astype(np.float64)
    if not ((frame >= 0.0) & (frame <= 1.0)).all():  # also refuses NaN
        raise DataError(
            "image outside its range",
            where="Retina.record",
            value=f"{frame.min():g} to {frame.max():g}",  # NaN shows as nan
            limit="0 to 1, or uint8",
            remedy="Divide the image by the value of white",
        )
    return frame


def _weights(
    pixels: int, size: int, shift: NDArray[np.float64], magnification: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Where sensor rows (or columns) look in an image of ``size`` rows with one row of surround on either side.

    Returns (lower row, upper row, part of the upper row), each ``[k, pixels]``. Without shift, centre looks at centre.
    """
    at = (np.arange(pixels) - (pixels - 1) / 2 - shift[:, None]) / magnification + (size - 1) / 2
    at = np.clip(at, -1.0, size) + 1.0
    lower = np.minimum(at.astype(np.int64), size)
    return lower, lower + 1, at - lower
