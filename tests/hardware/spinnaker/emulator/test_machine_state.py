"""Going on from the state of a machine: a run in parts is the run, with plastic synapses and delay cores too."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.recording import Record, State
from neurosim.errors import DataError, DescriptionError, ShapeError, UnsupportedError
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP, compile_pynn
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF
from neurosim.spikes import Spikes

DT, STEPS = 1e-3, 120
RECORD = {"cells": Record("spikes", "v")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Plastic synapses of up to 300 steps on cores of 128 slots, so through two delay cores, and recurrent ones."""
    rng = np.random.default_rng(2)
    i, j = np.nonzero(rng.random((40, 64)) < 0.3)
    learning = np.stack([i, j, rng.uniform(0.2, 1.5, len(i)), 2 * rng.integers(1, 150, len(i)) - 1], axis=1)
    learning[::2, 3] = rng.integers(1, 20, len(learning[::2]))
    i, j = np.nonzero(rng.random((64, 64)) < 0.2)
    recurrent = np.stack([i, j, rng.uniform(0, 0.3, len(i)), rng.integers(1, 90, len(i))], axis=1)
    net = PyNNNetwork(
        populations=[
            PyNNPopulation(name="in", size=40, cell="SpikeSourceArray", atoms_per_core=32),
            PyNNPopulation(name="cells", size=64, atoms_per_core=32),
        ],
        projections=[
            PyNNProjection(
                pre="in", post="cells", connections=learning, stdp=PyNNSTDP(w_max=2.0), name="learning"
            ),
            PyNNProjection(
                pre="cells", post="cells", connections=recurrent, receptor="inhibitory", name="recurrent"
            ),
        ],
    )
    path = tmp_path_factory.mktemp("build") / "b"
    compile_pynn(net, allow=tuple(LossKind)).save(path)
    return path


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(3)
    return Spikes.from_dense((rng.random((STEPS, 2, 40)) < 0.1).astype(np.float32), dt=DT)


def run(device, inputs, parts):
    """Recordings of parts of the run, one after the other."""
    state, out = None, []
    for first, last in itertools.pairwise(parts):
        piece = {"in": inputs.dense()[first:last]}
        recording = device.emulate(
            piece, (last - first) * DT, record=RECORD, overflow=Overflow.AS_CHIP, state=state
        )
        state = recording.final_state
        out.append(recording)
    return out


def test_a_run_in_parts_is_the_run(folder, inputs, tmp_path):
    device = hardware.load(folder)
    (whole,) = run(device, inputs, [0, STEPS])
    assert whole["cells"].spikes.counts().sum() > 100
    assert np.any(whole.weights["learning"] != run(device, inputs, [0, 1])[0].weights["learning"])
    pieces = run(device, inputs, [0, 1, 47, 47, STEPS])
    assert pieces[-1].final_state.same(whole.final_state)
    for read in (lambda r: r["cells"].spikes.dense(), lambda r: r["cells"].v):
        np.testing.assert_array_equal(np.concatenate([read(p) for p in pieces]), read(whole))
    np.testing.assert_array_equal(pieces[-1].weights["learning"], whole.weights["learning"])
    whole.final_state.save(tmp_path / "state.h5")
    assert State.load(tmp_path / "state.h5").same(whole.final_state)


def test_samples_go_their_own_ways(folder, inputs):
    """Half of the samples of a state is the state of half of the samples."""
    device = hardware.load(folder)
    (first,) = run(device, inputs, [0, 60])
    rest = {"in": inputs.dense()[60:, 1:]}
    alone = device.emulate(rest, overflow=Overflow.AS_CHIP, state=first.final_state.select([1]))
    together = run(device, inputs, [0, 60, STEPS])[-1]
    assert alone.final_state.same(together.final_state.select([1]))


def test_results_do_not_depend_on_threads(folder, inputs):
    device, one = hardware.load(folder), {"in": inputs.select(np.array([0]))}
    seen = []
    for threads in (1, 2, 5):
        device.threads = threads
        seen.append(device.observe(one, record=RECORD, overflow=Overflow.AS_CHIP))
    for other in seen[1:]:
        assert other.recording.final_state.same(seen[0].recording.final_state)
        assert other.recording["cells"].spikes == seen[0].recording["cells"].spikes
        assert other.recording.events == seen[0].recording.events
        np.testing.assert_array_equal(other.recording["cells"].v, seen[0].recording["cells"].v)
        np.testing.assert_array_equal(other.fabric.streams, seen[0].fabric.streams)
        np.testing.assert_array_equal(other.load.cycles, seen[0].load.cycles)


def test_learned_words_are_written_back(folder, inputs):
    """The words of both cores, read as rows, hold what was learned; those of a machine at rest are the image's."""
    device = hardware.load(folder)
    image = read_image(folder)
    seen = device.observe({"in": inputs}, overflow=Overflow.AS_CHIP)
    rest = device.observe({}, 2 * DT)
    for place in device.started.plastic_words:
        np.testing.assert_array_equal(
            rest.synaptic_words(place), image.regions[place][int(Region.SYNAPTIC_ROWS)]
        )
        for sample in range(2):
            words = seen.synaptic_words(place, sample)
            for p in (p for p in device.started.plastic if p.place == place):
                found = decode_plastic_block(
                    words, p.rows.start, p.rows.length, p.rows.first, p.rows.count, ""
                )
                rows = seen.memories[sample].rows
                first, last = p.first, p.first + p.rows.count
                np.testing.assert_array_equal(found.weight, rows.weight[rows.start[first] : rows.start[last]])
                np.testing.assert_array_equal(found.last_time, rows.last_time[first:last])
                np.testing.assert_array_equal(found.last_trace, rows.last_trace[first:last])
    with pytest.raises(DescriptionError, match="no plastic synapses"):
        rest.synaptic_words((0, 0, 17))


def test_states_of_others_are_refused(folder, inputs):
    device = hardware.load(folder)
    state = run(device, inputs, [0, 5])[0].final_state
    strange = State({"cells": {"v": state.variables["cells"]["v"]}}, state.arrivals, state.extras, state.step)
    with pytest.raises(ShapeError, match="not a state of this build"):
        device.emulate({}, 2 * DT, state=strange)
    with pytest.raises(ShapeError, match="number of samples"):
        device.emulate({"in": np.zeros((2, 3, 40))}, state=state)


@pytest.mark.parametrize(
    ("group", "name", "value"), [("history", "held", 16), ("history", "held", -1), ("rows", "last_time", -1)]
)
def test_states_that_no_run_leaves_are_refused(folder, inputs, group, name, value):
    """Compiled code takes these as places in arrays."""
    device = hardware.load(folder)
    state = run(device, inputs, [0, 5])[0].final_state
    state.extras[group][name][1, 0] = value
    with pytest.raises(DataError, match=r"remember what cannot be.*0 to 15 spikes"):
        device.emulate({}, 2 * DT, state=state)


def test_lagging_populations_cannot_go_on(tmp_path):
    net = Network(dt=DT, seed=0)
    net.input("in", 2)
    net.population("a", 2, LIF())
    net.connect("in", "a", AllToAll(), weight=0.5, delay=0.0)
    net.output("a")
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    device = hardware.load(tmp_path / "b")
    recording = device.emulate({}, 5 * DT)
    assert recording.final_state is None
    with pytest.raises(UnsupportedError, match="lag behind"):
        device.emulate({}, DT, state=State({}, {}))
