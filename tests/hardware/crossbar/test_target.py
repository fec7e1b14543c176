from __future__ import annotations

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from neurosim import random
from neurosim.connectivity.rules import AllToAll, OneToOne
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError, DescriptionError, FileFormatError, NumericsError, UnsupportedError
from neurosim.hardware.compiler import compile_network
from neurosim.hardware.crossbar import Compensation, Crossbar, Scaling, load, read_profile
from neurosim.hardware.crossbar.profile import Faults
from neurosim.hardware.device import Overflow
from neurosim.hardware.manifest import read_manifest
from neurosim.hardware.target import Feature, SupportKind, load as load_build
from neurosim.losses import LossKind
from neurosim.network import Network
from neurosim.neurons import (
    LIF,
    CurrentLIF,
    IntegrateAndFire,
    LeakyIntegrator,
    RefractoryInput,
    Reset,
    SpikeWhen,
)
from neurosim.spikes import Spikes

EXACT = Crossbar(profile="ideal", adc_bits=24)
"""Float32 conductances and 24-bit converters: sums agree with float64 weights to about 1e-6 of the largest one."""

MODELS = {
    "lif": LIF(tau_membrane=8e-3, refractory=2e-3),
    "subtracting": LIF(tau_membrane=8e-3, reset=Reset.BY_SUBTRACTION, spike_when=SpikeWhen.EXCEEDED),
    "integrating": LIF(
        tau_membrane=8e-3, refractory=3e-3, refractory_input=RefractoryInput.INTEGRATE, current=0.1
    ),
    "current": CurrentLIF(tau_membrane=8e-3, tau_synapse=3e-3),
    "counter": IntegrateAndFire(),
    "varied": LIF(tau_membrane=np.linspace(4e-3, 12e-3, 20), threshold=np.linspace(0.8, 1.3, 20)),
}


def network(model=MODELS["lif"], seed=0, n=20):
    """Two layers with delays, lateral connections, a readout."""
    rng = np.random.default_rng(seed)
    net = Network(dt=1e-3)
    net.input("in", (2, 15))
    net.population("hidden", n, model)
    net.population("out", 5, LeakyIntegrator(tau_membrane=20e-3))
    delay = rng.integers(0, 6, (30, n)) * 1e-3
    net.connect("in", "hidden", AllToAll(), weight=rng.normal(0.15, 0.3, (30, n)), delay=delay)
    net.connect("hidden", "hidden", AllToAll(), weight=rng.normal(0, 0.1, (n, n)), delay=2e-3)
    net.connect("hidden", "out", AllToAll(), weight=rng.normal(0, 0.3, (n, 5)))
    net.output("hidden")
    net.output("out")
    return net


def spikes(samples=6, steps=50, seed=1, p=0.1):
    rng = np.random.default_rng(seed)
    return Spikes.from_dense((rng.random((steps, samples, 2, 15)) < p).astype(np.uint8), dt=1e-3)


def opened(net, target, folder, **options):
    compile_network(net, target, **options).save(folder)
    return load_build(folder)


@pytest.mark.parametrize("name", MODELS)
def test_ideal_cells_and_fine_converters_give_the_spikes_of_simulate(name, tmp_path):
    net, given = network(MODELS[name]), spikes()
    record = {"hidden": Record("spikes", "v"), "out": Record("v")}
    want = simulate(net, {"in": given}, record=record)
    got = opened(net, EXACT, tmp_path / "b").emulate({"in": given}, record=record)
    assert len(want["hidden"].spikes) > 100
    assert got["hidden"].spikes == want["hidden"].spikes
    np.testing.assert_allclose(got["hidden"].v, want["hidden"].v, atol=1e-4)
    np.testing.assert_allclose(got["out"].v, want["out"].v, atol=1e-4)
    assert got.events == ()


@pytest.mark.parametrize("shape", [(1, 2), (7, 6), (128, 128)])
def test_the_cut_into_tiles_does_not_matter(shape, tmp_path):
    net, given = network(), spikes()
    target = EXACT.replace(rows=shape[0], columns=shape[1], scaling=Scaling.PROJECTION)
    got = opened(net, target, tmp_path / "b").emulate({"in": given}, record={"hidden": "spikes"})
    assert got["hidden"].spikes == simulate(net, {"in": given}, record={"hidden": "spikes"})["hidden"].spikes


