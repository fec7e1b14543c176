from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.engine.recording import Record
from neurosim.hardware import Overflow
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection, Program
from neurosim.hardware.loihi.emulator.device import LoihiDevice, device_of
from neurosim.hardware.loihi.emulator.virtual_chip import virtual_chip
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.spikes import Spikes


def population(rng, name, size, **changes):
    registers = {
        "du": rng.integers(-1, 4096, size), "dv": rng.integers(0, 4097, size),
        "threshold": rng.integers(1, 2000, size), "bias_mantissa": rng.integers(-4095, 4096, size),
        "bias_exponent": rng.integers(0, 3, size), "refractory": rng.integers(1, 4, size),
        "u": rng.integers(-5000, 5000, size), "v": rng.integers(-5000, 5000, size),
    }  # fmt: skip
    return DevicePopulation(name=name, size=size, **(registers | changes))


def projection(rng, pre, post, sizes, delays=4):
    degree = rng.integers(0, sizes[post] + 1, sizes[pre])
    target = [np.sort(rng.permutation(sizes[post])[:k]) for k in degree]
    k = int(degree.sum())
    return DeviceProjection(
        name=f"{pre} to {post}", pre=pre, post=post, row_start=np.concatenate([[0], np.cumsum(degree)]),
        target=np.concatenate(target), weight=2 * rng.integers(-127, 128, k), exponent=np.zeros(k, np.int64),
        mode=np.full(k, int(SignMode.MIXED)), delay=rng.integers(0, delays, k),
    )  # fmt: skip


def network(seed):
    rng = np.random.default_rng(seed)
    sizes = {"in": 7, "a": 9, "b": 5, "out": 3}
    never = {"spiking": False, "threshold": np.full(3, 131071)}
    populations = (population(rng, "a", 9), population(rng, "b", 5), population(rng, "out", 3, **never))
    pairs = (("in", "a"), ("a", "b"), ("b", "a"), ("a", "a"), ("b", "out"))
    return DeviceNetwork(
        inputs={"in": 7},
        populations={p.name: p for p in populations},
        projections=tuple(projection(rng, pre, post, sizes) for pre, post in pairs),
    )


@pytest.mark.parametrize("numerics", PROFILES.values(), ids=PROFILES)
def test_it_computes_what_the_cores_of_a_build_compute(numerics):
    net, steps = network(3), 150
    states = {"v": (1.0, 0.0), "i": (1.0, 0.0), "refractory_left": (1.0, 0.0)}
    populations = {n: PopulationEntry(shape=(p.size,), states=states) for n, p in net.populations.items()}
    inputs = {"in": PopulationEntry(shape=(7,))}
    manifest = Manifest(
        target="loihi", profile="loihi1", dt=1e-3, inputs=inputs, populations=populations, outputs=("out",)
    )
    mapped = device_of(manifest, tables_of(map_network(net, read_chip("loihi1").limits), numerics))
    virtual = LoihiDevice(manifest, virtual_chip(net), numerics)
    spikes = {"in": Spikes.from_dense(np.random.default_rng(1).poisson(0.6, (steps, 2, 7)), dt=1e-3)}
    record = {name: Record("spikes", *states) for name in net.populations}
    one, other = (d.run(spikes, steps, record, 0, Overflow.AS_CHIP) for d in (mapped, virtual))
    for name in record:
        assert (name == "out") == (len(one[name].spikes.step) == 0)
        assert np.array_equal(one[name].spikes.dense(int), other[name].spikes.dense(int))
        for variable, values in one[name].variables.items():
            assert np.array_equal(values, other[name].variables[variable])


