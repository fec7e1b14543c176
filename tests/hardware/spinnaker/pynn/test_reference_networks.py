"""Networks from their PyNN lists to the files of a build and its emulator, against runs of the genuine firmware."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.engine.recording import Record
from neurosim.hardware.spinnaker import compile_pynn
from neurosim.hardware.spinnaker.image.machine_image import VertexKind, read_image
from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.rows import RowFormat
from neurosim.loss_report import LossKind

SATURATIONS = {"cond": (101, 0), "saturate": (922, 20)}
"""Capped additions that the firmware counted, and by how many ours may differ: of unequal weights in one cell, how many
are capped depends on the order of the packets of a step, in random networks by up to 15. In ``cond`` it does not."""
COLOURS = 15


@pytest.fixture(scope="module")
def done(reference_network, tmp_path_factory):
    """A function from a file to the network, its build folder and the run; each is made once."""
    made = {}

    def of(path):
        if path not in made:
            reference = reference_network(path)
            folder = tmp_path_factory.mktemp("build") / "b"
            compile_pynn(reference.network, allow=tuple(LossKind)).save(folder)
            record = {p.name: Record("spikes", "v") for p in reference.network.populations if not p.is_source}
            run = hardware.load(folder).emulate(
                reference.network.inputs(reference.steps),
                reference.steps * reference.network.timestep_us * 1e-6,
                record=record,
                overflow=hardware.Overflow.AS_CHIP,
            )
            made[path] = reference, folder, run
        return made[path]

    return of


@pytest.mark.reference("spinnaker/net_*.npz")
def test_every_spike_and_potential_of_the_firmware(reference_file, done):
    """The firmware records V before the update of a step, in mV."""
    reference, _, run = done(reference_file)
    total = 0
    with np.load(reference_file) as file:
        for p in reference.network.populations:
            if p.is_source:
                continue
            spikes = run[p.name].spikes.dense()[:, 0]
            v = np.rint(np.concatenate([p.value("v")[None], run[p.name].v[:-1, 0]]) * 2**15)
            assert int((spikes != file[f"spikes_{p.name}"]).sum()) == 0, p.name
            assert int((v != file[f"V_{p.name}"]).sum()) == 0, p.name
            total += int(spikes.sum())
    assert total > 0
    if reference.name in SATURATIONS:
        found = sum(e.count for e in run.events if e.kind == "saturation")
        counted, uncertain = SATURATIONS[reference.name]
        assert abs(found - counted) <= uncertain


@pytest.mark.reference("spinnaker/net_*.npz")
def test_the_words_that_the_firmware_was_given(reference_file, done):
    """Region 4: atoms, bits of indices and delays, left shifts from the statistics of the lists."""
    _, folder, _ = done(reference_file)
    image = read_image(folder)
    cores = {v.label: image.regions[v.place] for v in image.vertices}
    with np.load(reference_file) as file:
        names = [key for key in file.files if key.startswith("synparams_")]
        for key in names:
            words = cores[key.removeprefix("synparams_")][Region.SYNAPSE_PARAMETERS]
            np.testing.assert_array_equal(words, file[key], err_msg=key)
        assert len(names) == sum(v.kind is VertexKind.NEURONS for v in image.vertices)
        for key, region in (
            ("region_PopTable", Region.POPULATION_TABLE),
            ("region_SynapseDynamics", Region.PLASTICITY),
            ("region_SynapseParams", Region.SYNAPSE_PARAMETERS),
        ):
            if key in file.files:
                (regions,) = (image.regions[v.place] for v in image.vertices if v.kind is VertexKind.NEURONS)
                np.testing.assert_array_equal(regions[region], file[key], err_msg=key)


@pytest.mark.reference("spinnaker/net_*.npz")
def test_every_packet_of_the_delay_extensions(reference_file, done):
    """Atom (s - 1) n + i of a delay core's keys, s slots after neuron i of its n spiked, with the step as colour."""
    reference, folder, run = done(reference_file)
    with np.load(reference_file) as file:
        if "delay_ext_packets" not in file.files:
            pytest.skip(f"network {reference.name!r} has no delay extension")
        wanted = file["delay_ext_packets"][:, [0, 2]].astype(np.int64)
    image, inputs = read_image(folder), reference.network.inputs(reference.steps)
    sent = []
    for v in image.vertices:
        if v.kind is VertexKind.DELAY:
            _, key, _, _, n, stages, slots, *_ = image.regions[v.place][1].tolist()
            source = inputs.get(v.population) or run[v.population].spikes
            here = (source.neuron >= v.lo) & (source.neuron < v.hi)
            step, atom = (
                np.repeat(x[here], source.counts_of_cells()[here])
                for x in (source.step, source.neuron - v.lo)
            )
            for s in range(1, stages + 1):
                again = step.astype(np.int64) + s * slots
                sent.append(np.stack([again, key + (((s - 1) * n + atom) << 4 | again & COLOURS)], axis=1))
    packets = np.concatenate(sent)
    packets = packets[packets[:, 0] < reference.steps]
    assert len(packets) == len(wanted) > 0
    np.testing.assert_array_equal(packets[np.lexsort(packets.T)], wanted[np.lexsort(wanted.T)])


@pytest.mark.reference("spinnaker/net_*.npz")
def test_the_weights_that_the_firmware_learned(reference_file, done):
    """Plastic rows after the last step: every weight of the synaptic matrix. Learned weights come out sorted by source,
    delay and target."""
    reference, folder, run = done(reference_file)
    with np.load(reference_file) as file:
        if "synblocks" not in file.files:
            pytest.skip(f"network {reference.name!r} has no plastic synapses")
        matrix = file["synblocks"][-1]
    image = read_image(folder)
    (vertex,) = (v for v in image.vertices if v.kind is VertexKind.NEURONS)
    (entry,) = decode_table(image.regions[vertex.place][Region.POPULATION_TABLE], vertex.label)
    ((start, length),) = entry.blocks
    (projection,) = reference.network.projections
    rows = reference.network.population(projection.pre).size
    block = decode_plastic_block(matrix.astype(np.uint32), start, length, 0, rows, vertex.label)
    _, delay, _, index = RowFormat(vertex.hi - vertex.lo).decode(block.control.astype(np.uint32))
    weights = block.weight[np.lexsort((index, delay, block.row))]
    shift = int(image.regions[vertex.place][Region.SYNAPSE_PARAMETERS][7])
    np.testing.assert_array_equal(weights / 2.0 ** (15 - shift), run.weights[projection.label][0])
