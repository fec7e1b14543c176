from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.hardware import Overflow
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.emulator.device import LoihiDevice, device_of
from neurosim.hardware.loihi.emulator.virtual_chip import virtual_chip
from neurosim.hardware.loihi.mapping.core_content import core_content
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.numerics.convolution import convolve
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.numerics.programs import Program
from neurosim.hardware.loihi.quantise.quantised_plan import device_network, quantise_network
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.interchange.nir import read_nir
from neurosim.network import Network
from neurosim.neurons.options import Reset
from neurosim.spikes import Spikes

LOIHI1 = read_chip("loihi1").limits
STEPS = 12
STATES = {"v": (1.0, 0.0), "i": (1.0, 0.0)}
TIGHT = {
    "as it is": {},
    "small cores": {"compartments": 37, "axon_base_maximum": 9, "synapse_formats": 2},
    "few axons": {"input_axons": 48, "axon_base_maximum": 16},
}
LAYERS = {
    "plain": ((2, 6, 7), (4, 2, 3, 3), {}),
    "padding": ((1, 6, 6), (3, 1, 3, 2), {"padding": 1}),
    "stride": ((3, 7, 8), (4, 3, 2, 3), {"stride": 2, "padding": 1}),
    "dilation": ((2, 8, 8), (2, 2, 3, 3), {"dilation": 2, "padding": 2}),
    "groups": ((4, 5, 6), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    "delay": ((2, 6, 5), (4, 2, 2, 2), {"delay": 3}),
}


def device_pair(network, limits):
    """The network on the cores of a chip, through its tables, and on one core without lists that are shared."""
    entries = {n: PopulationEntry(shape=(p.size,), states=STATES) for n, p in network.populations.items()}
    inputs = {n: PopulationEntry(shape=(size,)) for n, size in network.inputs.items()}
    manifest = Manifest(
        target="loihi", profile="loihi1", dt=1e-3, inputs=inputs, populations=entries, outputs=tuple(entries)
    )
    mapped = map_network(network, limits)
    numerics = PROFILES["nengo-loihi"]
    virtual = LoihiDevice(manifest, virtual_chip(network), numerics)
    return mapped, device_of(manifest, tables_of(mapped, numerics)), virtual


def runs(devices, network, spikes):
    record = dict.fromkeys(network.populations, Record("spikes", "v", "i"))
    fed = {"in": Spikes.from_dense(spikes, dt=1e-3)}
    return [d.run(fed, STEPS, record, 0, Overflow.AS_CHIP) for d in devices]


@pytest.mark.parametrize("tight", TIGHT.values(), ids=TIGHT)
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_convolution_on_cores_equals_lavas(networks, layer, tight):
    shape, kernel_shape, options = layer
    rng = np.random.default_rng(5)
    kernel = rng.integers(-20, 21, kernel_shape) * 2
    first, out_shape = networks.convolution("in", "a", shape, kernel, **options)
    n, m = int(np.prod(shape)), int(np.prod(out_shape))
    # u without memory is what arrives; the second layer hears spikes of the first
    a = networks.population("a", m, du=np.full(m, 4095), threshold=np.full(m, 30))
    second, second_shape = networks.convolution(
        "a", "b", out_shape, rng.integers(-20, 21, (5, out_shape[0], 2, 2)) * 2
    )
    network = networks.network({"in": n}, {"a": a, "b": int(np.prod(second_shape))}, first, second)
    mapped, device, virtual = device_pair(network, {**LOIHI1, **tight})
    spikes = (rng.random((STEPS, 1, n)) < 0.3).astype(np.int64)
    on_cores, unshared = runs((device, virtual), network, spikes)
    for name in ("a", "b"):
        assert np.array_equal(on_cores[name].spikes.dense(int), unshared[name].spikes.dense(int))
        for variable, values in on_cores[name].variables.items():
            assert np.array_equal(values, unshared[name].variables[variable])
    assert on_cores["b"].spikes.step.size
    # Lava's layout is (x, y, channel), and its kernel is flipped
    x = spikes.reshape(STEPS, *shape).transpose(3, 2, 1, 0)
    weight = kernel.transpose(0, 3, 2, 1)[:, ::-1, ::-1]
    pairs = {k: (v, v) for k, v in options.items() if k in ("stride", "padding", "dilation")}
    wanted = (
        convolve(x, weight, groups=options.get("groups", 1), **pairs).transpose(3, 2, 1, 0).reshape(STEPS, m)
    )
    late = 1 + options.get("delay", 0)
    assert np.array_equal(on_cores["a"].variables["i"][late:, 0] >> 6, wanted[:-late])
    if tight is TIGHT["few axons"]:
        assert any(core.axons.kind.any() for core in mapped.cores)
    if tight is TIGHT["small cores"]:
        assert len(mapped.cores) > 2


def test_a_kernel_is_stored_once_for_the_interior_and_each_border(networks):
    """Row, column and corner of each side: 9 kinds of lists for a 3 x 3 kernel, on one channel of 10 x 10."""
    projection, _ = networks.convolution(
        "in", "a", (1, 10, 10), 2 * np.arange(1, 10).reshape(1, 1, 3, 3), padding=1
    )
    network = networks.network({"in": 100}, {"a": 100}, projection)
    content = core_content(network, [CoreSlice("a", range(100))], LOIHI1)
    assert len(np.unique(content.axons.pointer)) == 9
    assert np.count_nonzero(content.synapses.weight) == 9 + 4 * 6 + 4 * 4
    assert content.bits < content.bits_unshared / 8


def test_lists_too_far_apart_for_a_base_are_stored_again(networks):
    """A synapse of each of 1000 neurons to its own compartment: indices 0, and beyond base 255 larger ones."""
    n = np.arange(1000)
    network = networks.network(
        {"in": 1000}, {"a": 1000}, networks.projection("in", "a", 1000, n, n, np.full(1000, 2))
    )
    content = core_content(network, [CoreSlice("a", range(1000))], LOIHI1)
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(1000))])
    assert len(content.synapses.weight) == 4
    assert content.bits == 4 * 64


