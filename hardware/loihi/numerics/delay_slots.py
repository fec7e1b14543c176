"""Synaptic delays: a ring of accumulators, one slot a step.

A spike of step t over a synapse with delay d reaches the compartment in step t + 1 + d; the one is the
transport. The weight exponent is applied to the partial sum of each (arrival slot, source step), as Lava's
``DelayDense`` does: with a negative exponent every partial sum is rounded down by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.numerics.arithmetic import shift

__all__ = ["DELAY_MAX", "Ring", "delay_dense", "deliver", "split_by_delay"]

Ints = NDArray[np.int64]

DELAY_MAX = 63
"""Largest delay of the six-bit field."""

Ring = NDArray[np.int64]
"""Accumulators int64 [slots, n_out]; slot t mod slots holds what arrives in step t."""


def split_by_delay(weight: Ints, delays: Ints) -> tuple[Ints, Ints]:
    """The distinct delays, int64 [D], and the weights of each, int64 [D, n_out, n_in]."""
    distinct = np.unique(delays)
    return distinct, np.where(delays == distinct[:, None, None], weight, 0)


def deliver(ring: Ring, t: int, spikes: Ints, distinct: Ints, weights: Ints, exponent: int) -> None:
    """Add what the spikes of step ``t`` deliver over delayed synapses to ``ring`` in place.

    Args:
        ring: at least the longest delay plus two slots.
        spikes: int64 [n_in], 0 and 1 or signed payloads.
        distinct, weights: from `split_by_delay`.
    """
    ring[(t + 1 + distinct) % ring.shape[0]] += shift(weights @ spikes, exponent)


def delay_dense(spikes: Ints, weight: Ints, delays: Ints, exponent: int) -> Ints:
    """Output of a dense connection with delays, int64 [T, n_out]: row t is received in step t.

    Args:
        spikes: int64 [T, n_in].
        weight: stored weights int64 [n_out, n_in], after clipping and truncation.
        delays: int64 [n_out, n_in], 0 to `DELAY_MAX`.

    Raises:
        CapacityError: a delay is out of range.
    """
    if delays.size and not (delays.min() >= 0 and delays.max() <= DELAY_MAX):
        raise CapacityError(
            "delay does not fit its field",
            value=[int(delays.min()), int(delays.max())],
            limit=f"0 to {DELAY_MAX} steps",
        )
    ring = np.zeros((int(delays.max(initial=0)) + 2, weight.shape[0]), dtype=np.int64)
    out = np.zeros((spikes.shape[0], weight.shape[0]), dtype=np.int64)
    distinct, weights = split_by_delay(weight, delays)
    for t in range(spikes.shape[0]):
        slot = ring[t % ring.shape[0]]
        out[t] = slot
        slot[:] = 0
        deliver(ring, t, np.asarray(spikes[t], dtype=np.int64), distinct, weights, exponent)
    return out
