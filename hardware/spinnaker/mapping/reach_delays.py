"""Neurons per core of a whole network: smaller cores, or delay extensions, for delays beyond the ring buffers.

Smaller cores have more slots; a delay extension takes a core for each core of the source. Both are worked out for every
group of populations that long delays connect. An extension of several stages needs cores of equal size at both ends,
and source cores that are all full: otherwise sPyNNaker 7.4.1 puts the rows of later stages where no spike finds them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import (
    delay_core_dtcm,
    extensions,
)
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.spinnaker.long_delays import LongDelays
from neurosim.hardware.spinnaker.mapping.partition import Needs, halvings, with_atoms
from neurosim.hardware.spinnaker.numerics.ring_buffer import slots_for

__all__ = ["choose_atoms"]


def choose_atoms(
    network: DeviceNetwork,
    most: int,
    limits: Mapping[str, Any],
    policy: LongDelays = LongDelays.AUTO,
) -> DeviceNetwork:
    """The same network with as many neurons on a core as fit: `DevicePopulation.atoms` of populations of neurons.

    Spike sources keep theirs, except that a source with a delay extension has those of its targets.

    Args:
        most: neurons on a core at most.

    Raises:
        CapacityError: one neuron does not fit a core, or a delay is out of reach.
    """
    needs = Needs(network)
    atoms = {
        name: needs.largest(name, most, limits) if p.model is not None else p.full_core
        for name, p in network.populations.items()
    }
    network = with_atoms(network, atoms)
    for far in _connected(_beyond(network)):
        group = _Group(network, far, limits, most, needs)
        smaller, extended = group.smaller(), group.extended()
        options = {
            LongDelays.SMALLER_CORES: [smaller],
            LongDelays.EXTEND: [extended],
            LongDelays.AUTO: [smaller, extended],
        }[policy]
        possible = [option for option in options if option is not None]
        if not possible:
            raise group.refusal(policy, smaller is not None, extended is not None)
        network = with_atoms(network, min(possible, key=lambda option: option.cores).atoms)
    return network


@dataclass(frozen=True, kw_only=True)
class _Option:
    """Neurons per core of some populations, and the cores they take, with their delay cores."""

    atoms: Mapping[str, int]
    cores: int


def _beyond(network: DeviceNetwork) -> list[DeviceProjection]:
    """Projections with delays that cores of their target cannot hold."""
    return [p for p in network.projections if p.longest_delay > network.populations[p.post].slots]


def _connected(projections: Sequence[DeviceProjection]) -> Iterator[list[DeviceProjection]]:
    """Groups of projections that share populations, each in order."""
    groups: list[tuple[set[str], list[DeviceProjection]]] = []
    for p in projections:
        apart = [g for g in groups if not g[0] & {p.pre, p.post}]
        joined = [g for g in groups if g[0] & {p.pre, p.post}]
        names = {p.pre, p.post}.union(*(g[0] for g in joined))
        groups = [*apart, (names, [*(q for g in joined for q in g[1]), p])]
    yield from (g[1] for g in groups)


class _Group:
    """Projections with long delays that share populations: what both ways of reaching them take."""

    def __init__(
        self,
        network: DeviceNetwork,
        far: list[DeviceProjection],
        limits: Mapping[str, Any],
        most: int,
        counted: Needs,
    ) -> None:
        self.network, self.far, self.limits, self.most, self.counted = network, far, limits, most, counted
        self.targets = list(dict.fromkeys(p.post for p in far))
        self.names = list(dict.fromkeys(name for p in far for name in (p.pre, p.post)))

    def _cores(self, atoms: Mapping[str, int]) -> int:
        sizes = {name: self.network.populations[name] for name in self.names}
        return sum(-(-p.size // atoms.get(name, p.atoms)) for name, p in sizes.items())

    def smaller(self) -> _Option | None:
        """Cores small enough for all slots that the delays need."""
        atoms = {}
        for name in self.targets:
            p = self.network.populations[name]
            longest = max(q.longest_delay for q in self.far if q.post == name)
            fits = [a for a in halvings(p.size, p.atoms) if slots_for(min(p.size, a)) >= longest]
            if not fits or longest > self.limits["delay_slots"]:
                return None
            atoms[name] = fits[0]
        return _Option(atoms=atoms, cores=self._cores(atoms))

    def extended(self) -> _Option | None:
        """Delay extensions, with the number of neurons on a core that takes the fewest cores in all."""
        if any(p.plastic for p in self.far):
            return None  # a learning synapse would see the spikes of its source later, not its own delay
        populations = {name: self.network.populations[name] for name in self.names}
        best = None
        for a in self._numbers():
            for names in (self.targets, self.names):
                atoms = {
                    name: min(p.size, a if name in names or p.model is None else p.atoms)
                    for name, p in populations.items()
                }
                option = self._extended(atoms)
                if option is not None and (best is None or option.cores < best.cores):
                    best = option
        return best

    def _numbers(self) -> Iterator[int]:
        """Powers of two, and below each the largest number of as many bits that makes all source cores full."""
        neurons = [p for name in self.names if (p := self.network.populations[name]).model is not None]
        common = math.gcd(*(self.network.populations[p.pre].size for p in self.far))
        for a in halvings(max(p.size for p in neurons), min(self.most, max(p.atoms for p in neurons))):
            yield a
            yield from [d for d in range(a - 1, a // 2, -1) if common % d == 0][:1]

    def _extended(self, atoms: Mapping[str, int]) -> _Option | None:
        if any(n > self.network.populations[name].atoms for name, n in atoms.items()):
            return None
        trial = with_atoms(self.network, atoms)
        far = [p for p in _beyond(trial) if p.pre in atoms and p.post in atoms]
        try:
            found = {name: e for name, e in extensions(_only(trial, far)).items() if name in atoms}
        except CapacityError:
            return None
        if not found:
            return None  # cores so small need none, which `smaller` finds too
        for p in far:
            pre, post, e = trial.populations[p.pre], trial.populations[p.post], found[p.pre]
            equal = pre.atoms == post.atoms and pre.size % pre.atoms == 0
            if (e.stages > 1 and not equal) or delay_core_dtcm(pre.atoms, e.stages, e.slots) > self.limits[
                "dtcm_bytes"
            ]:
                return None
        needs = Needs(trial, self.counted)
        if not all(needs.fits(name, atoms[name], found, self.limits) for name in self.targets):
            return None
        return _Option(
            atoms=atoms, cores=self._cores(atoms) + sum(trial.populations[name].cores for name in found)
        )

    def refusal(self, policy: LongDelays, smaller: bool, extended: bool) -> CapacityError:
        """Why no option that the policy allows reaches the delays."""
        p = max(self.far, key=lambda p: p.longest_delay)
        if smaller or extended:
            other = LongDelays.SMALLER_CORES if smaller else LongDelays.EXTEND
            remedy = f"long_delays={other} would fit"
        else:
            remedy = "Shorten the longest delays, or use a larger dt"
        return CapacityError(
            "its longest delay is out of reach of delay extensions"
            if policy is LongDelays.EXTEND
            else "its longest delay needs more slots than a core has",
            where=f"projection {p.name!r}",
            value=f"{p.longest_delay} steps",
            limit=f"{self.limits['delay_slots']} steps",
            remedy=remedy,
        )


def _only(network: DeviceNetwork, projections: list[DeviceProjection]) -> DeviceNetwork:
    return DeviceNetwork(
        populations=network.populations, projections=tuple(projections), timestep=network.timestep
    )
