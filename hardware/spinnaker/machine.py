"""The machine: chips, links and usable cores of boards joined into one mesh, less what is missing.

A profile, a TOML file with a source for every number, describes a board. Boards come in triads of three on 12 by 12
chips. A machine whose width or height is a whole number of triads wraps around in that direction; the machines that
a number of boards stands for are cut out of a larger one, four chips wider and higher, and do not wrap
(SpiNNMachine, ``version/version_48_chips.py``).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import Any

from neurosim.errors import DescriptionError

__all__ = [
    "LINKS",
    "Chip",
    "Machine",
    "Missing",
    "Place",
    "build_machine",
    "machine_size",
    "opposite",
    "read_limits",
    "read_machine",
    "read_sources",
]

Chip = tuple[int, int]
"""(x, y)"""
Place = tuple[int, int, int]
"""A core: (x, y, processor)."""

LINKS: tuple[Chip, ...] = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))
"""Step in (x, y) of the links east, north-east, north, west, south-west, south."""

_TRIAD = 12
_ETHERNET: tuple[Chip, ...] = ((0, 0), (4, 8), (8, 4))
"""The Ethernet chips of a triad, each the lower left corner of a board."""


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


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Parts of a machine that do not work.

    Attributes:
        chips: (x, y). The board of a missing Ethernet chip is missing as a whole, since nothing loads it.
        cores: (x, y, p), p the number of the processor.
        links: (x, y, link); a link that is missing at one end is missing at both.
    """

    chips: frozenset[Chip] = frozenset()
    cores: frozenset[tuple[int, int, int]] = frozenset()
    links: frozenset[tuple[int, int, int]] = frozenset()


@dataclass(frozen=True, eq=False)
class Machine:
    """A mesh of chips.

    Attributes:
        cores: each working chip that can be reached -> the processors that applications may use, chips near (0, 0)
            first.
        width, height: chips along x and y; a multiple of 12 wraps around.
        ethernet: chip -> the Ethernet chip of its board.
        missing: what does not work.
        profile: the board.
    """

    cores: Mapping[Chip, tuple[int, ...]]
    width: int = 8
    height: int = 8
    ethernet: Mapping[Chip, Chip] = field(default_factory=dict)
    missing: Missing = Missing()
    profile: str = "spinn5"

    @cached_property
    def n_cores(self) -> int:
        """Processors that applications may use."""
        return sum(map(len, self.cores.values()))

    @cached_property
    def boards(self) -> int:
        """Boards with a working chip."""
        return len(set(self.ethernet.values()))

    @cached_property
    def _around(self) -> dict[Chip, tuple[Chip | None, ...]]:
        size = (self.width, self.height)
        return {c: _neighbours(c, size, self.cores, self.missing.links) for c in self.cores}

    def neighbour(self, chip: Chip, link: int) -> Chip | None:
        """The chip at the other end of a link; None where the mesh ends or the link is missing."""
        return self._around[chip][link]

    def without(
        self,
        *,
        chips: Iterable[Chip] = (),
        cores: Iterable[tuple[int, int, int]] = (),
        links: Iterable[tuple[int, int, int]] = (),
    ) -> Machine:
        """The same machine with more parts missing, see `Missing`."""
        m = self.missing
        missing = Missing(chips=m.chips.union(chips), cores=m.cores.union(cores), links=m.links.union(links))
        return build_machine(self.width, self.height, missing=missing, profile=self.profile)


