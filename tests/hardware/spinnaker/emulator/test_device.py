"""Compile, save, load, emulate: the emulated board against the engine, in network time and units."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll, OneToOne, Sparse
from neurosim.engine.recording import DeviceEvent, Record
from neurosim.engine.simulate import simulate
from neurosim.errors import DescriptionError, FileFormatError, NumericsError
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.spinnaker.emulator.overflows import CAUSE_TEXT, Cause
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator
from neurosim.spikes import Spikes

SPIKING = LIF(tau_membrane=20e-3, refractory=2e-3)


def emulate(net, inputs, folder, record, calibration=None, target=None, **options):
    build = hardware.compile(net, target or hardware.SpiNNaker(), calibration=calibration)
    build.save(folder)
    return hardware.load(folder).emulate(inputs, record=record, **options)


def mismatches(ours, theirs, names):
    """Cells (population, sample, step, neuron) in which one has a spike and the other has not, and the spikes."""

    def cells(recording, name):
        s = recording[name].spikes
        return set(zip(s.sample.tolist(), s.step.tolist(), s.neuron.tolist(), strict=True))

    wrong = sum(len(cells(ours, n) ^ cells(theirs, n)) for n in names)
    return wrong, sum(len(cells(theirs, n)) for n in names)


@pytest.mark.parametrize(
    "model", [SPIKING, LIF(tau_membrane=15e-3, v_rest=-65.0, v_reset=-65.25, threshold=-64.0),
    IntegrateAndFire(threshold=2.0)], ids=["LIF", "LIF at -65", "IntegrateAndFire"],
)  # fmt: skip
@pytest.mark.parametrize("calibrated", [False, True])
def test_exact_weights_give_the_same_spikes(small_network, tmp_path, model, calibrated):
    """Recurrent, with delays of 0 to 9 steps, retimed, on five cores: not one spike of thousands differs."""
    net, inputs = small_network(model)
    record = {"a": Record("spikes", "v"), "b": Record("spikes", "v")}
    target = hardware.SpiNNaker(atoms_per_core=64)
    ours = emulate(net, inputs, tmp_path / "b", record, inputs if calibrated else None, target)
    theirs = simulate(net, inputs, record=record)
    wrong, total = mismatches(ours, theirs, "ab")
    assert total > 1000
    assert wrong == 0
    kept = (
        theirs["a"].v >= model.threshold - 4.0
    )  # below, IntegrateAndFire leaks on the machine, and never forgets it
    assert np.quantile(np.abs(ours["a"].v - theirs["a"].v)[kept], 0.99) < 5e-3
    assert ours["a"].v.shape == theirs["a"].v.shape


def test_current_based_neurons_differ_in_few_spikes(small_network, tmp_path):
    """Both decay factors are rounded, so a potential that grazes the threshold may cross it: under 1 %."""
    model = CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3, refractory=2e-3, threshold=0.5)
    net, inputs = small_network(model)
    record = {"a": Record("spikes", "v", "i"), "b": Record("spikes")}
    ours = emulate(net, inputs, tmp_path / "b", record, inputs)
    theirs = simulate(net, inputs, record=record)
    wrong, total = mismatches(ours, theirs, "ab")
    assert total > 500
    assert wrong <= 0.01 * total
    assert np.median(np.abs(ours["a"].v - theirs["a"].v)) < 1e-4
    assert np.median(np.abs(ours["a"].i - theirs["a"].i)) < 1e-4


def test_long_delays_take_smaller_cores(small_network, tmp_path):
    """100 steps need 128 slots, which leaves room for 64 neurons on a core."""
    net, inputs = small_network(SPIKING, size=150, longest=99)
    ours = emulate(net, inputs, tmp_path / "b", {"a": "spikes", "b": "spikes"})
    atoms = hardware.load(tmp_path / "b").manifest.settings["atoms_per_core"]
    assert max(atoms.values()) <= 64
    wrong, total = mismatches(ours, simulate(net, inputs), "ab")
    assert (wrong, total > 1000) == (0, True)


def test_another_time_step(small_network, tmp_path):
    """dt = 0.1 ms becomes machine steps of 1 ms; only the ratio of tau and dt counts."""
    model = LIF(tau_membrane=2e-3, refractory=2e-4)
    net, inputs = small_network(model, dt=1e-4)
    ours = emulate(net, inputs, tmp_path / "b", {"a": "spikes", "b": "spikes"})
    wrong, total = mismatches(ours, simulate(net, inputs), "ab")
    assert (wrong, total > 1000) == (0, True)


def test_readout_and_graded_input(tmp_path):
    """Two spikes of a channel in one step arrive as two packets; a leaky integrator never spikes."""
    net = Network(dt=1e-3, seed=0)
    net.input("in", 3)
    net.population("out", 3, LeakyIntegrator(tau_membrane=10e-3))
    net.connect("in", "out", OneToOne(), weight=0.25, delay=1e-3)
    net.output("out")
    x = np.zeros((20, 1, 3), np.float32)
    x[0, 0], x[5, 0, 1] = [1, 2, 3], 1
    inputs = {"in": Spikes.from_dense(x, dt=1e-3)}
    record = {"out": Record("v")}
    ours = emulate(net, inputs, tmp_path / "b", record, inputs)["out"].v
    theirs = simulate(net, inputs, record=record)["out"].v
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    assert ours[1, 0].round(3).tolist() == [0.25, 0.5, 0.75]


def test_saturation_is_warned_of_raised_or_listed(tmp_path):
    """Calibrated on silence in one channel, driven by all: ring buffers saturate in a known place."""
    net = Network(dt=1e-3, seed=0)
    net.input("in", 64)
    net.population("out", 2, LIF(tau_membrane=10e-3, threshold=1000.0))
    net.connect("in", "out", AllToAll(), weight=1.0, delay=2e-3)
    net.output("out")
    little, much = (np.zeros((10, 1, 64), np.float32) for _ in range(2))
    little[0, 0, 0] = 1
    much[3, 0] = 1
    build = hardware.compile(net, hardware.SpiNNaker(), calibration={"in": little})
    build.save(tmp_path / "b")
    device = hardware.load(tmp_path / "b")
    with pytest.warns(RuntimeWarning, match=r"'out', neuron 0, sample 0, machine step 5"):
        device.emulate({"in": much})
    with pytest.raises(NumericsError, match=r"saturated.*Calibrate with inputs as loud as these"):
        device.emulate({"in": much}, overflow=Overflow.RAISE)
    hardware.compile(net, hardware.SpiNNaker(), calibration={"in": much}).save(tmp_path / "c")
    assert not hardware.load(tmp_path / "c").emulate({"in": much}, overflow=Overflow.RAISE).events
    events = device.emulate({"in": much}, overflow=Overflow.AS_CHIP).events
    assert {(e.kind, e.population, e.step, e.neuron) for e in events} == {
        ("saturation", "out", 5, 0),
        ("saturation", "out", 5, 1),
    }


@pytest.mark.parametrize(
    ("kind", "cause", "remedy"),
    [
        ("late", Cause.HISTORY, "presynaptic neurons spike more often"),
        ("wrap", Cause.TRACE, "shorter time constants"),
        ("wrap", Cause.MEMBRANE, "Calibrate"),
    ],
)
def test_overflows_come_with_a_change_that_helps(small_network, tmp_path, monkeypatch, kind, cause, remedy):
    net, inputs = small_network(SPIKING, steps=5)
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    device = hardware.load(tmp_path / "b")
    event = DeviceEvent(kind, "b", 0, 1, 2, 1.0, 1, CAUSE_TEXT[cause])
    monkeypatch.setattr(device, "_events", lambda *_: (event,))
    with pytest.raises(NumericsError, match=remedy):
        device.emulate(inputs, overflow=Overflow.RAISE)


def test_samples_do_not_influence_each_other(small_network, tmp_path):
    net, inputs = small_network(SPIKING, samples=3)
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    device = hardware.load(tmp_path / "b")
    together = device.emulate(inputs)["b"].spikes
    for k in range(3):
        alone = device.emulate({"in": inputs["in"].select(np.array([k]))})["b"].spikes
        assert alone == together.select(np.array([k]))


def test_equal_builds_are_equal_files(small_network, tmp_path):
    net, inputs = small_network(SPIKING)
    for name in ("one", "two"):
        hardware.compile(net, hardware.SpiNNaker(), calibration=inputs).save(tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two


def test_the_emulator_reads_the_files_alone(small_network, tmp_path):
    """Another process, given the folder only, computes the same spikes, without PyTorch."""
    net, inputs = small_network(SPIKING, steps=50)
    spikes = emulate(net, inputs, tmp_path / "b", None)["b"].spikes
    np.save(tmp_path / "x.npy", inputs["in"].dense())
    code = f"""
