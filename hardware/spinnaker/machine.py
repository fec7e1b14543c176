"""The machine: chips, links and usable cores of a board, read from a TOML file with a source for every number."""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from neurosim.errors import DescriptionError

__all__ = ["LINKS", "Chip", "Machine", "opposite", "read_limits", "read_machine", "read_sources"]

Chip = tuple[int, int]

LINKS: tuple[Chip, ...] = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))
"""Step in (x, y) of the links east, north-east, north, west, south-west, south."""


def opposite(link: int) -> int:
    """The link by which a packet arrives that left by this one."""
    return (link + 3) % 6


@cache
def _table(profile: str) -> dict[str, dict[str, Any]]:
    file = resources.files("neurosim.hardware.spinnaker") / f"{profile}.toml"
    if not profile.isidentifier() or not file.is_file():
        raise DescriptionError("no such machine profile", where="SpiNNaker.profile", value=profile)
    return tomllib.loads(file.read_text("utf-8"))


@cache
def read_limits(profile: str = "spinn5") -> Mapping[str, Any]:
    """Limits of a board by name."""
    return MappingProxyType({name: entry["value"] for name, entry in _table(profile).items()})


@cache
def read_sources(profile: str = "spinn5") -> Mapping[str, str]:
    """Where each limit comes from."""
    return MappingProxyType({name: str(entry["source"]) for name, entry in _table(profile).items()})


@dataclass(frozen=True, eq=False)
class Machine:
    """A board. ``cores`` maps each chip to the processors that applications may use, chips near (0, 0) first."""

    cores: Mapping[Chip, range]

    def neighbour(self, chip: Chip, link: int) -> Chip | None:
        """The chip at the other end of a link, None at the edge of the board."""
        step = LINKS[link]
        other = (chip[0] + step[0], chip[1] + step[1])
        return other if other in self.cores else None

    def tree(self, source: Chip) -> dict[Chip, tuple[Chip, int]]:
        """Shortest paths from a chip: chip -> (previous chip, link out of it), for every other chip.

        A path goes straight on where it can, so that most chips it crosses need no routing entry.
        """
        before: dict[Chip, tuple[Chip, int]] = {}
        seen, queue = {source}, deque([source])
        while queue:
            chip = queue.popleft()
            straight = before[chip][1] if chip in before else 0
            for link in sorted(range(6), key=lambda k: (k != straight, k)):
                other = self.neighbour(chip, link)
                if other is not None and other not in seen:
                    seen.add(other)
                    before[other] = (chip, link)
                    queue.append(other)
        return before


@cache
def read_machine(profile: str = "spinn5") -> Machine:
    """The board of a profile, without faults."""
    limits = read_limits(profile)
    chips = [
        (x, y)
        for y, (a, b) in enumerate(zip(limits["row_start"], limits["row_end"], strict=True))
        for x in range(a, b + 1)
    ]
    everywhere = Machine({chip: range(0) for chip in chips})
    distance = {(0, 0): 0}
    for chip, (previous, _) in everywhere.tree((0, 0)).items():
        distance[chip] = distance[previous] + 1
    short = {tuple(chip) for chip in limits["cores_17"]}
    cores = {}
    for chip in sorted(chips, key=lambda c: (distance[c], c)):
        first = limits["monitor_cores"] + (limits["ethernet_cores"] if chip == (0, 0) else 0)
        cores[chip] = range(first, limits["cores_per_chip"] - (chip in short))
    return Machine(MappingProxyType(cores))
