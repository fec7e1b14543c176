"""What a core takes as neurons are added to it one by one: exact counts, and an estimate of synapse memory.

The estimate stores every list by itself, each synapse with its index. `packing` scales it by what `core_content` makes
of a core, and lets `core_content` have the last word.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.mapping.incoming import Incoming
from neurosim.hardware.loihi.mapping.neuron_needs import NeuronNeeds
from neurosim.hardware.loihi.mapping.synapse_format import BLOCK, INDEX_WIDTHS, memory_bits

__all__ = ["Growth"]

Ints = NDArray[np.int64]

_INDEX_WIDTHS = np.array(INDEX_WIDTHS, dtype=np.int64)
_MEMORY = np.stack([memory_bits(np.arange(BLOCK + 2), per) for per in range(64)])
"""bits of a block of n synapses of some width, [width, n]"""


class Growth:
    """Neurons added to an empty core in the order of ``sequence``, from any place of it on.

    Args:
        sequence: numbers of neurons, int64; those of a population in ascending order.
    """

    def __init__(
        self, incoming: Incoming, needs: NeuronNeeds, limits: Mapping[str, int], sequence: Ints
    ) -> None:
        self.sequence = sequence
        self._incoming, self._needs = incoming, needs
        names = (
            "compartments",
            "accumulators",
            "compartment_profiles",
            "threshold_profiles",
            "output_axons",
        )
        self._limits = np.array([limits[name] for name in names], dtype=np.int64)
        rows, n = len(incoming.source_of_row), len(needs.profile)
        self._count, self._touched = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        sources = int(incoming.source_of_row.max(initial=-1)) + 1
        self._stamps = [np.zeros(size, np.int64) for size in (sources, n, n)]
        self._epoch = 0

    def after(self, place: int, sends: NDArray[np.float64], axons: float, bits: float) -> tuple[Ints, Ints]:
        """Input axons and estimated bits after each further neuron, int64 [k].

        The last entry is the last neuron that keeps the counted limits, or the first beyond ``axons`` or ``bits``.
        ``sends``: output axons of every neuron, [neurons].
        """
        self._epoch += 1
        room = min(len(self.sequence) - place, int(self._limits[0]))
        found = np.zeros((2, room), np.int64)
        inc, needs = self._incoming, self._needs
        taken = _grow(
            self.sequence, place, room, needs.population, needs.start, sends, needs.profile, needs.threshold,
            needs.program, needs.delay_bits, needs.accumulators, needs.readout, needs.high, self._limits,
            inc.projections, inc.start, inc.bounds, inc.row, inc.source_of_row, inc.width_of_row,
            _MEMORY, _INDEX_WIDTHS, float(axons), float(bits), self._epoch,
            self._count, self._touched, *self._stamps, found,
        )  # fmt: skip
        return found[0, :taken], found[1, :taken]


@njit(cache=True)
def _memory(table, width, n):  # type: ignore[no-untyped-def]
    block = table.shape[1] - 1
    return n // block * table[width, block] + table[width, n % block]


@njit(cache=True)
def _grow(  # type: ignore[no-untyped-def]
    sequence, place, room, population, start, sends, profile, threshold, program, delay_bits, accumulators, readout,
    high, limits, projections, starts, bounds, row, source_of_row, width_of_row, table, index_widths, axon_cap,
    bit_cap, epoch, count, touched, source_stamp, profile_stamp, threshold_stamp, found,
):  # fmt: skip
    n_touched = axons = bits = slots = profiles = thresholds = any_readout = any_high = 0
    sent = 0.0
    longest = index = 0
    kind = program[population[sequence[place]]]
    taken = 0
    for k in range(room):
        neuron = sequence[place + k]
        p = population[neuron]
        # counted limits: the neuron comes in only if all of them hold
        longest_now = max(longest, delay_bits[p])
        slots_now = slots + accumulators[p]
        profiles += profile_stamp[profile[neuron]] != epoch
        profile_stamp[profile[neuron]] = epoch
        thresholds += threshold_stamp[threshold[neuron]] != epoch
        threshold_stamp[threshold[neuron]] = epoch
        sent += sends[neuron]
        any_readout |= readout[p]
        any_high |= high[p]
        if (
            program[p] != kind or k + 1 > limits[0] or slots_now << longest_now > limits[1] or profiles > limits[2]
            or thresholds > limits[3] or (k > 0 and sent > limits[4]) or (any_readout and any_high)
        ):  # fmt: skip
            break
        longest, slots = longest_now, slots_now
        # indices reach the last compartment: a wider field widens all lists
        while k >> index_widths[index] and index < index_widths.shape[0] - 1:
            index += 1
            bits = 0
            for i in range(n_touched):
                r = touched[i]
                bits += _memory(table, width_of_row[r] + index_widths[index], count[r])
        for j in range(projections[p], projections[p + 1]):
            first = starts[j] + neuron - start[p]
            for s in range(bounds[first], bounds[first + 1]):
                r = row[s]
                n, width = count[r], width_of_row[r] + index_widths[index]
                if n == 0:
                    touched[n_touched] = r
                    n_touched += 1
                    if source_stamp[source_of_row[r]] != epoch:
                        source_stamp[source_of_row[r]] = epoch
                        axons += 1
                bits += _memory(table, width, n + 1) - _memory(table, width, n)
                count[r] = n + 1
        found[0, k], found[1, k] = axons, bits
        taken = k + 1
        if axons > axon_cap or bits > bit_cap:
            break
    for i in range(n_touched):
        count[touched[i]] = 0
    return taken
