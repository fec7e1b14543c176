"""Packets on the links: how many cross each in a step, how far they go, how often routers and cores handle them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurosim.hardware.spinnaker.image.machine_image import Vertex
from neurosim.hardware.spinnaker.machine import Chip, Machine
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.trace import Packets, Route, trace_all

__all__ = ["LINK_NAMES", "LinkLoad", "Traffic", "Ways", "traffic"]

LINK_NAMES = ("E", "NE", "N", "W", "SW", "S")
"""Links by number."""


@dataclass(frozen=True, kw_only=True)
class LinkLoad:
    """Packets that leave chip (``x``, ``y``) by ``link`` (0 east, then counter-clockwise) in a step, on average.

    ``peak``: in the busiest step, where spikes are known; of these alone. ``senders``: cores whose packets cross it.
    """

    x: int
    y: int
    link: int
    packets: float
    peak: float | None
    senders: int


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Packets of a step, on average.

    Attributes:
        basis: where the numbers of spikes come from, in words.
        sent: packets sent by cores. delivered: copies that reach a core. dropped: copies that reach none.
        crossings: links crossed, summed over packets. visits: routers passed, the sender's included.
        mean_hops, most_hops: links between a packet's sender and a core that receives it, over deliveries.
        links: every link that can be crossed, in order of chip and link.
    """

    basis: str
    sent: float
    delivered: float
    dropped: float
    crossings: float
    visits: float
    mean_hops: float
    most_hops: int
    links: tuple[LinkLoad, ...]

    @property
    def busiest(self) -> LinkLoad | None:
        """The link that most packets cross, None where no packet leaves its chip."""
        return max(self.links, key=lambda k: k.packets, default=None)


class Ways:
    """What every core's packets do on their way through the routing tables.

    Attributes:
        found: number of a vertex that sends, its packets, their routes.

    Raises:
        FileFormatError: packets run in circles or leave the machine.
    """

    def __init__(
        self, machine: Machine, vertices: Sequence[Vertex], tables: Mapping[Chip, Sequence[Entry]]
    ) -> None:
        self.machine = machine
        self.vertices = vertices
        senders = [k for k, v in enumerate(vertices) if v.key is not None and v.mask is not None]
        asked = [
            Packets((vertices[k].x, vertices[k].y), int(vertices[k].key or 0), vertices[k].key_bits)
            for k in senders
        ]
        self.found = list(zip(senders, asked, trace_all(machine, tables, asked), strict=True))

    def received(self, packets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Packets a step that each core receives, of those that each sends, float64 [cores] both."""
        number = {v.place: k for k, v in enumerate(self.vertices)}
        received = np.zeros(len(self.vertices))
        for k, sender, routes in self.found:
            for route, share in zip(routes, _shares(routes, sender), strict=True):
                np.add.at(received, [number[place] for place in route.cores], packets[k] * share)
        return received


def traffic(
    ways: Ways,
    packets: NDArray[np.float64],
    basis: str,
    by_step: Iterable[NDArray[np.float64]] = (),
) -> Traffic:
    """The load of links. Where the packets of a core part ways, each route takes the share of its keys.

    Args:
        packets: [cores] packets a step that each vertex sends on average, in the order of the vertices.
        by_step: [cores, steps] the same step by step, in parts; for the peaks.
    """
    number: dict[tuple[Chip, int], int] = {}
    crossed: list[tuple[int, int, float]] = []  # link, core, share of its packets
    sent = delivered = dropped = hops = 0.0
    most = 0
    for k, sender, routes in ways.found:
        sent += float(packets[k])
        for route, share in zip(routes, _shares(routes, sender), strict=True):
            n = float(packets[k]) * share
            depth = _depths(ways.machine, sender.chip, route)
            crossed += [(number.setdefault(link, len(number)), k, share) for link in route.links]
            delivered += n * len(route.cores)
            dropped += n * len(route.drops)
            far = [depth[x, y] for x, y, _ in route.cores]
            hops += n * sum(far)
            most = max([most, *far])
    links, cores, shares = np.array(crossed, np.float64).reshape(-1, 3).T
    shape = (len(number), len(ways.vertices))
    crossing = sparse.csr_array((shares, (links.astype(np.int64), cores.astype(np.int64))), shape=shape)
    load = np.asarray(crossing @ packets)
    peaks: NDArray[np.float64] | None = None
    for part in by_step:
        highest = np.asarray(crossing @ part).max(axis=1, initial=0.0)
        peaks = highest if peaks is None else np.maximum(peaks, highest)
    used = np.diff(crossing.indptr)
    crossings = float(load.sum())
    return Traffic(
        basis=basis,
        sent=sent,
        delivered=delivered,
        dropped=dropped,
        crossings=crossings,
        visits=sent + crossings,
        mean_hops=hops / delivered if delivered else 0.0,
        most_hops=most,
        links=tuple(
            LinkLoad(
                x=x,
                y=y,
                link=link,
                packets=float(load[i]),
                peak=None if peaks is None else float(peaks[i]),
                senders=int(used[i]),
            )
            for ((x, y), link), i in sorted(number.items())
        ),
    )


def _shares(routes: Sequence[Route], packets: Packets) -> list[float]:
    """Share of a sender's keys that each route takes."""
    if len(routes) == 1:
        return [1.0]
    return [2.0 ** ((~r.mask & 0xFFFFFFFF).bit_count() - packets.width) for r in routes]


def _depths(machine: Machine, source: Chip, route: Route) -> dict[Chip, int]:
    """Links between the source and every chip of a route; its links stand nearest first."""
    depth = {source: 0}
    for chip, link in route.links:
        other = machine.neighbour(chip, link)
        if other is not None:
            depth.setdefault(other, depth[chip] + 1)
    return depth
