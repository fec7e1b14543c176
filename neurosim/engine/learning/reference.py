"""Plastic synapses one by one and step by step, in plain Python: what the compiled kernels must compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.plasticity.options import DelaySite, Delivered, SameStep, WeightUpdate

__all__ = ["learn_reference"]


def learn_reference(
    p: PlanProjection, dt: float, pre: NDArray[Any], post: NDArray[Any], m: NDArray[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights after a run from rest, and what arrived in it, of one sample.

    Args:
        pre: counts of presynaptic spikes [T, n_pre]; post: postsynaptic spikes [T, n_post]; m: third factor [T].

    Returns:
        weights [n_syn] as they can be read, arrivals [T, n_post].
    """
    rule = p.plasticity
    assert rule is not None
    steps = len(pre)
    arrivals = np.zeros((steps + p.max_delay + 1, p.n_post))
    weights = np.zeros(p.n_synapses)
    sources, targets, delays = p.pre_index, p.target, p.delay
    for e in range(p.n_synapses):
        d, dendritic = int(delays[e]), rule.delay_site is DelaySite.DENDRITIC
        before = np.zeros(d, np.int64)
        a, b = pre[:, sources[e]].astype(np.int64), (post[:, targets[e]] > 0).astype(np.int64)
        arriving, reaching = (
            (a, np.concatenate([before, b])) if dendritic else (np.concatenate([before, a]), b)
        )
        synapse = _Synapse(p, dt, float(np.clip(p.weight[e], rule.w_min, rule.w_max)))
        for k in range(steps):
            factor = rule.MODULATOR if m is None else float(m[k])
            delivered = synapse.step(int(arriving[k]), int(reaching[k]), factor)
            arrivals[k + (d if dendritic else 0), targets[e]] += int(arriving[k]) * delivered
        weights[e] = synapse.read
    return weights, arrivals[:steps]


class _Synapse:
    def __init__(self, p: PlanProjection, dt: float, weight: float) -> None:
        rule = p.plasticity
        assert rule is not None
        self.rule, self.w, self.read = rule, weight, weight
        self.last = [*rule.coefficients(dt).values(), *(getattr(rule, name) for name in rule.OPTIONS)]
        self.decays = rule.decays(dt)
        self.traces = dict.fromkeys(self.decays, 0.0)

    def step(self, arrivals: int, spikes: int, m: float) -> float:
        """One step: returns the weight with which its arrivals are delivered."""
        rule, deferred = self.rule, self.rule.weight_update is WeightUpdate.AT_PRESYNAPTIC
        for name in self.traces:
            self.traces[name] *= self.decays[name]
        delivered = self.read if deferred else self.w
        pre_seen = {n: self.traces[n] for n in rule.PRE_TRACES}
        post_seen = {n: self.traces[n] for n in rule.POST_TRACES}
        sides = ["pre", "post"] if rule.same_step is SameStep.POTENTIATING else ["post", "pre"]
        for side in sides:
            if side == "post":
                if rule.same_step is SameStep.POTENTIATING:
                    pre_seen = {n: self.traces[n] for n in rule.PRE_TRACES}
                for _ in range(spikes):
                    self._apply(rule.on_post, pre_seen, {n: self.traces[n] for n in rule.POST_TRACES}, m)
                    self._grow(rule.POST_TRACES)
            else:
                if rule.same_step is SameStep.DEPRESSING:
                    post_seen = {n: self.traces[n] for n in rule.POST_TRACES}
                if rule.delay_site is DelaySite.DENDRITIC and not deferred:
                    delivered = self.w
                for _ in range(arrivals):
                    self._apply(rule.on_pre, {n: self.traces[n] for n in rule.PRE_TRACES}, post_seen, m)
                    self._grow(rule.PRE_TRACES)
                if arrivals:
                    self.read = self.w
                if rule.delivered is Delivered.AFTER:
                    delivered = self.w
        if rule.modulate is not None and m != 0:
            states = [self.traces[n] for n in rule.SYNAPSE]
            self.w = self._clip(type(rule).modulate(self.w, *states, m, *self.last))  # type: ignore[misc]
        if not deferred:
            self.read = self.w
        return delivered

    def _apply(self, function: Any, pre: dict[str, float], post: dict[str, float], m: float) -> None:
        names = self.rule.SYNAPSE
        made = function(
            self.w, *(self.traces[n] for n in names), *pre.values(), *post.values(), m, *self.last
        )
        if names:
            made, *states = made
            self.traces.update(zip(names, states, strict=True))
        self.w = self._clip(made)

    def _grow(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.traces[name] = 1.0 if name in self.rule.restarting() else self.traces[name] + 1.0

    def _clip(self, w: float) -> float:
        return min(max(w, self.rule.w_min), self.rule.w_max)
