"""The memory of Casanueva-Morato et al. (2024): the authors' published spikes, and a dictionary for everything else."""

from __future__ import annotations

import itertools
from importlib.util import find_spec

import numpy as np
import pytest

from neurosim import hardware
from neurosim.engine.simulate import simulate
from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker import ContentAddressableMemory
from neurosim.hardware.spinnaker.compile.compile_pynn import compile_pynn
from neurosim.hardware.spinnaker.content_addressable_circuit import (
    CELLS,
    Pairs,
    connections,
    learning,
    memory_network,
    recalling,
    schedule,
    size_of,
)
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.hardware.spinnaker.pynn.network import (
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
    PyNNSTDP,
)

# The authors' experiment 1 (5 cues, 10 contents), every step with a spike: what a step shows after each operation.
LEARN = "1 cueCue{c} contCue{x} 2 contCond{x} contCondInt[0] 3 cueCue{c} contCue{x} cueCont{c} contCont{x} \
4 contCond{x} contCondInt[0] mergeCue{c} mergeCont{x} 5 cueCont{c} contCont{x} cueOut{c} contOut{x} \
6 mergeCue{c} mergeCont{x} 7 cueOut{c} contOut{x}"
UNLEARN = "2 contCue{o} 3 contCond{o} 4 contCont{o} 5 mergeCont{o} 6 contOut{o}"
BY_CUE = (
    "1 cueCue{c} 2 contCue{x} 3 contCondInt[0] cueCont{c} 4 mergeCue{c} 5 mergeCont{x} cueOut{c} 6 contOut{x}"
)
BY_CONTENT = (
    "1 contCue{x} 2 contCond{x} contCondInt[0] 3 contCont{x} 4 cueCont{c} mergeCont{x} 5 mergeCue{c} \
contOut{x} 6 cueOut{c}"
)
EXPERIMENT_1 = [
    (learning(0, 0, [0, 1, 8, 9]), [(LEARN, {"c": [0], "x": [0, 1, 8, 9]})]),
    (learning(10, 4, [1, 5, 6]), [(LEARN, {"c": [4], "x": [1, 5, 6]})]),
    (learning(20, 3, [4, 5, 6]), [(LEARN, {"c": [3], "x": [4, 5, 6]})]),
    (recalling(30, cue=0), [(BY_CUE, {"c": [0], "x": [0, 1, 8, 9]})]),
    (recalling(40, content=[6]), [(BY_CONTENT, {"c": [3, 4], "x": [6]})]),
    (recalling(50, content=[0, 4]), [(BY_CONTENT, {"c": [0, 3], "x": [0, 4]})]),
    # line 4 was and stays in the content of cue 3, 5 and 6 leave it
    (learning(60, 3, [1, 3, 4, 8]), [(LEARN, {"c": [3], "x": [1, 3, 4, 8]}), (UNLEARN, {"o": [5, 6]})]),
    (recalling(70, cue=3), [(BY_CUE, {"c": [3], "x": [1, 3, 4, 8]})]),
    (recalling(80, content=[6]), [(BY_CONTENT, {"c": [4], "x": [6]})]),
]


def expected(table):
    """(step, population, neuron) of every spike of a table."""
    cells = set()
    for operation, patterns in table:
        for text, lines in patterns:
            step = 0
            for word in text.format(**{k: str(v).replace(" ", "") for k, v in lines.items()}).split():
                name, _, neurons = word.partition("[")
                if not neurons:
                    step = operation.step + int(name)
                    continue
                cells |= {(step, name, int(i)) for i in neurons.rstrip("]").split(",")}
    return cells


def spikes_of(recording, names=CELLS):
    return {
        (t, name, i)
        for name in names
        for t, i in zip(
            recording[name].spikes.step.tolist(), recording[name].spikes.neuron.tolist(), strict=True
        )
    }


def answers(recording, name, step):
    spikes = recording[name].spikes
    return set(spikes.neuron[spikes.step == step].tolist())


def dictionary(operations):
    """(operation, population, what an ordinary dictionary answers) for each recall."""
    book = {}
    for o in operations:
        if o.steps > 1:
            book[o.cues[0]] = set(o.contents)
        elif o.cues:
            yield o, "contOut", book.get(o.cues[0], set())
        else:
            yield o, "cueOut", {cue for cue, content in book.items() if content & set(o.contents)}


def pyramid():
    """Experiment 2: contents that share lines, their complements, and the first ones again, with all recalls."""
    contents = [[0], [1], [0, 1], [2], [0, 2]]
    others = [sorted(set(range(10)) - set(c)) for c in contents]
    time = itertools.count(1, 14)
    return [
        make(next(time))
        for learnt in (contents, others, contents)
        for make in (
            *(lambda t, i=i, c=c: learning(t, i, c) for i, c in enumerate(learnt)),
            *(lambda t, i=i: recalling(t, cue=i) for i in range(5)),
            *(lambda t, i=i: recalling(t, content=[i]) for i in range(10)),
        )
    ]


