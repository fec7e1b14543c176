r"""The circuit of a spiking content-addressable memory of the hippocampus' CA3, and the spikes that operate it.

A memory stores for each cue a set of content lines. Recalling goes from a cue to its content, and from content lines
to all cues that hold at least one of them. Two all-to-all plastic projections hold it: cueCue -> contCue from cues to
contents, contCont -> cueCont back. The rest of the circuit lets one direction at a time pass, and times it.

Source: Casanueva-Morato, Ayuso-Martinez, Dominguez-Morales, Jimenez-Fernandez and Jimenez-Moreno, "Bio-inspired
computational memory model of the Hippocampus: An approach to a neuromorphic spike-based Content-Addressable Memory",
Neural Networks 178 (2024), arXiv:2310.05868, who ran it on SpiNNaker with sPyNNaker. Populations have the names they
have there (what they call OUT is cueOut and contOut); parameters are theirs, in sPyNNaker's units (nF, ms, mV, nA), and
steps are 1 ms.

**Weights.** sPyNNaker's IF_curr_exp adds s w to its current for an arriving weight w, with
s = tau_syn/dt (1 - exp(-dt/tau_syn)): the mean over the step of a current that jumps by w. It moves v by (1 - a) R
times the current, a = exp(-dt/tau_m), R = tau_m/c_m, *before* the current decays by b = exp(-dt/tau_syn). `CurrentLIF`
lets the current jump by x = the weight and moves v by k times it, with k = R tau_syn/(tau_syn - tau_m) (b - a) from
integrating the decaying current exactly. Both currents decay by b after use, so

    x = w (1 - a) R s / k

moves v alike in every later step too: the two are one recursion in other units. R cancels in x; it is the same number
for all weights onto a population, and scales a_plus, a_minus and the bounds of plastic ones as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from neurosim.connectivity import AllToAll, OneToOne, Sparse
from neurosim.connectivity.rule import Rule
from neurosim.errors import DescriptionError
from neurosim.network import Network
from neurosim.neurons import CurrentLIF
from neurosim.neurons.current_lif import current_gain
from neurosim.neurons.options import Discretisation
from neurosim.plasticity import STDP, DelaySite, Delivered, SameStep, WeightUpdate
from neurosim.spikes import Spikes

__all__ = [
    "CELLS",
    "Cell",
    "Operation",
    "Pairs",
    "connections",
    "learning",
    "memory_network",
    "recalling",
    "schedule",
    "size_of",
]

DT = 1e-3
"""Time step of the circuit, s. Delays and time constants are a few steps: another step is another circuit."""
LEARN_STEPS, RECALL_STEPS = 7, 6
"""Steps from an operation's first input to the last spike it causes at an output, and to the next operation at the
earliest (see `ContentAddressableMemory` for what the highest rate costs)."""

_TAU_SYNAPSE, _REST, _WEIGHT, _TAU_STDP = 0.3, -60.0, 6.0, 3.0  # ms, mV, nA, ms


@dataclass(frozen=True)
class Cell:
    """A neuron of IF_curr_exp: nF, ms, mV."""

    c_m: float
    tau_m: float
    threshold: float

    def model(self) -> CurrentLIF:
        """In seconds; a current of one is one nA through R in megaohm."""
        return CurrentLIF(
            tau_membrane=self.tau_m * 1e-3, tau_synapse=_TAU_SYNAPSE * 1e-3, resistance=self.tau_m / self.c_m,
            threshold=self.threshold, v_rest=_REST, v_reset=_REST, refractory=1e-3,
        )  # fmt: skip

    def jump(self) -> float:
        """The weight of `CurrentLIF` for one nA of sPyNNaker's, see the module."""
        a, b = math.exp(-1.0 / self.tau_m), math.exp(-1.0 / _TAU_SYNAPSE)
        gain = current_gain(1.0, self.tau_m, _TAU_SYNAPSE, 1.0, Discretisation.EXACT)
        return (1.0 - a) * _TAU_SYNAPSE * (1.0 - b) / float(gain)


_SLOW, _FAST, _OUT = Cell(0.27, 3.0, -57.0), Cell(0.14, 0.5, -57.0), Cell(0.27, 3.0, -57.5)
CELLS = {
    "cueCue": _SLOW, "contCue": _SLOW, "cueCont": _FAST, "contCond": _FAST, "contCondInt": _FAST, "contCont": _SLOW,
    "mergeCue": _SLOW, "mergeCont": _SLOW, "cueOut": _OUT, "contOut": _OUT,
}  # fmt: skip
"""Populations, in order."""


class Pairs(Enum):
    """Which pairs are connected."""

    ONE_TO_ONE = 0
    ALL = 1
    OTHERS = 2


