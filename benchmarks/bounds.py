"""How far a run is from what the machine could do: bytes that the work has to move, against the memory's bandwidth.

The count is the least that this way of simulating moves, every byte as if it came from memory:

- a static synaptic event reads the synapse (its target, its weight where it has its own) and reads and writes one
  cell of the arrivals under way: a number, or a small integer where all synapses share a weight;
- a plastic one reads the synapse, reads and writes its weight, and reads one trace;
- a neuron's update reads and writes its state variables and reads and clears its cells of arriving input.

A training step is measured against arithmetic: `dense_flops` is what matrix products of its layers without delays take,
`event_flops` what its spikes need. An event is one product with a weight on the way forward and one for the gradient
of the weight; a delay between two steps makes that two each. The gradient of a hidden layer's input takes one, or two,
for each synapse, sample and step.

Caches are faster than memory, so a share above one says that the work lives in them, and that memory is not what
holds it. A small share says that it waits for something else: latency of scattered writes, or arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.case import Case

__all__ = ["bytes_moved", "dense_flops", "event_flops", "matrix_flops", "memory_bandwidth", "synapse_bytes"]


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


def event_flops(case: Case, spikes: Sequence[int]) -> float:
    """Additions and multiplications that these numbers of spikes, of the input and every layer, need in a step."""
    cells, taps = case.steps * case.samples, 2 if case.parameters["delays"] else 1
    passes = (2 * spikes[k] * b + (cells * a * b if k else 0) for k, a, b in _layers(case))
    return float(2 * taps * sum(passes))


def matrix_flops(multiply: Callable[[Any, Any], Any], *, size: int = 1024, repeats: int = 5) -> float:
    """Additions and multiplications per second of ``multiply(a, b)``, large float32 matrices: the best of several."""
    a = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        multiply(a, a)
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
