"""Placement: cores onto chips, those of a population side by side, near the populations they talk to.

Populations are placed in order. Each starts at the nearest chip with room to the populations it talks to that have
places already (the first one at chip (0, 0)) and fills chips in growing distance from there, so that its cores lie in
a compact neighbourhood. Cores that belong together, a source and its delay core, go on one chip.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.machine import Chip, Machine, Place, machine_size, read_limits, read_machine

__all__ = ["Cluster", "clusters_of", "place_clusters"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cores of a population.

    Attributes:
        name: of the population.
        groups: numbers of cores that go on one chip together, in order.
        near: names of other clusters with which it exchanges packets.
    """

    name: str
    groups: Sequence[Sequence[int]]
    near: Sequence[str] = ()


class _Room:
    """What is left of the machine."""

    def __init__(self, machine: Machine, memory: int) -> None:
        self.machine = machine
        self.cores = {chip: list(cores) for chip, cores in machine.cores.items()}
        self.memory = dict.fromkeys(machine.cores, memory)
        self.full: set[Chip] = {chip for chip, cores in machine.cores.items() if not cores}

    def fits(self, chip: Chip, cores: int, memory: int) -> bool:
        return len(self.cores[chip]) >= cores and self.memory[chip] >= memory

    def take(self, chip: Chip, memory: int) -> Place:
        self.memory[chip] -= memory
        place = (*chip, self.cores[chip].pop(0))
        if not self.cores[chip]:
            self.full.add(chip)
        return place

    def outwards(self, start: Sequence[Chip]) -> Iterator[Chip]:
        """Chips with a free core by their distance from the nearest of some chips; those of one distance in order."""
        seen, ring = set(start), sorted(set(start))
        while ring:
            yield from (chip for chip in ring if chip not in self.full)
            after = set()
            for chip in ring:
                for link in range(6):
                    other = self.machine.neighbour(chip, link)
                    if other is not None and other not in seen:
                        seen.add(other)
                        after.add(other)
            ring = sorted(after)


def place_clusters(
    machine: Machine, clusters: Sequence[Cluster], sdram: Sequence[int], limit: int
) -> list[Place]:
    """A place for every core.

    Args:
        clusters: the populations in the order of placing; every core is in one group of one of them.
        sdram: bytes of SDRAM that each core needs.
        limit: bytes of SDRAM a chip has.

    Raises:
        CapacityError: the machine is full, or a group needs more cores or memory than a chip has.
    """
    try:
        return _place(machine, clusters, sdram, limit)
    except _FullError as full:
        raise _refusal(machine, full.cluster, full.need, clusters, sdram, limit) from None


class _FullError(Exception):
    """A group of a cluster, of so many bytes, has no room."""

    def __init__(self, cluster: Cluster, need: int) -> None:
        super().__init__(cluster.name)
        self.cluster, self.need = cluster, need


def _place(machine: Machine, clusters: Sequence[Cluster], sdram: Sequence[int], limit: int) -> list[Place]:
    places: dict[int, Place] = {}
    chips_of: dict[str, list[Chip]] = {}
    room, latest = _Room(machine, limit), (0, 0)
    for cluster in clusters:
        near = [chip for other in cluster.near for chip in chips_of.get(other, ())]
        # from where the last population ended, if that is a peer, so that no gaps open between populations
        start = next(room.outwards([latest] if latest in near or not near else near), latest)
        around, known = room.outwards([start]), list[Chip]()
        chips: dict[Chip, None] = {}
        for group in cluster.groups:
            need = sum(sdram[core] for core in group)
            chip = _first(room, known, around, len(group), need)
            if chip is None:
                raise _FullError(cluster, need)
            chips[chip] = None
            for core in group:
                places[core] = room.take(chip, sdram[core])
            if chip in room.full:
                known.remove(chip)
        chips_of[cluster.name] = list(chips)
        latest = next(reversed(chips), latest)
    return [places[core] for core in range(len(sdram))]


def clusters_of(network: DeviceNetwork, found: Mapping[str, Extension]) -> list[Cluster]:
    """The clusters of a network whose cores are numbered population by population, then extension by extension.

    Args:
        found: delay extensions, see `delay_extension.extensions`. Each delay core is in the group of its source
            core.
    """
    first, delayed, core = {}, {}, 0
    for name, p in network.populations.items():
        first[name], core = core, core + p.cores
    for name in found:
        delayed[name], core = core, core + network.populations[name].cores
    near: dict[str, dict[str, None]] = {name: {} for name in network.populations}
    for q in network.projections:
        if len(q.raw):
            near[q.pre][q.post] = near[q.post][q.pre] = None
    return [
        Cluster(
            name=name,
            groups=[
                (first[name] + k, delayed[name] + k) if name in delayed else (first[name] + k,)
                for k in range(p.cores)
            ],
            near=[other for other in near[name] if other != name],
        )
        for name, p in network.populations.items()
    ]


def _first(room: _Room, known: list[Chip], around: Iterator[Chip], cores: int, memory: int) -> Chip | None:
    """The nearest chip with room: of those seen before that still have a free core, or the next ones outwards."""
    for chip in known:
        if room.fits(chip, cores, memory):
            return chip
    for chip in around:
        if chip not in room.full:
            known.append(chip)
            if room.fits(chip, cores, memory):
                return chip
    return None


def _refusal(
    machine: Machine,
    cluster: Cluster,
    need: int,
    clusters: Sequence[Cluster],
    sdram: Sequence[int],
    limit: int,
) -> CapacityError:
    where = f"population {cluster.name!r}"
    if need > limit:
        return CapacityError(
            "its synapses on a core do not fit the memory of a chip",
            where=where,
            value=f"{need} bytes",
            limit=f"{limit} bytes",
            remedy="Use fewer atoms per core",
        )
    boards = _boards_for(machine, clusters, sdram, limit)
    return CapacityError(
        "the machine is full",
        where=where,
        value=f"the network takes {len(sdram)} cores and {sum(sdram)} bytes",
        limit=f"{machine.n_cores} cores on {len(machine.cores)} chips of {limit} bytes",
        remedy=f"boards={boards} would fit" if boards else "Use a smaller network",
    )


def _boards_for(
    machine: Machine, clusters: Sequence[Cluster], sdram: Sequence[int], limit: int
) -> int | None:
    """The fewest boards, in whole triads, that hold the network; None if so many do not help."""
    board, side = read_machine(machine.profile), read_limits(machine.profile)["machine_side"]
    least = max(len(sdram) / board.n_cores, sum(sdram) / (limit * len(board.cores)), machine.boards)
    first = max(1, math.ceil(least / 3))
    # groups, and cores that fill half a chip's memory or more, need a little more than their sum
    for triads in range(first, 2 * first + 2):
        if max(machine_size(3 * triads)) > side:
            break
        larger = read_machine(machine.profile, 3 * triads)
        if larger.n_cores > machine.n_cores:
            with contextlib.suppress(_FullError):
                _place(larger, clusters, sdram, limit)
                return 3 * triads
    return None
