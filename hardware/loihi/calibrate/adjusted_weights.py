"""Weights of a population rounded together on what comes in: see `adjust_kernel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.calibrate.adjust_kernel import adjust_neurons
from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range, weight_step
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, acting_weights
from neurosim.hardware.loihi.quantise.required_registers import Demand
from neurosim.hardware.loihi.quantise.stored_weights import LSB, QuantisedSynapses, with_stored
from neurosim.processors import thread_count
from neurosim.spikes import Spikes

__all__ = ["adjust_weights"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_WORK = 2e8
"""Traces of synapses in steps, over all neurons, beyond which fewer samples are looked at."""
_CELLS = 1 << 26
"""Most cells of the spikes that come in, held as float32."""
_POINTS_PER_WEIGHT, _MOST_POINTS = 8, 2048
_RIDGE, _SWEEPS = 6.0, 8
_SHARED = 0.5
"""Share of distinct weights below which a projection's weights are taken to be shared, as in a convolution: they have
to stay equal where they were."""


def adjust_weights(
    plan: Plan,
    name: str,
    demand: Demand,
    quantised: QuantisedNetwork,
    inputs: Mapping[str, Spikes],
    wanted: Spikes | NDArray[np.float64],
    weight_bits: int,
) -> tuple[QuantisedNetwork, int]:
    """The same population with weights moved to their other neighbour where that serves, and how many were moved.

    Args:
        plan: of the population alone, with ``inputs``.
        wanted: the engine's spikes, or potentials of a readout [T, B, ...].
    """
    q, size = quantised.populations[name], plan.size_of(name)
    if all(_shared(p.weight) for p in plan.incoming(name)):
        return quantised, 0
    spiking = isinstance(wanted, Spikes)
    steps, samples = (wanted.steps, wanted.samples) if isinstance(wanted, Spikes) else wanted.shape[:2]
    synapses = sum(p.n_synapses for p in plan.incoming(name))
    sources = sum(plan.inputs[p.pre] != () and plan.size_of(p.pre) for p in plan.incoming(name))
    affordable = min(_WORK / (synapses * steps), _CELLS / ((sources + size) * steps))
    if affordable < 1:
        return quantised, 0
    samples = min(samples, int(affordable))
    offsets, given = _given(plan, name, inputs, samples, steps)
    acting = acting_weights(plan, name, demand)
    s = _synapses(plan, name, quantised, acting, offsets, weight_bits)
    anything = given.any(axis=2)
    begin = np.where(anything, np.argmax(given != 0, axis=2), steps)
    fired = np.zeros((samples, size, steps), np.uint8)
    if isinstance(wanted, Spikes):
        some = wanted.select(range(samples))
        fired[some.sample, some.neuron, some.step] = 1
    threshold = np.zeros(size) if demand.threshold is None else demand.threshold * q.scale
    # a spike needs more than 64 m: without a leak the next multiple of 64
    chip_threshold = q.threshold * float(LSB) + np.where(q.dv == 0, LSB / 2, 0.5 if demand.exceeded else 1.0)
    held = s.held.copy()
    points = int(min(max(_POINTS_PER_WEIGHT * synapses // max(size, 1), 256), _MOST_POINTS))

    def run(part: range) -> None:
        adjust_neurons(
            part.start, part.stop, s.start, s.source, s.delay, s.exact, held, s.unit, s.low, s.high, given, begin,
            fired, demand.keep_u, demand.keep_v, demand.drive * q.scale,
            demand.initial_current * demand.gain * q.scale, demand.initial * q.scale, threshold, *q.decays,
            q.bias.astype(np.float64), q.u.astype(np.float64), q.v.astype(np.float64),
            chip_threshold if spiking else threshold, demand.refractory, spiking, points, _RIDGE, _SWEEPS,
        )  # fmt: skip

    threads = thread_count()
    edges = np.linspace(0, size, min(threads, size) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, [range(a, b) for a, b in pairwise(edges)]))
    moved = int(np.count_nonzero(held != s.held))
    if not moved:
        return quantised, 0
    stored = np.empty(len(held), np.int64)
    stored[s.order] = np.rint(held * s.step)
    made, at = {}, 0
    for p in plan.incoming(name):
        mine = stored[at : at + p.n_synapses]
        made[p.name] = with_stored(quantised.synapses[p.name], mine, acting[p.name], q.scale)
        at += p.n_synapses
    return replace(quantised, synapses=made), moved


class _Synapses(NamedTuple):
    """Synapses onto a population in order of their targets, as `adjust_neurons` takes them.

    ``step`` float64 [k]: distance of stored weights. ``order`` int64 [k]: from the order of the plan, projection after
    projection, to this one.
    """

    start: Ints
    source: Ints
    delay: Ints
    exact: Floats
    held: Floats
    unit: Floats
    low: Floats
    high: Floats
    step: Floats
    order: Ints


def _synapses(
    plan: Plan,
    name: str,
    quantised: QuantisedNetwork,
    acting: Mapping[str, Floats],
    offsets: Mapping[str, int],
    weight_bits: int,
) -> _Synapses:
    incoming = plan.incoming(name)
    target = np.concatenate([p.target.astype(np.int64) for p in incoming])
    order = np.argsort(target, kind="stable")

    def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.ascontiguousarray(np.concatenate(parts)[order])

    columns = zip(*(_columns(quantised.synapses[p.name], weight_bits) for p in incoming), strict=True)
    held, unit, low, high, step = (joined(c) for c in columns)
    fixed = joined([np.full(p.n_synapses, _shared(p.weight)) for p in incoming])
    return _Synapses(
        start=np.searchsorted(target[order], np.arange(plan.size_of(name) + 1)),
        source=joined([p.pre_index.astype(np.int64) + offsets[p.pre] for p in incoming]),
        delay=joined([p.delay.astype(np.int64) for p in incoming]),
        exact=joined([acting[p.name] * quantised.populations[name].scale for p in incoming]),
        held=held,
        unit=unit,
        low=np.where(fixed, held, low),
        high=np.where(fixed, held, high),
        step=step,
        order=order,
    )


def _shared(weight: NDArray[np.float64]) -> bool:
    """Whether the weights of a projection are left as they are: shared ones, or none."""
    return not weight.size or len(np.unique(weight)) < _SHARED * weight.size


def _given(
    plan: Plan, name: str, inputs: Mapping[str, Spikes], samples: int, steps: int
) -> tuple[dict[str, int], NDArray[np.float32]]:
    """Row of each source's first neuron, and all spikes that come in [B, sources, T]."""
    sources = list(dict.fromkeys(p.pre for p in plan.incoming(name)))
    sizes = [plan.size_of(s) for s in sources]
    offsets = dict(zip(sources, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    given = np.zeros((samples, sum(sizes), steps), np.float32)
    for source in sources:
        s = inputs[source].select(range(samples))
        given[s.sample, s.neuron + offsets[source], s.step] = s.counts_of_cells()
    return offsets, given


def _columns(s: QuantisedSynapses, weight_bits: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Stored weights in steps of their format, what a step is worth, the range, and the step."""
    step, low, high = (np.ones(len(s.weight)) for _ in range(3))
    for mode in np.unique(s.mode).tolist():
        mine, width = s.mode == mode, weight_step(SignMode(mode), weight_bits)
        bounds = weight_range(SignMode(mode))
        step[mine], low[mine], high[mine] = width, int(bounds[0] / width), int(bounds[1] / width)
    return s.weight / step, step * LSB * np.exp2(s.exponent), low, high, step
