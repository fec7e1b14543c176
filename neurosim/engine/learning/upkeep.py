"""Upkeep of plastic synapses: what is done to all of them at an interval, between two steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.engine.learning.rewire import rewired
from neurosim.engine.learning.state import place_cursors
from neurosim.engine.learning.walk import NEVER
from neurosim.engine.plan import Plan
from neurosim.errors import DescriptionError
from neurosim.plasticity.rewiring import Rewiring
from neurosim.plasticity.scaling import Scaling

if TYPE_CHECKING:
    from neurosim.engine.learning.plastic_synapses import PlasticSynapses

__all__ = ["UpkeepTimes"]


class UpkeepTimes:
    """When a projection's upkeep is due, what it remembers, and what it does."""

    def __init__(self, p: PlasticSynapses, plan: Plan, samples: range, seed: int) -> None:
        self._p, self._dt = p, plan.dt
        self._upkeep = p.rule.upkeep
        self._intervals = [u.interval(plan.dt) for u in self._upkeep]
        self._key = random.key(seed, "rewire", p.projection.name)
        self._recurrent = p.projection.pre == p.projection.post
        shape = (p.sizes["samples"], p.projection.n_post)
        self.seen = {
            i: np.zeros(shape, np.int64) for i, u in enumerate(self._upkeep) if isinstance(u, Scaling)
        }
        self.rate = {
            i: np.full(shape, u.first_rate()) for i, u in enumerate(self._upkeep) if isinstance(u, Scaling)
        }
        self._rewires = any(isinstance(u, Rewiring) for u in self._upkeep)
        self._delays = [self._delay(u) if isinstance(u, Rewiring) else 0 for u in self._upkeep]
        if self._rewires and samples.stop > 1:
            raise DescriptionError(
                "rewiring takes one sample: each would have a network of its own",
                where=f"projection {p.projection.name!r}",
                value=samples.stop,
                limit=1,
                remedy="Run the samples one by one",
            )

    def _delay(self, u: Rewiring) -> int:
        p, where = self._p, f"projection {self._p.projection.name!r}, Rewiring.delay"
        if u.delay is None and p.min_delay != p.max_delay:
            raise DescriptionError("delays differ: say which one new synapses have", where=where)
        steps = p.min_delay if u.delay is None else round(u.delay / self._dt)
        if (
            u.delay is not None and abs(u.delay / self._dt - steps) > 1e-6
        ) or not p.min_delay <= steps <= p.max_delay:
            raise DescriptionError(
                "is not among the delays of the projection",
                where=where,
                value=u.delay,
                limit=f"{p.min_delay * self._dt:g} to {p.max_delay * self._dt:g} s, on the grid",
            )
        return steps

    def following(self, step: int) -> int:
        """The first step after ``step`` before which something is due."""
        return min(((step // n + 1) * n for n in self._intervals), default=NEVER)

    def due(self, step: int) -> bool:
        """Whether something is due before ``step``."""
        return any(step % n == 0 for n in self._intervals)

    def act(self, step: int) -> None:
        """Do what is due, in the order of the rule."""
        for i, (u, n) in enumerate(zip(self._upkeep, self._intervals, strict=True)):
            if step % n:
                continue
            if isinstance(u, Scaling):
                self._scale(i, u)
            elif isinstance(u, Rewiring):
                self._rewire(u, self._delays[i], step)

    def _scale(self, i: int, u: Scaling) -> None:
        p = self._p
        target = p.rows.targets()
        tally = p.arrays["tally"]
        now = (tally - self.seen[i]) / u.every
        self.seen[i] = tally.copy()
        self.rate[i] = u.rate_after(self.rate[i], now)
        low, high = (p.real.type(w) for w in (p.rule.w_min, p.rule.w_max))
        for s in range(p.sizes["samples"]):
            weight = p.arrays["weight"][s]
            total = np.bincount(target, np.abs(weight), p.projection.n_post)
            factor = u.factors(total, self.rate[i][s]).astype(p.real)
            np.clip(weight * factor[target], low, high, out=weight)
            if p.deferred:
                held = p.arrays["held"][s]
                np.clip(held * factor[target], low, high, out=held)

    def _rewire(self, u: Rewiring, delay: int, step: int) -> None:
        p = self._p
        rows, place = rewired(p.rows, p.arrays["weight"][0], u, delay, self._key, step, self._recurrent)
        fresh = float(np.clip(u.weight, p.rule.w_min, p.rule.w_max))
        weight = _taken(p.arrays["weight"], place, fresh)
        held = _taken(p.arrays["held"], place, fresh) if p.deferred else None
        p.set_synapses(rows, weight, held, _taken(p.arrays["states"], place, 0.0))
        place_cursors(p, step)

    def state(self) -> dict[str, NDArray[Any]]:
        """What the next run needs."""
        out: dict[str, NDArray[Any]] = {}
        for i in self.rate:
            out[f"rate{i}"] = self.rate[i].copy()
            out[f"since{i}"] = self._p.arrays["tally"] - self.seen[i]
        if self._rewires:
            rows = self._p.rows
            parts = {"pre": rows.sources(), "target": rows.targets(), "delay": np.array(rows.delays())}
            out |= {name: values[None] for name, values in parts.items()}
        return out

    def load(self, carried: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        for i in self.rate:
            self.rate[i] = np.array(carried[f"rate{i}"])
            self.seen[i] = -np.array(carried[f"since{i}"])


def _taken(values: NDArray[Any], place: NDArray[np.int64], fresh: float) -> NDArray[Any]:
    """values[..., place], and ``fresh`` where the place is -1."""
    out = np.full((*values.shape[:-1], len(place)), fresh, values.dtype)
    old = place >= 0
    out[..., old] = values[..., place[old]]
    return out
