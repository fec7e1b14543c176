"""Packets that each core sends: on average, and step by step where spikes are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import Extension
from neurosim.hardware.spinnaker.image.machine_image import Vertex, VertexKind
from neurosim.spikes import Spikes

__all__ = ["mean_packets", "packets_by_step"]

Float = NDArray[np.float64]
_BLOCK = 2**22  # numbers held at a time


def mean_packets(
    vertices: Sequence[Vertex], activity: Mapping[str, Float], extensions: Mapping[str, Extension]
) -> Float:
    """Packets a step of each core, float64 [cores]. A delay core sends every spike once a stage.

    Args:
        activity: spikes of each neuron in a step, by population.
    """
    sent = np.zeros(len(vertices))
    for k, v in enumerate(vertices):
        if v.key is not None:
            times = extensions[v.population].stages if v.kind is VertexKind.DELAY else 1
            sent[k] = times * activity[v.population][v.lo : v.hi].sum()
    return sent


def packets_by_step(
    vertices: Sequence[Vertex], spikes: Mapping[str, Spikes], extensions: Mapping[str, Extension]
) -> Iterator[Float]:
    """Packets of each core in each step, float64 [cores, steps], some steps at a time; samples follow each other.

    A delay core sends each spike again when its stages pass. Cores whose spikes are not given send nothing here.
    """
    steps = max((s.steps for s in spikes.values()), default=0)
    total = steps * max((s.samples for s in spikes.values()), default=1)
    found = [np.zeros((3, 0), np.int64)]
    for k, v in enumerate(vertices):
        s = spikes.get(v.population)
        if s is None or v.key is None:
            continue
        here = np.flatnonzero((s.neuron >= v.lo) & (s.neuron < v.hi))
        step, base, count = (
            s.step[here].astype(np.int64),
            s.sample[here].astype(np.int64) * steps,
            s.counts_of_cells()[here],
        )
        extension = extensions[v.population] if v.kind is VertexKind.DELAY else None
        waits = [0] if extension is None else [n * extension.slots for n in range(1, extension.stages + 1)]
        for wait in waits:
            late = step + wait < steps
            found.append(
                np.stack([np.full(np.count_nonzero(late), k), (base + step + wait)[late], count[late]])
            )
    core, time, count = np.concatenate(found, axis=1)
    order = np.argsort(time, kind="stable")
    core, time, count = core[order], time[order], count[order]
    block = max(1, _BLOCK // max(1, len(vertices)))
    for begin in range(0, total, block):
        width = min(block, total - begin)
        part = slice(*np.searchsorted(time, [begin, begin + width]))
        cell = core[part] * width + time[part] - begin
        sums = np.bincount(cell, weights=count[part], minlength=len(vertices) * width)
        yield np.asarray(sums, np.float64).reshape(len(vertices), width)
