"""What is run: a network as arrays in a file, the parameters of its model, and how long it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One piece of work, the same for every system. It travels to the workers as JSON.

    Attributes:
        name: the case in the rows.
        kind: which network a system has to build: ``"cuba"``, ``"coba"``, ``"brunel"``, ``"liquid"``, ``"stdp"``,
            ``"large"``; to train: ``"training"`` or ``"delays"``, each also with ``"-recurrent"``; to emulate:
            ``"loihi"``, ``"loihi-chip"``, ``"loihi-batch"``.
        arrays: path of an ``.npz`` file with connectivity, initial state and input; empty for ``"large"``.
        neurons, synapses: size of the network.
        steps, samples: steps of one sample, and samples that run one after the other or as a batch.
        dt: time step, s.
        fan_out: synaptic events that a spike causes, on average.
        input_events: synaptic events that the given input causes in all.
        parameters: numbers of the model, in SI units where a potential has one.
    """

    name: str
    kind: str
    arrays: str
    neurons: int
    synapses: int
    steps: int
    dt: float
    fan_out: float
    samples: int = 1
    input_events: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def events(self, spikes: float) -> float:
        """Synaptic events of a run with this many spikes."""
        return spikes * self.fan_out + self.input_events

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)