def test_weights_or_delays_that_differ_are_not_shared(networks):
    def stored(weight, delay):
        projection = networks.projection("in", "a", 3, [0, 1, 2], [0, 1, 2], weight, 0, delay)
        network = networks.network({"in": 3}, {"a": 3}, projection)
        return len(core_content(network, [CoreSlice("a", range(3))], LOIHI1).synapses.weight)

    assert stored([2, 2, 2], [1, 1, 1]) == 1
    assert stored([2, 2, 4], [1, 1, 1]) == 2
    assert stored([2, 2, 2], [1, 0, 1]) == 2


def test_equal_digests_of_unequal_lists_do_no_harm(networks, monkeypatch):
    monkeypatch.setattr(
        "neurosim.hardware.loihi.mapping.shared_lists.scrambled", lambda word: np.zeros(len(word), np.uint64)
    )
    rng = np.random.default_rng(0)
    source, target = np.divmod(np.arange(60), 6)
    projection = networks.projection("in", "a", 10, source, target, 2 * rng.integers(1, 3, 60))
    network = networks.network({"in": 10}, {"a": 6}, projection)
    content = core_content(network, [CoreSlice("a", range(6))], LOIHI1)
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(6))])


def test_a_program_with_two_accumulators_counts_them_through(networks):
    """Neuron n has 2 n and 2 n + 1."""
    population = replace(networks.population("a", 3), program=Program.RESONATE_AND_FIRE)
    real = networks.projection("in", "a", 2, [0, 1], [1, 2], [2, 4], name="real")
    imaginary = replace(
        networks.projection("in", "a", 2, [0, 1], [1, 2], [6, 8], name="imaginary"), accumulator=1
    )
    network = networks.network({"in": 2}, {"a": population}, real, imaginary)
    content = core_content(network, [CoreSlice("a", range(3))], LOIHI1)
    assert networks.held(content) == [(0, 2, 0, 2.0), (0, 3, 0, 6.0), (1, 4, 0, 4.0), (1, 5, 0, 8.0)]


@pytest.mark.reference("nir_paper/02_cnn*.nir")
def test_a_published_convolutional_network_takes_as_few_cores_as_its_neurons_do(reference_file):
    """Five layers for 34 x 34 x 2 events, 8970 neurons and 1.1 million synapses; nine cores have 9216 compartments."""
    read, _ = read_nir(reference_file, dt=1e-3, dialect="sinabs")
    net = Network(dt=1e-3)
    parts = {name: net.input(name, i.shape) for name, i in read.inputs.items()}
    for name, p in read.populations.items():
        parts[name] = net.population(name, p.shape, replace(p.model, reset=Reset.TO_VALUE))
    for p in read.projections.values():
        net.connect(parts[p.pre], parts[p.post], p.rule, weight=p.weight, delay=1e-3)
    plan = lower(net)
    network = device_network(plan, quantise_network(plan, LOIHI1, signs=Signs.MIXED))
    mapped, device, virtual = device_pair(network, LOIHI1)
    assert len(mapped.cores) == -(-sum(p.size for p in network.populations.values()) // 1024) == 9
    bits = [
        (c.bits, c.bits_unshared) for c in (core_content(network, m.slices, LOIHI1) for m in mapped.cores)
    ]
    shared, alone = np.sum(bits, axis=0)
    assert shared == sum(core.loads["synapse_bits"] for core in mapped.cores)
    assert shared * 8 < alone
    spikes = (np.random.default_rng(0).random((STEPS, 2, 2 * 34 * 34)) < 0.2).astype(np.int64)
    record = dict.fromkeys(network.populations, Record("spikes", "v"))
    fed = {"input": Spikes.from_dense(spikes, dt=1e-3)}
    one, other = (d.run(fed, STEPS, record, 0, Overflow.AS_CHIP) for d in (device, virtual))
    for name in network.populations:
        assert np.array_equal(one[name].spikes.dense(int), other[name].spikes.dense(int))
        assert np.array_equal(one[name].variables["v"], other[name].variables["v"])
    assert one["12"].variables["v"].any()
