from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.errors import FileFormatError
from neurosim.hardware.loihi import Loihi1
from neurosim.hardware.loihi.emulator.loaded_chip import load_chip
from neurosim.hardware.loihi.tables.table_files import _read_arrays, _write_arrays, read_tables
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


@pytest.fixture
def copy(build, tmp_path):
    return shutil.copytree(build, tmp_path / "copy")


def test_tables_hold_the_network(build):
    chip = load_chip(read_tables(build))
    assert {name: len(c) for name, c in chip.members.items()} == {"hidden": 5, "out": 2}
    assert len(chip.weight) == 4 * 5 + 5 * 2
    assert chip.slots == 4


def test_a_changed_file_fails_its_hash(copy):
    name = next(p for p in copy.iterdir() if p.name.startswith("core_"))
    data = bytearray(name.read_bytes())
    data[len(data) // 2] ^= 1
    name.write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match="changed since it was written"):
        hardware.load(copy)


def tables_of(folder):
    chip = json.loads((folder / "chip.json").read_text())
    return chip, folder / chip["cores"][0]["tables"]


def rewrite(folder, change):
    """Apply a change to the arrays of the first core and write them back."""
    _, path = tables_of(folder)
    with np.load(path) as f:
        arrays = {name: f[name].copy() for name in f.files}
    change(arrays)
    path.write_bytes(_write_arrays(arrays))


def set_field(array, field, value):
    def change(arrays):
        arrays[array][field][0] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_field("synapses", "CIdx", 500), "ends at a compartment that is not there"),
        (set_field("synapses", "synFmtId", 99), "synapse format is not there"),
        (set_field("synapses", "Wgt", 300), "do not fit synapse format"),
        (set_field("synapses", "Dly", 60), "delays do not fit"),
        (set_field("synapseMap", "synapsePtr", 10**6), "synapses that are not there"),
        (set_field("cxCfg", "cxProfile", 9), "compartment profile is not there"),
        (set_field("cxCfg", "vthProfile", 9), "threshold is not there"),
        (set_field("cxCfg", "biasExp", 60), "bias exponent"),
        (set_field("axons", "srcCx", 77), "leaves a compartment that is not there"),
        (set_field("axons", "dstCore", 77), "leads to a core that is not there"),
        (set_field("axons", "dstSynMapId", 77), "leads to a list that is not there"),
        (lambda arrays: arrays.update(cxCfg=arrays["cxCfg"]["bias"].copy()), "another layout"),
        (lambda arrays: arrays.pop("synapses"), "cannot be read"),
    ],
)
def test_tables_that_point_outside_each_other(copy, change, message):
    rewrite(copy, change)
    with pytest.raises(FileFormatError, match=message):
        load_chip(read_tables(copy))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda chip: chip.pop("cores"), "has no cores"),
        (lambda chip: chip["cores"][0].pop("cxProfileCfg"), "incomplete"),
        (lambda chip: chip["cores"][0].update(tables="../core.npz"), "another folder"),
        (lambda chip: chip["cores"][1].update(core=chip["cores"][0]["core"]), "is there twice"),
        (lambda chip: chip["populations"]["out"][0].update(size=50), "not on the cores"),
        (lambda chip: chip["inputs"][0].update(size=9), "do not fit"),
        (lambda chip: chip["inputs"][0].update(size="many"), "incomplete"),
        (lambda chip: chip["cores"][0]["cxProfileCfg"][0].update(decayV=5000), "register decayV holds 5000"),
        (lambda chip: chip["cores"][0]["dendriteSharedCfg"].update(negVmLimit=10**9), "negVmLimit"),
    ],
)
def test_registers_that_do_not_fit(copy, change, message):
    chip, _ = tables_of(copy)
    change(chip)
    (copy / "chip.json").write_text(json.dumps(chip))
    with pytest.raises(FileFormatError, match=message):
        load_chip(read_tables(copy))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no archive"])
def test_foreign_array_files(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="cannot be read"):
        _read_arrays(path, {"x": np.dtype("<i8")})


def test_pickled_arrays_are_not_loaded(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileFormatError, match="cannot be read"):
        _read_arrays(path, {"x": np.dtype("<i8")})
