"""Every limit, met by tiny networks with artificial limits: one error that names the offender and what would fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import Sparse
from neurosim.errors import CapacityError
from neurosim.hardware import SpiNNaker
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.machine import read_limits, read_machine
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.mapping.partition import with_atoms
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF

LIMITS = read_limits()


def population(name, size, atoms, source=False):
    words = {}
    if not source:
        words = {
            "model": CoreModel.IF_CURR_DELTA, "neuron": np.zeros((size, 9), np.int64),
            "inputs": np.zeros((size, 1), np.int64), "threshold": np.zeros(size, np.int64),
            "synapse": np.zeros((size, 2), np.int64),
        }  # fmt: skip
    return DevicePopulation(name=name, size=size, atoms=atoms, **words)


def projection(pre, post, source, target, delay=1, n_pre=16, label=""):
    source, target, delay = np.broadcast_arrays(source, target, delay)
    order = np.argsort(source, kind="stable")
    return DeviceProjection(
        name=f"{pre}->{post}{label}", pre=pre, post=post, receptor=0,
        row_start=np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n_pre))]).astype(np.int64),
        target=target[order].astype(np.int32), raw=np.ones(len(order), np.uint16), delay=delay[order].astype(np.uint16),
    )  # fmt: skip


def network(*projections, a=64, atoms=64, source_atoms=16, size=16):
    return DeviceNetwork(
        populations={"in": population("in", size, source_atoms, source=True), "a": population("a", a, atoms)},
        projections=projections,
    )


EVERY = np.arange(64)
ALL = projection("in", "a", 0, EVERY)
FAR = projection("in", "a", 0, EVERY, delay=300)
MANY = [projection("in", "a", 0, EVERY, label=f" {k}") for k in range(5)]

CASES = {
    "row": (network(ALL), {"row_words": 20}, "projection 'in->a'", "64 words", "20 words", "atoms_per_core=16"),
    "row of one neuron": (
        network(projection("in", "a", 0, np.zeros(30, int))), {"row_words": 20},
        "projection 'in->a'", "30 words", "20 words", "Merge parallel",
    ),
    "data memory": (
        network(ALL), {"dtcm_bytes": 13000}, "population 'a'", r"\d+ bytes", "13000 bytes", "atoms_per_core=32",
    ),
    "memory of a core": (
        network(ALL), {"sdram_bytes": 11000}, "population 'a'", r"\d+ bytes", "11000 bytes", "atoms_per_core=32",
    ),
    "blocks of a table": (network(*MANY), {"table_blocks": 4}, "population 'a'", "5 blocks", "4 blocks", "Join"),
    "neurons of a table": (
        network(ALL), {"table_neurons": 8}, "projection 'in->a'", "16 neurons", "8 neurons", "atoms_per_core=8 of 'in'",
    ),
    "delay core": (
        network(projection("in", "a", 0, EVERY[:60], delay=500, n_pre=256), size=256, source_atoms=256),
        {"dtcm_bytes": 65536}, "population 'in'", r"\d+ bytes", "65536 bytes", "atoms_per_core=64",
    ),
    "reach of an extension": (
        network(projection("in", "a", 0, EVERY, delay=1153)), {},
        "projection 'in->a'", "1153 steps", "1152 steps", "atoms_per_core=32 of 'a'",
    ),
    "machine": (network(ALL, a=800, atoms=1), {}, "population 'a'", "801 cores", "759 cores", "boards=3"),
    "memory of the chips": (
        network(ALL, a=1600, atoms=32), {"sdram_bytes": 9000}, "population 'a'", r"51 cores and \d+ bytes",
        "48 chips of 9000 bytes", "boards=3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_limit_names_offender_value_limit_and_remedy(case):
    net, limits, where, value, limit, remedy = case
    with pytest.raises(CapacityError) as caught:
        map_network(net, read_machine(), LIMITS | limits)
    error = caught.value
    assert error.where == where
    assert re.search(value, error.value), error
    assert re.search(limit, error.limit), error
    assert error.remedy.startswith(remedy), error


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_would_fit_does(case):
    """The change an error asks for leads to no error, and twice as many atoms do not fit."""
    net, limits, *_, remedy = case
    found = re.search(r"(atoms_per_core|boards)=(\d+)(?: of '(.*)')?", remedy)
    if found is None:
        return
    with pytest.raises(CapacityError) as caught:
        map_network(net, read_machine(), LIMITS | limits)
    error = caught.value
    what, number, name = re.match(r"(\w+)=(\d+)(?: of '(.*)')? would fit", error.remedy).groups()
    if what == "boards":
        map_network(net, read_machine(boards=int(number)), LIMITS | limits)
        return
    name = name or re.search(r"'(?:in->)?(\w+)'", error.where)[1]
    map_network(with_atoms(net, {name: int(number)}), read_machine(), LIMITS | limits)
    if "extension" in error.what:
        return  # twice as many would do for the extension itself, not for the memory of its delay core
    with pytest.raises(CapacityError):
        map_network(with_atoms(net, {name: 2 * int(number)}), read_machine(), LIMITS | limits)


def test_keys_name_the_widest_population():
    with pytest.raises(CapacityError) as caught:
        allocate([Sender(name="a", size=1 << 29, atoms=256), Sender(name="b", size=5, atoms=5)])
    error = caught.value
    assert (error.where, error.limit) == ("population 'a'", "32 bits")
    assert "33 bits for its neurons, 1 for 2 populations" in error.value
    most = int(re.search(r"of (\d+) neurons", error.remedy)[1])
    allocate([Sender(name="a", size=most, atoms=256), Sender(name="b", size=5, atoms=5)])


def test_a_routing_table_names_populations_and_what_would_fit():
    """Each core of a population has its own target, so that nothing merges."""
    n = 40
    net = network(
        projection("in", "a", np.arange(n), (np.arange(n) * 7) % n, n_pre=n),
        a=n,
        atoms=1,
        source_atoms=1,
        size=n,
    )
    with pytest.raises(CapacityError) as caught:
        map_network(net, read_machine(), LIMITS | {"router_entries": 3})
    assert "chip" in caught.value.where
    assert "3 entries" in caught.value.limit
    assert "in" in str(caught.value)


def compiled(model=None, weight=1.0, pre=(0, 1), size=10, delay=1e-3, **target):
    net = Network(dt=1e-3)
    net.input("in", 4)
    net.population("a", size, model or LIF(tau_membrane=20e-3))
    net.connect("in", "a", Sparse(pre, np.ones(len(pre), int)), weight=weight, delay=delay)
    net.output("a")
    return hardware.compile(net, SpiNNaker(**target))


@pytest.mark.parametrize("model", [LIF(tau_membrane=20e-3), CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3)])
def test_a_description_whose_weights_leave_no_range(model):
    """An input of the size that the message allows compiles."""
    with pytest.raises(CapacityError, match=r"population 'a'.*range.*calibration") as caught:
        compiled(model, weight=1e9)
    reach = float(caught.value.value.split()[0])
    compiled(model, weight=1e9 * float(caught.value.limit) / reach)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pre": [0] * 300}, r"projection 'in->a excitatory'.*300 words; allowed: 256 words.*Merge parallel"),
        ({"size": 2000, "atoms_per_core": 2}, r"population 'a'.*1001 cores.*759 cores.*boards=3 would fit"),
        ({"delay": np.array([1e-3, 2.0])}, r"projection 'in->a'.*1999 steps; allowed: 1023 steps.*Shorten"),
    ],
)
def test_a_description_that_does_not_fit(options, message):
    with pytest.raises(CapacityError, match=message):
        compiled(**options)
