"""Delay extensions: cores that hold spikes back and send them again, for delays beyond the slots of a target core.

A synapse of delay d to a target of n slots takes stage s = (d - 1) // n: stage 0 arrives directly, stage s from the
delay core, which sends the spike of source neuron i again s * n steps later, with a key of its own
(s - 1) * atoms + i. What is left of the delay, d - s * n, the ring buffer holds (sPyNNaker,
``models/utility_models/delays`` and ``extra_algorithms/delay_support_adder.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.ring_buffer import log2_up, slots_for

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation

__all__ = ["MOST_STAGES", "Extension", "delay_core_dtcm", "extensions", "stage_of"]

MOST_STAGES = 8
"""Stages of a delay core at most (sPyNNaker's ``DelayExtensionVertex.MAX_SLOTS``)."""

_BLOCK = 8
# static data of delay_extension.aplx, stacks, message buffers, spike queue
_FIXED = 2116 + 2048 + 1176 + 1048
_DATA_MEMORY = 65536


@dataclass(frozen=True, kw_only=True)
class Extension:
    """The delay cores of a source population, one for each of its cores.

    Attributes:
        pre: name of the source population.
        stages: times each spike is sent again.
        slots: steps from one stage to the next, the ring-buffer slots of every target that needs the extension.
        suffix: what the name of its cores has behind that of the source.
    """

    pre: str
    stages: int
    slots: int
    suffix: str = " delayed"

    @property
    def name(self) -> str:
        """Name under which the delay cores send."""
        return f"{self.pre}{self.suffix}"


def stage_of(delay: Any, slots: int) -> Any:
    """The stage of a delay of so many steps (an integer or an array): 0 direct, s the s-th sending again."""
    return (delay - 1) // slots


def extensions(network: DeviceNetwork) -> dict[str, Extension]:
    """The delay extensions of a network: source population -> its one extension, in the order of key numbers.

    Sources come in the order of their first projection, as sPyNNaker walks them. An extension has as many stages as
    the target that needs the most.

    Raises:
        CapacityError: a delay is longer than an extension can make it, or two targets of a source that need the
            extension have different numbers of slots (a host that meets this refuses the network as well).
    """
    found: dict[str, Extension] = {}
    first: dict[str, str] = {}
    suffix = Extension.suffix
    while any(f"{name}{suffix}" in network.populations for name in network.populations):
        suffix += "'"
    for pre in dict.fromkeys(p.pre for p in network.projections):
        for p in network.outgoing(pre):
            post = network.populations[p.post]
            slots, longest = post.slots, p.longest_delay
            if longest <= slots:
                continue
            if longest > slots * (MOST_STAGES + 1):
                raise CapacityError(
                    "its longest delay is beyond what a delay extension reaches",
                    where=f"projection {p.name!r}",
                    value=f"{longest} steps",
                    limit=f"{slots * (MOST_STAGES + 1)} steps with {post.full_core} atoms per core",
                    remedy=_fewer_atoms(longest, network.populations[pre], post),
                )
            stages = stage_of(longest, slots)
            known = found.get(pre)
            if known and known.slots != slots:
                raise CapacityError(
                    "its delay extension cannot serve targets that differ in slots",
                    where=f"projection {p.name!r}",
                    value=f"{slots} slots of {p.post!r}",
                    limit=f"{known.slots} slots, those of {first[pre]!r}",
                    remedy=f"Give {p.post!r} and {first[pre]!r} equal atoms_per_core",
                )
            stages = max(stages, known.stages if known else 0)
            found[pre] = Extension(pre=pre, stages=stages, slots=slots, suffix=suffix)
            first.setdefault(pre, p.post)
    return found


def _fewer_atoms(longest: int, pre: DevicePopulation, post: DevicePopulation) -> str:
    for atoms in (1 << k for k in range(log2_up(post.atoms) - 1, 0, -1)):
        slots = slots_for(min(post.size, atoms))
        stages = stage_of(longest, slots)
        counters = delay_core_dtcm(pre.full_core, stages, slots)
        if stages <= MOST_STAGES and (not stages or counters <= _DATA_MEMORY):
            return f"atoms_per_core={atoms} of {post.name!r} would fit"
    return "Shorten the delay, or use a larger dt"


def delay_core_dtcm(atoms: int, stages: int, slots: int) -> int:
    """Bytes of data memory a delay core needs.

    A counter byte of each neuron for each step a spike may wait, and one step more in which counters are cleared; the
    number of steps is rounded up to a power of two, and every step has its own block of memory behind a pointer
    (sPyNNaker ``delay_extension.c``, read_parameters).
    """
    steps = 1 << log2_up(stages * slots + 1)
    return steps * (4 + _BLOCK + (atoms + 3) // 4 * 4) + _BLOCK + _FIXED
