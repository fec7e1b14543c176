r"""Gammatone filters on the ERB scale: what the basilar membrane does to a sound, one band a channel.

A band is four equal complex resonators in a row, each z[n] = a z[n-1] + (1 - |a|) u[n] with the pole

    a = exp(-2 pi b / f_s) exp(2 pi i f_c / f_s),     b = 1.019 ERB(f_c),     ERB(f) = 24.7 (4.37 f / 1000 + 1) Hz,

and the membrane moves as twice the real part of the last. The impulse response is a cosine of the centre frequency f_c
under the envelope of a gamma function of fourth order; the gain at f_c is one. Centres lie at equal distances on the
scale of ERBs, E(f) = 21.4 log10(4.37 f / 1000 + 1).

Sources:
    B. R. Glasberg, B. C. J. Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47,
    103 (1990): ERB and its scale.
    J. Holdsworth, I. Nimmo-Smith, R. Patterson, P. Rice, "Implementing a gammatone filter bank", annex C of the SVOS
    final report, MRC Applied Psychology Unit (1988): b = 1.019 ERB for the fourth order, resonators in a row.
    V. Hohmann, "Frequency analysis and synthesis using a Gammatone filterbank", Acta Acustica 88, 433 (2002): the
    complex form in discrete time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["ORDER", "Gammatone", "bandwidth", "erb_frequency", "erb_number"]

ORDER = 4
"""Resonators in a row."""


def bandwidth(frequency: ArrayLike) -> NDArray[np.float64]:
    """Equivalent rectangular bandwidth of the human auditory filter around a frequency, both in Hz."""
    return 24.7 * (4.37e-3 * np.asarray(frequency, np.float64) + 1.0)


def erb_number(frequency: ArrayLike) -> NDArray[np.float64]:
    """How many ERBs lie below a frequency in Hz."""
    return 21.4 * np.log10(4.37e-3 * np.asarray(frequency, np.float64) + 1.0)


def erb_frequency(number: ArrayLike) -> NDArray[np.float64]:
    """The frequency in Hz with this many ERBs below: the inverse of `erb_number`."""
    return (10.0 ** (np.asarray(number, np.float64) / 21.4) - 1.0) / 4.37e-3


class Gammatone(Parameters):
    """A bank of gammatone filters with centres at equal distances on the scale of ERBs.

    Args:
        channels: number of bands. Channel 0 is the lowest.
        lowest, highest: centre frequencies of the first and the last band.
        width: bandwidth in units of the auditory filter's; 1 is that of a human.
    """

    channels: int = 64
    lowest: float = parameter(default=100.0, above=0.0, unit="Hz", doc="centre of the first band")
    highest: float = parameter(default=3600.0, above=0.0, unit="Hz", doc="centre of the last band")
    width: float = parameter(default=1.0, above=0.0, unit="1", doc="relative to the human filter")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            not isinstance(self.channels, (int, np.integer))
            or isinstance(self.channels, bool)
            or not 1 <= self.channels <= 4096
        ):
            raise DescriptionError(
                "is not a number of channels",
                where="Gammatone.channels",
                value=self.channels,
                limit="1 to 4096",
            )
        if self.highest < self.lowest or (self.channels > 1 and self.highest == self.lowest):
            raise DescriptionError(
                "the last band must lie above the first",
                where="Gammatone",
                value=(self.lowest, self.highest),
                limit="lowest < highest",
            )

    def centres(self) -> NDArray[np.float64]:
        """Centre frequencies in Hz, float64 ``[channels]``, rising."""
        ends = erb_number([self.lowest, self.highest])
        return erb_frequency(np.linspace(ends[0], ends[1], self.channels))

    def poles(self, rate: float) -> NDArray[np.complex128]:
        """The pole a of each band, complex128 ``[channels]``, at ``rate`` samples a second.

        Raises:
            DescriptionError: a band that such a sound cannot hold.
        """
        if not self.highest < rate / 2:
            raise DescriptionError(
                "the last band lies above half the sampling rate",
                where="Gammatone.highest",
                value=self.highest,
                limit=f"< {rate / 2:g} Hz",
                remedy="Lower highest, or use a recording with a higher rate",
            )
        centre = self.centres()
        decay = np.exp(-2.0 * np.pi * 1.019 * self.width * bandwidth(centre) / rate)
        return decay * np.exp(2j * np.pi * centre / rate)

    def response(self, frequency: ArrayLike, rate: float) -> NDArray[np.complex128]:
        """Complex gain of the resonators, ``[channels, k]``, at k frequencies in Hz.

        A tone exp(2 pi i f t) comes out multiplied by it; the membrane follows twice the real part of what a real
        tone gives, to which the negative frequency adds little except in the lowest channels.
        """
        a = self.poles(rate)[:, None]
        z = np.exp(-2j * np.pi * np.asarray(frequency, np.float64) / rate)
        return ((1.0 - np.abs(a)) / (1.0 - a * z)) ** ORDER
