"""What a probe of the voltage register reads while a neuron is refractory: the counter, not the potential."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["voltage_readout"]

Ints = NDArray[np.int64]


def voltage_readout(v: ArrayLike, spike: ArrayLike, dead: ArrayLike) -> Ints:
    """The voltage register of the chip, after every step.

    In the step of a spike it holds ``128 * refractory``, which is 128 without dead steps: nengo-loihi tells spikes by
    this number (``hardware/interface.py``), and the run of a Loihi 2 that comes with the NIR paper shows it. In the
    dead steps that follow the count is taken to go down by 128 a step, of which no trace is public. The dynamics go on
    from v, which is 0.

    Args:
        v, spike, dead: int64 [T, ...] as in a `neurosim.hardware.loihi.numerics.lif.Trace`, from a start without dead
            time on.

    Returns:
        int64 [T, ...].
    """
    v, spike, dead = (np.asarray(x, dtype=np.int64) for x in (v, spike, dead))
    before = np.concatenate([np.zeros_like(dead[:1]), dead[:-1]])
    return np.where((spike != 0) | (before > 0), 128 * (dead + 1), v)