def state_map():
    """Experiment 3: the state of each of 4 x 4 cells, then where some states are; as fast as possible."""
    states = [0, 5, 1, 3, 0, 3, 4, 5, 0, 5, 4, 3, 2, 4, 4, 3]
    asked = ([1, 2, 4], [3], [5], [0])
    return [
        *(learning(7 * i, i, [state]) for i, state in enumerate(states)),
        *(recalling(112 + 6 * k, content=lines) for k, lines in enumerate(asked)),
    ]


EXPERIMENTS = {
    "pyramid": (pyramid(), 5, 10, 851, (102, 251)),
    "state map": (state_map(), 16, 6, 140, (48, 38)),
}


def pynn_network(cues, contents):
    """The circuit in the authors' own terms: cells and weights as they are given to sPyNNaker."""
    populations = [PyNNPopulation(name="cue", size=cues, cell="SpikeSourceArray")]
    populations += [PyNNPopulation(name="content", size=contents, cell="SpikeSourceArray")]
    for name, cell in CELLS.items():
        parameters = {
            "cm": cell.c_m, "tau_m": cell.tau_m, "v_thresh": cell.threshold, "v_rest": -60.0, "v_reset": -60.0,
            "tau_refrac": 1.0, "tau_syn_E": 0.3, "tau_syn_I": 0.3,
        }  # fmt: skip
        populations.append(
            PyNNPopulation(
                name=name,
                size=size_of(name, cues, contents),
                parameters=parameters,
                initial_values={"v": -60.0},
            )
        )
    stdp = PyNNSTDP(tau_plus=3.0, tau_minus=3.0, A_plus=6.0, A_minus=6.0, w_min=0.0, w_max=6.0)
    plastic = [("cueCue", "contCue", Pairs.ALL, 0.0, 1), ("contCont", "cueCont", Pairs.ALL, 0.0, 1)]
    projections = []
    for pre, post, kind, weight, delay in connections(contents) + plastic:
        shape = size_of(pre, cues, contents), size_of(post, cues, contents)
        same = np.eye(*shape, dtype=bool)
        pairs = {Pairs.ALL: np.ones(shape), Pairs.ONE_TO_ONE: same, Pairs.OTHERS: ~same}[kind]
        table = [(i, j, abs(weight), delay) for i, j in np.argwhere(pairs).tolist()]
        projections.append(
            PyNNProjection(
                pre=pre, post=post, connections=table, receptor="inhibitory" if weight < 0 else "excitatory",
                stdp=stdp if weight == 0 else None,
            )
        )  # fmt: skip
    return PyNNNetwork(populations=populations, projections=projections)


def on_engine(cues, contents, inputs, record, folder):
    return simulate(memory_network(cues, contents), inputs, record=record)


def on_board(cues, contents, inputs, record, folder):
    """From the files of a build alone, in fixed point."""
    hardware.compile(memory_network(cues, contents), hardware.SpiNNaker()).save(folder)
    return hardware.load(folder).emulate(inputs, record=record)


def as_scripted(cues, contents, inputs, record, folder):
    """The same for what sPyNNaker would make of the authors' script: no weight is converted."""
    compile_pynn(pynn_network(cues, contents)).save(folder)
    return hardware.load(folder).emulate(inputs, record=record)


PLACES = pytest.mark.parametrize("run", [on_engine, on_board, as_scripted], ids=lambda f: f.__name__)
OUTPUTS = {"cueOut": "spikes", "contOut": "spikes"}


@PLACES
def test_every_spike_of_experiment_1(run, tmp_path):
    operations = [operation for operation, _ in EXPERIMENT_1]
    inputs = schedule(operations, 5, 10, 90)
    recording = run(5, 10, inputs, dict.fromkeys(CELLS, "spikes"), tmp_path / "build")
    assert spikes_of(recording) == expected(EXPERIMENT_1)
    assert [len(recording[name].spikes.step) for name in OUTPUTS] == [15, 42]
    assert recording.events == ()


@PLACES
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_2_and_3(run, name, tmp_path):
    """Their number of output spikes, and every recall as a dictionary would answer it."""
    operations, cues, contents, steps, totals = EXPERIMENTS[name]
    recording = run(cues, contents, schedule(operations, cues, contents, steps), OUTPUTS, tmp_path / "build")
    assert tuple(len(recording[out].spikes.step) for out in OUTPUTS) == totals
    for o, out, answer in dictionary(operations):
        assert answers(recording, out, o.step + 6) == answer, o


