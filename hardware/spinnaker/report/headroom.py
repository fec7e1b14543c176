"""Limits of the machine, how much of each a network takes, and where it is tightest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurosim.hardware.spinnaker.delay_extension import MOST_STAGES
from neurosim.hardware.spinnaker.numerics.ring_buffer import log2_up
from neurosim.hardware.spinnaker.report.occupancy import ChipUse, CoreUse, PopulationUse, boards_of
from neurosim.hardware.spinnaker.report.traffic import LINK_NAMES, Traffic

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["CYCLES", "Headroom", "headroom"]

CYCLES = "cycles of a step, on average"
"""The limit on the work of a core."""


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """One limit.

    Attributes:
        limit: what is limited, with its unit.
        used, most: the amount in the tightest place, and the largest there can be.
        where: that place: a core, chip, projection, population; empty for the machine as a whole.
    """

    limit: str
    used: float
    most: float
    where: str = ""

    @property
    def share(self) -> float:
        """Share of the limit in use."""
        return self.used / self.most if self.most else 0.0


def headroom(
    mapped: MappedNetwork,
    limits: Mapping[str, Any],
    populations: Sequence[PopulationUse],
    cores: Sequence[CoreUse],
    chips: Sequence[ChipUse],
    links: Traffic,
    step: float,
) -> Iterator[Headroom]:
    """Every limit that applies.

    Args:
        step: seconds that a step takes on the machine.
    """
    machine = mapped.machine
    used = [c for c in chips if c.cores]
    yield Headroom(limit="cores", used=len(cores), most=machine.n_cores)
    yield Headroom(limit="chips", used=len(used), most=len(machine.cores))
    yield Headroom(limit="boards", used=boards_of(mapped, chips), most=max(1, machine.boards))
    if chips:
        full = max(chips, key=lambda c: c.sdram)
        yield Headroom(
            limit="SDRAM of a chip, B",
            used=full.sdram,
            most=limits["sdram_bytes"],
            where=f"chip ({full.x}, {full.y})",
        )
        table = max(chips, key=lambda c: c.entries)
        yield Headroom(
            limit="router entries of a chip", used=table.entries, most=limits["router_entries"],
            where=f"chip ({table.x}, {table.y}), {table.uncompressed} before compression",
        )  # fmt: skip
    if cores:
        core = max(cores, key=lambda c: c.sdram)
        yield Headroom(
            limit="SDRAM of a core, B", used=core.sdram, most=limits["sdram_bytes"], where=core.label
        )
        core = max(cores, key=lambda c: c.dtcm)
        yield Headroom(limit="DTCM of a core, B", used=core.dtcm, most=limits["dtcm_bytes"], where=core.label)
        core = max(cores, key=lambda c: c.load)
        cycles = limits["clock_hertz"] * step
        yield Headroom(limit=CYCLES, used=round(core.load * cycles), most=cycles, where=core.label)
        neurons = [c for c in cores if c.kind == "neurons"]
        if neurons:
            core = max(neurons, key=lambda c: c.neurons)
            yield Headroom(
                limit="neurons of a core", used=core.neurons, most=limits["atoms_per_core"], where=core.label
            )
    blocks = [(b.length, b.projection.name) for w in mapped.words.values() for b in w.blocks]
    if blocks:
        length, where = max(blocks)
        yield Headroom(limit="synapses of a row", used=length, most=limits["row_words"], where=where)
        slots = max(
            (p for p in populations if p.slots),
            key=lambda p: (p.slots_used / p.slots, p.slots_used),
        )
        yield Headroom(limit="delay slots", used=slots.slots_used, most=slots.slots, where=slots.name)
    if mapped.extensions:
        extension = max(mapped.extensions.values(), key=lambda e: e.stages)
        yield Headroom(
            limit="stages of a delay core", used=extension.stages, most=MOST_STAGES, where=extension.name
        )
    if mapped.keys:
        width = log2_up(len(mapped.keys)) + max(
            s.sender.core_bits + s.sender.core_shift for s in mapped.keys.values()
        )
        yield Headroom(limit="bits of a key", used=width, most=32)
    busiest = links.busiest
    if busiest is not None:
        yield Headroom(
            limit="packets of a link in a step",
            used=max(busiest.packets, busiest.peak or 0.0),
            most=limits["link_packets_per_second"] * step,
            where=f"chip ({busiest.x}, {busiest.y}), {LINK_NAMES[busiest.link]}",
        )
