"""Starting the cores: from the memory that sPyNNaker's host writes, as from ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim import hardware
from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.plastic_memory import synaptic_words
from neurosim.hardware.spinnaker.emulator.run_cores import Packets, run
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, VertexKind, read_image
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.neurons import LIF


def genuine(image, cores, ours):
    """The memory, keys and tables of the host; parameters, which the board expands itself, are ours."""
    tables = {}
    for x, y, key, mask, route in image["routing"].tolist():
        tables.setdefault((x, y), []).append(Entry(key, mask, route))
    vertices, regions = [], {}
    for (x, y, p), v in cores:
        vertices.append(replace(v, x=x, y=y, p=p))
        own = ours.regions[v.place]
        regions[x, y, p] = {r: image.get(f"r_{x}_{y}_{p}_{int(r)}", words) for r, words in own.items()}
        if v.kind is VertexKind.NEURONS:
            regions[x, y, p][int(Region.PARAMETERS)] = own[Region.PARAMETERS]
    return MachineImage(tuple(vertices), regions, tables)


def packets_of(reference, started):
    """Packets of the spike sources of a reference network."""
    table = [np.zeros((2, 0), np.int64)]
    for name, spikes in reference.network.inputs(reference.steps).items():
        columns = np.stack([spikes.step, spikes.neuron + started.first[name]])
        table.append(np.repeat(columns, spikes.counts_of_cells(), axis=1))
    step, source = np.concatenate(table, axis=1)
    order = np.lexsort((source, step))
    step, source = step[order], source[order]
    vertex = np.searchsorted(started.first_atom, source, side="right") - 1
    begin = np.searchsorted(step, np.arange(reference.steps + 1)).astype(np.int64)
    return Packets(begin, vertex, source - started.first_atom[vertex])


@pytest.mark.reference("spinnaker/image_*.npz")
def test_the_hosts_memory_runs_as_on_the_firmware(reference_file, network_of_image, host_cores):
    """Rows, tables and keys as sPyNNaker wrote them, started and run: the spikes and potentials of the firmware, every
    one, through delay cores and plastic synapses too, with one thread as with three."""
    net = network_of_image(reference_file)
    target = hardware.SpiNNaker()
    mapped = map_network(net.device, target.read_machine(), target.limits, DelayedRows.HOST)
    with np.load(reference_file) as file:
        image = dict(file)
    started = start(genuine(image, host_cores(image, mapped.image), mapped.image), read_machine())
    packets, everyone = packets_of(net, started), np.arange(len(started.initial.neurons.v))
    for threads in (1, 3):
        memory = started.memory()
        result = run(started.tables, memory, packets, net.steps, probes=everyone, threads=threads)
        recorded = np.concatenate([started.initial.neurons.v[None], result.v[:-1]])  # V before the update
        spiked = np.zeros(recorded.shape, bool)
        spiked[np.repeat(np.arange(net.steps), np.diff(result.spike_start)), result.spikes] = True
        with np.load(reference_file.with_name(reference_file.name.replace("image_", "net_"))) as file:
            for p in net.network.populations:
                if not p.is_source:
                    here = slice(started.first[p.name], started.first[p.name] + p.size)
                    assert int((spiked[:, here] != file[f"spikes_{p.name}"]).sum()) == 0, p.name
                    assert int((recorded[:, here] != file[f"V_{p.name}"]).sum()) == 0, p.name
            if net.plastic:
                ((place, _),) = started.plastic_words.items()
                words = synaptic_words(started, memory, place)
                np.testing.assert_array_equal(words, file["synblocks"][-1][: len(words)])


@pytest.fixture
def saved(small_network, tmp_path):
    net, _ = small_network(LIF(), size=40)
    hardware.compile(net, hardware.SpiNNaker(atoms_per_core=32)).save(tmp_path / "b")
    return read_image(tmp_path / "b")


def changed(image, population, region, words):
    """The image with other words in a region of the first core of a population."""
    v = next(v for v in image.vertices if v.population == population)
    return replace(image, regions={**image.regions, v.place: {**image.regions[v.place], int(region): words}})


def words_of(image, population, region):
    v = next(v for v in image.vertices if v.population == population)
    return image.regions[v.place][int(region)]


@pytest.mark.parametrize(
    ("region", "change", "message"),
    [
        (Region.CORE, lambda w: w[:-1], "truncated"),
        (Region.CORE, lambda w: np.concatenate([w[:7], w[7:] + 16]), "differ"),
        (Region.CORE, lambda w: np.concatenate([w[:8], w[8:] + 16]), "do not follow"),
        (Region.CORE, lambda w: np.concatenate([w[:5], w[5:7] + 1, w[7:]]), "left shifts"),
        (Region.PARAMETERS, lambda w: w[:-1], "parameters"),
        (
            Region.PARAMETERS,
            lambda w: np.zeros_like(w) + (np.arange(len(w)) == 0).astype(np.uint32),
            "positive",
        ),
        (Region.SYNAPSE_PARAMETERS, lambda w: w[:-1], "damaged"),
        (
            Region.SYNAPSE_PARAMETERS,
            lambda w: np.concatenate([w[:4], [9], w[5:]]).astype(np.uint32),
            "ring buffers",
        ),
        (
            Region.SYNAPSE_PARAMETERS,
            lambda w: np.concatenate([[5], w[1:]]).astype(np.uint32),
            "neurons or ring",
        ),
        (Region.POPULATION_TABLE, lambda w: w[:-1], "truncated"),
        (Region.SYNAPTIC_ROWS, lambda w: w[: len(w) // 2], "outside"),
        (Region.SYNAPTIC_ROWS, lambda w: w | np.uint32(1), "plastic"),
    ],
)
def test_contradictions_are_found(saved, region, change, message):
    with pytest.raises(FileFormatError, match=message):
        start(changed(saved, "b", region, change(words_of(saved, "b", region))), read_machine())


def test_missing_cores_and_tables_are_found(saved):
    with pytest.raises(FileFormatError, match="missing or doubled"):
        start(replace(saved, vertices=saved.vertices[:-2] + saved.vertices[-1:]), read_machine())
    assert not len(
        start(replace(saved, tables={}), read_machine()).synapses.target
    )  # every packet is dropped
    elsewhere = replace(saved.vertices[0], x=0, y=7)
    moved = replace(
        saved, vertices=(elsewhere, *saved.vertices[1:]), regions={**saved.regions, elsewhere.place: {}}
    )
    with pytest.raises(FileFormatError, match="not a place"):
        start(moved, read_machine())


def test_what_the_tables_leave_out_does_not_arrive(saved):
    """Without its routes to one core, a sender has fewer synapses: the tables are really followed."""
    everything = start(saved, read_machine()).synapses
    (chip, table), *_ = saved.tables.items()
    place = next(v for v in saved.vertices if v.population == "b")
    cut = [Entry(e.key, e.mask, e.route & ~(1 << (6 + place.p))) for e in table]
    fewer = start(replace(saved, tables={**saved.tables, chip: cut}), read_machine()).synapses
    assert 0 < len(fewer.target) < len(everything.target)
