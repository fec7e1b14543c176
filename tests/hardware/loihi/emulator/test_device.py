from __future__ import annotations

import warnings

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.errors import DescriptionError, NumericsError
from neurosim.hardware import Overflow
from neurosim.hardware.loihi import Loihi1
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.emulator.device import device_of as device_of_tables
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.arithmetic import bias_fields, shift
from neurosim.hardware.loihi.numerics.profiles import BRIAN2_LOIHI, NENGO_LOIHI
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, device_network
from neurosim.hardware.loihi.quantise.registers import QuantisedPopulation
from neurosim.hardware.loihi.quantise.stored_weights import QuantisedSynapses
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_files import read_tables, write_tables
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire
from neurosim.spikes import Spikes

FULL = (1 << 23) - 1


def fields_of(w):
    """Mantissa of at most 8 bits and exponent of each weight, a multiple of 64; None if one has no such form."""
    exponent, mantissa = np.zeros_like(w), np.abs(w) >> 6
    while np.any(large := mantissa > 255):
        exponent[large] += 1
        mantissa[large] >>= 1
    exact = np.array_equal(mantissa << (6 + exponent), np.abs(w)) and exponent.max(initial=0) <= 7
    return (np.sign(w) * mantissa, exponent) if exact else None


def stored(acting, projection):
    w = acting[projection.pre_index, projection.target]
    mantissa, exponent = fields_of(w)
    mode = np.where(w < 0, int(SignMode.INHIBITORY), int(SignMode.EXCITATORY)).astype(np.int64)
    return QuantisedSynapses(weight=mantissa, exponent=exponent, mode=mode, error=0.0, zeroed=0)


def device_of(tmp_path, numerics, matrices, n, *, du, dv, threshold, bias=0, refractory=1, delay=1):
    """A chip of one population with given registers, through the files."""
    net = Network(dt=1e-3)
    pool = net.population("pool", n, CurrentLIF())
    for name, matrix in matrices.items():
        source = pool if name == "pool" else net.input(name, shape=(len(matrix),))
        net.connect(source, pool, AllToAll(), weight=matrix.astype(float), delay=delay * 1e-3)
    plan = lower(net)

    def spread(x):
        return np.broadcast_to(np.asarray(x, dtype=np.int64), (n,))

    mantissa, exponent = bias_fields(spread(bias))
    registers = QuantisedPopulation(
        name="pool", size=n, scale=1.0, offset=0.0, gain=np.ones(n), du=spread(du), dv=spread(dv),
        threshold=spread(threshold), bias_mantissa=mantissa, bias_exponent=exponent, refractory=spread(refractory),
        u=spread(0), v=spread(0), decay_error=0.0, threshold_error=0.0, bias_error=0.0, spiking=True,
    )  # fmt: skip
    network = QuantisedNetwork(
        {"pool": registers}, {p.name: stored(matrices[p.pre], p) for p in plan.projections}
    )
    mapped = map_network(device_network(plan, network), read_chip("loihi1").limits)
    for name, content in write_tables(tables_of(mapped, numerics)).items():
        content(tmp_path / name)
    entry = PopulationEntry(
        shape=(n,), states={"v": (1.0, 0.0), "i": (1.0, 0.0), "refractory_left": (1.0, 0.0)}
    )
    inputs = {name: PopulationEntry(shape=shape) for name, shape in plan.inputs.items()}
    manifest = Manifest(
        target="loihi",
        profile="loihi1",
        dt=1e-3,
        inputs=inputs,
        populations={"pool": entry},
        outputs=("pool",),
    )
    return device_of_tables(manifest, read_tables(tmp_path))


def run(device, spikes):
    inputs = {"in": Spikes.from_dense(spikes[:, None, :], dt=1e-3)}
    record = {"pool": Record("spikes", "v", "i", "refractory_left")}
    return device.run(inputs, len(spikes), record, 0, Overflow.AS_CHIP)["pool"]


@pytest.mark.reference("loihi/nl_[0-9]*.npz", "loihi/nl_rec*.npz")
def test_tables_reproduce_the_emulator_of_nengo_loihi(reference_file, tmp_path):
    with np.load(reference_file) as f:
        matrices = {"in": f["w"].astype(np.int64)}
        if "w_rec" in f.files:
            matrices["pool"] = f["w_rec"].astype(np.int64)
        if any(fields_of(w) is None for w in matrices.values()):
            pytest.skip("weights that the tables do not hold")
        bias = np.atleast_1d(f["p_bias"])
        if np.abs(bias).max() > 4095 << 7 or not np.array_equal(shift(*bias_fields(bias)), bias):
            pytest.skip("a bias that its register does not hold")
        if np.any(f["p_vmin"] != -FULL) or np.any(f["p_vmax"] != FULL):
            pytest.skip("another range of the potential than the one emitted")
        device = device_of(
            tmp_path, NENGO_LOIHI, matrices, f["u"].shape[1], du=f["p_decay_u"], dv=f["p_decay_v"],
            threshold=f["p_vth"] >> 6, bias=f["p_bias"], refractory=f["p_refract"],
        )  # fmt: skip
        found = run(device, f["spk_in"].astype(int))
        assert np.array_equal(found.i[:, 0], f["u"])
        assert np.array_equal(found.v[:, 0], f["v"])
        assert np.array_equal(found.spikes.dense(int)[:, 0], f["s"])
        assert np.array_equal(found.refractory_left[:, 0], f["ref"])


