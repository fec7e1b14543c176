"""Packets on the links of an emulated machine, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.image.machine_image import Vertex

__all__ = ["Fabric", "fabric_of"]

Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fabric:
    """What the routers of the machine carried in each step.

    Packets of one core that take the same way are a stream; every other number follows from how many packets each
    stream had, since ways do not change. Packets are counted in the step in which they are sent.

    Attributes:
        vertices: the cores. links: (x, y, link) of every link that a packet can cross, sorted.
        streams: packets of each stream, int32 [B, T, streams].
        sender: number of the vertex that sends each stream.
        crossing: sparse [streams, links] how often a packet crosses each link.
        arriving: sparse [streams, vertices] how many copies of it each core receives.
        dropping: int64 [streams] how many copies end at a router.
    """

    vertices: tuple[Vertex, ...]
    links: tuple[tuple[int, int, int], ...]
    streams: NDArray[np.int32]
    sender: Int64
    crossing: Any
    arriving: Any
    dropping: Int64

    @property
    def sent(self) -> Int64:
        """Packets that each core sent, [B, T, vertices]."""
        sending = sparse.csr_array(
            (
                np.ones(len(self.sender), np.int64),
                (np.arange(len(self.sender)), self.sender),
            ),
            shape=(len(self.sender), len(self.vertices)),
        )
        return self._times(sending)

    @property
    def received(self) -> Int64:
        """Packets that each core received, [B, T, vertices]."""
        return self._times(self.arriving)

    @property
    def on_links(self) -> Int64:
        """Packets that crossed each link, [B, T, links]."""
        return self._times(self.crossing)

    @property
    def hops(self) -> Int64:
        """Links crossed by all packets, [B, T]."""
        return np.asarray(self.streams @ np.asarray(self.crossing.sum(axis=1), np.int64))

    @property
    def dropped(self) -> Int64:
        """Copies that ended at a router, [B, T]: no entry where they were sent, or one without a way on."""
        return np.asarray(self.streams @ self.dropping)

    def _times(self, matrix: Any) -> Int64:
        samples, steps, streams = self.streams.shape
        flat = self.streams.reshape(samples * steps, streams).astype(np.int64)
        return np.asarray((matrix.T @ flat.T).T).reshape(samples, steps, matrix.shape[1])


def fabric_of(started: Started, sent: Sequence[NDArray[np.int32]]) -> Fabric:
    """The fabric of a machine that sent these packets of each stream, a sample [T, streams] each."""
    places = {v.place: k for k, v in enumerate(started.vertices)}
    routes = started.routes
    crossed = [(*chip, link) for r in routes for chip, link in r.links]
    links = tuple(sorted(set(crossed)))
    number = {link: k for k, link in enumerate(links)}
    reached = [places[place] for r in routes for place in r.cores]
    first = started.tables.streams.first
    return Fabric(
        vertices=started.vertices,
        links=links,
        streams=np.stack([np.asarray(s) for s in sent])
        if len(sent)
        else np.zeros((0, 0, len(routes)), np.int32),
        sender=np.repeat(np.arange(len(first) - 1), np.diff(first)),
        crossing=_incidence([number[k] for k in crossed], [len(r.links) for r in routes], len(links)),
        arriving=_incidence(reached, [len(r.cores) for r in routes], len(started.vertices)),
        dropping=np.array([len(r.drops) for r in routes], np.int64),
    )


def _incidence(columns: list[int], counts: list[int], width: int) -> Any:
    rows = np.repeat(np.arange(len(counts)), np.array(counts, np.int64))
    shape = (len(counts), width)
    return sparse.csr_array((np.ones(len(rows), np.int64), (rows, np.array(columns, np.int64))), shape=shape)
