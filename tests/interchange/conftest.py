"""A run by the rules of docs/design.md in plain Python: an oracle for other simulators that compiles nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.plan import Plan, PlanProjection
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.interchange.drawn_drives import drawn_drive
from neurosim.interchange.run_request import requested_run, spikes_of
from neurosim.plasticity.options import DelaySite, Delivered, SameStep, WeightUpdate


@pytest.fixture
def plain_run() -> Callable[..., Recording]:
    return run_plainly


def run_plainly(
    net: ns.Network,
    inputs: Any = None,
    duration: float | None = None,
    record: Mapping[str, Record | str] | None = None,
    seed: int = 0,
) -> Recording:
    """One neuron, one synapse and one step at a time."""
    request = requested_run(net, inputs, duration, record, None, seed)
    samples = [Sample(request, s) for s in range(request.samples)]
    populations = {}
    for name, r in request.wanted.items():
        p = request.plan.populations[name]
        found = [np.array(s.spikes[name], np.int64).reshape(-1, 2).T for s in samples]
        sample = np.repeat(np.arange(len(found)), [f.shape[1] for f in found])
        spikes = spikes_of(p, request, sample, *np.concatenate(found, axis=1))
        variables = {}
        for v in (v for v in r.variables if v != "spikes"):
            values = np.stack([s.traces[name][v] for s in samples], axis=1)[:: r.stride(net.dt)]
            shape = (*values.shape[:2], *p.shape)
            variables[v] = values.reshape(shape) if r.neurons is None else values[:, :, list(r.neurons)]
        populations[name] = PopulationRecording(spikes if "spikes" in r.variables else None, variables)
    names = samples[0].plastic if samples else {}
    weights = {name: np.array([s.plastic[name].weight for s in samples]) for name in names}
    return Recording(populations, net.dt, request.steps, request.samples, weights=weights)


class Sample:
    """One sample of a run."""

    def __init__(self, request: Any, sample: int) -> None:
        plan: Plan = request.plan
        self.plan, self.dt = plan, plan.dt
        order = [name for stage in plan.stages for level in stage.levels for name in level]
        self.populations = {name: plan.populations[name] for name in order}
        longest = request.steps + max([p.max_delay for p in plan.projections], default=0) + 1
        self.arrivals = {
            name: np.zeros((longest, len(p.model.RECEPTORS), p.size)) for name, p in self.populations.items()
        }
        self.current = {name: np.zeros((request.steps, p.size)) for name, p in self.populations.items()}
        for d in plan.drives:
            values = drawn_drive(d, request, sample)
            if d.drive.CURRENT:
                self.current[d.population] += values
            else:
                self.arrivals[d.population][: request.steps, d.receptor] += values
        self.plastic = {p.name: PlasticProjection(p, plan.dt) for p in plan.projections if p.plasticity}
        self.state = {
            name: {
                v: np.broadcast_to(np.asarray(x, np.float64), p.shape).reshape(-1).copy()
                for v, x in p.model.initial(plan.dt).items()
            }
            for name, p in self.populations.items()
        }
        self.spikes: dict[str, list[tuple[int, int]]] = {name: [] for name in order}
        self.traces = {
            name: {v: np.zeros((request.steps, p.size)) for v in p.model.STATE}
            for name, p in self.populations.items()
        }
        for step in range(request.steps):
            for name, s in request.given.items():
                here = (s.sample == sample) & (s.step == step)
                self.emit(name, step, s.neuron[here], s.counts_of_cells()[here])
            for name in order:
                self.advance(name, step)

    def emit(self, name: str, step: int, neurons: Any, counts: Any) -> None:
        """Spikes of a source: onto their way, and to plastic synapses."""
        for p in self.plan.projections:
            if p.pre != name:
                continue
            if p.name in self.plastic:
                self.plastic[p.name].emitted(step, neurons, self.arrivals[p.post][:, p.receptor])
                continue
            for neuron, count in zip(neurons, counts, strict=True):
                row = slice(p.row_start[neuron], p.row_start[neuron + 1])
                at = (step + p.delay[row], p.receptor, p.target[row])
                np.add.at(self.arrivals[p.post], at, p.weight[row].astype(np.float64) * count)

    def advance(self, name: str, step: int) -> None:
        """One step of a population."""
        p, state = self.populations[name], self.state[name]
        incoming = [q for q in self.plan.incoming(name) if q.name in self.plastic]
        for q in incoming:
            self.plastic[q.name].deliver(step, self.arrivals[name][:, q.receptor])
        constants = p.model.coefficients(self.dt)
        each = {k: np.broadcast_to(np.asarray(c), p.shape).reshape(-1) for k, c in constants.items()}
        if p.model.CURRENT is not None:
            gain = np.broadcast_to(np.asarray(p.model.current_gain(self.dt)), p.shape).reshape(-1)
            each[p.model.CURRENT] = each[p.model.CURRENT] + gain * self.current[name][step]
        options = [getattr(p.model, o) for o in p.model.OPTIONS]
        fired = []
        for n in range(p.size):
            x = self.arrivals[name][step, :, n]
            *after, spike = p.model.step(
                *(v[n] for v in state.values()), *x, *(c[n] for c in each.values()), *options
            )
            for v, value in zip(p.model.STATE, after, strict=True):
                state[v][n] = self.traces[name][v][step, n] = value
            if spike and p.model.SPIKES:
                fired.append(n)
        self.spikes[name] += [(step, n) for n in fired]
        for q in incoming:
            self.plastic[q.name].learn(step, fired)
        self.emit(name, step, np.array(fired, np.int64), np.ones(len(fired)))


class PlasticProjection:
    """Synapses that change, one after another, from the lists of all spikes that have reached them."""

    def __init__(self, p: PlanProjection, dt: float) -> None:
        rule = p.plasticity
        assert rule is not None
        self.p, self.rule, self.decays = p, rule, rule.decays(dt)
        self.more = [*rule.coefficients(dt).values(), *(getattr(rule, o) for o in rule.OPTIONS)]
        self.weight = p.weight.astype(np.float64).copy()
        self.pre: list[list[int]] = [[] for _ in range(p.n_synapses)]
        """steps in which presynaptic spikes act"""
        self.post: list[list[int]] = [[] for _ in range(p.n_synapses)]
        """steps in which postsynaptic spikes reach the synapse"""
        if rule.delay_site is DelaySite.DENDRITIC:
            assert rule.weight_update is WeightUpdate.AT_PRESYNAPTIC
            assert rule.same_step is SameStep.IGNORED
            assert rule.delivered is Delivered.AFTER
        else:
            assert (rule.weight_update, rule.delivered) == (WeightUpdate.AT_EVENT, Delivered.BEFORE)

    def traces(self, step: int, spikes: list[int], names: tuple[str, ...], *, with_step: bool) -> list[float]:
        past = [t for t in spikes if t < step or (with_step and t == step)]
        out = []
        for name in names:
            counted = past[-1:] if name in self.rule.restarting() else past
            out.append(sum(self.decays[name] ** (step - t) for t in counted))
        return out

    def change(
        self, k: int, step: int, function: Any, *, pre_now: bool = False, post_now: bool = False
    ) -> None:
        pre = self.traces(step, self.pre[k], self.rule.PRE_TRACES, with_step=pre_now)
        post = self.traces(step, self.post[k], self.rule.POST_TRACES, with_step=post_now)
        weight = function(self.weight[k], *pre, *post, 1.0, *self.more)
        self.weight[k] = min(max(weight, self.rule.w_min), self.rule.w_max)

    def emitted(self, step: int, neurons: Any, arrivals: Any) -> None:
        dendritic = self.rule.delay_site is DelaySite.DENDRITIC
        for neuron in neurons:
            for k in range(self.p.row_start[neuron], self.p.row_start[neuron + 1]):
                if dendritic:
                    last = self.pre[k][-1] if self.pre[k] else -1
                    for t in [t for t in self.post[k] if last < t <= step]:
                        self.change(k, t, self.rule.on_post)
                    self.change(k, step, self.rule.on_pre)
                    self.pre[k].append(step)
                    arrivals[step + self.p.delay[k], self.p.target[k]] += self.weight[k]
                else:
                    self.pre[k].append(step + int(self.p.delay[k]))

    def deliver(self, step: int, arrivals: Any) -> None:
        if self.rule.delay_site is DelaySite.AXONAL:
            for k, due in enumerate(self.pre):
                if step in due:
                    arrivals[step, self.p.target[k]] += self.weight[k]

    def learn(self, step: int, fired: list[int]) -> None:
        later = self.p.delay if self.rule.delay_site is DelaySite.DENDRITIC else np.zeros_like(self.p.delay)
        for k in range(self.p.n_synapses):
            pre, post = step in self.pre[k], self.p.target[k] in fired
            if post:
                self.post[k].append(step + int(later[k]))
            if self.rule.delay_site is DelaySite.DENDRITIC:
                continue
            first, second = self.rule.on_pre, self.rule.on_post
            if self.rule.same_step is SameStep.POTENTIATING:
                if pre:
                    self.change(k, step, first)
                if post:
                    self.change(k, step, second, pre_now=pre)
            else:
                if post:
                    self.change(k, step, second)
                if pre:
                    self.change(k, step, first, post_now=self.rule.same_step is SameStep.DEPRESSING)
