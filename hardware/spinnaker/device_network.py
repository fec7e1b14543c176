"""A network in the numbers of the machine: what mapping starts from, whoever made it.

Parameters are words, weights raw 16-bit magnitudes, delays steps. `quantise` makes one from a plan, `pynn` from a
network in PyNN's terms; everything behind it (mapping, images, scripts, reports) reads nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, Words
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule
from neurosim.hardware.spinnaker.numerics.ring_buffer import delay_bits, slots_for

__all__ = ["RECEPTORS", "DeviceNetwork", "DevicePopulation", "DeviceProjection"]

RECEPTORS = ("excitatory", "inhibitory")
"""Names of the receptors by number."""


def _no_words() -> Words:
    return np.zeros((0, 0), np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class DevicePopulation:
    """Neurons of one program, or a source of spikes.

    Attributes:
        size: neurons. atoms: neurons a core holds at most.
        model: the neuron program; None for a spike source, which has no words.
        neuron [size, 9], inputs [size, k], threshold [size], synapse [size, 2 or 5]: parameter words, see
            `numerics.derived_constants.derive`.
        shifts: left shifts of the excitatory and the inhibitory receptor.
        rule: of all its plastic projections; the machine knows one a population.
    """

    name: str
    size: int
    atoms: int
    model: CoreModel | None = None
    neuron: Words = field(default_factory=_no_words)
    inputs: Words = field(default_factory=_no_words)
    threshold: Words = field(default_factory=_no_words)
    synapse: Words = field(default_factory=_no_words)
    shifts: tuple[int, int] = (0, 0)
    rule: PairRule | None = None

    @property
    def cores(self) -> int:
        """Number of cores."""
        return -(-self.size // self.atoms)

    @property
    def full_core(self) -> int:
        """Neurons of a full core."""
        return min(self.size, self.atoms)

    @property
    def slots(self) -> int:
        """Steps of delay that the ring buffers of its cores can hold."""
        return slots_for(self.full_core)

    @property
    def words(self) -> int:
        """Parameter words of a neuron."""
        return sum(a.shape[1] for a in (self.neuron, self.inputs, self.synapse)) + 1


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceProjection:
    """Synapses by source neuron; those of a source keep the order of the list they came from.

    Attributes:
        receptor: 0 excitatory, 1 inhibitory.
        row_start: int64 [size of pre + 1]. target: int32 [k]. raw: uint16 [k] magnitude. delay: uint16 [k] steps, >= 1.
        plastic: whether the plasticity rule of the target population changes the weights.
        room: synapses that rows have room for, of delays up to the slots of a target core and from the slots on, where
            a host counts them wrongly; what does not fit is left out. None: as many as the longest row has.
    """

    name: str
    pre: str
    post: str
    receptor: int
    row_start: NDArray[np.int64]
    target: NDArray[np.int32]
    raw: NDArray[np.uint16]
    delay: NDArray[np.uint16]
    plastic: bool = False
    room: tuple[int, int] | None = None

    @cached_property
    def longest_delay(self) -> int:
        """Steps; 0 without synapses."""
        return int(self.delay.max(initial=0))

    def sources(self) -> NDArray[np.int64]:
        """The source neuron of each synapse, int64 [k]."""
        return np.repeat(np.arange(len(self.row_start) - 1), np.diff(self.row_start))


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceNetwork:
    """Populations by name, in the order that numbers their keys, and projections in the order of their rows.

    ``timestep``: microseconds of network time in a machine step, as the scripts say it.
    """

    populations: dict[str, DevicePopulation]
    projections: tuple[DeviceProjection, ...]
    timestep: int = 1000

    def __post_init__(self) -> None:
        for p in self.projections:
            for end, name in (("presynaptic", p.pre), ("postsynaptic", p.post)):
                if name not in self.populations:
                    raise DescriptionError(
                        f"its {end} population does not exist", where=f"projection {p.name!r}", value=name
                    )
            if p.plastic and self.populations[p.post].rule is None:
                raise DescriptionError(
                    "is plastic, but its postsynaptic population has no rule",
                    where=f"projection {p.name!r}",
                    value=p.post,
                )

    def incoming(self, name: str) -> list[DeviceProjection]:
        """Projections that end at a population, in order."""
        return [p for p in self.projections if p.post == name]

    def longest_delay(self, name: str) -> int:
        """Steps of the longest delay into a population; 0 without synapses."""
        return max((p.longest_delay for p in self.incoming(name)), default=0)

    def delay_bits(self, name: str) -> int:
        """Bits of a ring-buffer slot on the cores of a population."""
        return delay_bits(self.longest_delay(name), self.populations[name].slots)

    def outgoing(self, name: str) -> list[DeviceProjection]:
        """Projections that start at a population, in order."""
        return [p for p in self.projections if p.pre == name]