def test_resonators_beside_leaky_neurons():
    """A core of resonators has two accumulators a compartment in its tables, one of leaky neurons has one."""
    rng, steps = np.random.default_rng(5), 200
    sizes = {"in": 6, "rf": 8, "lif": 5}
    slow = {"program": Program.RESONATE_AND_FIRE, "options": {"sin": 400, "cos": 4000, "state_exp": 0}}
    resonating = population(
        rng, "rf", 8, threshold=np.full(8, 500), u=np.zeros(8, int), v=np.zeros(8, int), **slow
    )
    real, imaginary = (projection(rng, "in", "rf", sizes) for _ in range(2))
    net = DeviceNetwork(
        inputs={"in": 6},
        populations={
            "rf": resonating,
            "lif": population(rng, "lif", 5, dv=np.full(5, 90), threshold=np.full(5, 90)),
        },
        projections=(
            real,
            replace(imaginary, name="imaginary", accumulator=1),
            projection(rng, "rf", "lif", sizes),
        ),
    )
    states = {"rf": ("real", "imag"), "lif": ("v", "i")}
    populations = {
        n: PopulationEntry(shape=(sizes[n],), states=dict.fromkeys(s, (1.0, 0.0))) for n, s in states.items()
    }
    manifest = Manifest(
        target="loihi", profile="loihi2", dt=1e-3, inputs={"in": PopulationEntry(shape=(6,))},
        populations=populations, outputs=("lif",),
    )  # fmt: skip
    lava = PROFILES["lava"]
    mapped = device_of(manifest, tables_of(map_network(net, read_chip("loihi2").limits), lava))
    virtual = LoihiDevice(manifest, virtual_chip(net), lava)
    spikes = {"in": Spikes.from_dense(rng.poisson(0.3, (steps, 1, 6)), dt=1e-3)}
    record = {name: Record("spikes", *rows) for name, rows in states.items()}
    one, other = (d.run(spikes, steps, record, 0, Overflow.AS_CHIP) for d in (mapped, virtual))
    for name in record:
        assert len(one[name].spikes.step) > 20
        assert np.array_equal(one[name].spikes.dense(int), other[name].spikes.dense(int))
        for variable, values in one[name].variables.items():
            assert np.array_equal(values, other[name].variables[variable])


def plain(name, size, **registers):
    """A population with the same registers for all neurons."""
    values = {"bias_mantissa": 0, "bias_exponent": 0, "refractory": 1, "u": 0, "v": 0} | registers
    arrays = {key: np.array(np.broadcast_to(np.asarray(v, np.int64), (size,))) for key, v in values.items()}
    return DevicePopulation(name=name, size=size, **arrays)


def dense(name, pre, post, matrix, exponent, delay):
    """All pairs of a matrix [post, pre]."""
    targets, sources = matrix.shape
    mixed = (matrix < 0).any() and (matrix > 0).any()
    mode = SignMode.MIXED if mixed else (SignMode.INHIBITORY if (matrix < 0).any() else SignMode.EXCITATORY)
    k = matrix.size
    return DeviceProjection(
        name=name, pre=pre, post=post, row_start=np.arange(sources + 1) * targets,
        target=np.tile(np.arange(targets), sources), weight=matrix.T.reshape(-1), exponent=np.full(k, exponent),
        mode=np.full(k, int(mode)), delay=np.broadcast_to(delay, matrix.shape).T.reshape(-1),
    )  # fmt: skip


def test_potentials_below_24_bits_where_the_arithmetic_has_no_limit():
    """brian2-loihi's neurons go on below the register (its own run ends at -99 million): v <- v + u, on both chips."""
    steps, pool = 40, plain("pool", 1, du=4095, dv=0, threshold=100)
    push = dense("in to pool", "in", "pool", np.array([[-255]]), 7, 0)
    net = DeviceNetwork(inputs={"in": 1}, populations={"pool": pool}, projections=(push,))
    entry = PopulationEntry(shape=(1,), states={"v": (1.0, 0.0)})
    manifest = Manifest(
        target="loihi", profile="loihi1", dt=1e-3, inputs={"in": PopulationEntry(shape=(1,))},
        populations={"pool": entry}, outputs=("pool",),
    )  # fmt: skip
    limits, spikes = read_chip("loihi1").limits, {"in": Spikes.from_dense(np.full((steps, 1, 1), 5), dt=1e-3)}
    numerics = PROFILES["brian2-loihi"]
    wanted = np.arange(steps) * (-255 * 2**13 * 5)
    for device in (
        device_of(manifest, tables_of(map_network(net, limits), numerics)),
        LoihiDevice(manifest, virtual_chip(net), numerics),
    ):
        found = device.run(spikes, steps, {"pool": Record("v")}, 0, Overflow.AS_CHIP)["pool"].v[:, 0, 0]
        assert np.array_equal(found, wanted)
    assert wanted[-1] < -(2**28)  # beyond what the kernel of 32 bits holds, too


