"""The words of the cores of a population: sizes at once, the words themselves core by core, when they are asked for.

All cores of a population have the same blocks of rows at the same places, whether they have synapses of a projection or
not, and the same population table, as the host lays them out (sPyNNaker ``synaptic_matrices.py``,
``synaptic_matrix_app.py``): a block for each projection, those of a source population following each other, rows for
all neurons of the source. Behind it lies the block of the synapses that go through the source's delay extension, with
rows for every stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.core_memory import dtcm_bytes, host_regions
from neurosim.hardware.spinnaker.image.plastic_kernels import fill_plastic_rows
from neurosim.hardware.spinnaker.image.plastic_rows import history_bytes, history_words, plastic_words
from neurosim.hardware.spinnaker.image.plasticity_region import plasticity_region
from neurosim.hardware.spinnaker.image.population_table import TableEntry, encode_table, entry_for
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.image.row_blocks import Block, DelayedRows, delayed_rows
from neurosim.hardware.spinnaker.image.row_kernels import Lanes, Spread, count_rows, fill_rows
from neurosim.hardware.spinnaker.image.rows import ALIGN_WORDS, RowFormat
from neurosim.hardware.spinnaker.routing.keys import KeySpace

__all__ = ["CoreWords"]

Uint32 = NDArray[np.uint32]
_BATCH_BYTES = 64 * 2**20


class CoreWords:
    """The words of the cores of one population of neurons.

    Args:
        population: name of the population.
        extensions: of the whole network, see `delay_extension.extensions`.
        keys: of all senders; those of a delay extension under `Extension.name`.
        delayed: see `DelayedRows`.

    Attributes:
        blocks: in the order in which they lie in region 6.
        delay_bits: bits of a ring-buffer slot.
    """

    def __init__(
        self,
        network: DeviceNetwork,
        population: str,
        extensions: Mapping[str, Extension],
        keys: Mapping[str, KeySpace],
        delayed: DelayedRows = DelayedRows.READ,
    ) -> None:
        self.population = network.populations[population]
        self.delayed = delayed
        self._network = network
        self._key = keys.get(population)
        incoming = _by_source(network.incoming(population))
        self.delay_bits = network.delay_bits(population)
        self.blocks = tuple(self._lay_out(incoming, extensions))
        entries: dict[str, list[tuple[int, int]]] = {}
        for b in self.blocks:
            entries.setdefault(b.sender, []).append((4 * b.start, b.length))
        self._entries: list[TableEntry] = [entry_for(keys[name], found) for name, found in entries.items()]

    def _lay_out(
        self, incoming: Sequence[DeviceProjection], extensions: Mapping[str, Extension]
    ) -> Iterator[Block]:
        late = {p.pre for p in incoming if p.longest_delay > self.population.slots}
        at = 0
        for p in incoming:
            pre = self._network.populations[p.pre]
            spread = self._spread(p, pre)
            room = p.room or (spread.direct, spread.late)
            parts = [(p.pre, 0, room[0], spread.reached)]
            if p.pre in late:
                extension = extensions[p.pre]
                parts.append((extension.name, extension.stages, room[1], spread.reached_late))
            for sender, stages, most, reached in parts:
                at += -at % ALIGN_WORDS if most else 0
                block = Block(
                    projection=p,
                    sender=sender,
                    stages=stages,
                    rows=pre.size * max(stages, 1),
                    synapses=most,
                    length=self._length(p, most),
                    start=at if most else 0,
                    reached=reached,
                )
                yield block
                at += block.words

    def _length(self, p: DeviceProjection, synapses: int) -> int:
        """Data words of a row of that many synapses."""
        return plastic_words(synapses, self._history) if p.plastic else synapses

    @property
    def _history(self) -> int:
        rule = self.population.rule
        return 0 if rule is None else history_words(rule.pairing)

    def _spread(self, p: DeviceProjection, pre: DevicePopulation) -> Spread:
        return count_rows(
            p.row_start,
            p.target,
            p.delay,
            pre.full_core,
            self.population.full_core,
            self.population.cores,
            self.population.slots,
        )

    @cached_property
    def table(self) -> Uint32:
        """Region 5, the same on every core.

        Raises:
            CapacityError: a row or a block is too large for its field.
        """
        return encode_table(self._entries)

    @cached_property
    def _rule(self) -> dict[int, Uint32]:
        """Region 7 of populations that have a rule."""
        rule = self.population.rule
        return {} if rule is None else {int(Region.PLASTICITY): plasticity_region(rule)}

    @property
    def row_words(self) -> int:
        """Words of region 6, the same on every core."""
        return max((b.start + b.words for b in self.blocks), default=0)

    def source_cores(self) -> dict[str, NDArray[np.bool_]]:
        """Which cores have synapses of which: sender -> bool [its cores, cores of this population]."""
        found: dict[str, NDArray[np.bool_]] = {}
        for b in self.blocks:
            if b.length:
                found[b.sender] = found.get(b.sender, False) | b.reached
        return found

    def neurons(self, core: int) -> slice:
        """The neurons of a core."""
        lo = core * self.population.atoms
        return slice(lo, min(lo + self.population.atoms, self.population.size))

    def words(self, core: int) -> dict[int, int]:
        """Words of each region of a core."""
        p, part = self.population, self.neurons(core)
        n = part.stop - part.start
        return {
            int(Region.CORE): 5 + len(p.shifts) + n,
            int(Region.PARAMETERS): 1 + n * p.words,
            int(Region.SYNAPSE_PARAMETERS): 9,
            int(Region.POPULATION_TABLE): len(self.table),
            int(Region.SYNAPTIC_ROWS): self.row_words,
            **{region: len(rule) for region, rule in self._rule.items()},
        }

    def sdram(self, core: int) -> int:
        """Bytes of shared memory that the host reserves for a core."""
        return sum(self.reserved(core).values())

    def reserved(self, core: int) -> dict[int, int]:
        """The same by region, see `core_memory.host_regions`."""
        p, part = self.population, self.neurons(core)
        sources: dict[str, int] = {}
        for b in self.blocks:
            sources[b.projection.pre] = max(b.stages, sources.get(b.projection.pre, 0))
        return host_regions(
            part.stop - part.start,
            p.words,
            len(self.table),
            4 * self._reserved_words,
            [(self._network.populations[pre].size, stages) for pre, stages in sources.items()],
            sum(map(len, self._rule.values())),
        )

    @property
    def _reserved_words(self) -> int:
        """Words of region 6 if all source cores were full."""
        words = 0
        for b in self.blocks:
            pre = self._network.populations[b.projection.pre]
            if b.length:
                rows = pre.cores * pre.full_core * max(b.stages, 1)
                words += -words % ALIGN_WORDS + rows * b.stride
        return words

    @property
    def dtcm(self) -> int:
        """Bytes of data memory of every core, see `core_memory.dtcm_terms`."""
        rule = self.population.rule
        return dtcm_bytes(
            self.population.full_core,
            self.delay_bits,
            len(self.table),
            max((b.length for b in self.blocks), default=0),
            0 if rule is None else history_bytes(rule.pairing),
            sum(map(len, self._rule.values())),
        )

    def regions(self, core: int) -> dict[int, Uint32]:
        """The words of each region of a core."""
        return next(self.each(range(core, core + 1)))

    def batch_of(self, core: int) -> range:
        """Cores whose rows are best written together with those of a core: as many as fit 64 MiB, or one."""
        together = max(1, _BATCH_BYTES // max(4 * self.row_words, 1))
        first = core // together * together
        return range(first, min(first + together, self.population.cores))

    def each(self, cores: range | None = None) -> Iterator[dict[int, Uint32]]:
        """`regions` of consecutive cores in turn (all of them by default), in less time than one by one.

        Rows are written for the cores of a batch at a time; their arrays are views of one.
        """
        cores = range(self.population.cores) if cores is None else cores
        first = cores.start
        while first < cores.stop:
            batch = range(first, min(self.batch_of(first).stop, cores.stop))
            memory = self._rows(batch)
            for core in batch:
                yield {**self._neuron_regions(core), int(Region.SYNAPTIC_ROWS): memory[core - first]}
            first = batch.stop

    def _neuron_regions(self, core: int) -> dict[int, Uint32]:
        p, part = self.population, self.neurons(core)
        parameters = CoreParameters(
            neurons=part.stop - part.start,
            key=self._key.core_key(core) if self._key else None,
            atoms=self.population.full_core,
            delay_bits=self.delay_bits,
            shifts=p.shifts,
        )
        return {
            int(Region.CORE): core_region(parameters),
            int(Region.PARAMETERS): parameter_region(
                p.neuron[part], p.inputs[part], p.threshold[part], p.synapse[part]
            ),
            int(Region.SYNAPSE_PARAMETERS): synapse_region(parameters),
            int(Region.POPULATION_TABLE): self.table,
            **self._rule,
        }

    def _rows(self, cores: range) -> Uint32:
        """Region 6 of some cores, uint32 [cores, words]."""
        memory = np.zeros((len(cores), self.row_words), np.uint32)
        layout = RowFormat(self.population.full_core)
        for direct, late in self._pairs():
            p = direct.projection
            if not len(p.raw):
                continue
            first = step = np.zeros(0, np.int64)
            if late is not None:
                pre = self._network.populations[p.pre]
                first, step = delayed_rows(pre, self.population, late.stages, self.delayed)
            lanes = Lanes(
                atoms=self.population.full_core,
                type_word=p.receptor << layout.index_bits,
                delay_shift=layout.index_bits + layout.type_bits,
                slots=self.population.slots,
                start=direct.start,
                stride=direct.stride,
                late_start=late.start if late else 0,
                late_stride=late.stride if late else 0,
                late_rows=late.rows if late else 0,
                most=direct.synapses,
                late_most=late.synapses if late else 0,
            )
            synapses = (memory, cores.start, p.row_start, p.target, p.raw, p.delay, lanes, first, step)
            if p.plastic:
                fill_plastic_rows(*synapses, self._history)
            else:
                fill_rows(*synapses)
        return memory

    def _pairs(self) -> Iterator[tuple[Block, Block | None]]:
        """The direct block of each projection with that behind the delay extension, if there is one."""
        for i, b in enumerate(self.blocks):
            if not b.stages:
                after = self.blocks[i + 1] if i + 1 < len(self.blocks) else None
                yield b, after if after is not None and after.stages else None


def _by_source(projections: Sequence[DeviceProjection]) -> list[DeviceProjection]:
    """Projections of one source population after each other, sources in the order of their first."""
    order = list(dict.fromkeys(p.pre for p in projections))
    return sorted(projections, key=lambda p: order.index(p.pre))
