"""The memory of the machine as the state of a network, so that a run can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.state import State
from neurosim.errors import DataError, ShapeError
from neurosim.hardware.spinnaker.emulator.core_tables import Memory
from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.image.machine_image import VertexKind
from neurosim.hardware.spinnaker.numerics.stdp import HISTORY

__all__ = ["memory_of", "state_of"]


def state_of(started: Started, memories: Sequence[Memory], step: int) -> State:
    """The state of machines that have lived ``step`` steps, one a sample.

    Variables of a population are the words ``v``, ``timer``, ``exc``, ``inh``; arrivals ``exc`` and ``inh``, uint16
    [B, D, n], the ring-buffer cells of the next D steps, and ``delay``, uint8 [B, D, n], what its delay cores counted
    in the last D steps. Extras are the plastic rows of the whole machine and the postsynaptic spikes they look at.
    """
    if not memories:
        return _state(started, started.initial, step).select(slice(0, 0))
    return State.concatenate([_state(started, m, step) for m in memories])


def memory_of(started: Started, state: State, sample: int) -> Memory:
    """The memory of a machine in the state of one sample.

    Raises:
        ShapeError: the state is not one of this machine.
        DataError: no run leaves it.
    """
    m = started.memory()
    parts = (state.variables, state.arrivals, state.extras)
    fresh = _state(started, m, state.step)
    mine = dict(_leaves((fresh.variables, fresh.arrivals, fresh.extras)))
    theirs = dict(_leaves(parts))
    if {k: (a.dtype, a.shape[1:]) for k, a in mine.items()} != {
        k: (a.dtype, a.shape[1:]) for k, a in theirs.items()
    }:
        raise ShapeError(
            "is not a state of this build",
            where="state",
            value=sorted(mine.keys() ^ theirs.keys())[:3] or "other shapes",
            remedy="Pass the final_state of a run of the same folder",
        )
    for name, key, held, at in _neurons(started, m):
        held[...] = state.variables[name][key][sample, at]
    for name, key, cells, at in _rings(started, m):
        cells[_order(cells, state.step)] = state.arrivals[name][key][sample, : len(cells), at]
    for group, arrays in _plasticity(m).items():
        for name, values in arrays.items():
            values[...] = state.extras[group][name][sample]
    held, last = m.history.held, m.rows.last_time
    if ((held < 0) | (held >= HISTORY)).any() or (last < 0).any():
        raise DataError(
            "its plastic synapses remember what cannot be",
            where="state",
            limit=f"0 to {HISTORY - 1} spikes, times from 0 on",
            remedy="Pass the final_state of a run of the same folder",
        )
    return m


Part = tuple[str, str, NDArray[Any], slice]
"""Population, name, an array of the memory, and the neurons of the population that it is about."""


def _state(started: Started, m: Memory, step: int) -> State:
    variables: dict[str, dict[str, NDArray[Any]]] = {}
    arrivals: dict[str, dict[str, NDArray[Any]]] = {}
    for name, key, held, _ in _neurons(started, m):
        variables.setdefault(name, {})[key] = held[None].copy()
    longest: dict[tuple[str, str], int] = {}
    for name, key, cells, _ in _rings(started, m):
        longest[name, key] = max(longest.get((name, key), 0), len(cells))
    for name, key, cells, at in _rings(started, m):
        empty = np.zeros((1, longest[name, key], started.sizes[name]), cells.dtype)
        ring = arrivals.setdefault(name, {}).setdefault(key, empty)
        ring[0, : len(cells), at] = cells[_order(cells, step)]
    extras = {
        group: {name: values[None].copy() for name, values in arrays.items()}
        for group, arrays in _plasticity(m).items()
    }
    return State(variables, arrivals, extras, step)


def _order(cells: NDArray[Any], step: int) -> NDArray[np.int64]:
    """Slots by the step that they stand for, the present one first. Their number is a power of two."""
    return (step + np.arange(len(cells))) % len(cells)


def _neurons(started: Started, m: Memory) -> Iterator[Part]:
    known = {v.population for v in started.vertices if v.kind is VertexKind.NEURONS}
    for name in sorted(known):
        at = slice(started.first[name], started.first[name] + started.sizes[name])
        for key, values in zip(m.neurons._fields, m.neurons, strict=True):
            yield name, key, values[at], slice(None)


def _rings(started: Started, m: Memory) -> Iterator[Part]:
    cores, delays = started.tables.cores, started.tables.delays
    for k in range(len(cores.lo)):
        v = started.vertices[k]
        slots, atoms, begin = 1 << int(cores.delay_bits[k]), 1 << int(cores.index_bits[k]), int(cores.ring[k])
        ring = m.ring[begin : begin + 2 * slots * atoms].reshape(slots, 2, atoms)
        for receptor, key in enumerate(("exc", "inh")):
            yield v.population, key, ring[:, receptor, : v.hi - v.lo], slice(v.lo, v.hi)
    for k, vertex in enumerate(delays.vertex.tolist()):
        v = started.vertices[vertex]
        slots, begin, n = int(delays.mask[k]) + 1, int(delays.counter[k]), int(delays.size[k])
        yield (
            v.population,
            "delay",
            m.counters[begin : begin + slots * n].reshape(slots, n),
            slice(v.lo, v.hi),
        )


def _plasticity(m: Memory) -> dict[str, Mapping[str, NDArray[Any]]]:
    if not len(m.rows.rule):
        return {}
    rows = {name: getattr(m.rows, name) for name in ("weight", "last_time", "last_trace")}
    return {"rows": rows, "history": m.history._asdict()}


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(tree, tuple):
        tree = dict(zip(("variables", "arrivals", "extras"), tree, strict=True))
    if isinstance(tree, Mapping):
        for name, part in tree.items():
            yield from _leaves(part, f"{path}/{name}")
    else:
        yield path, np.asarray(tree)
