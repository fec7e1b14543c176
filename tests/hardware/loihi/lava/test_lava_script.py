"""The script for Lava, run with a stand-in and, where it is installed, with Lava; against the emulator."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.recording import Record
from neurosim.errors import UnsupportedError
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi import Loihi1, Loihi2, Signs
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.device_network import DeviceNetwork, Program
from neurosim.hardware.loihi.emulator.device import device_of
from neurosim.hardware.loihi.lava import processes
from neurosim.hardware.loihi.lava.lava_script import lava_files, lava_script
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.profiles import LAVA, NENGO_LOIHI
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.network import Network
from neurosim.neurons import LIF
from neurosim.spikes import Spikes

STATES = {"u": "i", "v": "v"}


def write(files, folder):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if callable(content):
            content(folder / name)
        else:
            (folder / name).write_text(content)
    return folder


def emulated(case):
    """Spikes and states of the emulator from the tables, in the form of the script."""
    network = case.network
    tables = tables_of(map_network(network, read_chip("loihi2").limits), LAVA)
    states = dict.fromkeys(("v", "i"), (1.0, 0.0))
    manifest = Manifest(
        target="loihi", profile="loihi2", dt=1e-3,
        inputs={name: PopulationEntry(shape=(size,)) for name, size in network.inputs.items()},
        populations={
            name: PopulationEntry(shape=(p.size,), states=states) for name, p in network.populations.items()
        },
        outputs=tuple(network.populations),
    )  # fmt: skip
    inputs = {}
    for name, size in network.inputs.items():
        counts = np.zeros((case.steps, 1, size), np.int64)
        np.add.at(counts[:, 0], tuple(case.inputs[name].T), 1)
        inputs[name] = Spikes.from_dense(counts, dt=1e-3)
    record = {name: Record("spikes", "v", "i") for name in network.populations}
    done = device_of(manifest, tables).run(inputs, case.steps, record, 0, Overflow.AS_CHIP)
    found = {}
    for name in network.populations:
        found[name] = np.stack([done[name].spikes.step, done[name].spikes.neuron], axis=1)
        for state, ours in STATES.items():
            found[f"{name} {state}"] = getattr(done[name], ours)[:, 0]
    return found


def same(found, expected):
    for name, values in expected.items():
        assert np.array_equal(found[name][:, : values.shape[1]], values), name
    assert sum(len(values) for name, values in found.items() if " " not in name) > 0
    return True


def test_the_script_computes_what_the_emulator_computes(case, tmp_path, standing_in):
    folder = write(lava_script(case.network), tmp_path)
    assert same(standing_in(folder, case.inputs, case.steps, STATES), emulated(case))


def test_lava_computes_what_the_emulator_computes(case, tmp_path):
    """The same in the Python that NEUROSIM_LAVA_PYTHON names, which has lava-nc."""
    python = os.environ.get("NEUROSIM_LAVA_PYTHON")
    if not python:
        pytest.skip("NEUROSIM_LAVA_PYTHON names no Python with lava-nc")
    folder = write(lava_script(case.network), tmp_path)
    np.savez(folder / "inputs.npz", **case.inputs)
    command = [python, "lava_network.py", "inputs.npz", "outputs.npz", str(case.steps), *STATES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "outputs.npz") as found:
        assert same(dict(found), emulated(case))


def test_equal_networks_give_equal_files(case, tmp_path):
    files = [write(lava_script(case.network), tmp_path / name) for name in "ab"]
    for name in ("lava_network.py", "lava_network.npz"):
        assert (files[0] / name).read_bytes() == (files[1] / name).read_bytes()


def layered(**options):
    net = Network(dt=1e-3)
    rng = np.random.default_rng(1)
    source = net.input("in", shape=(12,))
    hidden, out = net.population("hidden", 20, LIF(**options)), net.population("out", 5, LIF(**options))
    net.connect(source, hidden, AllToAll(), weight=rng.normal(0.3, 0.4, (12, 20)))
    net.connect(hidden, out, AllToAll(), weight=rng.normal(0.3, 0.4, (20, 5)), delay=3e-3)
    net.output(out)
    return net


@pytest.mark.parametrize("target", [Loihi2(), Loihi2(signs=Signs.SPLIT), Loihi1()])
def test_a_build_holds_the_script(target, tmp_path, standing_in):
    build = hardware.compile(layered(), target)
    assert "lava_network.py: the same network for Lava" in build.report()
    build.save(tmp_path / "build")
    counts = (np.random.default_rng(0).random((100, 1, 12)) < 0.3).astype(int)
    device = hardware.load(tmp_path / "build")
    inputs = {"in": Spikes.from_dense(counts, dt=1e-3)}
    emulated = device.run(inputs, 100, {"out": Record("spikes")}, 0, Overflow.AS_CHIP)["out"].spikes
    found = standing_in(tmp_path / "build", {"in": np.argwhere(counts[:, 0])}, 100)["out"]
    assert len(found) > 20
    assert np.array_equal(found, np.stack([emulated.step, emulated.neuron], axis=1))


def test_a_build_says_why_it_holds_no_script():
    build = hardware.compile(layered(refractory=2e-3), Loihi1())
    assert "lava_network.py" not in build.files
    assert (
        "no lava_network.py for Lava: population 'hidden': Lava's fixed-point LIF has no refractory"
        in build.report()
    )


@pytest.fixture
def small(make_population, make_projection):
    """A network of one input and one population, to be changed."""
    rng = np.random.default_rng(0)
    pool = make_population("pool", 6, rng)
    return DeviceNetwork(
        inputs={"in": 4},
        populations={"pool": pool},
        projections=(make_projection("in to pool", ("in", 4), ("pool", 6), rng),),
    )


def with_pool(network, **changes):
    return replace(network, populations={"pool": replace(network.populations["pool"], **changes)})


def with_synapses(network, **changes):
    (p,) = network.projections
    return replace(
        network, projections=(replace(p, **{k: np.full_like(p.weight, v) for k, v in changes.items()}),)
    )


def apart(network):
    return with_pool(network, du=np.arange(6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: with_pool(n, refractory=np.full(6, 3)), r"'pool'.*refractory"),
        (lambda n: with_pool(n, program=Program.SIGMA_DELTA), "LIF, LIFReset and TernaryLIF alone.*SIGMA_DELTA"),
        (lambda n: with_synapses(n, mode=1, weight=3), "'in to pool'.*do not agree"),
        (lambda n: with_synapses(n, mode=2, weight=3, exponent=-1), "do not agree"),
        (lambda n: with_synapses(n, mode=2, weight=256), "do not agree"),
        (lambda n: with_synapses(n, mode=2, weight=255, delay=64), "do not agree"),
        (lambda n: replace(n, projections=(replace(n.projections[0], accumulator=1),)), "one accumulator"),
        (lambda n: replace(n, populations={**n.populations, "in": replace(n.populations["pool"], name="in")}),
         "one name"),
        (lambda n: replace(n, projections=n.projections * 2), "one name"),
    ],
)  # fmt: skip
def test_what_lava_cannot_express(small, change, message):
    assert lava_script(small)
    with pytest.raises(UnsupportedError, match=message):
        lava_script(change(small))
    files, note = lava_files(change(small))
    assert not files
    assert note.startswith("no lava_network.py for Lava: ")


def test_too_many_processes(small, monkeypatch):
    monkeypatch.setattr("neurosim.hardware.loihi.lava.lava_script.MAX_PROCESSES", 13)
    assert lava_script(small)
    with pytest.raises(UnsupportedError, match=r"too many.*got \d+; allowed: 13"):
        lava_script(apart(small))


def test_parts_of_a_population_keep_their_neurons(small):
    parts = processes.neurons_of(with_pool(small, du=np.array([5, 9, 5, 9, 5, 9])).populations["pool"])
    assert [(p.name, p.index.tolist(), p.shared["du"]) for p in parts] == [
        ("pool.0", [0, 2, 4], 5),
        ("pool.1", [1, 3, 5], 9),
    ]


def test_the_script_says_where_lava_differs(small):
    other = lava_script(with_pool(small, spiking=False, threshold=np.full(6, 131071)), NENGO_LOIHI)
    assert "overflow in another way than those of nengo-loihi" in other["lava_network.py"]
    assert "saturate at 2^21 - 1" in other["lava_network.py"]
    assert "another way" not in lava_script(small)["lava_network.py"]


def test_names_are_data(small, tmp_path, standing_in):
    name = 'a"""\n{b}\\'
    network = DeviceNetwork(
        inputs={"in'": 4},
        populations={name: replace(small.populations["pool"], name=name, spiking=False)},
        projections=(replace(small.projections[0], name="x\ny", pre="in'", post=name),),
    )
    assert name in standing_in(write(lava_script(network), tmp_path), {}, 4)
