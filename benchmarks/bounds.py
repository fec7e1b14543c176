"""How far a run is from what the machine could do: bytes that the work has to move, against the memory's bandwidth.

The count is the least that this way of simulating moves, every byte as if it came from memory:

- a static synaptic event reads the synapse (its target, its weight where it has its own) and reads and writes one
  cell of the arrivals under way: a number, or a small integer where all synapses share a weight;
- a plastic one reads the synapse, reads and writes its weight, and reads one trace;
- a neuron's update reads and writes its state variables and reads and clears its cells of arriving input.

A training step (`step_bytes`) moves, in single precision, for each event without a delay the weight on the way forward,
and on the way back the gradient of the arrival and, to and fro, that of the weight; with a delay the place and the
two shares of the weight and two cells of arrivals to and fro, then the place, two gradients of arrivals and two
gradients to and fro. The gradient of a hidden layer's input reads, for each of its synapses and each step and sample,
one gradient of an arrival, or two. A neuron's step writes and reads its arrival, its potential, its spike and the
gradient of each of arrival and spike. `dense_flops` are what matrix products of the same layers, and no delays, take.

Caches are faster than memory, so a share above one says that the work lives in them, and that memory is not what
holds it. A small share says that it waits for something else: latency of scattered writes, or arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.case import Case

__all__ = ["bytes_moved", "dense_flops", "matrix_flops", "memory_bandwidth", "step_bytes", "synapse_bytes"]


def synapse_bytes(projection: Any, value_bytes: int) -> float:
    """Bytes that one event of a projection (`neurosim.engine.plan.PlanProjection`) moves."""
    rows = projection.rows
    own = rows.weight.itemsize if len(rows.weight) == rows.n_synapses else 0
    read = float(rows.word.itemsize + own)
    if projection.plasticity is not None:
        return float(rows.word.itemsize + 3 * value_bytes)
    return read + 2.0 * (value_bytes if own else _count_bytes(projection))


def _count_bytes(projection: Any) -> int:
    """Bytes of a counter that cannot overflow within a step."""
    most = int(np.bincount(projection.target, minlength=1).max(initial=0))
    return 1 if most < 2**8 else 2 if most < 2**16 else 4


def bytes_moved(plan: Any, events: float, case: Case, value_bytes: int) -> float:
    """Bytes of a whole run with this many synaptic events.

    Args:
        plan: the lowered network (`neurosim.engine.plan.Plan`).
        value_bytes: of a state variable: 8, or 4 in single precision.
    """
    each = [(synapse_bytes(p, value_bytes), p.n_synapses) for p in plan.projections]
    synapses = sum(count for _, count in each)
    per_event = sum(size * count for size, count in each) / max(synapses, 1)
    per_step = 0
    for name, population in plan.populations.items():
        rings = {  # projections with a weight in common share their cells, the others those of their receptor
            (p.receptor, float(p.rows.weight[0]) if len(p.rows.weight) == 1 else None): (
                _count_bytes(p) if len(p.rows.weight) == 1 else value_bytes
            )
            for p in plan.projections
            if p.post == name and p.n_synapses
        }
        cells = sum(rings.values())
        per_step += population.size * 2 * (len(population.model.STATE) * value_bytes + cells)
    return float(events * per_event + per_step * case.steps * case.samples)


def _layers(case: Case) -> list[tuple[int, int, int]]:
    """(the layer it comes from, presynaptic neurons, postsynaptic neurons) of every projection of a training case."""
    sizes = case.parameters["sizes"]
    found = [(k, a, b) for k, (a, b) in enumerate(itertools.pairwise(sizes))]
    if case.kind.endswith("recurrent"):
        found += [(k + 1, n, n) for k, n in enumerate(sizes[1:-1])]
    return found


def dense_flops(case: Case) -> float:
    """Additions and multiplications of a step by matrix products: forward, weights, and inputs but the first."""
    cells = case.steps * case.samples
    return float(sum(2 * cells * a * b * (3 if k else 2) for k, a, b in _layers(case)))


def step_bytes(case: Case, spikes: Sequence[int]) -> float:
    """Bytes that a training step has to move (see above), with these numbers of spikes of the input and every layer."""
    cells, taps = case.steps * case.samples, 2 if case.parameters["delays"] else 1
    per_event = (4 + 12) if taps == 1 else (12 + 16) + (4 + 8 + 16)
    moved = 0.0
    for k, a, b in _layers(case):
        moved += spikes[k] * b * per_event + (4 * taps * cells * a * b if k else 0)
    return moved + sum(case.parameters["sizes"][1:]) * cells * 4 * 10.0


@cache
def matrix_flops(*, size: int = 1024, repeats: int = 5) -> float:
    """Additions and multiplications per second of a product of float32 matrices in NumPy: the best of several.

    The library takes its number of threads from the environment, where the worker has put it.
    """
    a = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        a @ a
        seconds.append(perf_counter() - start)
    return 2.0 * size**3 / min(seconds)


@cache
def memory_bandwidth(threads: int, *, megabytes: int = 256, repeats: int = 5) -> float:
    """Bytes per second that copying large arrays reads and writes: the best of several, each thread its own arrays."""
    size = megabytes * 2**20 // 8 // threads
    arrays = [(np.ones(size), np.zeros(size)) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), arrays))
            best = max(best, 2 * 8 * size * threads / (perf_counter() - start))
    return best
