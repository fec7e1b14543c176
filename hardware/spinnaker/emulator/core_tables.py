"""What the emulated cores hold, as plain arrays that compiled code takes.

Vertices are numbered: neuron cores, then spike sources, then delay cores. Their atoms are numbered through in the same
order, so the neurons of all cores come first. A delay core has an atom for each neuron of its source and each stage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.emulator.row_streams import RowStreams
from neurosim.hardware.spinnaker.numerics.derived_constants import Words
from neurosim.hardware.spinnaker.numerics.kernel import Constants32, State32
from neurosim.hardware.spinnaker.numerics.stdp import PlasticRows, PostHistory, RuleTable

__all__ = [
    "BITS",
    "CARE",
    "DELAY_BITS",
    "HI",
    "INDEX_BITS",
    "LO",
    "MODEL",
    "RING",
    "ROW",
    "RULE",
    "SHIFT_EXC",
    "SHIFT_INH",
    "VERTEX",
    "Cores",
    "Delays",
    "Incoming",
    "Memory",
    "Streams",
    "Tables",
]


class Cores(NamedTuple):
    """Neuron cores, int64 [cores] each.

    ``lo``, ``hi``: first and last neuron (exclusive). ``model``: number of a `CoreModel`. ``shift_exc``, ``shift_inh``:
    from a ring-buffer cell to s16.15. ``ring``: first cell of its ring buffer, whose index is made up as
    ``slot | receptor (1 bit) | neuron (index_bits)``, with ``delay_bits`` for the slot. ``rule``: of the plastic
    synapses, -1 without.
    """

    lo: Words
    hi: Words
    model: Words
    shift_exc: Words
    shift_inh: Words
    ring: Words
    index_bits: Words
    delay_bits: Words
    rule: Words


LO, HI, MODEL, SHIFT_EXC, SHIFT_INH, RING, INDEX_BITS, DELAY_BITS, RULE = range(len(Cores._fields))
"""Columns of a table of `Cores`."""


class Streams(NamedTuple):
    """Packets of a vertex that take the same way: those whose atom has ``(atom ^ bits) & care == 0``.

    ``first`` int64 [vertices + 1]: streams of each vertex; ``care``, ``bits`` int64 [streams].
    """

    first: Words
    care: Words
    bits: Words


class Incoming(NamedTuple):
    """What comes to each core that is not in the row streams: packets for plastic rows, or for a delay core.

    ``first`` int64 [cores + 1] entries of each core; of each entry, int64 [entries], ``vertex``: who sends, ``care``
    and ``bits``: as in `Streams`, ``row``: of `PlasticRows` for atom 0 of the vertex. For a delay core ``row`` is the
    neuron that atom 0 of the vertex means.
    """

    first: Words
    vertex: Words
    care: Words
    bits: Words
    row: Words


VERTEX, CARE, BITS, ROW = range(4)
"""Columns of a table of the entries of `Incoming`."""


class Delays(NamedTuple):
    """Delay cores, int64 [delay cores] each.

    ``vertex``; ``size``: neurons; ``stages``, ``slots``; ``counter``: first of its counters, a uint8 for each of
    ``mask + 1`` steps and each neuron.
    """

    vertex: Words
    size: Words
    stages: Words
    slots: Words
    counter: Words
    mask: Words


class Tables(NamedTuple):
    """All that does not change in a run. ``first_atom`` int64 [vertices + 1]; ``rows``: the static ones; ``plastic``:
    what selects plastic rows; ``held``: what comes to the delay cores."""

    first_atom: Words
    cores: Cores
    constants: Constants32
    streams: Streams
    rows: RowStreams
    plastic: Incoming
    delays: Delays
    held: Incoming
    rules: RuleTable


class Memory(NamedTuple):
    """All that changes, of one sample: neurons; ring buffers, uint16; counters of delay cores, uint8; plastic rows and
    the postsynaptic spikes they look at."""

    neurons: State32
    ring: NDArray[np.uint16]
    counters: NDArray[np.uint8]
    rows: PlasticRows
    history: PostHistory