def connections(lines: int) -> list[tuple[str, str, Pairs, float, int]]:
    """(pre, post, pairs, weight in nA, delay in steps) of static synapses; what inhibits has a negative weight.

    Args:
        lines: content lines, each of which excites every cell of cueCont: so strong must inhibition there be.
    """
    one, every, others = Pairs.ONE_TO_ONE, Pairs.ALL, Pairs.OTHERS
    return [
        ("cue", "cueCue", one, 6.0, 1),
        ("content", "contCue", one, 6.0, 1),
        ("cueCue", "cueCont", one, 6.0, 2),
        ("cueCue", "cueCont", others, -6.0 * lines, 3),
        ("cueCue", "contCond", every, -6.0, 2),
        ("contCue", "contCond", one, 9.0, 1),
        ("contCue", "contCondInt", every, 6.0, 1),
        ("contCondInt", "contCond", every, 2.0, 1),
        ("contCond", "contCont", one, 6.0, 1),
        ("cueCont", "cueCont", others, -6.0 * lines, 2),
        ("cueCue", "mergeCue", one, 6.0, 3),
        ("cueCont", "mergeCue", one, 6.0, 1),
        ("contCue", "mergeCont", one, 6.0, 3),
        ("contCont", "mergeCont", one, 6.0, 1),
        ("mergeCue", "cueOut", one, 6.0, 1),
        ("mergeCont", "contOut", one, 6.0, 1),
    ]


def memory_network(cues: int, contents: int) -> Network:
    """The circuit as a network of steps of 1 ms.

    Inputs ``"cue"`` and ``"content"``; outputs ``"cueOut"`` and ``"contOut"``; plastic projections
    ``"cueCue->contCue"`` and ``"contCont->cueCont"``.

    Args:
        cues, contents: lines of each.

    Raises:
        DescriptionError: no lines.
    """
    for what, number in (("cues", cues), ("contents", contents)):
        if not isinstance(number, (int, np.integer)) or number < 1:
            raise DescriptionError(
                "a memory needs lines", where=f"memory_network {what}", value=number, limit=">= 1"
            )
    net = Network(dt=DT)
    net.input("cue", cues)
    net.input("content", contents)
    for name, cell in CELLS.items():
        net.population(name, size_of(name, cues, contents), cell.model())
    for pre, post, kind, weight, delay in connections(contents):
        rule: Rule = AllToAll() if kind is Pairs.ALL else OneToOne()
        if kind is Pairs.OTHERS:
            if cues == 1:
                continue
            rule = Sparse(*np.nonzero(~np.eye(cues, dtype=bool)))
        net.connect(pre, post, rule, weight=weight * CELLS[post].jump(), delay=delay * DT)
    for pre, post in (("cueCue", "contCue"), ("contCont", "cueCont")):
        net.connect(pre, post, AllToAll(), weight=0.0, delay=DT, plasticity=_plasticity(CELLS[post].jump()))
    net.output("cueOut")
    net.output("contOut")
    return net


def size_of(name: str, cues: int, contents: int) -> int:
    """Cells of a population of a memory with so many lines."""
    if name == "contCondInt":
        return 1
    return cues if name in ("cue", "cueCue", "cueCont", "mergeCue", "cueOut") else contents


def _plasticity(jump: float) -> STDP:
    """Pair STDP as SpiNNaker computes it: the dendrite has the delay, and weights change when they are used.

    One pair is enough: an amplitude of the whole range (nA, not a share of it) learns or unlearns at once.
    """
    return STDP(
        tau_plus=_TAU_STDP * 1e-3, tau_minus=_TAU_STDP * 1e-3, a_plus=_WEIGHT * jump, a_minus=_WEIGHT * jump,
        w_min=0.0, w_max=_WEIGHT * jump, delay_site=DelaySite.DENDRITIC, same_step=SameStep.DEPRESSING,
        weight_update=WeightUpdate.AT_PRESYNAPTIC, delivered=Delivered.AFTER,
    )  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """Input lines that are active from ``step`` on for ``steps`` steps. See `learning` and `recalling`."""

    step: int
    cues: tuple[int, ...] = ()
    contents: tuple[int, ...] = ()
    steps: int = 1


def learning(step: int, cue: int, content: Iterable[int]) -> Operation:
    """Store content lines under a cue, in place of what it held. What it held shows once at contOut, 6 steps later.

    cueOut and contOut repeat the input 5 and 7 steps after ``step``; the next operation is possible after 7.
    """
    return Operation(step, (cue,), tuple(content), 3)


def recalling(step: int, *, cue: int | None = None, content: Iterable[int] = ()) -> Operation:
    """Ask for the content of a cue, or for the cues that hold at least one of some content lines.

    The line asked for shows at its own output 5 steps after ``step``, the answer at the other one after 6.
    """
    return Operation(step, () if cue is None else (cue,), tuple(content))


def schedule(
    operations: Sequence[Operation], cues: int, contents: int, steps: int | None = None
) -> dict[str, Spikes]:
    """Input spikes of operations for a run of `memory_network`.

    Args:
        cues, contents: lines of the memory.
        steps: length of the run; None: until the answer to the last operation is complete.

    Raises:
        DataError: lines that the memory does not have.
    """
    if steps is None:
        steps = max(
            (o.step + (LEARN_STEPS if o.steps > 1 else RECALL_STEPS) + 1 for o in operations), default=0
        )
    lines = {
        "cue": (cues, [o.cues for o in operations]),
        "content": (contents, [o.contents for o in operations]),
    }
    inputs = {}
    for name, (size, active) in lines.items():
        cells = {
            (o.step + k, i)
            for o, chosen in zip(operations, active, strict=True)
            for k in range(o.steps)
            for i in chosen
        }
        step, line = np.array(sorted(cells), np.int64).reshape(-1, 2).T
        inputs[name] = Spikes(np.zeros_like(step), step, line, shape=size, dt=DT, steps=steps)
    return inputs
