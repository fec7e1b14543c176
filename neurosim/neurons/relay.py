"""The relay: a neuron that repeats the spikes that arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.model import NeuronModel
from neurosim.parameters import Value

__all__ = ["Relay"]


class Relay(NeuronModel):
    """Spikes in every step in which what arrives at its first receptor is above zero; it has no state.

    One step, with x the arrivals at the receptor ``repeated``::

        spike if x > 0

    Arrivals at the second receptor, ``ignored``, do nothing: a plastic projection to it sees the spikes that the first
    receptor was given as those of its postsynaptic neuron. NEST's ``parrot_neuron`` has the same two ports; unlike it,
    a relay spikes once a step, however many spikes arrive.
    """

    RECEPTORS: ClassVar[tuple[str, ...]] = ("repeated", "ignored")

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return {}

    @staticmethod
    def step(repeated: Any, ignored: Any) -> tuple[Any, ...]:
        return (repeated > 0.0,)