@PLACES
def test_highest_rate(run, tmp_path):
    """Operations 7 steps after learning and 6 after recalling (the authors' sPyMem, test of combined operations)."""
    operations = [
        learning(0, 4, [7, 8, 9]), learning(7, 3, [6, 7, 8]), learning(14, 2, [5, 6, 7]), recalling(21, cue=4),
        recalling(27, cue=3), learning(33, 3, [0, 1, 5, 6, 7]), learning(40, 2, [0, 1, 8, 9]), recalling(47, cue=3),
        recalling(53, cue=2),
    ]  # fmt: skip
    recording = run(5, 10, schedule(operations, 5, 10), OUTPUTS, tmp_path / "build")
    for o, out, answer in dictionary(operations):
        assert answers(recording, out, o.step + 6) == answer, o
    for o in operations:  # what was put in comes out after 5 steps, learnt contents again after 7
        for step in (5, 7) if o.steps > 1 else (5,):
            assert answers(recording, "cueOut", o.step + step) == set(o.cues)
        if o.steps > 1:
            assert answers(recording, "contOut", o.step + 7) == set(o.contents)


@pytest.mark.parametrize(
    ("cues", "contents", "board"), [(5, 10, False), (5, 10, True), (1, 3, False), (12, 4, True)]
)
def test_is_a_dictionary(cues, contents, board, tmp_path):
    """Random learning, replacing, forgetting and recalling, one operation at a time."""
    rng = np.random.default_rng(cues)
    memory, book = ContentAddressableMemory(cues, contents), {}
    if board:
        hardware.compile(memory.network, hardware.SpiNNaker()).save(tmp_path / "build")
        memory = ContentAddressableMemory(cues, contents, device=hardware.load(tmp_path / "build"))
    recalls = 0
    for _ in range(40):
        what, cue = rng.random(), int(rng.integers(cues))
        if what < 0.35:
            book[cue] = {int(rng.integers(contents)), *np.flatnonzero(rng.random(contents) < 0.3).tolist()}
            memory.learn(cue, book[cue])
        elif what < 0.5:
            book.pop(cue, None)
            memory.forget(cue)
        elif what < 0.75:
            recalls += memory.recall(cue=cue) != ()
            assert memory.recall(cue=cue) == tuple(sorted(book.get(cue, ())))
        else:
            line = int(rng.integers(contents))
            holders = [c for c, content in sorted(book.items()) if line in content]
            assert memory.recall(content=[line]) == tuple(holders)
    assert recalls >= 2


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "build"
    hardware.compile(ContentAddressableMemory(5, 10).network, hardware.SpiNNaker()).save(folder)
    return hardware.load(folder)


@pytest.mark.parametrize("where", ["engine", "board"])
def test_what_is_not_used_for_long_is_not_lost(where, board):
    """A core remembers 15 spikes of a cell: many recalls one way must not cost the other way what it learnt."""
    memory = ContentAddressableMemory(5, 10, device=board if where == "board" else None)
    memory.learn(0, [1])
    memory.learn(2, [3, 4])
    for _ in range(20):
        assert memory.recall(cue=0) == (1,)
        assert memory.recall(content=[4]) == (2,)
    assert memory.recall(content=[1]) == (0,)
    assert memory.recall(cue=2) == (3, 4)


def test_lines_asked_for_together_stay_apart():
    """Why several lines are asked for one by one: spikes of both at once teach a cue the line it does not hold."""
    operations = [learning(0, 0, [0]), *(recalling(16 * k, content=[0, 1]) for k in (1, 2, 3))]
    operations.append(recalling(64, content=[1]))
    recording = simulate(memory_network(2, 2), schedule(operations, 2, 2))
    assert answers(recording, "cueOut", 70) == {0}

    memory = ContentAddressableMemory(2, 2)
    memory.learn(0, [0])
    assert [memory.recall(content=[0, 1]) for _ in range(4)] == [(0,)] * 4
    assert memory.recall(content=[1]) == ()


def test_learning_nothing_does_not_forget():
    """Why a line is set aside: with no content lines the way back from content to cue stays."""
    operations = [learning(0, 0, [1]), learning(16, 0, []), recalling(32, cue=0), recalling(48, content=[1])]
    recording = simulate(memory_network(2, 3), schedule(operations, 2, 3))
    assert answers(recording, "contOut", 38) == set()
    assert answers(recording, "cueOut", 54) == {0}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_spynnaker_makes_the_same_memory(script_image, same_words, tmp_path):
    """The script of the build on sPyNNaker's virtual board: the words that the emulator ran are those of the board."""
    hardware.compile(memory_network(5, 10), hardware.SpiNNaker()).save(tmp_path / "build")
    assert same_words(script_image(tmp_path / "build"), read_image(tmp_path / "build")) > 1000


def test_errors_say_what_to_do(board):
    memory = ContentAddressableMemory(2, 3)
    with pytest.raises(DescriptionError, match="forget"):
        memory.learn(0, [])
    with pytest.raises(DescriptionError, match="0 to 2"):
        memory.learn(0, [3])  # the line set aside is not the user's
    with pytest.raises(DescriptionError, match="0 to 1"):
        memory.forget(2)
    with pytest.raises(DescriptionError, match="one of"):
        memory.recall()
    with pytest.raises(DescriptionError, match="too close"):
        ContentAddressableMemory(spacing=6)
    with pytest.raises(DescriptionError, match="lines"):
        memory_network(0, 3)
    with pytest.raises(DescriptionError, match="Compile"):
        ContentAddressableMemory(5, 9, device=board)
