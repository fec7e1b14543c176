"""Plastic synapses at work: one weight a sample and synapse, traces, and three kernels generated from the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.generate import function_source, load_generated
from neurosim.engine.plan import PlanProjection
from neurosim.errors import ShapeError
from neurosim.plasticity.rule import PlasticityRule
from neurosim.spikes import Spikes

__all__ = ["PlasticSynapses", "learning_kernels"]

_TEMPLATE = '''"""Generated from {owner}: delivery and learning of plastic synapses. Do not edit.

history [S, slots, n_pre]: spikes of the last steps; weight, x [S, n_syn]; y [S, n_post]; the row of presynaptic
neuron i is row_start[i]:row_start[i + 1]; the synapses onto j are column[column_start[j]:column_start[j + 1]].
"""

from __future__ import annotations

import numpy as np
from numba import njit
{imports}


{pre}


{post}


{modulate}


@njit(inline="always")
def clip(w, low, high):
    return low if w < low else (high if w > high else w)


@njit(cache=True, nogil=True)
def deliver(k, history, row_start, target, delay, weight, ring, mask):
    """Arrivals of step k, spikes of step k - d over delay d, with the weights as they are."""
    for s in range(history.shape[0]):
        for i in range(history.shape[2]):
            for e in range(row_start[i], row_start[i + 1]):
                count = history[s, (k - delay[e]) % history.shape[1], i]
                if count:
                    ring[s, k & mask, target[e]] += count * weight[s, e]


@njit(cache=True, nogil=True)
def learn(k, history, row_start, target, delay, weight, x, y, decay_x, decay_y, w_min, w_max,
          post_spikes, column_start, column, use_m, m, c):
    """Pre at arrivals, post at postsynaptic spikes, then the modulator. c: coefficients; m [S]; use_m: 1 or 0."""
    for s in range(history.shape[0]):
        for j in range(y.shape[1]):
            y[s, j] *= decay_y
        for i in range(history.shape[2]):
            for e in range(row_start[i], row_start[i + 1]):
                x[s, e] *= decay_x
                for _ in range(history[s, (k - delay[e]) % history.shape[1], i]):
                    weight[s, e] = clip(pre(weight[s, e], x[s, e], y[s, target[e]]{c}), w_min, w_max)
                    x[s, e] += 1.0
        for j in range(y.shape[1]):
            if post_spikes[s, j]:
                for q in range(column_start[j], column_start[j + 1]):
                    e = column[q]
                    weight[s, e] = clip(post(weight[s, e], x[s, e], y[s, j]{c}), w_min, w_max)
                y[s, j] += 1.0
        if use_m:
            for e in range(weight.shape[1]):
                weight[s, e] = clip(modulate(weight[s, e], m[s]{c}), w_min, w_max)
'''


def learning_kernels(rule: PlasticityRule, dt: float) -> tuple[Callable[..., None], Callable[..., None]]:
    """Compiled (deliver, learn) of a rule."""
    owner = f"{type(rule).__module__}.{type(rule).__qualname__}"
    imports: list[str] = []
    sources = {}
    for name in ("pre", "post", "modulate"):
        more, sources[name] = function_source(getattr(type(rule), name), name, owner)
        imports += more
    coefficients = "".join(f", c[{i}]" for i in range(len(rule.coefficients(dt))))
    text = _TEMPLATE.format(owner=owner, imports="\n".join(dict.fromkeys(imports)), c=coefficients, **sources)
    module = load_generated(type(rule).__name__, text)
    return module.deliver, module.learn


class PlasticSynapses:
    """A plastic projection at work in one chunk of samples.

    Args:
        block: steps of the source's raster, which `observe` is given.
        events: the spikes of the run, where the source is an input; they may hold counts.
        carried: what `state` of an earlier run gave.

    Raises:
        ShapeError: ``carried`` belongs to another projection.
    """

    def __init__(
        self,
        p: PlanProjection,
        dt: float,
        samples: int,
        block: int,
        events: Spikes | None,
        carried: Mapping[str, NDArray[Any]] | None,
    ) -> None:
        rule = p.plasticity
        assert rule is not None, "a static projection is not plastic"
        self.projection = p
        self._rule = rule
        self._deliver, self._learn = learning_kernels(rule, dt)
        self._decays = rule.trace_decays(dt)
        self._coefficients = np.array([float(v) for v in rule.coefficients(dt).values()])
        most = max(
            int(events.count.max(initial=1)) if events is not None and events.count is not None else 1,
            int(carried["history"].max(initial=0)) if carried is not None else 0,
        )
        dtype = np.uint8 if most < 256 else np.int32
        self._history = np.zeros((samples, block + p.max_delay + 1, p.n_pre), dtype)
        self._seen = 0
        self._events = events
        if events is not None:
            self._counts = events.counts_of_cells()
            self._in_time = np.argsort(events.step, kind="stable")
            self._first_of_step = np.searchsorted(
                events.step, np.arange(events.steps + 1), sorter=self._in_time
            )
        self._column = np.argsort(p.target, kind="stable").astype(np.int64)
        self._column_start = np.searchsorted(p.target[self._column], np.arange(p.n_post + 1))
        self.weight = np.repeat(
            np.clip(p.weight.astype(np.float64), rule.w_min, rule.w_max)[None], samples, axis=0
        )
        self.x = np.zeros_like(self.weight)
        self.y = np.zeros((samples, p.n_post))
        if carried is not None:
            shapes = {"weight": self.weight.shape, "x": self.x.shape, "y": self.y.shape}
            shapes["history"] = (samples, p.max_delay, p.n_pre)
            for name, shape in shapes.items():
                if carried[name].shape != shape:
                    raise ShapeError(
                        f"{name} of another network",
                        where=f"state of projection {p.name!r}",
                        value=carried[name].shape,
                        limit=shape,
                    )
            self.weight, self.x, self.y = (np.array(carried[name]) for name in ("weight", "x", "y"))
            back = carried["history"]
            for d in range(back.shape[1]):  # back[:, d] is the step d + 1 before the start
                self._history[:, (-1 - d) % self._history.shape[1]] = back[:, d]

    def observe(self, raster: NDArray[np.uint8] | None, first: int, until: int) -> None:
        """Note the source's spikes of the steps before ``until``: from ``raster`` [S, block, n_pre], which starts at
        step ``first``, or without one from the events of the input."""
        for k in range(self._seen, until):
            row = self._history[:, k % self._history.shape[1]]
            if raster is not None:
                row[:] = raster[:, k - first]
                continue
            row[:] = 0
            if (events := self._events) is not None:
                at = self._in_time[self._first_of_step[k] : self._first_of_step[k + 1]]
                row[events.sample[at], events.neuron[at]] = self._counts[at]
        self._seen = max(self._seen, until)

    def deliver(self, k: int, ring: NDArray[np.float64]) -> None:
        """Add the arrivals of step k to the target's ring buffer."""
        p = self.projection
        self._deliver(k, self._history, p.row_start, p.target, p.delay, self.weight, ring, ring.shape[1] - 1)

    def learn(self, k: int, post_spikes: NDArray[np.uint8], m: NDArray[np.float64] | None) -> None:
        """Change the weights for step k."""
        p = self.projection
        modulator = np.zeros(len(self.weight)) if m is None else np.ascontiguousarray(m)
        self._learn(
            k, self._history, p.row_start, p.target, p.delay, self.weight, self.x, self.y, *self._decays,
            self._rule.w_min, self._rule.w_max, post_spikes, self._column_start, self._column,
            int(m is not None), modulator, self._coefficients,
        )  # fmt: skip

    def state(self, steps: int) -> dict[str, NDArray[Any]]:
        """What the next run needs: weights, traces and the last spikes."""
        slots = self._history.shape[1]
        back = self._history[:, (steps - 1 - np.arange(self.projection.max_delay)) % slots]
        return {"weight": self.weight, "x": self.x, "y": self.y, "history": back}
