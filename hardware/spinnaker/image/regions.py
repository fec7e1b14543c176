"""The regions of a neuron core's shared memory that describe its neurons, as words.

Region numbers and layouts are those of a combined neuron and synapse core of sPyNNaker 7.4.1. Region 2 is written
by the board itself there, from a compressed form; here it holds what it holds on the board: one word for the number of
sub-steps, then for all neurons in turn the parameters of the neuron, its input type, its threshold, its synapses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.core_memory import SPIKE_QUEUE
from neurosim.hardware.spinnaker.numerics.derived_constants import (
    CoreModel,
    NeuronConstants,
    NeuronState,
    derive,
    input_words,
    synapse_words,
)
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits
from neurosim.hardware.spinnaker.routing.keys import COLOUR_BITS

__all__ = [
    "CoreParameters",
    "Region",
    "core_region",
    "decode_core_region",
    "decode_parameter_region",
    "decode_synapse_region",
    "parameter_region",
    "synapse_region",
]

Uint32 = NDArray[np.uint32]
_NEURON_WORDS = 9


class Region(IntEnum):
    """Numbers of the regions that are written."""

    CORE = 1
    PARAMETERS = 2
    SYNAPSE_PARAMETERS = 4
    POPULATION_TABLE = 5
    SYNAPTIC_ROWS = 6
    PLASTICITY = 7


@dataclass(frozen=True)
class CoreParameters:
    """What regions 1 and 4 say.

    Neurons here, key of neuron 0 (None: sends nothing), atoms of a full core, bits of a delay slot, left shifts.
    """

    neurons: int
    key: int | None
    atoms: int
    delay_bits: int
    shifts: tuple[int, int]


def core_region(core: CoreParameters) -> Uint32:
    """Region 1, Neuron Core Params: flags, neurons here, power of two for a full core, shifts, key of every neuron."""
    local = np.arange(core.neurons, dtype=np.uint32) << np.uint32(COLOUR_BITS)
    keys = np.zeros(core.neurons, np.uint32) if core.key is None else local + np.uint32(core.key)
    head = [
        int(core.key is not None),
        core.neurons,
        1 << index_bits(core.atoms),
        COLOUR_BITS,
        len(core.shifts),
        *core.shifts,
    ]
    return np.concatenate([np.array(head, dtype=np.uint32), keys])


def synapse_region(core: CoreParameters) -> Uint32:
    """Region 4, SynapseParams: nine words about the ring buffers, the same on all cores of a population."""
    types = len(core.shifts)
    bits = (index_bits(core.atoms), index_bits(types), core.delay_bits)
    return np.array([core.atoms, types, *bits, 0, SPIKE_QUEUE, *core.shifts], dtype=np.uint32)


def parameter_region(neuron: Any, inputs: Any, threshold: Any, synapse: Any) -> Uint32:
    """Region 2, neuron_params, from the words that `derived_constants.derive` takes."""
    parts = [np.array([1]), neuron, inputs, threshold, synapse]
    flat = np.concatenate([np.asarray(p, dtype=np.int64).reshape(-1) for p in parts])
    return (flat & 0xFFFFFFFF).astype(np.uint32)


def decode_core_region(words: Uint32, where: str) -> tuple[int, int | None]:
    """Number of neurons and the key of neuron 0 of region 1.

    Raises:
        FileFormatError: another number of words, or keys that do not follow each other.
    """
    if len(words) < 7 or len(words) != 5 + int(words[4]) + int(words[1]):
        raise FileFormatError("region 1 is truncated", where=where, value=f"{len(words)} words")
    if not words[0]:
        return int(words[1]), None
    keys = words[5 + int(words[4]) :].astype(np.int64)
    if np.any(keys != keys[:1] + (np.arange(len(keys)) << COLOUR_BITS)):
        raise FileFormatError("the keys of the neurons do not follow each other", where=where)
    return int(words[1]), int(keys[0])


def decode_synapse_region(words: Uint32, neurons: int, key: int | None, where: str) -> CoreParameters:
    """Regions 1 and 4 together."""
    if (
        len(words) != 9
        or words[1] != 2
        or words[0] == 0
        or words[2] > 8
        or words[4] > 14
        or (words[7:] > 31).any()
    ):
        raise FileFormatError("region 4 is damaged", where=where, value=words[:9].tolist())
    return CoreParameters(neurons, key, int(words[0]), int(words[4]), (int(words[7]), int(words[8])))


def decode_parameter_region(
    words: Uint32, model: CoreModel, neurons: int, where: str
) -> tuple[NeuronConstants, NeuronState]:
    """What the core derives from region 2 when it starts.

    Raises:
        FileFormatError: another number of words than the neurons of this model need.
    """
    widths = (_NEURON_WORDS, input_words(model), 1, synapse_words(model))
    if len(words) != 1 + neurons * sum(widths) or words[0] != 1:
        raise FileFormatError(
            "region 2 does not hold the parameters of these neurons",
            where=where,
            value=f"{len(words)} words",
            limit=f"{1 + neurons * sum(widths)} words for {neurons} neurons of {model.name}",
        )
    values = words[1:].view(np.int32).astype(np.int64)
    parts = np.split(values, np.cumsum([neurons * w for w in widths])[:-1])
    neuron, inputs, threshold, synapse = (p.reshape(neurons, w) for p, w in zip(parts, widths, strict=True))
    return derive(model, neuron, inputs, threshold[:, 0], synapse)