def test_a_single_spike_delivers_the_weight_after_its_delay(tmp_path):
    net = Network(dt=1e-3)
    net.input("in", 3)
    net.population("out", 3, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", OneToOne(), weight=[0.5, -1.0, 0.25], delay=[0.0, 2e-3, 4e-3])
    device = opened(net, EXACT, tmp_path / "b")
    got = device.emulate(
        {"in": Spikes([0] * 3, [1] * 3, [0, 1, 2], shape=3, dt=1e-3, steps=7)}, record={"out": "v"}
    )
    np.testing.assert_allclose(got["out"].v[:, 0, 0], [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(got["out"].v[:, 0, 1], [0, 0, 0, -1, -1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(got["out"].v[:, 0, 2], [0, 0, 0, 0, 0, 0.25, 0.25], atol=1e-6)


def test_the_same_seed_is_the_same_device_whatever_the_batch_and_the_threads(tmp_path, monkeypatch):
    device = opened(network(), Crossbar(), tmp_path / "b")
    given, record = spikes(), {"hidden": Record("spikes", "v")}
    whole = device.emulate({"in": given}, seed=3, record=record)
    part = device.emulate({"in": given.select([0, 1, 2])}, seed=3, record=record)
    assert whole["hidden"].spikes.select([0, 1, 2]) == part["hidden"].spikes
    np.testing.assert_array_equal(whole["hidden"].v[:, :3], part["hidden"].v)
    monkeypatch.setenv("NEUROSIM_THREADS", "1")
    again = load_build(tmp_path / "b").emulate({"in": given}, seed=3, record=record)
    np.testing.assert_array_equal(whole["hidden"].v, again["hidden"].v)
    other = device.emulate({"in": given}, seed=4, record=record)
    assert np.abs(whole["hidden"].v - other["hidden"].v).max() > 1e-3


def test_reads_are_noisy_by_default_and_samples_are_independent(tmp_path):
    device = opened(network(), Crossbar(), tmp_path / "b")
    twice = Spikes.concatenate([spikes(1), spikes(1)])
    v = device.emulate({"in": twice}, record={"out": "v"})["out"].v
    assert np.abs(v[:, 0] - v[:, 1]).max() > 1e-4


def test_silence_stays_exactly_silent(tmp_path):
    device = opened(network(), Crossbar(), tmp_path / "b")
    v = device.emulate({"in": spikes(p=0.0)}, record={"out": "v", "hidden": "v"})
    assert not v["out"].v.any()
    assert not v["hidden"].v.any()


def test_programming_error_reaches_the_weights_as_the_profile_says(tmp_path):
    """One spike on each of many word lines reads single weights: their error over 30 devices, 4 standard errors."""
    n = 400
    net = Network(dt=1e-3)
    net.input("in", n)
    net.population("out", n, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", OneToOne(), weight=np.concatenate([[1.0], np.full(n - 1, 0.5)]))
    wan = read_profile("rram-wan-1d")
    target = Crossbar(profile=wan, adc_bits=24, scaling=Scaling.PROJECTION)
    device = opened(net, target, tmp_path / "b")
    given = {"in": Spikes([0] * n, [0] * n, range(n), shape=n, dt=1e-3, steps=1)}
    read = np.concatenate(
        [device.emulate(given, seed=s, record={"out": "v"})["out"].v[0, 0, 1:] for s in range(30)]
    )
    levels = np.array([20e-6, 0.0])
    sigma = np.polynomial.polynomial.polyval(levels / 40e-6, wan.programming.sigma)
    floor = sigma[1] * np.sqrt(0.5 - 0.5 / np.pi)  # max(0, sigma xi)
    std = np.sqrt(sigma[0] ** 2 + floor**2 + (0.01 * 40e-6) ** 2) / 40e-6
    mean = 0.5 - sigma[1] / np.sqrt(2 * np.pi) / 40e-6
    assert abs(read.mean() - mean) < 4 * std / np.sqrt(len(read))
    assert abs(read.std() - std) < 4 * std / np.sqrt(2 * len(read))


def test_stuck_cells_change_what_is_read(tmp_path):
    net, given = network(), {"in": spikes()}
    stuck = read_profile("ideal").replace(faults=Faults(stuck_high=0.05))
    whole = opened(net, EXACT, tmp_path / "a").emulate(given, record={"out": "v"})["out"].v
    broken = (
        opened(net, EXACT.replace(profile=stuck), tmp_path / "b").emulate(given, record={"out": "v"})["out"].v
    )
    assert np.abs(whole - broken).max() > 0.05


def test_wire_resistance_lowers_what_arrives(tmp_path):
    net = Network(dt=1e-3)
    net.input("in", 16)
    net.population("out", 4, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=np.full((16, 4), 1.0))
    given = {"in": Spikes([0] * 16, [0] * 16, range(16), shape=16, dt=1e-3, steps=1)}
    read = []
    for i, wire in enumerate((0.0, 1e-6, 20.0)):
        target = Crossbar(profile="ideal", adc_bits=24, rows=16, columns=8, wire_resistance=wire)
        read.append(opened(net, target, tmp_path / str(i)).emulate(given, record={"out": "v"})["out"].v[0, 0])
    np.testing.assert_allclose(read[0], 16.0, rtol=1e-6)
    np.testing.assert_allclose(read[1], read[0], rtol=1e-5)
    assert (read[2] < 0.95 * read[0]).all()
    assert (np.diff(read[2]) < 0).all()  # farther from the drivers


def test_drift_lowers_what_is_read_and_compensation_restores_it(tmp_path):
    """A hundred word lines at once; PCM keeps 52 to 78 % of its conductance between an hour and 1e7 s (aihwkit)."""
    net = Network(dt=1e-3)
    net.input("in", 100)
    net.population("out", 8, IntegrateAndFire(threshold=1e9))
    weight = np.random.default_rng(0).uniform(0.5, 1.0, (100, 8))
    net.connect("in", "out", AllToAll(), weight=weight)
    given = {"in": Spikes([0] * 100, [0] * 100, range(100), shape=100, dt=1e-3, steps=1)}
    read = {}
    for age in (0.0, 3600.0, 1e7):
        for compensation in Compensation:
            target = Crossbar(profile="pcm", adc_bits=16, age=age, compensation=compensation)
            device = opened(net, target, tmp_path / f"{age}{compensation.value}")
            v = device.emulate(given, record={"out": "v"}, overflow=Overflow.AS_CHIP)["out"].v[0, 0]
            read[age, compensation] = float((v / weight.sum(0)).mean())
    assert read[0.0, Compensation.NONE] == pytest.approx(1.0, abs=0.03)
    assert read[3600.0, Compensation.NONE] == pytest.approx(0.78, abs=0.03)
    assert read[1e7, Compensation.NONE] == pytest.approx(0.53, abs=0.03)
    for age in (0.0, 3600.0, 1e7):
        assert read[age, Compensation.GLOBAL] == pytest.approx(read[0.0, Compensation.NONE], abs=0.02)


def test_delays_beyond_the_buffer_make_the_earlier_layers_wait(tmp_path):
    net = network()
    net.population("late", 4, IntegrateAndFire(threshold=1e9))
    net.connect("hidden", "late", AllToAll(), weight=0.25, delay=0.28)
    record = {"hidden": "v", "late": "v"}
    want = simulate(net, {"in": spikes()}, 0.4, record=record)
    device = opened(net, EXACT, tmp_path / "b")
    assert device.manifest.populations["hidden"].lag == 25
    got = device.emulate({"in": spikes()}, 0.4, record=record)
    assert want["late"].v.max() > 1
    for name in record:
        np.testing.assert_allclose(got[name].v, want[name].v, atol=1e-4)


def test_calibration_narrows_the_range_and_lowers_the_error(tmp_path):
    net, given = network(), {"in": spikes()}
    coarse = EXACT.replace(adc_bits=6)
    want = opened(net, EXACT, tmp_path / "x").emulate(given, record={"hidden": "v"})["hidden"].v
    error, range_ = {}, {}
    for name, calibration in (("open", None), ("calibrated", {"in": spikes(3, seed=9)})):
        device = opened(net, coarse, tmp_path / name, calibration=calibration)
        range_[name] = np.concatenate([b.full_scale for b in device.machine.blocks]).mean()
        v = device.emulate(given, record={"hidden": "v"}, overflow=Overflow.AS_CHIP)["hidden"].v
        error[name] = np.abs(v - want)[:5].mean()  # before spikes differ
    assert range_["calibrated"] < range_["open"]
    assert error["calibrated"] < error["open"]


def test_clipping_is_an_event_and_an_error_on_request(tmp_path):
    net = Network(dt=1e-3)
    net.input("in", 2)
    net.population("out", 1, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=np.array([[1.0], [0.5]]))
    device = opened(net, EXACT, tmp_path / "b")
    graded = {"in": np.full((2, 3, 2), 4)}  # four spikes at once; the range is set for one
    recording = device.emulate(graded, record={"out": "v"}, overflow=Overflow.AS_CHIP)
    assert {(e.kind, e.population, e.sample, e.count) for e in recording.events} == {
        ("saturation", "out", b, 2) for b in range(3)
    }
    np.testing.assert_allclose(recording["out"].v[0], 1.5, rtol=1e-5)
    with pytest.warns(RuntimeWarning, match="clipped"):
        device.emulate(graded)
    with pytest.raises(NumericsError, match="clipped"):
        device.emulate(graded, overflow=Overflow.RAISE)


def test_a_word_line_takes_fifteen_pulses(tmp_path):
    net = Network(dt=1e-3)
    net.input("in", 1)
    net.population("out", 1, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=1.0)
    device = opened(net, EXACT, tmp_path / "b", calibration={"in": np.full((3, 1, 1), 3)})
    v = device.emulate({"in": np.array([[[3]], [[20]]])}, record={"out": "v"}, overflow=Overflow.AS_CHIP)
    np.testing.assert_allclose(v["out"].v[0, 0, 0], 3.0, rtol=1e-2)
    assert ("in", 1, 20.0) in {(e.population, e.step, e.value) for e in v.events}


def test_the_report_names_tiles_conductances_and_errors():
    build = compile_network(network(), Crossbar())
    used = {u.resource: u for u in build.usage}
    assert used["tiles"].used == len(build.layout) == sum(name.endswith(".csv") for name in build.files)
    assert used["cells programmed"].used == 2 * (30 * 20 + 20 * 20 + 20 * 5)
    assert {loss.kind for loss in build.losses} == {LossKind.APPROXIMATED, LossKind.ROUNDED}
    assert "in->hidden" in build.report()
    assert "rram-wan-1d" in build.report()
    assert all(0 < site.load <= 1 for site in build.layout)


def test_a_build_is_a_function_of_the_network(tmp_path):
    for name in ("a", "b"):
        compile_network(network(), Crossbar()).save(tmp_path / name)
    one, two = (read_manifest(tmp_path / name) for name in ("a", "b"))
    assert one.files == two.files  # HDF5 included: no times are kept in it


def test_plastic_synapses_are_refused():
    assert Crossbar().support[Feature.PLASTICITY].kind is SupportKind.REFUSED
    from neurosim.plasticity import STDP

    net = network()
    net.connect("hidden", "out", AllToAll(), weight=0.1, plasticity=STDP(), name="plastic")
    with pytest.raises(UnsupportedError, match="freeze"):
        compile_network(net, Crossbar())


def test_what_does_not_fit_is_refused():
    net = Network(dt=1e-3)
    net.input("in", 300)
    net.population("out", 300, LIF())
    net.connect("in", "out", AllToAll(), weight=1.0)
    with pytest.raises(CapacityError, match="tiles"):
        compile_network(net, Crossbar(rows=1, columns=2))
    late = network()
    late.connect("in", "out", AllToAll(), weight=1.0, delay=np.linspace(0, 0.3, 150).round(3).reshape(30, 5))
    with pytest.raises(CapacityError, match="span"):
        compile_network(late, Crossbar())


@pytest.mark.parametrize(
    "options",
    [
        {"rows": 0},
        {"columns": 3},
        {"rows": 4096},
        {"adc_bits": 1},
        {"adc_bits": 64},
        {"rows": 1.5},
        {"wire_resistance": -1.0},
        {"profile": "unobtainium"},
        {"scaling": "column"},
        {"age": -1.0},
        {"compensation": True},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(DescriptionError):
        Crossbar(**options)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rows": 0}, "rows"),
        ({"adc_bits": 99}, "adc_bits"),
        ({"order": ["hidden"]}, "order"),
        ({"wire_ohm": -1}, "wire"),
        ({"compensation": 1}, "compensation"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, settings, says):
    compile_network(network(), Crossbar()).save(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    data = json.loads(path.read_text())
    data["settings"].update(settings)
    path.write_text(json.dumps(data))
    with pytest.raises(FileFormatError, match=says):
        load_build(tmp_path / "b")


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    compile_network(network(), Crossbar()).save(tmp_path / "b")
    manifest = read_manifest(tmp_path / "b")
    with h5py.File(tmp_path / "b" / "neurons.h5", "r+") as f:
        f["neurosim"].attrs["dt"] = np.float64(2e-3)
    with pytest.raises(FileFormatError, match="changed since"):
        load_build(tmp_path / "b")
    with pytest.raises(FileFormatError, match="dt"):
        load(tmp_path / "b", manifest)


def test_emulating_leaves_torch_out():
    code = "import sys, neurosim.hardware.crossbar; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_read_noise_has_its_own_stream():
    assert random.key(0, "device.read") != random.key(0, "device.program")
