"""Long delays: smaller cores or delay extensions."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim import hardware
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError
from neurosim.hardware import SpiNNaker
from neurosim.hardware.spinnaker.delay_extension import delay_core_dtcm, extensions
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.long_delays import LongDelays
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.mapping.reach_delays import choose_atoms
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.numerics.pair_rule import pair_rule
from neurosim.neurons import LIF

LIMITS = read_limits()


def network(sizes, *projections, sources=()):
    """Projections (pre, post, delay) of one synapse each."""
    populations = {
        name: DevicePopulation(
            name=name, size=size, atoms=min(size, 32768 if name in sources else 256),
            model=None if name in sources else CoreModel.IF_CURR_DELTA,
        )
        for name, size in sizes.items()
    }  # fmt: skip
    one = np.ones(1, np.uint16)
    found = tuple(
        DeviceProjection(
            name=f"{pre}->{post}", pre=pre, post=post, receptor=0, target=np.zeros(1, np.int32), raw=one,
            row_start=np.minimum(np.arange(sizes[pre] + 1), 1), delay=one * delay,
        )
        for pre, post, delay in projections
    )  # fmt: skip
    return DeviceNetwork(populations=populations, projections=found)


def atoms(net, policy=LongDelays.AUTO, most=256, limits=LIMITS):
    chosen = choose_atoms(net, most, limits, policy)
    return {name: p.atoms for name, p in chosen.populations.items()}


@pytest.mark.parametrize(("delay", "n"), [(1, 256), (32, 256), (33, 128), (64, 128), (65, 64), (1024, 8)])
def test_smaller_cores_have_more_slots(delay, n):
    net = network({"a": 500, "b": 500}, ("a", "b", delay))
    assert atoms(net, LongDelays.SMALLER_CORES) == {"a": 256, "b": n}


def test_a_small_population_has_slots_to_spare():
    assert atoms(network({"a": 50}, ("a", "a", 128))) == {"a": 50}
    assert atoms(network({"a": 50}, ("a", "a", 129))) == {"a": 32}


def test_the_fewer_cores_win():
    """512 neurons to 2048: 8 cores of 256 become 16, 32, 64; or 2 delay cores wait."""
    net = network({"a": 512, "b": 2048}, ("a", "b", 60))
    assert atoms(net) == {"a": 256, "b": 256}
    assert extensions(choose_atoms(net, 256, LIMITS))["a"].stages == 1
    assert atoms(net, LongDelays.SMALLER_CORES) == {"a": 256, "b": 128}
    # the other way round, two more cores are fewer than eight delay cores
    assert atoms(network({"a": 2048, "b": 512}, ("a", "b", 60))) == {"a": 256, "b": 128}
    back = choose_atoms(network({"a": 2048, "b": 512}, ("a", "b", 60)), 256, LIMITS, LongDelays.EXTEND)
    assert extensions(back)["a"].stages == 1
    # 1 delay core or 1 more core: no extension
    assert atoms(network({"a": 256, "b": 256}, ("a", "b", 60))) == {"a": 256, "b": 128}


def test_several_stages_want_equal_and_full_source_cores():
    net = network({"a": 512, "b": 4096}, ("a", "b", 90))
    chosen = choose_atoms(net, 256, LIMITS, LongDelays.EXTEND)
    assert {p.atoms for p in chosen.populations.values()} == {256}
    assert extensions(chosen)["a"].stages == 2
    # 500 neurons make two full cores of 250; 509, a prime, no full cores, and take fewer atoms with one stage
    chosen = choose_atoms(network({"a": 500, "b": 4096}, ("a", "b", 90)), 256, LIMITS, LongDelays.EXTEND)
    assert {p.atoms for p in chosen.populations.values()} == {250}
    assert extensions(chosen)["a"].stages == 2
    chosen = choose_atoms(network({"a": 509, "b": 4096}, ("a", "b", 90)), 256, LIMITS, LongDelays.EXTEND)
    assert chosen.populations["b"].atoms == 128
    assert extensions(chosen)["a"].stages == 1


def test_a_spike_source_takes_the_atoms_of_its_targets():
    net = network({"in": 1024, "b": 4096}, ("in", "b", 90), sources=("in",))
    assert atoms(net, LongDelays.EXTEND) == {"in": 256, "b": 256}
    assert atoms(net, LongDelays.SMALLER_CORES) == {"in": 1024, "b": 64}


def test_delay_cores_must_hold_their_counters():
    """Four stages of 256 atoms do not; with 128, three stages of 64 steps... are 192 steps, which do."""
    net = network({"a": 1024, "b": 8192}, ("a", "b", 150))
    chosen = choose_atoms(net, 256, LIMITS, LongDelays.EXTEND)
    e = extensions(chosen)["a"]
    assert delay_core_dtcm(chosen.populations["a"].atoms, e.stages, e.slots) <= LIMITS["dtcm_bytes"]
    assert chosen.populations["a"].atoms < 256


def test_groups_without_common_populations_are_apart():
    net = network(
        {"a": 512, "b": 4096, "c": 4096, "d": 512, "e": 900}, ("a", "b", 60), ("c", "d", 60), ("b", "e", 1)
    )
    assert atoms(net) == {"a": 256, "b": 256, "c": 256, "d": 128, "e": 256}


def test_synapses_that_learn_keep_their_own_delay():
    net = network({"a": 512, "b": 4096}, ("a", "b", 60))
    rule = pair_rule(tau_plus=20, tau_minus=20, a_plus=0.1, a_minus=0.1, w_min=0, w_max=1, time_step=1)
    learning = DeviceNetwork(
        populations={**net.populations, "b": dataclasses.replace(net.populations["b"], rule=rule)},
        projections=tuple(dataclasses.replace(p, plastic=True) for p in net.projections),
    )
    assert atoms(learning)["b"] == 128


@pytest.mark.parametrize(
    ("policy", "delay", "message"),
    [
        (LongDelays.AUTO, 20000, r"'a->b'.*20000 steps; allowed: 1024 steps.*Shorten"),
        (LongDelays.SMALLER_CORES, 1025, r"'a->b'.*1025 steps.*LongDelays\.EXTEND would fit"),
        (LongDelays.EXTEND, 20000, r"out of reach.*Shorten"),
    ],
)
def test_what_no_policy_reaches_names_the_projection(policy, delay, message):
    with pytest.raises(CapacityError, match=message):
        atoms(network({"a": 512, "b": 4096}, ("a", "b", delay)), policy)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_delay_is_reached(data):
    sizes = {n: data.draw(st.integers(1, 2000)) for n in "abcd"}
    names = st.sampled_from("abcd")
    projections = data.draw(
        st.lists(
            st.tuples(names, names, st.integers(1, 1024)), min_size=1, max_size=6, unique_by=lambda p: p[:2]
        )
    )
    net = network(sizes, *projections, sources=())
    most = data.draw(st.sampled_from([256, 100, 64]))
    cores = {}
    for policy in (LongDelays.AUTO, LongDelays.SMALLER_CORES):
        chosen = choose_atoms(net, most, LIMITS, policy)
        found = extensions(chosen)
        cores[policy] = sum(p.cores for p in chosen.populations.values()) + sum(
            chosen.populations[name].cores for name in found
        )
        for p in chosen.projections:
            pre, post = chosen.populations[p.pre], chosen.populations[p.post]
            assert pre.atoms <= most
            if p.longest_delay > post.slots:
                assert found[p.pre].stages == 1 or (pre.atoms == post.atoms and pre.size % pre.atoms == 0)
    assert not found
    assert cores[LongDelays.AUTO] <= cores[LongDelays.SMALLER_CORES]


def test_both_ways_give_the_spikes_of_the_engine(small_network, tmp_path):
    """Delays of up to 101 steps: through delay cores on a board with faults, and on small cores of three boards."""
    net, inputs = small_network(LIF(tau_membrane=20e-3, refractory=2e-3), longest=100, samples=1)
    wanted = simulate(net, inputs, record={"a": Record("spikes"), "b": Record("spikes")})
    (tmp_path / "mine.toml").write_text("missing_chips = [[1, 0], [1, 1]]\nmissing_links = [[0, 0, 2]]\n")
    faulty = SpiNNaker(machine=str(tmp_path / "mine.toml"), atoms_per_core=100, long_delays=LongDelays.EXTEND)
    several = SpiNNaker(boards=3, long_delays=LongDelays.SMALLER_CORES)
    kinds = {}
    for target in (faulty, several):
        build = hardware.compile(net, target)
        folder = tmp_path / target.long_delays.name
        build.save(folder)
        vertices = json.loads((folder / "vertices.json").read_text())["vertices"]
        kinds[target.long_delays] = [v["kind"] for v in vertices]
        assert not {(v["x"], v["y"]) for v in vertices} - set(target.read_machine().cores)
        found = hardware.load(folder).emulate(inputs, record={"a": Record("spikes"), "b": Record("spikes")})
        for name in "ab":
            ours, theirs = found[name].spikes, wanted[name].spikes
            assert len(theirs.step) > 300
            assert np.array_equal(
                np.sort(ours.step * 1000 + ours.neuron), np.sort(theirs.step * 1000 + theirs.neuron)
            )
    assert kinds[LongDelays.EXTEND].count("delay") == 2  # of "in" and "b"; "a" sends without delay
    assert len(kinds[LongDelays.EXTEND]) == 5
    assert "delay" not in kinds[LongDelays.SMALLER_CORES]
