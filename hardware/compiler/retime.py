"""Pass 2: give every population a lag so that all delays fit the target's transport.

With L(v) a population's lag in steps, a projection u->v with delays in [p, q] runs with delays p + L(v) - L(u) to
q + L(v) - L(u), which must lie in [m, M]: difference constraints, solved for the least L >= 0 (Leiserson and Saxe,
"Retiming synchronous circuitry", Algorithmica 6, 1991). Spikes come out L(v) steps later and are otherwise the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from neurosim.engine.plan import Plan
from neurosim.engine.stages import stages_of
from neurosim.errors import CapacityError, CycleError
from neurosim.hardware.compiler.wind_back import rests, wound_back
from neurosim.hardware.target import Transport
from neurosim.loss_report import Loss, LossKind, LossReport

__all__ = ["lags", "retime"]

Edge = tuple[str, str, int, int, str]


class _Bound(NamedTuple):
    """L(post) >= L(pre) + lag, because the ``delay`` of a projection would else become too short, or too long
    (``upper``; pre and post are then those of the projection the other way round)."""

    pre: str
    post: str
    lag: int
    name: str
    delay: int
    upper: bool


def lags(edges: list[Edge], names: list[str], transport: Transport) -> dict[str, int]:
    """The least lag of every part. ``edges``: (pre, post, shortest, longest delay, name of the projection).

    Raises:
        CapacityError: one projection spans more than the transport holds.
        CycleError: a cycle of projections that is too short; named, with its sum and need. Or paths between the same
            parts whose delays differ by more than the transport holds.
    """
    m, most = transport.minimum, transport.maximum
    bounds: list[_Bound] = []
    for pre, post, p, q, name in edges:
        if most is not None and q - p > most - m:
            raise CapacityError(
                f"delays of {p} to {q} steps span more than the target holds",
                where=f"projection {name!r}",
                value=f"{q - p} steps",
                limit=f"{most - m} steps",
                remedy="Shorten the longest delays",
            )
        if most is not None and pre == post and q > most:
            raise CapacityError(
                "a population's delay onto itself is longer than the target holds; retiming cannot shorten it",
                where=f"projection {name!r}",
                value=f"{q} steps",
                limit=f"{most} steps",
                remedy="Shorten the longest delays",
            )
        bounds.append(_Bound(pre, post, m - p, name, p, upper=False))
        if most is not None:
            bounds.append(_Bound(post, pre, q - most, name, q, upper=True))
    lag = dict.fromkeys(names, 0)
    cause: dict[str, _Bound] = {}
    for _ in range(len(names) + 1):
        changed = None
        for bound in bounds:
            if lag[bound.pre] + bound.lag > lag[bound.post]:
                lag[bound.post] = lag[bound.pre] + bound.lag
                cause[bound.post] = bound
                changed = bound.post
        if changed is None:
            return lag
    raise _too_short(changed or names[0], cause, transport)


def _too_short(start: str, cause: Mapping[str, _Bound], transport: Transport) -> CycleError:
    at = start
    for _ in cause:  # walk back until certainly on the cycle
        at = cause[at].pre
    bounds = [cause[at]]
    while bounds[-1].pre != at:
        bounds.append(cause[bounds[-1].pre])
    bounds.reverse()
    cycle = " -> ".join([bounds[0].pre, *(bound.post for bound in bounds)])
    if not any(bound.upper for bound in bounds):
        return CycleError(
            "a cycle cannot be retimed: " + cycle,
            value=f"{sum(bound.delay for bound in bounds)} steps of delay around it",
            limit=f"at least {transport.minimum * len(bounds)} steps",
            remedy="Lengthen the delays of a projection on this cycle, or use a smaller dt",
        )
    demands = [
        f"{bound.name!r} ({bound.delay} steps) must become "
        + (f"{transport.maximum} at most" if bound.upper else f"{transport.minimum} at least")
        for bound in bounds
    ]
    return CycleError(
        "delays cannot be retimed together: " + ", ".join(demands),
        value=f"{sum(bound.lag for bound in bounds)} steps too far apart",
        remedy="Shorten the longest of these delays or lengthen the shortest",
    )


def retime(plan: Plan, transport: Transport) -> tuple[Plan, dict[str, int], LossReport]:
    """The plan with machine delays, the lag of every input and population in steps, and start-up losses.

    A population that a machine starts before its lag has passed gets the initial state from which it comes to its own
    in time, where there is one (`wound_back`).
    """
    edges = [(p.pre, p.post, p.min_delay, p.max_delay, p.name) for p in plan.projections if p.n_synapses]
    lag = lags(edges, [*plan.inputs, *plan.populations], transport)
    projections = tuple(p.delayed(lag[p.post] - lag[p.pre]) for p in plan.projections)
    populations, losses = dict(plan.populations), []
    for name, population in plan.populations.items():
        if not lag[name] or transport.holds_start or rests(population, plan.dt):
            continue
        earlier = wound_back(population, lag[name], plan.dt)
        if earlier is not None:
            populations[name] = earlier
            continue
        losses.append(
            Loss(
                kind=LossKind.STARTUP,
                where=f"population {name!r}",
                what=f"starts {lag[name]} steps early and moves meanwhile (a constant current, or an initial state "
                "away from rest), and no earlier state leads to its start: its first steps differ",
                amount=float(lag[name]),
            )
        )
    retimed = replace(
        plan, populations=populations, projections=projections, stages=stages_of(populations, projections)
    )
    return retimed, lag, LossReport(losses)
