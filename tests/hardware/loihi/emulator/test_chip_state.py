from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.recording import Record
from neurosim.engine.state import State
from neurosim.errors import DataError, ShapeError
from neurosim.hardware import Overflow
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection, Program
from neurosim.hardware.loihi.emulator.device import LoihiDevice
from neurosim.hardware.loihi.emulator.virtual_chip import virtual_chip
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.spikes import Spikes

SIZE, STEPS = 6, 80


def population(rng, name, program=Program.LIF, options=None):
    registers = {
        "du": rng.integers(0, 4096, SIZE), "dv": rng.integers(0, 300, SIZE), "threshold": rng.integers(1, 90, SIZE),
        "bias_mantissa": rng.integers(0, 300, SIZE), "bias_exponent": np.zeros(SIZE, np.int64),
        "refractory": rng.integers(1, 9, SIZE), "u": rng.integers(-99, 99, SIZE), "v": rng.integers(-99, 99, SIZE),
    }  # fmt: skip
    return DevicePopulation(name=name, size=SIZE, program=program, options=options or {}, **registers)


def projection(rng, pre, post, accumulator=0):
    k = SIZE * SIZE
    return DeviceProjection(
        name=f"{pre} {post} {accumulator}", pre=pre, post=post, row_start=np.arange(SIZE + 1) * SIZE,
        target=np.tile(np.arange(SIZE), SIZE), weight=2 * rng.integers(-60, 61, k), exponent=np.zeros(k, np.int64),
        mode=np.full(k, int(SignMode.MIXED)), delay=rng.integers(0, 20, k), accumulator=accumulator,
    )  # fmt: skip


def device(threads=None, program=Program.LIF, options=None):
    rng = np.random.default_rng(4)
    first, second = (
        population(rng, "a", options={"reset_interval": 13}),
        population(rng, "b", program, options),
    )
    projections = [projection(rng, *pair) for pair in (("in", "a"), ("a", "b"), ("b", "a"), ("a", "a"))]
    if program is Program.RESONATE_AND_FIRE:
        projections.append(projection(rng, "in", "b", 1))
    network = DeviceNetwork(
        inputs={"in": SIZE}, populations={"a": first, "b": second}, projections=tuple(projections)
    )
    states = {"v": (1.0, 0.0), "i": (1.0, 0.0), "refractory_left": (1.0, 0.0)}
    manifest = Manifest(
        target="loihi", profile="loihi2", dt=1e-3, inputs={"in": PopulationEntry(shape=(SIZE,))},
        populations={name: PopulationEntry(shape=(SIZE,), states=states) for name in "ab"}, outputs=("b",),
    )  # fmt: skip
    return LoihiDevice(manifest, virtual_chip(network), NENGO_LOIHI, threads)


INPUT = np.random.default_rng(8).poisson(0.5, (STEPS, 3, SIZE))
RECORD = {"a": Record("spikes", "v", "v_register"), "b": Record("spikes", "message")}
RESONATING = (Program.RESONATE_AND_FIRE, {"sin": 500, "cos": 3900, "state_exp": 2})


def emulate(d, start, stop, state=None):
    return d.emulate({"in": INPUT[start:stop]}, record=RECORD, overflow=Overflow.AS_CHIP, state=state)


@pytest.mark.parametrize(("program", "options"), [(Program.LIF, {}), RESONATING], ids=["lif", "resonators"])
def test_a_run_in_parts_is_the_run(program, options, tmp_path):
    """What is under way with delays, dead steps, the step of the next reset and the readout included."""
    d = device(program=program, options=options)
    whole = emulate(d, 0, STEPS)
    parts, state = [], None
    for start, stop in ((0, 7), (7, 31), (31, STEPS)):
        parts.append(emulate(d, start, stop, state))
        parts[-1].final_state.save(tmp_path / "state.h5")
        state = State.load(tmp_path / "state.h5")
    assert state.same(whole.final_state)
    assert state.step == STEPS
    for name, record in RECORD.items():
        dense = np.concatenate([p[name].spikes.dense(int) for p in parts])
        assert np.array_equal(dense, whole[name].spikes.dense(int))
        assert dense.any()
        for variable in record.states:
            joined = np.concatenate([p[name].variables[variable] for p in parts])
            assert np.array_equal(joined, whole[name].variables[variable])


def test_samples_are_runs_of_their_own_on_any_number_of_threads():
    together = [emulate(device(threads), 0, STEPS) for threads in (1, 3)]
    assert together[0].final_state.same(together[1].final_state)
    assert together[0].events == together[1].events
    d = device(1)
    alone = [d.emulate({"in": INPUT[:, b : b + 1]}, overflow=Overflow.AS_CHIP).final_state for b in range(3)]
    assert State.concatenate(alone).same(together[0].final_state)


def test_a_state_of_another_chip_is_refused():
    state = emulate(device(), 0, 5).final_state
    with pytest.raises(ShapeError, match="not a state of this build"):
        emulate(device(program=RESONATING[0], options=RESONATING[1]), 5, 9, state)
    with pytest.raises(ShapeError, match="number of samples"):
        emulate(device(), 5, 9, state.select([0]))


def test_a_state_that_no_run_leaves_is_refused():
    state = emulate(device(), 0, 5).final_state
    state.variables["a"]["u"][0, 0] = 1 << 61
    with pytest.raises(DataError, match="what no run leaves"):
        emulate(device(), 5, 9, state)


def test_no_samples():
    d = device()
    inputs = {"in": Spikes([], [], [], shape=(SIZE,), dt=1e-3, steps=4, samples=0)}
    recording = d.emulate(inputs, record=RECORD)
    assert recording.final_state.samples == 0
    assert recording["a"].v.shape == (4, 0, SIZE)