import sys
import numpy as np
from neurosim import hardware
device = hardware.load({str(tmp_path / "b")!r})
recording = device.emulate({{"in": np.load({str(tmp_path / "x.npy")!r})}})
unwanted = {{"torch", "matplotlib", "neurosim.hardware.spinnaker.compile.map_plan"}} & set(sys.modules)
assert not unwanted, unwanted
print(recording["b"].spikes.counts().sum())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == spikes.counts().sum() > 0


@pytest.mark.parametrize(
    ("file", "change"), [("cores.npz", "truncate"), ("vertices.json", "edit"), ("routing.npz", "remove")]
)
def test_damaged_builds_are_refused(small_network, tmp_path, file, change):
    net, _ = small_network(SPIKING)
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    path = tmp_path / "b" / file
    if change == "truncate":
        path.write_bytes(path.read_bytes()[:-10])
    elif change == "edit":
        path.write_text(path.read_text().replace('"hi": 100', '"hi": 99'))
    else:
        path.unlink()
    with pytest.raises(FileFormatError, match=file.split(".")[0]):
        hardware.load(tmp_path / "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(profile="mine"), "machine that cannot be.*mine"),
        (lambda m: m.update(profile={}), "profile"),
        (lambda m: m["settings"]["machine"].update(width=9), "machine that cannot be.*9 by 8"),
        (lambda m: m["settings"].update(time_scale_factor="1"), "time_scale_factor"),
        (lambda m: m["inputs"]["in"].update(shape=[10**6]), "differ.*in"),
        (lambda m: m["inputs"].update(a=m["populations"]["a"]), "differ"),
        (lambda m: m["populations"].update({"in": m["inputs"]["in"]}), "differ"),
        (lambda m: m["populations"]["a"].update(shape=[7]), "differ.*a"),
        (lambda m: m["populations"]["a"].update(lag=2**30), "lag"),
    ],
)
def test_manifests_that_contradict_the_cores_are_refused(small_network, tmp_path, change, message):
    """No hash protects the manifest itself; spikes of a channel that no core has would be written anywhere."""
    net, _ = small_network(SPIKING)
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(FileFormatError, match=message):
        hardware.load(tmp_path / "b")


