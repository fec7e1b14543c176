"""The voltage register: its range, and what a probe reads in it while a neuron is refractory (the counter)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LOWEST_LIMIT",
    "LOWEST_V_MIN",
    "READOUT_LIMIT",
    "READOUT_V_MAX",
    "voltage_range",
    "voltage_readout",
]

Ints = NDArray[np.int64]


def voltage_range(negative_limit: int, positive_limit: int) -> tuple[int, int]:
    """Least and greatest potential that the limit registers of a core of Loihi 1 (both of all its neurons) allow.

    Args:
        negative_limit: ``negVmLimit``, 0 to 31: down to 1 - 2^negative_limit.
        positive_limit: ``posVmLimit``, 0 to 7: up to 2^(9 + 2 positive_limit) - 1.

    Source: nengo-loihi 1.1, ``builder/discretize.py``.
    """
    return 1 - (1 << negative_limit), (1 << (9 + 2 * positive_limit)) - 1


READOUT_LIMIT = 6
"""``posVmLimit`` of a core with neurons that never spike (7 elsewhere)."""
READOUT_V_MAX = voltage_range(0, READOUT_LIMIT)[1]
"""Where its potentials saturate: 2^21 - 1, below the largest threshold."""

LOWEST_LIMIT = 31
"""``negVmLimit`` where the arithmetic has no lower limit of its own, as brian2-loihi's: as far as the field goes."""
LOWEST_V_MIN = voltage_range(LOWEST_LIMIT, 0)[0]
"""The least potential that any chip holds: 1 - 2^31."""


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
