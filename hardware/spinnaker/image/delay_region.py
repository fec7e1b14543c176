"""The one region of a delay core that says what it does, as words.

Region 1, delay_params, of sPyNNaker 7.4.1 (``delay_extension_machine_vertex.py``, ``delay_extension.c``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.delay_extension import MOST_STAGES
from neurosim.hardware.spinnaker.routing.keys import COLOUR_BITS

__all__ = ["DELAY_REGION", "DelayParameters", "decode_delay_region", "delay_region"]

Uint32 = NDArray[np.uint32]
DELAY_REGION = 1
"""Number of the region."""
_WORDS = 9
_MOST_SLOTS = 1 << 13


@dataclass(frozen=True, kw_only=True)
class DelayParameters:
    """What a delay core does: it sends atom i of a source core again with atom (s - 1) * neurons + i of its own keys,
    s * slots steps after it was sent, for every stage s from 1 on.

    Attributes:
        key: of its own atom 0; None: nothing is sent.
        incoming_key, incoming_mask: of the source core.
        neurons: of the source core. stages: times a spike is sent again. slots: steps from one stage to the next.
    """

    key: int | None
    incoming_key: int
    incoming_mask: int
    neurons: int
    stages: int
    slots: int


def delay_region(p: DelayParameters) -> Uint32:
    """The words, uint32 [9]; late spikes are kept (word 7 is 0)."""
    keys = [int(p.key is not None), p.key or 0, p.incoming_key, p.incoming_mask]
    return np.array([*keys, p.neurons, p.stages, p.slots, 0, COLOUR_BITS], dtype=np.uint32)


def decode_delay_region(words: Uint32, where: str) -> DelayParameters:
    """What the words say.

    Raises:
        FileFormatError: another number of words, or numbers that a delay core cannot have.
    """
    if len(words) != _WORDS:
        raise FileFormatError(
            "the parameters of a delay core are truncated", where=where, value=f"{len(words)} words"
        )
    has_key, key, incoming_key, incoming_mask, neurons, stages, slots, drops, colours = words.tolist()
    if (
        has_key > 1
        or not 1 <= neurons < 1 << 16
        or not 1 <= stages <= MOST_STAGES
        or not 1 <= slots <= _MOST_SLOTS
        or drops
        or colours != COLOUR_BITS
    ):
        raise FileFormatError("the parameters of a delay core are damaged", where=where, value=words.tolist())
    return DelayParameters(
        key=key if has_key else None,
        incoming_key=incoming_key,
        incoming_mask=incoming_mask,
        neurons=neurons,
        stages=stages,
        slots=slots,
    )
