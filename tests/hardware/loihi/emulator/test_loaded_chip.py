from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.errors import FileFormatError
from neurosim.hardware.loihi import Loihi1
from neurosim.hardware.loihi.emulator.loaded_chip import load_chip
from neurosim.hardware.loihi.tables.table_files import read_tables
from neurosim.network import Network
from neurosim.neurons import LIF


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    net = Network(dt=1e-3)
    source = net.input("in", shape=(4,))
    hidden, out = net.population("hidden", 5, LIF()), net.population("out", 2, LIF())
    rng = np.random.default_rng(0)
    net.connect(source, hidden, AllToAll(), weight=rng.normal(size=(4, 5)), delay=2e-3)
    net.connect(hidden, out, AllToAll(), weight=rng.normal(size=(5, 2)))
    net.output(out)
    folder = tmp_path_factory.mktemp("chip") / "build"
    hardware.compile(net, Loihi1()).save(folder)
    return folder


def test_tables_hold_the_network(build):
    chip = load_chip(read_tables(build))
    assert {name: len(c) for name, c in chip.members.items()} == {"hidden": 5, "out": 2}
    assert len(chip.weight) == 4 * 5 + 5 * 2
    assert chip.slots == 4


def changed_core(tables, **changes):
    """The tables with other parts of their first core."""
    first, *others = tables.cores
    return replace(tables, cores=(replace(first, **changes), *others))


def set_field(rows, field, value):
    def change(tables):
        changed = getattr(tables.cores[0], rows).copy()
        changed[field][0] = value
        return changed_core(tables, **{rows: changed})

    return change


def set_registers(name, change):
    def changed(tables):
        registers = copy.deepcopy(dict(tables.cores[0].registers))
        change(registers[name])
        return changed_core(tables, registers=registers)

    return changed


def without_registers(tables):
    registers = {n: r for n, r in tables.cores[0].registers.items() if n != "cxProfileCfg"}
    return changed_core(tables, registers=registers)


def with_larger_piece(tables):
    (piece,) = tables.populations["out"]
    return replace(tables, populations={**tables.populations, "out": (replace(piece, size=50),)})


def with_shared_compartments(tables):
    return replace(tables, populations={**tables.populations, "twin": tables.populations["out"]})


def with_programs(*rows):
    def changed(tables):
        return changed_core(tables, registers={**tables.cores[0].registers, "programs": list(rows)})

    return changed


def with_wrong_input(tables):
    table = tables.inputs["in"]
    return replace(tables, inputs={"in": replace(table, start=table.start + 1)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_field("synapses", "CIdx", 500), "ends at a compartment that is not there"),
        (set_field("synapses", "synFmtId", 99), "synapse format is not there"),
        (set_field("synapses", "Wgt", 300), "do not fit synapse format"),
        (set_field("synapses", "Dly", 60), "delays do not fit"),
        (
            set_registers("synapseFmt", lambda rows: rows[1].update(wgtBits=1)),
            "weights do not fit synapse format",
        ),
        (set_registers("synapseFmt", lambda rows: rows[1].update(ignoreDly=1)), "delays do not fit format 1"),
        (
            set_registers("dendriteAccumCfg", lambda row: row.update(delayBits=1)),
            "do not fit the accumulators",
        ),
        (set_field("synapse_map", "synapsePtr", 10**6), "synapses that are not there"),
        (set_field("cx", "cxProfile", 9), "compartment profile is not there"),
        (set_field("cx", "vthProfile", 9), "threshold is not there"),
        (set_field("cx", "biasExp", 60), "bias exponent"),
        (set_field("axons", "srcCx", 77), "leaves a compartment that is not there"),
        (set_field("axons", "dstCore", 77), "leads to a core that is not there"),
        (set_field("axons", "dstSynMapId", 77), "leads to a list that is not there"),
        (without_registers, "incomplete"),
        (set_field("synapses", "LrnEn", 1), "not emulated: learning"),
        (
            set_registers("cxProfileCfg", lambda rows: rows[0].update(enableNoise=1)),
            "not emulated: enableNoise",
        ),
        (
            set_registers("cxProfileCfg", lambda rows: rows[0].update(bapAction=0)),
            "not emulated: bapAction",
        ),
        (lambda tables: replace(tables, cores=tables.cores[:1] * 2), "is there twice"),
        (with_larger_piece, "not on the cores"),
        (with_wrong_input, "do not fit"),
        (with_shared_compartments, "shares compartments"),
        (with_programs({"name": "lif", "first": 0, "size": 99}), "programs do not fit"),
        (with_programs({"name": "conductance", "first": 0, "size": 2}), "names no program"),
        (with_programs({"name": "graded", "first": 0, "size": 2, "gain": 3}), "no option of the program"),
        (
            with_programs({"name": "delta", "first": 0, "size": 2, "spike_exp": 99}),
            "core 0.*out of range.*99",
        ),
        (with_programs({"name": "resonate_and_fire", "first": 0, "size": 2}), "option 'sin' is missing"),
        (
            set_registers("cxProfileCfg", lambda rows: rows[0].update(decayV=5000)),
            "register decayV holds 5000",
        ),
        (set_registers("dendriteSharedCfg", lambda row: row.update(negVmLimit=10**9)), "negVmLimit"),
    ],
)
def test_tables_that_do_not_hold_together(build, change, message):
    tables = read_tables(build)
    assert load_chip(tables)
    with pytest.raises(FileFormatError, match=message):
        load_chip(change(tables))


def test_axons_that_lead_to_more_than_can_be_looked_through(build, monkeypatch):
    """A few KiB of axons can share a list so often that a step, and loading, would never end."""
    monkeypatch.setattr("neurosim.hardware.loihi.emulator.loaded_chip._LISTED", 29)
    with pytest.raises(FileFormatError, match="axons lead to 30 synapses, more than 29"):
        load_chip(read_tables(build))