def machine_size(boards: int) -> tuple[int, int]:
    """Width and height of the machine with at least that many boards: one board, or a rectangle of triads."""
    if boards == 1:
        return 8, 8
    triads = -(-boards // 3)
    across = math.isqrt(triads - 1) + 1
    return across * _TRIAD + 4, -(-triads // across) * _TRIAD + 4


@cache
def read_machine(profile: str = "spinn5", boards: int = 1) -> Machine:
    """The machine with at least that many boards, nothing missing. Several boards come as whole triads."""
    if not isinstance(boards, int) or boards < 1:
        raise DescriptionError("is out of range", where="SpiNNaker.boards", value=boards, limit="at least 1")
    return build_machine(*machine_size(boards), profile=profile)


def build_machine(
    width: int, height: int, *, missing: Missing | None = None, profile: str = "spinn5"
) -> Machine:
    """A machine of so many chips along x and y.

    Raises:
        DescriptionError: no machine has this size (8 by 8, or multiples of 12 with or without 4 more), or ``missing``
            names a part that is not there, or the boot chip (0, 0).
    """
    limits = read_limits(profile)
    missing = missing or Missing()
    _check_size(width, height, limits["machine_side"])
    chips = _chips(width, height, limits)
    _check_missing(missing, chips, limits["cores_per_chip"])
    ethernet = {
        chip: base
        for chip, (base, _) in chips.items()
        if base not in missing.chips and chip not in missing.chips
    }
    ends = {(*_over((x, y), link, (width, height)), opposite(link)) for x, y, link in missing.links}
    links = missing.links.union(end for end in ends if end[:2] in chips)
    missing = Missing(chips=missing.chips, cores=missing.cores, links=links)
    cores = {}
    for chip in _reachable(ethernet, (width, height), missing.links):
        usable = [p for p in range(1, chips[chip][1]) if (*chip, p) not in missing.cores]
        # processor 0 is the monitor; the first working ones after it serve the system as well
        system = limits["monitor_cores"] - 1 + (limits["ethernet_cores"] if ethernet[chip] == chip else 0)
        cores[chip] = tuple(usable[system:])
    return Machine(
        cores=MappingProxyType(cores),
        width=width,
        height=height,
        ethernet=MappingProxyType({chip: ethernet[chip] for chip in cores}),
        missing=missing,
        profile=profile,
    )


def _check_size(width: int, height: int, most: int) -> None:
    sides = [isinstance(n, int) and 12 <= n <= most and n % _TRIAD in (0, 4) for n in (width, height)]
    if (width, height) != (8, 8) and not all(sides):
        raise DescriptionError(
            "no machine has this size",
            where="machine width and height",
            value=f"{width} by {height} chips",
            limit=f"8 by 8, or multiples of 12 with or without 4 more, up to {most}",
        )


def _check_missing(missing: Missing, chips: Mapping[Chip, Any], processors: int) -> None:
    for what, parts, last in (
        ("chip", [(x, y, 0) for x, y in missing.chips], 0),
        ("core", missing.cores, processors - 1),
        ("link", missing.links, len(LINKS) - 1),
    ):
        for x, y, n in sorted(parts):
            # processor 0 runs the monitor, without which the chip is missing
            if (x, y) not in chips or not (what == "core") <= n <= last:
                raise DescriptionError(
                    f"a {what} is missing that the machine does not have",
                    where="machine",
                    value=(x, y) if what == "chip" else (x, y, n),
                )
    if (0, 0) in missing.chips:
        raise DescriptionError("the boot chip cannot be missing", where="machine", value=(0, 0))


def _chips(width: int, height: int, limits: Mapping[str, Any]) -> dict[Chip, tuple[Chip, int]]:
    """Every chip of the boards that lie within the size -> (its Ethernet chip, its processors)."""
    board = [
        (x, y)
        for y, (a, b) in enumerate(zip(limits["row_start"], limits["row_end"], strict=True))
        for x in range(a, b + 1)
    ]
    short = {tuple(chip) for chip in limits["cores_17"]}
    last_x, last_y = (n if n % _TRIAD == 0 else n - 7 for n in (width, height))
    return {
        ((bx + x) % width, (by + y) % height): ((bx, by), limits["cores_per_chip"] - ((x, y) in short))
        for ex, ey in _ETHERNET
        for by in range(ey, last_y, _TRIAD)
        for bx in range(ex, last_x, _TRIAD)
        for x, y in board
    }


def _over(chip: Chip, link: int, size: tuple[int, int]) -> Chip:
    """The position at the other end of a link, which may be outside."""
    (dx, dy), (width, height) = LINKS[link], size
    x, y = chip[0] + dx, chip[1] + dy
    return (x if width % _TRIAD else x % width, y if height % _TRIAD else y % height)


def _neighbours(
    chip: Chip, size: tuple[int, int], chips: Mapping[Chip, Any], missing: frozenset[tuple[int, int, int]]
) -> tuple[Chip | None, ...]:
    ends: Sequence[Chip] = [_over(chip, link, size) for link in range(len(LINKS))]
    return tuple(
        end if end in chips and (*chip, link) not in missing else None for link, end in enumerate(ends)
    )


def _reachable(
    chips: Mapping[Chip, Any], size: tuple[int, int], missing: frozenset[tuple[int, int, int]]
) -> list[Chip]:
    """The chips that links connect to (0, 0), nearest first."""
    distance, frontier = {(0, 0): 0}, [(0, 0)]
    while frontier:
        ends = {e for c in frontier for e in _neighbours(c, size, chips, missing) if e and e not in distance}
        hops = distance[frontier[0]] + 1
        distance.update(dict.fromkeys(ends, hops))
        frontier = list(ends)
    return sorted(distance, key=lambda c: (distance[c], c))
