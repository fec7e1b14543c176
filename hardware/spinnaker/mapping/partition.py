"""How many neurons of a population go on a core: few enough for its rows and its memory.

Numbers are powers of two up to the most that the user allows, since ring buffers count in bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.spinnaker.image.core_memory import dtcm_bytes, host_regions
from neurosim.hardware.spinnaker.image.plastic_rows import history_bytes, history_words, plastic_words
from neurosim.hardware.spinnaker.image.plasticity_region import plasticity_region
from neurosim.hardware.spinnaker.image.population_table import table_words
from neurosim.hardware.spinnaker.image.row_kernels import count_rows
from neurosim.hardware.spinnaker.image.rows import ALIGN_WORDS, HEADER_WORDS
from neurosim.hardware.spinnaker.numerics.ring_buffer import delay_bits, slots_for

__all__ = ["CoreNeed", "Needs", "halvings", "refusal", "with_atoms"]


@dataclass(frozen=True, kw_only=True)
class CoreNeed:
    """What a full core of a population needs.

    Attributes:
        row: data words of its longest row, and the projection that has it.
        sdram, dtcm: bytes of the memory of the chip and of its own.
    """

    row: int
    projection: str
    sdram: int
    dtcm: int


class Needs:
    """What cores need for any number of neurons on them; counts synapses only where a bound does not settle it.

    Args:
        counted: of the same projections, whose counts are used and added to.
    """

    def __init__(self, network: DeviceNetwork, counted: Needs | None = None) -> None:
        self.network = network
        # by identity: names of projections may repeat
        self._fan_out: dict[int, int] = {} if counted is None else counted._fan_out
        self._counts: dict[tuple[int, int, int], tuple[int, int]] = {} if counted is None else counted._counts

    def of(self, name: str, atoms: int, found: Mapping[str, Extension], *, exact: bool = True) -> CoreNeed:
        """The need of a population with so many neurons on a core.

        Args:
            found: delay extensions; those of sources of this population that it needs are used.
            exact: count synapses; else take no row for shorter than all synapses of a source neuron.
        """
        p = self.network.populations[name]
        atoms = min(p.size, atoms)
        slots, incoming = slots_for(atoms), self.network.incoming(name)
        history = 0 if p.rule is None else history_words(p.rule.pairing)
        late = {q.pre for q in incoming if q.longest_delay > slots and q.pre in found}
        words = blocks = longest = 0
        where = ""
        for q in incoming:
            pre = self.network.populations[q.pre]
            counts = self._count(q, atoms, slots) if exact else self._bound(q, slots)
            if q.room is not None and atoms == p.full_core:
                counts = q.room
            parts = [(counts[0], 1)] + ([(counts[1], found[q.pre].stages)] if q.pre in late else [])
            for synapses, stages in parts:
                length = plastic_words(synapses, history) if q.plastic else synapses
                if length:
                    words += -words % ALIGN_WORDS + pre.cores * pre.full_core * stages * (
                        length + HEADER_WORDS
                    )
                blocks += 1
                if length > longest:
                    longest, where = length, q.name
        sources = {q.pre: found[q.pre].stages if q.pre in late else 0 for q in incoming}
        table = table_words(len(sources) + len(late), blocks)
        rule = 0 if p.rule is None else len(plasticity_region(p.rule))
        regions = host_regions(
            atoms,
            p.words,
            table,
            4 * words,
            [(self.network.populations[pre].size, stages) for pre, stages in sources.items()],
            rule,
        )
        bits = delay_bits(self.network.longest_delay(name), slots)
        spikes = 0 if p.rule is None else history_bytes(p.rule.pairing)
        return CoreNeed(
            row=longest,
            projection=where,
            sdram=sum(regions.values()),
            dtcm=dtcm_bytes(atoms, bits, table, longest, spikes, rule),
        )

    def fits(self, name: str, atoms: int, found: Mapping[str, Extension], limits: Mapping[str, Any]) -> bool:
        """Whether so many neurons fit a core."""
        return any(_within(self.of(name, atoms, found, exact=exact), limits) for exact in (False, True))

    def largest(self, name: str, most: int, limits: Mapping[str, Any]) -> int:
        """The most neurons of a population that fit a core, without regard to delays beyond its slots.

        Raises:
            CapacityError: not even one neuron fits.
        """
        for atoms in halvings(self.network.populations[name].size, most):
            if self.fits(name, atoms, {}, limits):
                return atoms
        raise refusal(name, 1, self.of(name, 1, {}), limits, None)

    def _bound(self, q: DeviceProjection, slots: int) -> tuple[int, int]:
        if id(q) not in self._fan_out:
            self._fan_out[id(q)] = int(np.diff(q.row_start).max(initial=0))
        most = self._fan_out[id(q)]
        return most, most if q.longest_delay >= slots else 0

    def _count(self, q: DeviceProjection, atoms: int, slots: int) -> tuple[int, int]:
        key = (id(q), atoms, slots)
        if key not in self._counts:
            cores = -(-self.network.populations[q.post].size // atoms)
            n_pre = max(1, len(q.row_start) - 1)
            spread = count_rows(q.row_start, q.target, q.delay, n_pre, atoms, cores, slots)
            self._counts[key] = spread.direct, spread.late
        return self._counts[key]


def _within(need: CoreNeed, limits: Mapping[str, Any]) -> bool:
    used = (need.row, need.sdram, need.dtcm)
    most: tuple[int, ...] = tuple(limits[name] for name in ("row_words", "sdram_bytes", "dtcm_bytes"))
    return all(n <= limit for n, limit in zip(used, most, strict=True))


def refusal(
    name: str, atoms: int, need: CoreNeed, limits: Mapping[str, Any], fits: int | None
) -> CapacityError:
    """Why so many neurons of a population do not fit a core.

    Args:
        need: of so many neurons. fits: a number that would fit, if there is one.
    """
    if need.row > limits["row_words"]:
        return CapacityError(
            f"a source neuron has too many synapses on one {'neuron' if atoms == 1 else 'core'} of {name!r}",
            where=f"projection {need.projection!r}",
            value=f"{need.row} words",
            limit=f"{limits['row_words']} words",
            remedy="Merge parallel synapses" if fits is None else f"atoms_per_core={fits} would fit",
        )
    memory, key, value = (
        ("memory of its chip", "sdram_bytes", need.sdram)
        if need.sdram > limits["sdram_bytes"]
        else ("data memory", "dtcm_bytes", need.dtcm)
    )
    who = "one neuron and its synapses" if atoms == 1 else "its neurons on a core and their synapses"
    return CapacityError(
        f"{who} do not fit the {memory}",
        where=f"population {name!r}",
        value=f"{value} bytes",
        limit=f"{limits[key]} bytes",
        remedy="Use fewer source neurons, or fewer projections"
        if fits is None
        else f"atoms_per_core={fits} would fit",
    )


def halvings(size: int, most: int) -> Iterator[int]:
    """Numbers of neurons for a core of a population: the most, then powers of two, without those beyond its size."""
    smaller = [1 << k for k in range(most.bit_length() - 1, -1, -1) if 1 << k < most]
    every = [most, *smaller]
    yield from (min(a, size) for a, after in zip(every, [*every[1:], 0], strict=True) if after < size)


def with_atoms(network: DeviceNetwork, atoms: Mapping[str, int]) -> DeviceNetwork:
    """The same network with other numbers of neurons on a core."""
    populations = {
        name: replace(p, atoms=atoms[name]) if atoms.get(name, p.atoms) != p.atoms else p
        for name, p in network.populations.items()
    }
    return replace(network, populations=populations)
