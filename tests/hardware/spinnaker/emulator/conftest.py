"""Machines made by hand: one source, one core of neurons, and a delay core between them if asked for."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.spinnaker.emulator.run_cores import Packets
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION, DelayParameters, delay_region
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, VertexKind
from neurosim.hardware.spinnaker.image.population_table import TableEntry, encode_table
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.image.rows import RowFormat
from neurosim.hardware.spinnaker.routing.entry import Entry

ONE = 1 << 15
MASK = 0xFFFFF000
DELAYED = 0x1000


def block(synapses, n_rows, layout):
    """Rows of synapses (row, neuron, raw weight, delay, receptor), padded to whole blocks of 16 bytes."""
    rows = [[] for _ in range(n_rows)]
    for row, index, weight, delay, receptor in synapses:
        rows[row].append(int(layout.encode(weight, delay, receptor, index)))
    length = max(1, *map(len, rows))
    words = [word for r in rows for word in (0, len(r), 0, *r, *[0] * (length - len(r)))]
    return words + [0] * (-len(words) % 4), length


def hand_made(synapses, *, sources=3, neurons=4, delay_bits=3, shift=4, stages=0, threshold=2**31 - 1):
    """An image. Synapses longer than the slots go through the delay core, which has as many stages as said."""
    slots, layout = 1 << delay_bits, RowFormat(neurons)
    direct = [s for s in synapses if s[3] <= slots]
    late = [
        ((d - 1) // slots * sources - sources + i, j, w, (d - 1) % slots + 1, r)
        for i, j, w, d, r in synapses
        if d > slots
    ]
    blocks = [block(direct, sources, layout)] + ([block(late, stages * sources, layout)] if stages else [])
    words = np.array([word for b, _ in blocks for word in b], np.uint32)
    starts = [0, 4 * len(blocks[0][0])]
    entries = [
        TableEntry(key=key, mask=MASK, core_mask=0, core_shift=12, neurons=n, blocks=((start, length),))
        for key, n, start, (_, length) in zip(
            (0, DELAYED), (sources, stages * sources), starts, blocks, strict=False
        )
    ]
    core = CoreParameters(neurons, None, neurons, delay_bits, (shift, shift))
    neuron = np.tile(np.array([0, 0, ONE, 20 * ONE, 0, 0, 0, 0, ONE]), (neurons, 1))
    parameters = parameter_region(
        neuron, np.full((neurons, 1), ONE), np.full(neurons, threshold), np.zeros((neurons, 2))
    )
    regions = {
        (0, 0, 4): {},
        (0, 0, 5): {
            int(Region.CORE): core_region(core), int(Region.PARAMETERS): parameters,
            int(Region.SYNAPSE_PARAMETERS): synapse_region(core),
            int(Region.POPULATION_TABLE): encode_table(entries), int(Region.SYNAPTIC_ROWS): words,
        },
    }  # fmt: skip
    common = {"x": 0, "y": 0, "lo": 0, "mask": MASK}
    vertices = [
        Vertex(label="in", population="in", kind=VertexKind.SOURCE, model=None, hi=sources, p=4, key=0, **common),
        Vertex(label="out", population="out", kind=VertexKind.NEURONS, model="IF_CURR_DELTA", hi=neurons, p=5,
               **{**common, "mask": None}, key=None),
    ]  # fmt: skip
    route = 1 << 11
    if stages:
        parameters = DelayParameters(
            key=DELAYED, incoming_key=0, incoming_mask=MASK, neurons=sources, stages=stages, slots=slots
        )
        regions[0, 0, 6] = {DELAY_REGION: delay_region(parameters)}
        vertices.append(
            Vertex(label="in delayed", population="in", kind=VertexKind.DELAY, model=None, hi=sources, p=6,
                   key=DELAYED, **common)
        )  # fmt: skip
        route |= 1 << 12
    tables = {(0, 0): [Entry(0, MASK, route), Entry(DELAYED, MASK, 1 << 11)]}
    return MachineImage(tuple(vertices), regions, tables)


def packets(events, steps):
    """Packets of the source, from (step, atom) in any order."""
    table = np.array(sorted(events), np.int64).reshape(-1, 2)
    start = np.searchsorted(table[:, 0], np.arange(steps + 1)).astype(np.int64)
    return Packets(start, np.ones(len(table), np.int64), table[:, 1].copy())


@pytest.fixture(scope="session")
def hand_made_image():
    return hand_made


@pytest.fixture(scope="session")
def source_packets():
    return packets
