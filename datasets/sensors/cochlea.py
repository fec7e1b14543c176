"""Cochlea: a sensor that turns a sound into events, one channel a band of frequencies.

Sound is brought to a level, split into bands by the basilar membrane (`neurosim.datasets.sensors.gammatone`), heard by
one hair cell a band (`neurosim.datasets.sensors.hair_cell`), whose fibre drives ganglion cells of different thresholds
(`neurosim.datasets.sensors.auditory_nerve`). The stages are those of the Heidelberg data sets (basilar membrane, hair
cell, bushy cell) with a linear filter bank in place of a hydrodynamic model; 64 channels on one row and several cells
of different thresholds a channel are those of the silicon cochlea behind N-TIDIGITS.

Sources:
    B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke, "The Heidelberg spiking data sets for the systematic evaluation of
    spiking neural networks", IEEE Trans. Neural Netw. Learn. Syst. 33, 2744 (2022).
    S.-C. Liu, A. van Schaik, B. A. Minch, T. Delbruck, "Asynchronous binaural spatial audition sensor with 2 x 64 x 4
    channel output", IEEE Trans. Biomed. Circuits Syst. 8, 453 (2014).
    J. Anumula, D. Neil, T. Delbruck, S.-C. Liu, "Feature representations for neuromorphic audio spike streams", Front.
    Neurosci. 12:23 (2018): N-TIDIGITS.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.datasets.events import Events
from neurosim.datasets.sensors.auditory_nerve import fire
from neurosim.datasets.sensors.gammatone import Gammatone
from neurosim.datasets.sensors.hair_cell import HairCell
from neurosim.errors import DataError, DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["Cochlea"]

_REFERENCE_LEVEL = 30.0  # dB of a movement of root mean square 1, see HairCell


class Cochlea(Parameters):
    """A spiking cochlea of one ear.

    Args:
        membrane: the filter bank.
        hair_cell: the transduction.
        level: dB to which a recording's root mean square is brought (30 dB is 1 in the hair cell's units), so that
            events do not depend on the gain of the microphone.
        thresholds: Hz, one a ganglion cell: a cell is silent while its fibre fires more slowly than this.
        tau: time constant of the ganglion cells' membrane.
        refractory: time for which a ganglion cell is held after a spike.
        mismatch: relative standard deviation of the thresholds from cell to cell, a fixed pattern of the sensor.

    Nothing is random but the pattern of mismatch, which is that of ``seed``; a recording does not depend on which
    others are made, in which order or on how many threads.
    """

    membrane: Gammatone = Gammatone()
    hair_cell: HairCell = HairCell()
    level: float = parameter(default=65.0, unit="dB", doc="of every recording")
    thresholds: tuple[float, ...] = (100.0,)
    tau: float = parameter(default=2e-3, above=0.0, unit="s", doc="of the ganglion cells")
    refractory: float = parameter(default=1e-3, minimum=0.0, unit="s", doc="held after a spike")
    mismatch: float = parameter(
        default=0.0, minimum=0.0, maximum=1.0, unit="1", doc="relative, of thresholds"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("membrane", Gammatone), ("hair_cell", HairCell)):
            if not isinstance(getattr(self, name), kind):
                raise DescriptionError(
                    "is of another kind",
                    where=f"Cochlea.{name}",
                    value=repr(getattr(self, name)),
                    limit=kind.__name__,
                )
        try:
            thresholds = tuple(float(t) for t in self.thresholds)
        except (TypeError, ValueError):
            thresholds = ()
        if not 1 <= len(thresholds) <= 256 or not all(t > 0 and math.isfinite(t) for t in thresholds):
            raise DescriptionError(
                "are not rates",
                where="Cochlea.thresholds",
                value=repr(self.thresholds),
                limit="1 to 256 numbers > 0 Hz",
            )
        object.__setattr__(self, "thresholds", thresholds)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The sensor's (1, ganglion cells a channel, channels), as in `Events`."""
        return (1, len(self.thresholds), self.membrane.channels)

    def record(self, sound: ArrayLike, rate: float, *, seed: int = 0) -> Events:
        """Hear one sound, numbers ``[samples]`` of any scale, at ``rate`` samples a second.

        Returns events with the channel in ``x`` (0 is the lowest band) and the ganglion cell in ``y``. A sound without
        samples or without sound gives none.

        Raises:
            DataError: not a sound, or values that are not finite.
            DescriptionError: a band above half the rate.
        """
        wave = self._levelled(sound)
        if not (rate > 0 and math.isfinite(rate)):
            raise DataError("must be positive", where="Cochlea.record, rate", value=rate, limit="> 0 Hz")
        held = math.ceil(self.refractory * rate - 1e-9)
        pole = self.membrane.poles(rate)
        threshold = self._thresholds(seed)
        most = threshold.size * (len(wave) // (1 + held) + 1)
        n, part, cell = np.empty(most, np.int64), np.empty(most), np.empty(most, np.int64)
        count = fire(
            wave, pole.real.copy(), pole.imag.copy(), 1.0 - np.abs(pole), self._cell(rate),
            math.exp(-1.0 / (self.tau * rate)), threshold, held, self._rest(), n, part, cell,
        )  # fmt: skip
        # Sample n is what the membrane does between n and n + 1.
        t = np.floor((n[:count] + part[:count]) * (1e6 / rate)).astype(np.int64)
        order = np.lexsort((cell[:count], t))
        y, x = np.divmod(cell[:count][order], self.membrane.channels)
        return Events(t[order], x, y, np.zeros(count, np.uint8), shape=self.shape)

    def record_all(self, sounds: Sequence[ArrayLike], rate: float, *, seed: int = 0) -> tuple[Events, ...]:
        """Hear many sounds; number i is ``record(sounds[i], rate, seed=seed)``. Runs on all cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(lambda sound: self.record(sound, rate, seed=seed), sounds))

    def _levelled(self, sound: ArrayLike) -> NDArray[np.float64]:
        wave = np.asarray(sound)
        if wave.ndim != 1 or wave.dtype.kind not in "iuf":
            raise DataError(
                "is not a sound",
                where="Cochlea.record",
                value=f"{wave.dtype}{wave.shape}",
                limit="numbers [samples]",
            )
        wave = wave.astype(np.float64)
        # Divided by its largest value first, so that squares neither overflow nor vanish.
        largest = float(np.abs(wave).max(initial=0.0))
        if not math.isfinite(largest):
            raise DataError("values are not finite", where="Cochlea.record", remedy="Repair the recording")
        if largest == 0.0:
            return wave
        wave = wave / largest
        return wave * (
            10.0 ** ((self.level - _REFERENCE_LEVEL) / 20.0) / math.sqrt(float(np.mean(wave * wave)))
        )

    def _thresholds(self, seed: int) -> NDArray[np.float64]:
        nominal = np.repeat(np.array(self.thresholds)[:, None], self.membrane.channels, axis=1)
        if self.mismatch == 0.0:
            return nominal
        cell = np.arange(nominal.size).reshape(nominal.shape)
        factor = 1.0 + self.mismatch * random.normal(random.key(seed, "encode", "cochlea", "mismatch"), cell)
        return nominal * np.maximum(
            factor, 0.1
        )  # none is more than ten times as sensitive as the nominal one

    def _cell(self, rate: float) -> NDArray[np.float64]:
        """The hair cell's numbers for one sample; see `auditory_nerve.fire`."""
        c = self.hair_cell
        dt, leaves = 1.0 / rate, c.loss + c.return_rate
        stays = math.exp(-leaves * dt)
        if c.permeability * dt > 1.0:
            raise DataError(
                "too slow for the hair cell",
                where="Cochlea.record, rate",
                value=rate,
                limit=f">= {c.permeability:g} Hz",
            )
        return np.array(
            [c.offset, c.half, c.permeability * dt, c.replenishment * dt, c.reprocessing * dt, c.return_rate * dt,
             stays, (1.0 - stays) / (leaves * dt), c.firing]
        )  # fmt: skip

    def _rest(self) -> NDArray[np.float64]:
        return np.array(self.hair_cell.steady(0.0)[:, None].repeat(self.membrane.channels, axis=1))