def test_what_is_not_held_cannot_be_recorded(small_network, tmp_path):
    net, inputs = small_network(SPIKING)
    with pytest.raises(DescriptionError, match="refractory_left"):
        emulate(net, inputs, tmp_path / "b", {"a": Record("refractory_left")})


def test_raw_recordings_are_in_machine_time_and_units(small_network, tmp_path):
    net, inputs = small_network(SPIKING)
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    device = hardware.load(tmp_path / "b")
    record = {"b": Record("spikes", "v")}
    raw, cooked = device.emulate(inputs, record=record, raw=True), device.emulate(inputs, record=record)
    entry = device.manifest.populations["b"]
    scale, offset = entry.states["v"]
    np.testing.assert_array_equal(raw["b"].v[entry.lag :] / scale + offset, cooked["b"].v)
    assert raw["b"].spikes.steps == cooked["b"].spikes.steps + device.manifest.max_lag
    assert json.loads((tmp_path / "b" / "manifest.json").read_text())["settings"]["timestep_ms"] == 1.0


def test_parallel_projections_and_many_channels(tmp_path):
    """Two projections between one pair are two blocks behind one table entry; 70000 channels take 3 source cores."""
    rng = np.random.default_rng(5)
    net = Network(dt=1e-3, seed=0)
    net.input("in", 70_000)
    net.population("out", 30, SPIKING)
    used = rng.integers(0, 70_000, 300)
    for name, sign in (("first", 1.0), ("second", -0.5)):
        pre, post = np.unique(np.stack([rng.choice(used, 2000), rng.integers(0, 30, 2000)]), axis=1)
        weight = sign * rng.integers(16, 64, len(pre)) / 64
        delay = rng.integers(1, 9, len(pre)) * 1e-3
        net.connect("in", "out", Sparse(pre, post), weight=weight, delay=delay, name=name)
    net.output("out")
    step, neuron = np.unique(np.stack([rng.integers(0, 60, 2000), rng.choice(used, 2000)]), axis=1)
    inputs = {"in": Spikes(np.zeros(len(step)), step, neuron, shape=70_000, dt=1e-3, steps=60)}
    ours = emulate(net, inputs, tmp_path / "b", {"out": Record("spikes")})
    wrong, total = mismatches(ours, simulate(net, inputs), ["out"])
    assert (wrong, total > 50) == (0, True)
    assert len(hardware.load(tmp_path / "b").manifest.layout) == 4


def test_no_samples(small_network, tmp_path):
    net, inputs = small_network(SPIKING)
    none = {"in": inputs["in"].select(np.zeros(0, np.int64))}
    recording = emulate(net, none, tmp_path / "b", {"a": Record("spikes", "v")})
    assert recording["a"].v.shape == (200, 0, 100)
    assert len(recording["a"].spikes) == 0
