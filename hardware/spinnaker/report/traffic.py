"""Packets on the links: how many cross each in a step, how far they go, how often routers and cores handle them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurosim.hardware.spinnaker.image.machine_image import Vertex
from neurosim.hardware.spinnaker.machine import Chip, Machine
from neurosim.hardware.spinnaker.mapping.routes import Entry
from neurosim.hardware.spinnaker.mapping.trace import Packets, Route, trace_all

__all__ = ["LinkLoad", "Traffic", "traffic"]


@dataclass(frozen=True, kw_only=True)
class LinkLoad:
    """Packets that leave chip (``x``, ``y``) by ``link`` (0 east, then counter-clockwise) in a step, on average.

    ``senders``: cores whose packets cross it.
    """

    x: int
    y: int
    link: int
    packets: float
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


def traffic(
    machine: Machine,
    vertices: Sequence[Vertex],
    tables: Mapping[Chip, Sequence[Entry]],
    packets: Sequence[float],
    basis: str,
) -> Traffic:
    """Follow what every core sends through the routing tables.

    Where the packets of a core part ways, each route takes the share of its keys among those of the core's neurons.

    Args:
        packets: packets a step that each vertex sends, in the order of ``vertices``.

    Raises:
        FileFormatError: packets run in circles or leave the machine.
    """
    senders = [k for k, v in enumerate(vertices) if v.key is not None and v.mask is not None]
    asked = [
        Packets((vertices[k].x, vertices[k].y), int(vertices[k].key or 0), _width(vertices[k]))
        for k in senders
    ]
    load: dict[tuple[Chip, int], float] = defaultdict(float)
    crossing: dict[tuple[Chip, int], int] = defaultdict(int)
    sent = delivered = dropped = visits = hops = 0.0
    most = 0
    for k, sender, routes in zip(senders, asked, trace_all(machine, tables, asked), strict=True):
        sent += packets[k]
        for route, share in zip(routes, _shares(routes, sender), strict=True):
            n = packets[k] * share
            depth = _depths(machine, (vertices[k].x, vertices[k].y), route)
            for link in route.links:
                load[link] += n
            delivered += n * len(route.cores)
            dropped += n * len(route.drops)
            visits += n * (1 + len(route.links))
            far = [depth[x, y] for x, y, _ in route.cores]
            hops += n * sum(far)
            most = max([most, *far])
        for link in {link for route in routes for link in route.links}:
            crossing[link] += 1
    return Traffic(
        basis=basis,
        sent=sent,
        delivered=delivered,
        dropped=dropped,
        crossings=sum(load.values()),
        visits=visits,
        mean_hops=hops / delivered if delivered else 0.0,
        most_hops=most,
        links=tuple(
            LinkLoad(x=x, y=y, link=link, packets=n, senders=crossing[(x, y), link])
            for ((x, y), link), n in sorted(load.items())
        ),
    )


def _width(vertex: Vertex) -> int:
    return (~int(vertex.mask or 0) & 0xFFFFFFFF).bit_length()


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
