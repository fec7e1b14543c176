"""How far a run is from what the machine could do: bytes that the work has to move, against the memory's bandwidth.

The count is the least that this way of simulating moves, every byte as if it came from memory:

- a static synaptic event reads the synapse (its target, its weight where it has its own) and reads and writes one
  cell of the arrivals under way: a number, or a small integer where all synapses share a weight;
- a plastic one reads the synapse, reads and writes its weight, and reads one trace;
- a neuron's update reads and writes its state variables and reads and clears its cells of arriving input.

Caches are faster than memory, so a share above one says that the work lives in them, and that memory is not what
holds it. A small share says that it waits for something else: latency of scattered writes, or arithmetic.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.case import Case

__all__ = ["bytes_moved", "memory_bandwidth", "synapse_bytes"]


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
