"""A network as Lava's processes: neurons with registers in common, and connections of one exponent and sign mode.

A process of neurons has one decay of the current, one of the potential and one threshold, a connection one weight
exponent and one matrix (lava-nc 0.10, ``proc/lif/process.py``, ``proc/dense/process.py``). Populations and projections
are split accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection, Program
from neurosim.hardware.loihi.numerics.weights import SignMode, is_common

__all__ = ["MAX_PROCESSES", "Connection", "Matrix", "Neurons", "connections_of", "neurons_of"]

Ints = NDArray[np.int64]

MAX_PROCESSES = 256
"""Each is a process of the operating system."""
MAX_DELAY = 63
_EXPONENTS = 32
"""More than there are, 0 in their middle."""
SPARSE_BELOW = 0.25
"""Share of a matrix in use below which it is stored sparse; the results are the same."""


class Matrix(Enum):
    """Lava's process for a connection."""

    DENSE = "Dense"
    SPARSE = "Sparse"
    DELAY_DENSE = "DelayDense"
    DELAY_SPARSE = "DelaySparse"


@dataclass(frozen=True, eq=False, kw_only=True)
class Neurons:
    """A process of neurons.

    Attributes:
        name: of the process; that of the population if one process holds it all.
        index: the population's neurons that it holds, int64 [n], ascending.
        kind: class of Lava. shared: arguments that are one number.
        values: arguments that are one number a neuron, int64 [n] each.
    """

    name: str
    population: str
    index: Ints
    kind: str
    shared: Mapping[str, int]
    values: Mapping[str, Ints]


@dataclass(frozen=True, eq=False, kw_only=True)
class Connection:
    """A connection between two processes; synapses are arrays int64 [k], neurons counted within their processes.

    ``signed``: whether messages are numbers with a sign instead of spikes. ``from_input``: the source is an input.
    """

    name: str
    pre: str
    post: str
    shape: tuple[int, int]
    matrix: Matrix
    exponent: int
    weight_bits: int
    mode: SignMode
    signed: bool
    from_input: bool
    target: Ints
    source: Ints
    weight: Ints
    delay: Ints


def neurons_of(population: DevicePopulation) -> tuple[Neurons, ...]:
    """The processes of a population, one for each set of decays and thresholds.

    Raises:
        UnsupportedError: a program or a register that Lava's fixed-point LIF models do not have.
    """
    p, where = population, f"population {population.name!r}"
    if np.any(p.refractory != 1):
        raise UnsupportedError("Lava's fixed-point LIF has no refractory period", where=where)
    kind, shared = _kind(p, where)
    rows = np.stack([p.du, p.dv, p.threshold], axis=1)
    registers, group = np.unique(rows, axis=0, return_inverse=True)
    found = []
    for i, (du, dv, threshold) in enumerate(registers.tolist()):
        index = np.flatnonzero(group.reshape(-1) == i)
        found.append(
            Neurons(
                name=p.name if len(registers) == 1 else f"{p.name}.{i}",
                population=p.name,
                index=index,
                kind=kind,
                shared={"du": du, "dv": dv, "vth_hi" if kind == "TernaryLIF" else "vth": threshold, **shared},
                values={
                    "bias_mant": p.bias_mantissa[index],
                    "bias_exp": p.bias_exponent[index],
                    "u": p.u[index],
                    "v": p.v[index],
                },
            )
        )
    return tuple(found)


def connections_of(
    network: DeviceNetwork, neurons: Mapping[str, tuple[Neurons, ...]]
) -> tuple[Connection, ...]:
    """The connections of all projections, without synapses of weight zero.

    Args:
        neurons: the processes of each population.

    Raises:
        UnsupportedError: weights whose meaning the models of the chip do not agree on.
    """
    found: list[Connection] = []
    for p in network.projections:
        if p.accumulator:
            raise UnsupportedError("LIF neurons have one accumulator", where=f"projection {p.name!r}")
        pre = _places(network.size_of(p.pre), neurons.get(p.pre), p.pre)
        post = _places(network.size_of(p.post), neurons[p.post], p.post)
        signed = p.pre in neurons and neurons[p.pre][0].kind == "TernaryLIF"
        found += _parts(p, pre, post, signed, p.pre not in neurons)
    return tuple(found)


