"""The memory of Casanueva-Morato et al. (2024): the authors' published spikes, and a dictionary for everything else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurosim.engine.simulate import simulate
from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker import ContentAddressableMemory
from neurosim.hardware.spinnaker.memory_network import (
    learning,
    memory_network,
    recalling,
    schedule,
)

CELLS = (
    "cueCue", "contCue", "contCond", "contCondInt", "cueCont", "contCont", "mergeCue", "mergeCont", "cueOut", "contOut",
)  # fmt: skip

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


def test_every_spike_of_experiment_1():
    operations = [operation for operation, _ in EXPERIMENT_1]
    net = memory_network(5, 10)
    recording = simulate(net, schedule(operations, 5, 10, 90), record=dict.fromkeys(CELLS, "spikes"))
    assert spikes_of(recording) == expected(EXPERIMENT_1)
    assert [len(recording[name].spikes.step) for name in ("cueOut", "contOut")] == [15, 42]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_2_and_3(name):
    """Their number of output spikes, and every recall as a dictionary would answer it."""
    operations, cues, contents, steps, totals = EXPERIMENTS[name]
    recording = simulate(memory_network(cues, contents), schedule(operations, cues, contents, steps))
    assert tuple(len(recording[out].spikes.step) for out in ("cueOut", "contOut")) == totals
    for o, out, answer in dictionary(operations):
        assert answers(recording, out, o.step + 6) == answer, o


def test_highest_rate():
    """Operations 7 steps after learning and 6 after recalling (the authors' sPyMem, test of combined operations)."""
    operations = [
        learning(0, 4, [7, 8, 9]), learning(7, 3, [6, 7, 8]), learning(14, 2, [5, 6, 7]), recalling(21, cue=4),
        recalling(27, cue=3), learning(33, 3, [0, 1, 5, 6, 7]), learning(40, 2, [0, 1, 8, 9]), recalling(47, cue=3),
        recalling(53, cue=2),
    ]  # fmt: skip
    recording = simulate(memory_network(5, 10), schedule(operations, 5, 10))
    for o, out, answer in dictionary(operations):
        assert answers(recording, out, o.step + 6) == answer, o
    for o in operations:  # what was put in comes out after 5 steps, learnt contents again after 7
        for step in (5, 7) if o.steps > 1 else (5,):
            assert answers(recording, "cueOut", o.step + step) == set(o.cues)
        if o.steps > 1:
            assert answers(recording, "contOut", o.step + 7) == set(o.contents)


@pytest.mark.parametrize(("cues", "contents"), [(5, 10), (1, 3), (7, 2)])
def test_is_a_dictionary(cues, contents):
    """Random learning, replacing, forgetting and recalling, one operation at a time."""
    rng = np.random.default_rng(cues)
    memory, book = ContentAddressableMemory(cues, contents), {}
    recalls = 0
    for _ in range(60):
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
    assert recalls > 3


def test_learning_nothing_does_not_forget():
    """Why a line is set aside: with no content lines the way back from content to cue stays."""
    operations = [learning(0, 0, [1]), learning(16, 0, []), recalling(32, cue=0), recalling(48, content=[1])]
    recording = simulate(memory_network(2, 3), schedule(operations, 2, 3))
    assert answers(recording, "contOut", 38) == set()
    assert answers(recording, "cueOut", 54) == {0}


def test_errors_say_what_to_do():
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
