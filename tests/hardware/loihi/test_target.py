"""Networks compiled, saved, loaded and emulated, against the engine that runs their description."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity import AllToAll, FixedProbability, OneToOne
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError, DescriptionError, LossError, UnsupportedError
from neurosim.hardware.loihi import Loihi1, Loihi2, Signs
from neurosim.hardware.loihi.tables.table_files import read_tables
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator, Reset, SpikeWhen

DT = 1e-3
CHIPS = [Loihi1(), Loihi2()]


def tau_of(keep: int) -> float:
    """The time constant whose decay factor is keep/4096."""
    return -DT / math.log(keep / 4096)


def both(net, target, inputs, record, tmp_path, **options):
    """Engine and emulator on the same inputs; the emulator from a saved and loaded build."""
    hardware.compile(net, target, **options).save(tmp_path / "build")
    device = hardware.load(tmp_path / "build")
    return simulate(net, inputs, record=record), device.emulate(inputs, record=record)


def events(steps, samples, n, rate, seed=0):
    return (np.random.default_rng(seed).random((steps, samples, n)) < rate).astype(int)


def layers(model, weight, *, delay=0.0, second=None, seed=0):
    net = Network(dt=DT, seed=seed)
    source, hidden = (
        net.input("in", shape=(weight.shape[0],)),
        net.population("hidden", weight.shape[1], model),
    )
    net.connect(source, hidden, AllToAll(), weight=weight, delay=delay)
    if second is not None:
        out = net.population("out", second.shape[1], model)
        net.connect(hidden, out, AllToAll(), weight=second)
    net.output(*(["out"] if second is not None else ["hidden"]))
    return net


def coarse(rng, shape, unit=1 / 64, low=-40, high=64):
    return rng.integers(low, high, shape) * unit


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
@pytest.mark.parametrize("rule", SpikeWhen)
def test_integrate_and_fire_is_exact(target, rule, tmp_path):
    """No leak, weights and threshold in multiples of one unit: every spike and every potential is equal."""
    rng = np.random.default_rng(1)
    net = layers(
        IntegrateAndFire(threshold=2.0, spike_when=rule),
        2 * coarse(rng, (20, 30)),
        second=coarse(rng, (30, 10)),
    )
    inputs = {"in": events(200, 3, 20, 0.1)}
    record = {"hidden": Record("spikes", "v"), "out": Record("spikes", "v")}
    engine, chip = both(net, target, inputs, record, tmp_path)
    for name in record:
        assert len(engine[name].spikes) > 100
        assert chip[name].spikes == engine[name].spikes
        assert np.array_equal(np.round(chip[name].v * 64), np.round(engine[name].v * 64))


def first_differences(engine, chip):
    """The first cell (step, sample, neuron) of each neuron and sample where only one of the two spikes."""
    differs = engine.spikes.dense(int) != chip.spikes.dense(int)
    for sample, neuron in np.argwhere(differs.any(axis=0)):
        yield int(differs[:, sample, neuron].argmax()), sample, neuron


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
@pytest.mark.parametrize(
    "model",
    [LIF(tau_membrane=tau_of(3896)), CurrentLIF(tau_membrane=tau_of(3896), tau_synapse=tau_of(3277))],
    ids=lambda m: type(m).__name__,
)
def test_leaky_neurons_with_12_bit_decays(target, model, tmp_path):
    """Weights and decays are held exactly. What remains: thresholds in steps of 64, and decays that round toward zero,
    by less than one register value a step. A neuron parts from the engine only where its potential is that close."""
    rng = np.random.default_rng(2)
    net = layers(model, (4 if isinstance(model, CurrentLIF) else 1) * coarse(rng, (20, 30)))
    record = {"hidden": Record("spikes", *(name for name in ("v", "i") if name in model.STATE))}
    engine, chip = (
        r["hidden"] for r in both(net, target, {"in": events(300, 8, 20, 0.05)}, record, tmp_path)
    )
    scale = hardware.load(tmp_path / "build").manifest.populations["hidden"].states["v"][0]
    assert len(engine.spikes) > 1000
    rounding = 1 / (1 - 3896 / 4096) * (2 if isinstance(model, CurrentLIF) else 1) * 5
    for step, sample, neuron in first_differences(engine, chip):
        held = engine if not engine.spikes.dense(int)[step, sample, neuron] else chip
        assert abs(1.0 - held.v[step, sample, neuron]) * scale <= 64 + rounding
    differs = (engine.spikes.dense(int) != chip.spikes.dense(int)).sum()
    assert differs <= 0.02 * len(engine.spikes)


def test_leaky_neurons_in_two_layers(tmp_path):
    rng = np.random.default_rng(3)
    net = layers(LIF(tau_membrane=tau_of(2048)), coarse(rng, (20, 30)), second=coarse(rng, (30, 10)))
    record = {"hidden": "spikes", "out": "spikes"}
    engine, chip = both(net, Loihi1(), {"in": events(300, 4, 20, 0.1)}, record, tmp_path)
    for name in record:
        assert len(engine[name].spikes) > 300
        assert (chip[name].spikes.dense(int) != engine[name].spikes.dense(int)).sum() <= 0.005 * len(
            engine[name].spikes
        )


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
def test_delays_of_every_synapse(target, tmp_path):
    rng = np.random.default_rng(4)
    delay = DT * rng.integers(0, 63, (20, 30))
    net = layers(
        IntegrateAndFire(threshold=2.0), 2 * coarse(rng, (20, 30)), delay=delay, second=coarse(rng, (30, 10))
    )
    engine, chip = both(
        net, target, {"in": events(300, 2, 20, 0.1)}, {"hidden": "spikes", "out": "spikes"}, tmp_path
    )
    assert len(engine["out"].spikes) > 100
    for name in ("hidden", "out"):
        assert chip[name].spikes == engine[name].spikes


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
def test_recurrent_network_over_several_cores(target, tmp_path):
    """2100 neurons take three Loihi 1 cores, and spikes travel between them."""
    net = Network(dt=DT, seed=5)
    source, pool = net.input("in", shape=(50,)), net.population("pool", 2100, IntegrateAndFire(threshold=4.0))
    net.connect(source, pool, FixedProbability(0.2), weight=1.0)
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((2100, 2100)) < 0.01, rng.integers(-8, 8, (2100, 2100)) / 16, 0.0)
    net.connect(pool, pool, AllToAll(), weight=dense, delay=3e-3)
    build = hardware.compile(net, target)
    assert build.usage[0].used >= (3 if target.name == "loihi1" else 1)
    engine, chip = both(net, target, {"in": events(100, 1, 50, 0.1)}, {"pool": "spikes"}, tmp_path)
    assert len(engine["pool"].spikes) > 1000
    assert chip["pool"].spikes == engine["pool"].spikes


@pytest.mark.parametrize("refractory", [1, 2, 5])
def test_refractory_period_on_loihi1(refractory, tmp_path):
    rng = np.random.default_rng(6)
    model = LIF(tau_membrane=tau_of(3896), refractory=refractory * DT)
    net = layers(model, coarse(rng, (20, 30), low=0))
    record = {"hidden": Record("spikes", "v", "refractory_left")}
    engine, chip = both(net, Loihi1(), {"in": events(300, 2, 20, 0.3)}, record, tmp_path)
    assert len(engine["hidden"].spikes) > 500
    assert chip["hidden"].spikes == engine["hidden"].spikes
    assert np.array_equal(chip["hidden"].refractory_left, engine["hidden"].refractory_left)


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
def test_potentials_in_millivolts_with_rest_current_and_start(target, tmp_path):
    rng = np.random.default_rng(7)
    model = LIF(
        tau_membrane=tau_of(3896), threshold=-50.0, v_rest=-65.0, v_reset=-65.0, v_init=-60.0, current=10.0
    )
    net = layers(model, coarse(rng, (20, 30), unit=0.25), delay=DT)  # no retiming: the start is exact
    record = {"hidden": Record("spikes", "v")}
    engine, chip = both(net, target, {"in": events(200, 2, 20, 0.1)}, record, tmp_path)
    assert len(engine["hidden"].spikes) > 100
    assert chip["hidden"].v[0] == pytest.approx(engine["hidden"].v[0], abs=1e-3)
    differs = np.abs(chip["hidden"].spikes.dense(int) - engine["hidden"].spikes.dense(int)).sum()
    assert differs <= 0.01 * len(engine["hidden"].spikes)  # the bias is rounded


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
def test_leaky_readout(target, tmp_path):
    rng = np.random.default_rng(8)
    net = layers(LeakyIntegrator(tau_membrane=tau_of(3977)), coarse(rng, (20, 5)))
    engine, chip = both(
        net, target, {"in": events(200, 2, 20, 0.2)}, {"hidden": Record("spikes", "v")}, tmp_path
    )
    assert not len(chip["hidden"].spikes)
    scale = np.abs(engine["hidden"].v).max()
    assert np.abs(chip["hidden"].v - engine["hidden"].v).max() < 2e-3 * scale


def test_several_spikes_of_one_input_in_a_step(tmp_path):
    net = layers(IntegrateAndFire(threshold=2.0), coarse(np.random.default_rng(9), (20, 30)))
    inputs = {"in": np.random.default_rng(0).poisson(0.3, (100, 2, 20))}
    engine, chip = both(net, Loihi1(), inputs, {"hidden": "spikes"}, tmp_path)
    assert chip["hidden"].spikes == engine["hidden"].spikes


def test_float_weights_keep_the_spike_counts(tmp_path):
    rng = np.random.default_rng(10)
    weights = rng.normal(0.1, 0.3, (50, 60)), rng.normal(0.05, 0.2, (60, 10))
    net = layers(LIF(tau_membrane=20e-3), weights[0], second=weights[1])
    for signs, bound in ((Signs.SPLIT, 0.03), (Signs.MIXED, 0.06)):
        record = {"out": "spikes"}
        engine, chip = both(
            net, Loihi1(signs=signs), {"in": events(200, 10, 50, 0.05)}, record, tmp_path / signs.value
        )
        counts = engine["out"].spikes.counts()
        assert counts.sum() > 500
        assert np.abs(chip["out"].spikes.counts() - counts).sum() <= bound * counts.sum()


@pytest.mark.parametrize("target", CHIPS, ids=lambda t: t.name)
def test_batch_and_threads_do_not_matter(target, tmp_path):
    net = layers(LIF(), np.random.default_rng(11).normal(0.3, 0.4, (20, 30)))
    hardware.compile(net, target).save(tmp_path / "build")
    device = hardware.load(tmp_path / "build")
    x = events(100, 6, 20, 0.1)
    whole = device.emulate({"in": x})["hidden"].spikes
    for b in range(6):
        assert device.emulate({"in": x[:, b : b + 1]})["hidden"].spikes == whole.select([b])


def test_machine_time_is_later_by_the_lag(tmp_path):
    net = layers(IntegrateAndFire(), np.ones((1, 1)), second=np.ones((1, 1)))
    hardware.compile(net, Loihi1()).save(tmp_path / "build")
    device = hardware.load(tmp_path / "build")
    x = np.zeros((5, 1, 1), dtype=int)
    x[1] = 1
    record = {"hidden": "spikes", "out": "spikes"}
    assert [device.emulate({"in": x}, record=record)[n].spikes.step.tolist() for n in record] == [[1], [1]]
    assert [device.emulate({"in": x}, record=record, raw=True)[n].spikes.step.tolist() for n in record] == [
        [2],
        [3],
    ]


def test_current_that_drives_a_retimed_population_early():
    """A steady drive is wound back; a neuron that it makes spike at once cannot be."""
    assert not any(
        loss.kind is LossKind.STARTUP
        for loss in hardware.compile(layers(LIF(current=2.0), np.ones((2, 2))), Loihi1()).losses
    )
    net = layers(LIF(current=30.0), np.ones((2, 2)))
    with pytest.raises(LossError, match="starts 1 steps early"):
        hardware.compile(net, Loihi1())
    hardware.compile(net, Loihi1(), allow=set(LossKind))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LIF(reset=Reset.BY_SUBTRACTION), "reset by subtraction"),
        (LIF(v_reset=-1.0), "reset value other than the resting potential"),
        (LIF(refractory=100e-3), "62 steps"),
    ],
)
def test_refusals_name_the_population_and_the_way_out(model, message):
    with pytest.raises(UnsupportedError, match=message) as error:
        hardware.compile(layers(model, np.ones((2, 2))), Loihi1())
    assert "population 'hidden'" in str(error.value)
    assert error.value.remedy


def test_refractory_periods_need_loihi1():
    with pytest.raises(UnsupportedError, match="Loihi1"):
        hardware.compile(layers(LIF(refractory=DT), np.ones((2, 2))), Loihi2())


def test_nothing_is_written_when_it_does_not_fit(tmp_path):
    net = Network(dt=DT)
    source, pool = net.input("in", shape=(140_000,)), net.population("pool", 1, LIF())
    net.connect(source, pool, AllToAll(), weight=0.01)
    with pytest.raises(CapacityError, match="4096"):
        hardware.compile(net, Loihi1()).save(tmp_path / "build")
    assert not list(tmp_path.iterdir())


def test_report_and_layout():
    net = layers(LIF(), np.random.default_rng(0).normal(0.3, 0.4, (20, 30)))
    build = hardware.compile(net, Loihi1())
    text = build.report()
    for word in ("cores", "synapse memory", "hidden", "scale", "weights rounded"):
        assert word in text
    (site,) = build.layout
    assert (site.unit, site.label) == ("core", "core 0: hidden[0:30]")
    assert 0 < site.load < 1


def test_equal_networks_give_equal_files(tmp_path):
    def files(folder):
        net = layers(LIF(), np.random.default_rng(0).normal(0.3, 0.4, (20, 30)), second=np.eye(30))
        manifest = hardware.compile(net, Loihi2()).save(tmp_path / folder)
        return manifest.files

    assert files("a") == files("b")


def test_chip_file_holds_the_registers(tmp_path):
    net = layers(LIF(tau_membrane=tau_of(3896), refractory=2 * DT), np.ones((2, 2)))
    hardware.compile(net, Loihi1()).save(tmp_path / "build")
    (core,) = read_tables(tmp_path / "build").cores
    assert core.registers["cxProfileCfg"] == [
        {"decayU": 4095, "decayV": 200, "refractDelay": 3, "enableNoise": 0, "bapAction": 1}
    ]
    assert core.registers["synapseFmt"][0] is None
    assert core.registers["numUpdates"]["numUpdates"] == 1


def test_one_to_one_with_heterogeneous_parameters(tmp_path):
    net = Network(dt=DT)
    model = LIF(
        tau_membrane=np.array([tau_of(k) for k in (3000, 3500, 4000)] * 4),
        threshold=np.array([1.0, 2.0, 3.0] * 4),
    )
    source, pool = net.input("in", shape=(12,)), net.population("pool", 12, model)
    net.connect(source, pool, OneToOne(), weight=np.full(12, 0.75))
    engine, chip = both(net, Loihi1(), {"in": events(200, 2, 12, 0.5)}, {"pool": "spikes"}, tmp_path)
    assert len(engine["pool"].spikes) > 100
    assert chip["pool"].spikes == engine["pool"].spikes


def test_options_are_checked_and_may_come_as_text():
    assert Loihi1(signs="mixed") == Loihi1(signs=Signs.MIXED)
    with pytest.raises(DescriptionError, match="options"):
        Loihi1(signs="both")


def test_report_says_whether_there_is_a_file_for_netx():
    net = layers(LIF(), np.random.default_rng(0).normal(0.3, 0.4, (20, 30)))
    assert "network.net" in hardware.compile(net, Loihi2()).files
    assert (
        "no network.net for lava-dl's netx: such a file needs"
        in hardware.compile(net, Loihi2(signs=Signs.SPLIT)).report()
    )
