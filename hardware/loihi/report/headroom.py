"""Limits of the chip, how much of each a network takes, and the core where it is tightest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from neurosim.hardware.loihi.mapping.map_network import sites
from neurosim.hardware.loihi.mapping.mapped_network import MappedCore, MappedNetwork

__all__ = ["CoreUse", "Headroom", "Load", "core_uses", "headroom"]

_SPENT = ("synapse_formats",)
"""Limits that mapping uses up because that saves memory: they are listed last and bind nothing."""


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """One limit of a core, or the number of cores.

    Attributes:
        limit: what is limited. used, most: in the fullest core, and there can be.
        where: the fullest core; empty for the number of cores.
        total: over all cores. at_least: cores that this limit alone would ask for.
        binds: cores in which it is the fullest of all limits.
    """

    limit: str
    used: int
    most: int
    where: str
    total: int
    at_least: int
    binds: int

    @property
    def share(self) -> float:
        """Share of the limit in use."""
        return self.used / self.most if self.most else 0.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a core uses of one limit."""

    limit: str
    used: int
    most: int

    @property
    def share(self) -> float:
        """Share of the limit in use."""
        return self.used / self.most


@dataclass(frozen=True, kw_only=True)
class CoreUse:
    """A core: number, tile, the neurons it holds, its loads; the first is the one that binds it."""

    number: int
    x: int
    y: int
    holds: tuple[str, ...]
    loads: tuple[Load, ...]


def core_uses(mapped: MappedNetwork) -> tuple[CoreUse, ...]:
    """A row for each core in use, by number."""
    at = sites(mapped.limits)
    return tuple(
        CoreUse(
            number=core.number,
            x=at[core.number][0],
            y=at[core.number][1],
            holds=tuple(_held(core)),
            loads=tuple(sorted(_loads(core, mapped), key=lambda load: (load.limit in _SPENT, -load.share))),
        )
        for core in sorted(mapped.cores, key=lambda c: c.number)
    )


def _held(core: MappedCore) -> Iterator[str]:
    runs: dict[str, list[range]] = {}
    for s in core.slices:
        runs.setdefault(s.population, []).append(s.neurons)
    for name, found in runs.items():
        first, last = min(r.start for r in found), max(r.stop for r in found)
        count = sum(map(len, found))
        yield f"{name}[{first}:{last}]" if count == last - first else f"{count} of {name}[{first}:{last}]"


def _loads(core: MappedCore, mapped: MappedNetwork) -> Iterator[Load]:
    for name, used in core.loads.items():
        if mapped.limits.get(name):
            yield Load(limit=name, used=used, most=mapped.limits[name])


def headroom(mapped: MappedNetwork, cores: tuple[CoreUse, ...]) -> Iterator[Headroom]:
    """The number of cores, then every limit of a core, the tightest first."""
    rows = []
    for name in (load.limit for load in (cores[0].loads if cores else ())):
        loads = {core.number: load for core in cores for load in core.loads if load.limit == name}
        full = max(loads, key=lambda number: loads[number].used)
        total, most = sum(load.used for load in loads.values()), loads[full].most
        rows.append(
            Headroom(
                limit=name,
                used=loads[full].used,
                most=most,
                where=f"core {full}",
                total=total,
                at_least=math.ceil(total / most),
                binds=sum(core.loads[0].limit == name for core in cores),
            )
        )
    n = len(cores)
    yield Headroom(limit="cores", used=n, most=mapped.limits["cores"], where="", total=n, at_least=0, binds=0)
    yield from sorted(rows, key=lambda h: -h.share)
