"""Starting the cores: from the memory that sPyNNaker's host writes, as from ours."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from neurosim import hardware
from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.run_cores import Packets, run
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION, decode_delay_region
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, VertexKind, read_image
from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block
from neurosim.hardware.spinnaker.image.regions import Region, decode_core_region, parameter_region
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.mapping.routes import Entry
from neurosim.neurons import LIF

REGIONS = (Region.CORE, Region.SYNAPSE_PARAMETERS, Region.POPULATION_TABLE, Region.SYNAPTIC_ROWS)


def genuine(image, net):
    """The memory, keys and tables of the host; parameters, which the board expands itself, from the network."""
    vertices, regions = [], {}
    tables = {}
    for x, y, key, mask, route in image["routing"].tolist():
        tables.setdefault((x, y), []).append(Entry(key, mask, route))
    for x, y, p, label in json.loads(str(image["placements"])):
        match = re.fullmatch(r"(\w+?)(_delay(?:ed)?)?\((\d+):(\d+)\)", label)
        if match is None or match[1] not in net.populations:
            continue
        population, lo, hi = net.populations[match[1]], int(match[3]), int(match[4]) + 1
        kind, model = VertexKind.SOURCE, None
        if match[2]:
            kind = VertexKind.DELAY
            regions[x, y, p] = {DELAY_REGION: image[f"r_{x}_{y}_{p}_1"]}
            delay = decode_delay_region(image[f"r_{x}_{y}_{p}_1"], label)
            key, width = delay.key, (16 * delay.neurons * delay.stages - 1).bit_length()
        elif population.model is None:
            key, width = (
                int(image[f"r_{x}_{y}_{p}_1"][5]),
                (~int(image[f"r_{x}_{y}_{p}_1"][6]) & 0xFFFFFFFF).bit_length(),
            )
            regions[x, y, p] = {}
        else:
            kind, model = VertexKind.NEURONS, population.model.name
            memory = {int(r): image[f"r_{x}_{y}_{p}_{int(r)}"] for r in REGIONS}
            if f"r_{x}_{y}_{p}_7" in image:
                memory[int(Region.PLASTICITY)] = image[f"r_{x}_{y}_{p}_7"]
            neuron, inputs, threshold, synapse = (a[lo:hi] for a in population.words(net.dt))
            memory[int(Region.PARAMETERS)] = parameter_region(neuron, inputs, threshold, synapse)
            regions[x, y, p] = memory
            _, key = decode_core_region(memory[int(Region.CORE)], label)
            width = max(0, (16 * population.atoms - 1).bit_length())
        plastic = "_stdp_mad_pair_additive" if Region.PLASTICITY in regions[x, y, p] else None
        mask = None if key is None else 0xFFFFFFFF & ~((1 << width) - 1)
        vertices.append(
            Vertex(
                label=label, population=match[1], kind=kind, model=model, lo=lo, hi=hi, x=x, y=y, p=p, key=key,
                mask=mask, plasticity=plastic,
            )
        )  # fmt: skip
    return MachineImage(tuple(vertices), regions, tables)


def packets_of(net, started):
    """Packets of the spike sources of a reference network."""
    table = np.array(
        sorted(
            (int(t), started.first[p.name] + i)
            for p in net.populations.values()
            if p.spike_steps is not None
            for i, times in enumerate(p.spike_steps)
            for t in times
            if t < net.steps
        ),
        np.int64,
    )
    vertex = np.searchsorted(started.first_atom, table[:, 1], side="right") - 1
    return Packets(
        np.searchsorted(table[:, 0], np.arange(net.steps + 1)).astype(np.int64),
        vertex,
        table[:, 1] - started.first_atom[vertex],
    )


@pytest.mark.reference("spinnaker/image_*.npz")
def test_the_hosts_memory_runs_as_on_the_firmware(reference_file, reference_network):
    """Rows, tables and keys as sPyNNaker wrote them, started and run: the spikes and potentials of the firmware, every
    one, through delay cores and plastic synapses too, with one thread as with three."""
    path = reference_file.with_name(reference_file.name.replace("image_", "net_"))
    if not path.is_file():
        pytest.skip(f"no {path.name} beside it")
    net = reference_network(path)
    with np.load(reference_file) as image:
        started = start(genuine(image, net), read_machine())
    packets, everyone = packets_of(net, started), np.arange(len(started.initial.neurons.v))
    for threads in (1, 3):
        memory = started.memory()
        result = run(started.tables, memory, packets, net.steps, probes=everyone, threads=threads)
        recorded = np.concatenate([started.initial.neurons.v[None], result.v[:-1]])  # V before the update
        spiked = np.zeros(recorded.shape, bool)
        spiked[np.repeat(np.arange(net.steps), np.diff(result.spike_start)), result.spikes] = True
        with np.load(path) as file:
            for p in net.populations.values():
                if p.model is not None:
                    here = slice(started.first[p.name], started.first[p.name] + p.size)
                    assert int((spiked[:, here] != file[f"spikes_{p.name}"]).sum()) == 0, p.name
                    assert int((recorded[:, here] != file[f"V_{p.name}"]).sum()) == 0, p.name
            if net.plastic:
                (weights,) = (plastic_weights(file["synblocks"][-1], place.rows) for place in started.plastic)
                np.testing.assert_array_equal(memory.rows.weight, weights)


def plastic_weights(words, rows):
    """Weights of all rows of a block of the synaptic matrix."""
    return decode_plastic_block(words, rows.start, rows.length, rows.first, rows.count, "reference").weight


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