@pytest.mark.reference("loihi/b2_*.npz")
def test_tables_reproduce_brian2_loihi(reference_file, tmp_path):
    """brian2-loihi delivers a spike d steps later, the tables 1 + d: its rows lie one step behind ours."""
    with np.load(reference_file) as f:
        wide = np.abs(f["v"]).max() > FULL or np.any(f["p_refractory"] > 63)
        if wide or fields_of(f["w_act"]) is None:
            pytest.skip("beyond what the tables hold")
        device = device_of(
            tmp_path, BRIAN2_LOIHI, {"in": f["w_act"]}, f["v"].shape[1], du=f["p_decay_I"] - 1, dv=f["p_decay_v"],
            threshold=f["p_vth"], refractory=f["p_refractory"], delay=int(f["p_delay"]) + 1,
        )  # fmt: skip
        found = run(device, f["spk_in"].astype(int))
        assert np.array_equal(found.v[1:, 0], f["v"][:-1])
        assert np.array_equal(found.i[1:, 0], f["I"][:-1])
        assert np.array_equal(found.spikes.dense(int)[1:, 0], f["s"][:-1])


def overflowing(tmp_path):
    """Ten inputs of 255 << 13 each: eleven wrap a 22-bit sum."""
    return device_of(
        tmp_path, NENGO_LOIHI, {"in": np.full((10, 3), 255 << 13)}, 3, du=4095, dv=0, threshold=131071
    )


def test_overflow_is_located_and_warned_about(tmp_path):
    device = overflowing(tmp_path)
    spikes = np.zeros((5, 2, 10), dtype=int)
    spikes[1, 1, :2] = 1  # arrives in step 2 of sample 1
    with pytest.warns(
        RuntimeWarning, match=r"population 'pool', neuron 0, sample 1, machine step 2: the sum of arr"
    ):
        events = device.emulate({"in": spikes}).events
    assert [(e.kind, e.population, e.sample, e.step, e.neuron) for e in events] == [
        ("wrap", "pool", 1, 2, n) for n in range(3)
    ]
    assert events[0].value == 2 * (255 << 13)
    assert events[0].cause == "the sum of arrivals wrapped"


def test_overflow_can_stop_the_run_or_be_quiet(tmp_path):
    device = overflowing(tmp_path)
    spikes = np.ones((5, 1, 10), dtype=int)
    with pytest.raises(NumericsError, match="sum of arrivals wrapped"):
        device.emulate({"in": spikes}, overflow=Overflow.RAISE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert device.emulate({"in": spikes}, overflow=Overflow.AS_CHIP).events


def test_overflows_beyond_the_listed_ones_are_counted(tmp_path):
    """As many as the plain NumPy compartments count; those of the first steps have their place."""
    device = overflowing(tmp_path)
    spikes = np.ones((101, 1, 10), dtype=int)
    events = device.emulate({"in": spikes}, overflow=Overflow.AS_CHIP).events
    arrivals = np.zeros((101, 3), dtype=np.int64)
    arrivals[1:] = 10 * (255 << 13)
    count = lif.reference(arrivals, device.chip.registers, NENGO_LOIHI).overflows.count
    assert 64 <= len(events) < 64 + len(count)
    saturations = int(count[lif.Cause.UPPER] + count[lif.Cause.LOWER])
    assert sum(e.count for e in events if e.kind == "saturation") == saturations
    assert sum(e.count for e in events if e.kind == "wrap") == count.sum() - saturations >= 300


def test_a_cause_that_strikes_late_is_listed_too(tmp_path):
    """Inhibition drives the potential to its lower limit for 60 steps; in the last three the sum wraps."""
    matrix = np.full((2, 3), -(255 << 13))
    device = device_of(tmp_path, NENGO_LOIHI, {"in": matrix}, 3, du=4095, dv=0, threshold=131071)
    spikes = np.ones((64, 1, 2), dtype=int)
    spikes[:60, 0, 1] = 0
    events = device.emulate({"in": spikes}, overflow=Overflow.AS_CHIP).events
    wraps = [(e.population, e.sample, e.step, e.neuron, e.value, e.count) for e in events if e.kind == "wrap"]
    assert wraps == [("pool", 0, 61, 0, -2.0 * (255 << 13), 9)]
    assert [e.step for e in events] == sorted(e.step for e in events)


def test_only_states_of_the_model_can_be_recorded(tmp_path):
    net = Network(dt=1e-3)
    source, pool = net.input("in", shape=(2,)), net.population("pool", 2, LIF())
    net.connect(source, pool, AllToAll(), weight=0.5)
    hardware.compile(net, Loihi1()).save(tmp_path / "build")
    with pytest.raises(DescriptionError, match="cannot be recorded"):
        hardware.load(tmp_path / "build").emulate({"in": np.ones((3, 1, 2))}, record={"pool": Record("i")})


def test_a_network_without_inputs_runs_by_its_bias(tmp_path):
    net = Network(dt=1e-3)
    pool = net.population("pool", 2, IntegrateAndFire(current=300.0))
    net.output(pool)
    hardware.compile(net, Loihi1()).save(tmp_path / "build")
    spikes = hardware.load(tmp_path / "build").emulate({}, duration=12e-3)["pool"].spikes
    assert spikes.step.tolist() == [3, 3, 7, 7, 11, 11]
