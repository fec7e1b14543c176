"""Plastic rows written back to the words they came from, as a core does after every packet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.emulator.core_tables import Memory
from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.image.plastic_rows import history_words
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS
from neurosim.hardware.spinnaker.machine import Place
from neurosim.plasticity.options import Pairing

__all__ = ["synaptic_words"]


def synaptic_words(started: Started, memory: Memory, place: Place) -> NDArray[np.uint32]:
    """The region of synaptic rows of a core with plastic synapses, after a run.

    Raises:
        DescriptionError: the core has no plastic synapses.
    """
    if place not in started.plastic_words:
        raise DescriptionError(
            "has no plastic synapses, so its rows are those of the image", where=f"core {place}"
        )
    words = started.plastic_words[place].astype("<u4")
    halves, rows = words.view("<u2"), memory.rows
    for part in (p for p in started.plastic if p.place == place):
        header = history_words(Pairing(int(started.tables.rules.options[rows.rule[part.first], 1])))
        row = np.arange(part.rows.count)
        begin = part.rows.start // 4 + (part.rows.first + row) * (part.rows.length + HEADER_WORDS)
        words[begin + 1] = rows.last_time[part.first + row]
        if header > 1:
            words[begin + 2] = rows.last_trace[part.first + row].view(np.uint16)
        start = rows.start[part.first : part.first + part.rows.count + 1]
        counts = np.diff(start)
        synapse = np.arange(start[0], start[-1])
        within = synapse - np.repeat(start[:-1], counts)
        halves[2 * np.repeat(begin + 1 + header, counts) + within] = rows.weight[synapse]
    return words.astype(np.uint32)