def _kind(p: DevicePopulation, where: str) -> tuple[str, dict[str, int]]:
    interval, offset = p.options.get("reset_interval", 0), p.options.get("reset_offset", 0)
    if p.program is Program.LIF and interval:
        return "LIFReset", {"reset_interval": interval, "reset_offset": offset}
    if p.program is Program.LIF:
        return "LIF", {}
    if p.program is Program.TERNARY_LIF and not interval:
        return "TernaryLIF", {"vth_lo": p.options["threshold_low"]}
    raise UnsupportedError(
        "the script builds LIF, LIFReset and TernaryLIF alone", where=where, value=p.program.name
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """Of each neuron the number of its process and its place there, int64 [size]; names and sizes of the processes."""

    process: Ints
    place: Ints
    names: tuple[str, ...]
    sizes: tuple[int, ...]


def _places(size: int, neurons: tuple[Neurons, ...] | None, name: str) -> _Places:
    process, place = np.zeros(size, np.int64), np.arange(size)
    if neurons is None:
        return _Places(process, place, (name,), (size,))
    for i, part in enumerate(neurons):
        process[part.index], place[part.index] = i, np.arange(len(part.index))
    return _Places(
        process, place, tuple(part.name for part in neurons), tuple(len(part.index) for part in neurons)
    )


def _parts(
    p: DeviceProjection, pre: _Places, post: _Places, signed: bool, from_input: bool
) -> list[Connection]:
    """One connection for each pair of processes, exponent and sign mode; more for several synapses between neurons."""
    alive = p.weight != 0
    source, target, weight, delay = p.source[alive], p.target[alive], p.weight[alive], p.delay[alive]
    kinds = (
        (pre.process[source], len(pre.names)),
        (post.process[target], len(post.names)),
        (p.exponent[alive] + _EXPONENTS // 2, _EXPONENTS),
        (p.mode[alive], len(SignMode)),
        (_repeats(source * len(post.process) + target), len(source) + 1),
    )
    key = np.zeros(len(source), np.int64)
    for values, count in kinds:
        key = key * count + values
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    found = []
    for i, mine in enumerate(np.split(order, starts[1:]) if len(starts) else ()):
        exponent, mode = int(p.exponent[alive][mine[0]]), SignMode(int(p.mode[alive][mine[0]]))
        a, b = int(pre.process[source[mine[0]]]), int(post.process[target[mine[0]]])
        shape = (post.sizes[b], pre.sizes[a])
        if not is_common(weight[mine], exponent, mode) or delay[mine].max() > MAX_DELAY:
            raise UnsupportedError(
                "weights or delays that the models of the chip do not agree on",
                where=f"projection {p.name!r}",
                remedy="Use even weights of mixed signs, no bits that an exponent drops, delays to 63",
            )
        found.append(
            Connection(
                name=p.name if len(starts) == 1 else f"{p.name}.{i}",
                pre=pre.names[a],
                post=post.names[b],
                shape=shape,
                matrix=_matrix(len(mine) < SPARSE_BELOW * shape[0] * shape[1], bool(delay[mine].any())),
                exponent=exponent,
                weight_bits=_weight_bits(weight[mine], mode),
                mode=mode,
                signed=signed,
                from_input=from_input,
                target=post.place[target[mine]],
                source=pre.place[source[mine]],
                weight=weight[mine],
                delay=delay[mine],
            )
        )
    return found


def _repeats(pair: Ints) -> Ints:
    """How many synapses between the same two neurons come before each; ``pair``: a number for the two, int64 [k]."""
    if np.all(np.diff(pair) > 0):
        return np.zeros(len(pair), np.int64)
    order = np.argsort(pair, kind="stable")
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    repeats = np.zeros(len(pair), np.int64)
    repeats[order] = np.arange(len(pair)) - np.repeat(first, np.diff(first, append=len(pair)))
    return repeats


def _matrix(sparse: bool, delayed: bool) -> Matrix:
    if delayed:
        return Matrix.DELAY_SPARSE if sparse else Matrix.DELAY_DENSE
    return Matrix.SPARSE if sparse else Matrix.DENSE


def _weight_bits(weight: Ints, mode: SignMode) -> int:
    """The fewest bits that hold these weights: their common trailing zeros are not stored."""
    common = int(np.bitwise_or.reduce(np.abs(weight)))
    zeros = (common & -common).bit_length() - 1
    return min(8, max(1, 8 + (mode is SignMode.MIXED) - zeros))
