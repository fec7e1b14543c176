"""Cores that hold slices of several populations, and how full they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.lower_bound import lower_bounds
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.programs import Program
from neurosim.hardware.loihi.numerics.voltage_register import READOUT_V_MAX

LOIHI1 = read_chip("loihi1").limits


def random_network(networks, rng):
    sizes = {f"p{i}": int(rng.integers(1, 60)) for i in range(rng.integers(1, 5))}
    inputs = {"in": int(rng.integers(1, 80))}
    populations = {
        name: networks.population(
            name,
            n,
            du=rng.integers(0, 3, n) * 1000,
            threshold=rng.choice([100, 200, 40000], 1).repeat(n),
            spiking=bool(rng.integers(4)),
        )
        for name, n in sizes.items()
    }
    projections = []
    for _ in range(rng.integers(1, 6)):
        pre, post = rng.choice([*inputs, *sizes]), rng.choice([*sizes])
        n_pre, n = {**inputs, **sizes}[pre], sizes[post]
        k = int(rng.integers(0, 3 * n + 1))
        projections.append(
            networks.projection(
                pre,
                post,
                n_pre,
                rng.integers(0, n_pre, k),
                rng.integers(0, n, k),
                2 * rng.integers(-100, 100, k),
                exponent=int(rng.integers(-1, 2)),
                delay=rng.integers(0, rng.integers(1, 12), k),
                name=f"{len(projections)}",
            )
        )
    return networks.network(inputs, populations, *projections)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    small=st.sampled_from(["compartments", "input_axons", "synapse_bits", "output_axons", ""]),
)
def test_every_neuron_has_a_compartment_and_every_synapse_is_on_its_core(networks, seed, small):
    rng = np.random.default_rng(seed)
    network = random_network(networks, rng)
    limits = dict(LOIHI1)
    if small:
        limits[small] = {"compartments": 9, "input_axons": 12, "synapse_bits": 2048, "output_axons": 24}[
            small
        ]
    try:
        mapped = map_network(network, limits)
    except CapacityError:
        return
    found = Counter((s.population, n) for core in mapped.cores for s in core.slices for n in s.neurons)
    assert found == Counter((name, n) for name, p in network.populations.items() for n in range(p.size))
    numbers = [core.number for core in mapped.cores]
    assert len(set(numbers)) == len(numbers) <= limits["cores"]
    sent = Counter(int(n) for core in mapped.cores for n in core.axons.source)
    for core in mapped.cores:
        taken = [c for s in core.slices for c in range(s.first, s.first + len(s.neurons))]
        assert sorted(taken) == list(range(core.compartments))
        assert networks.held(core) == networks.wanted(network, core.slices)
        populations = {s.population for s in core.slices}
        longest = max((p.longest_delay for name in populations for p in network.incoming(name)), default=0)
        assert 1 << core.delay_bits >= longest + 2
        assert core.loads["compartments"] == len(taken)
        assert core.loads["accumulators"] == len(taken) << core.delay_bits
        assert core.loads["input_axons"] == len(core.axons.atoms)
        assert core.loads["output_axons"] == sum(
            sent[network.first_neuron[s.population] + n] for s in core.slices for n in s.neurons
        )
        assert all(need <= limits[name] for name, need in core.loads.items()), core.loads
        kinds = [network.populations[name] for name in populations]
        if not all(p.spiking for p in kinds):
            assert all(int(p.threshold.max()) << 6 < READOUT_V_MAX for p in kinds if p.spiking)


def uniform(networks, size, fan_in, n_pre, pre="in", post="p", seed=0):
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(size), fan_in)
    return networks.projection(
        pre, post, n_pre, rng.integers(0, n_pre, len(target)), target, 2 * rng.integers(1, 100, len(target))
    )


def test_small_populations_share_a_core(networks):
    sizes = {f"p{i}": 40 for i in range(50)}
    projections = [uniform(networks, 40, 5, 30, post=name) for name in sizes]
    mapped = map_network(networks.network({"in": 30}, sizes, *projections), LOIHI1)
    assert len(mapped.cores) == 2  # 2000 neurons, 1024 a core
    assert max(len(core.slices) for core in mapped.cores) > 20


def test_only_one_program_on_a_core(networks):
    ours = [networks.population(n, 4, program=p) for n, p in (("a", Program.LIF), ("b", Program.GRADED))]
    mapped = map_network(networks.network({}, {p.name: p for p in ours}), LOIHI1)
    assert len(mapped.cores) == 2


@pytest.mark.parametrize(("threshold", "cores"), [(READOUT_V_MAX // 64, 1), (READOUT_V_MAX // 64 + 1, 2)])
def test_a_readout_shares_a_core_with_thresholds_below_its_saturation(networks, threshold, cores):
    ours = [
        networks.population("spiking", 4, threshold=np.full(4, threshold)),
        networks.population("readout", 4, threshold=np.full(4, 131071), spiking=False),
    ]
    assert len(map_network(networks.network({}, {p.name: p for p in ours}), LOIHI1).cores) == cores


def test_populations_of_different_needs_are_mixed(networks):
    """Many neurons without synapses, and few with much memory, fill the same cores."""
    network = networks.network(
        {"in": 600}, {"wide": 6000, "deep": 1000}, uniform(networks, 1000, 400, 600, post="deep")
    )
    mapped = map_network(network, LOIHI1)
    bounds = lower_bounds(network, LOIHI1)
    assert bounds["compartments"] == 7
    assert len(mapped.cores) <= 8


@pytest.mark.parametrize(
    ("size", "fan_in", "n_pre", "resource"),
    [(3000, 1, 10, "compartments"), (2000, 40, 4000, "slices"), (1500, 300, 400, "synapse_bits")],
)
def test_cores_are_within_a_core_of_the_bound(networks, size, fan_in, n_pre, resource):
    network = networks.network({"in": n_pre}, {"p": size}, uniform(networks, size, fan_in, n_pre))
    bounds = lower_bounds(network, LOIHI1)
    assert bounds[resource] >= max(bounds.values()) - 1
    assert len(map_network(network, LOIHI1).cores) <= max(bounds.values())


def test_output_axons_follow_from_where_targets_lie(networks):
    """Neurons have targets on all of four cores: a core of 1024 of them would send 4096 axons."""
    rng = np.random.default_rng(0)
    source, target = np.repeat(np.arange(2000), 30), rng.integers(0, 4000, 60000)
    network = networks.network(
        {},
        {"a": 2000, "b": 4000},
        networks.projection("a", "b", 2000, source, target, np.full(60000, 2)),
    )

    def most(limits):
        return max(core.loads["output_axons"] for core in map_network(network, limits).cores)

    assert most(LOIHI1) > 2048 >= most({**LOIHI1, "output_axons": 2048}) > 1500


def test_a_neuron_that_reaches_too_many_cores(networks):
    source, target = np.zeros(3000, np.int64), np.arange(3000)
    network = networks.network(
        {}, {"a": 1, "b": 3000}, networks.projection("a", "b", 1, source, target, np.full(3000, 2))
    )
    with pytest.raises(
        CapacityError, match=r"population 'a', neuron 0.*output axons|output axons.*population 'a', neuron 0"
    ):
        map_network(network, {**LOIHI1, "output_axons": 2})


def test_channels_of_a_pixel_come_together(networks):
    """A core with all channels of some pixels hears a part of the image; by number it would hear all of it."""
    kernel = 2 * np.random.default_rng(0).integers(1, 60, (8, 4, 3, 3))
    projection, shape = networks.convolution("in", "p", (4, 40, 40), kernel, padding=1)
    mapped = map_network(networks.network({"in": 6400}, {"p": int(np.prod(shape))}, projection), LOIHI1)
    assert len(mapped.cores) == 13  # 12800 neurons
    assert max(core.loads["input_axons"] for core in mapped.cores) < 6400 / 4
