from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll, OneToOne
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.hardware.crossbar import Crossbar, Scaling, read_profile
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.target import load as load_build
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, RefractoryInput, Reset, SpikeWhen
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


@pytest.mark.parametrize("name", MODELS)
def test_ideal_cells_and_fine_converters_give_the_spikes_of_simulate(name, tmp_path, layered, events, opened):
    net, given = layered(MODELS[name]), events()
    record = {"hidden": Record("spikes", "v"), "out": Record("counts", "v")}
    want = simulate(net, {"in": given}, record=record)
    device = opened(net, EXACT, tmp_path / "b")
    got = device.emulate({"in": given}, record=record)
    assert (got["out"].spikes, got["out"].counts.tolist()) == (None, want["out"].counts.tolist())
    raw = device.emulate({"in": given}, record=record, raw=True)
    assert np.array_equal(raw["out"].counts, want["out"].counts)
    assert len(want["hidden"].spikes) > 100
    assert got["hidden"].spikes == want["hidden"].spikes
    np.testing.assert_allclose(got["hidden"].v, want["hidden"].v, atol=1e-4)
    np.testing.assert_allclose(got["out"].v, want["out"].v, atol=1e-4)
    assert got.events == ()


@pytest.mark.parametrize("shape", [(1, 2), (7, 6), (128, 128)])
def test_the_cut_into_tiles_does_not_matter(shape, tmp_path, layered, events, opened):
    net, given = layered(), events()
    target = EXACT.replace(rows=shape[0], columns=shape[1], scaling=Scaling.PROJECTION)
    got = opened(net, target, tmp_path / "b").emulate({"in": given}, record={"hidden": "spikes"})
    assert got["hidden"].spikes == simulate(net, {"in": given}, record={"hidden": "spikes"})["hidden"].spikes


def test_a_single_spike_delivers_the_weight_after_its_delay(tmp_path, opened):
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


def test_the_same_seed_is_the_same_device_whatever_the_batch_and_the_threads(
    tmp_path, monkeypatch, layered, events, opened
):
    device = opened(layered(), Crossbar(), tmp_path / "b")
    given, record = events(), {"hidden": Record("spikes", "v")}
    whole = device.emulate({"in": given}, seed=3, record=record)
    part = device.emulate({"in": given.select([0, 1, 2])}, seed=3, record=record)
    assert whole["hidden"].spikes.select([0, 1, 2]) == part["hidden"].spikes
    np.testing.assert_array_equal(whole["hidden"].v[:, :3], part["hidden"].v)
    monkeypatch.setenv("NEUROSIM_THREADS", "1")
    again = load_build(tmp_path / "b").emulate({"in": given}, seed=3, record=record)
    np.testing.assert_array_equal(whole["hidden"].v, again["hidden"].v)
    other = device.emulate({"in": given}, seed=4, record=record)
    assert np.abs(whole["hidden"].v - other["hidden"].v).max() > 1e-3


def test_reads_are_noisy_by_default_and_samples_are_independent(tmp_path, layered, events, opened):
    device = opened(layered(), Crossbar(), tmp_path / "b")
    twice = Spikes.concatenate([events(1), events(1)])
    v = device.emulate({"in": twice}, record={"out": "v"})["out"].v
    assert np.abs(v[:, 0] - v[:, 1]).max() > 1e-4


def test_silence_stays_exactly_silent(tmp_path, layered, events, opened):
    device = opened(layered(), Crossbar(), tmp_path / "b")
    v = device.emulate({"in": events(p=0.0)}, record={"out": "v", "hidden": "v"})
    assert not v["out"].v.any()
    assert not v["hidden"].v.any()


def test_programming_error_reaches_the_weights_as_the_profile_says(tmp_path, opened):
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


def test_delays_beyond_the_buffer_make_the_earlier_layers_wait(tmp_path, layered, events, opened):
    net = layered()
    net.population("late", 4, IntegrateAndFire(threshold=1e9))
    net.connect("hidden", "late", AllToAll(), weight=0.25, delay=0.28)
    record = {"hidden": "v", "late": "v"}
    want = simulate(net, {"in": events()}, 0.4, record=record)
    device = opened(net, EXACT, tmp_path / "b")
    assert device.manifest.populations["hidden"].lag == 25
    got = device.emulate({"in": events()}, 0.4, record=record)
    assert want["late"].v.max() > 1
    for name in record:
        np.testing.assert_allclose(got[name].v, want[name].v, atol=1e-4)


def test_a_word_line_takes_fifteen_pulses(tmp_path, opened):
    net = Network(dt=1e-3)
    net.input("in", 1)
    net.population("out", 1, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=1.0)
    device = opened(net, EXACT, tmp_path / "b", calibration={"in": np.full((3, 1, 1), 3)})
    v = device.emulate({"in": np.array([[[3]], [[20]]])}, record={"out": "v"}, overflow=Overflow.AS_CHIP)
    np.testing.assert_allclose(v["out"].v[0, 0, 0], 3.0, rtol=1e-2)
    assert ("in", 1, 20.0) in {(e.population, e.step, e.value) for e in v.events}