def run_virtual(net, spikes, variables, numerics=PROFILES["lava"]):
    ((name, population),) = net.populations.items()
    entry = PopulationEntry(shape=(population.size,), states={"v": (1.0, 0.0), "i": (1.0, 0.0)})
    manifest = Manifest(
        target="loihi", profile="loihi2", dt=1e-4,
        inputs={n: PopulationEntry(shape=(size,)) for n, size in net.inputs.items()}, populations={name: entry},
        outputs=(name,),
    )  # fmt: skip
    device = LoihiDevice(manifest, virtual_chip(net), numerics)
    inputs = {n: Spikes.from_dense(s[:, None], dt=1e-4) for n, s in spikes.items()}
    record = {name: Record("spikes", *variables)}
    return device.run(inputs, len(next(iter(spikes.values()))), record, 0, Overflow.AS_CHIP)[name]


@pytest.mark.reference("loihi/rec_*.npz")
def test_it_reproduces_recurrent_networks_of_lava(reference_file):
    with np.load(reference_file) as f:
        n = len(f["w_rec"])
        w_rec = (
            f["w_rec"].astype(np.int64) >> 1
        ) << 1  # Lava stores mixed weights of 8 bits without their lowest
        exponent = int(f["w_rec_exp"])
        if np.any(w_rec & ((1 << max(-exponent, 0)) - 1)):
            pytest.skip("weights with bits below their exponent, which Lava drops from their sum")
        # the same of the excitatory input weights: their sum comes in as a graded spike
        drive = shift(f["s_in"].astype(np.int64) @ f["w_in"].T.astype(np.int64), int(f["w_in_exp"]))
        pool = plain(
            "pool", n, du=f["p_du"], dv=f["p_dv"], threshold=f["p_vth"], bias_mantissa=f["p_bias_mant"],
            bias_exponent=f["p_bias_exp"],
        )  # fmt: skip
        delays = f["delays"].astype(np.int64) if "delays" in f.files else 0
        projections = (
            dense("in to pool", "in", "pool", np.eye(n, dtype=np.int64), 0, 0),
            dense("pool to pool", "pool", "pool", w_rec, exponent, delays),
        )
        net = DeviceNetwork(inputs={"in": n}, populations={"pool": pool}, projections=projections)
        found = run_virtual(net, {"in": drive}, ["v", "i"])
        assert np.array_equal(found.spikes.dense(int)[:, 0], f["s"])
        assert np.array_equal(found.v[:, 0], f["v"])
        assert np.array_equal(found.i[:, 0], f["u"])


@pytest.mark.reference("nir_paper/01_lif_all.npz")
def test_the_register_reads_as_on_the_recorded_loihi_2(reference_file):
    """1000 steps of a real chip, the 128 of spike steps included; registers as the paper's conversion sets them."""
    with np.load(reference_file) as f:
        pulses = f["lava_loihi_fixed_input"].astype(int)
        pool = plain("lif", 1, du=4095, dv=163, threshold=25)
        net = DeviceNetwork(
            inputs={"in": 1},
            populations={"lif": pool},
            projections=(dense("in to lif", "in", "lif", np.array([[10]]), 0, 0),),
        )
        found = run_virtual(net, {"in": pulses[:, None]}, ["v", "v_register"])
        wanted = f["lava_loihi_fixed_voltage"].astype(np.int64)
        assert np.array_equal(found.v_register[:, 0, 0], wanted)
        assert np.count_nonzero(found.v[:, 0, 0] != wanted) == found.spikes.counts().sum() == 4


def test_a_virtual_core_of_more_than_2_to_the_16_neurons():
    """Lists hold 16 bits of their targets; a neuron that reaches further has several."""
    n = 70_000
    target = np.array([[0, 65_535, 65_536, n - 1], [5, 65_537, 65_538, 65_539]])
    net = DeviceNetwork(
        inputs={"in": 2},
        populations={"pool": plain("pool", n, du=4095, dv=4095, threshold=131071)},
        projections=(
            DeviceProjection(
                name="in to pool", pre="in", post="pool", row_start=np.array([0, 4, 8]), target=target.reshape(-1),
                weight=np.arange(2, 18, 2), exponent=np.zeros(8, np.int64), mode=np.full(8, int(SignMode.MIXED)),
                delay=np.zeros(8, np.int64),
            ),
        ),
    )  # fmt: skip
    found = run_virtual(net, {"in": np.array([[1, 0], [0, 3], [0, 0]])}, ["i"])
    wanted = np.zeros((3, n))
    wanted[1, target[0]] = 64 * np.arange(2, 10, 2)
    wanted[2, target[1]] = 64 * np.arange(10, 18, 2) * 3
    assert np.array_equal(found.i[:, 0], wanted)
