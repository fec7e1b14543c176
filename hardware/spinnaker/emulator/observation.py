"""A run looked at from inside the machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import Recording
from neurosim.hardware.spinnaker.emulator.core_load import CoreLoad
from neurosim.hardware.spinnaker.emulator.core_tables import Memory
from neurosim.hardware.spinnaker.emulator.fabric import Fabric
from neurosim.hardware.spinnaker.emulator.overflows import Cause, Overflows
from neurosim.hardware.spinnaker.emulator.plastic_memory import synaptic_words
from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.machine import Place

__all__ = ["Observation"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Observation:
    """What `SpiNNakerDevice.observe` saw, in steps of the machine and a sample each.

    Attributes:
        recording: what `SpiNNakerDevice.emulate` gives.
        fabric: packets on the links and at the cores in each step.
        load: the estimated work of the cores in each step.
        overflows: of each sample, saturations and wraps of every neuron by cause.
        memories: of each sample, what the cores hold after the run. started: what they held at first.
    """

    recording: Recording
    fabric: Fabric
    load: CoreLoad
    overflows: tuple[Overflows, ...]
    memories: tuple[Memory, ...]
    started: Started

    def synaptic_words(self, place: Place, sample: int = 0) -> NDArray[np.uint32]:
        """The synaptic rows of a core (x, y, processor) with plastic synapses as they lie in shared memory at the end,
        uint32.

        Raises:
            DescriptionError: the core has no plastic synapses.
        """
        return synaptic_words(self.started, self.memories[sample], place)

    def overflow_counts(self, cause: Cause) -> NDArray[np.int64]:
        """How often each neuron of the machine overflowed for a cause, [B, n]."""
        n = [o.of_neuron[cause] for o in self.overflows]
        return np.stack(n).astype(np.int64) if n else np.zeros((0, 0), np.int64)
