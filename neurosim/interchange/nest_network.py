"""A plan built in NEST's kernel: neurons, generators, synapses and recorders for one sample.

NEST's step s is our step s - start. Before ``start`` the neurons rest (`NestModel.quiet`): a spike generator cannot
fire at time 0, and what arrives in our step 0 must have been sent before.

A spike of NEST's step s over a delay of D steps reaches the neuron in step s + D, and a generator's spike at time k dt
counts as one of step k - 1. What a delay of ours becomes is in `neurosim.interchange.engine_offsets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.engine.plan import PlanPopulation, PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.interchange.nest_drives import add_drive, drive_lead
from neurosim.interchange.nest_model import NestModel
from neurosim.interchange.nest_models import nest_model
from neurosim.interchange.nest_plasticity import nest_synapse
from neurosim.interchange.nest_recorders import NestRecorders
from neurosim.interchange.nest_recording import NestPart
from neurosim.interchange.run_request import RunRequest
from neurosim.neurons.relay import Relay
from neurosim.parameters import Value

__all__ = ["NestNetwork"]

_SYNAPSES_AT_ONCE = 2_000_000
"""Synapses handed to NEST in one call; bounds the copies made for it."""
_WITHOUT_LOOPS = 10
"""Steps between exchanges of spikes where no projection between populations asks for fewer."""


class NestNetwork:
    """One sample of a run, built in the kernel of this process (under MPI: this rank's part of it)."""

    def __init__(self, nest: Any, request: RunRequest, sample: int, threads: int) -> None:
        self.nest, self.request, self.plan, self.sample = nest, request, request.plan, sample
        self.step_ms = resolution(request.plan.dt)
        self.models = {name: nest_model(p, self.plan.dt) for name, p in self.plan.populations.items()}
        self.slice = self._slice()
        self.shifts = {p.name: self._shift(p) for p in self.plan.projections}
        initial = any(np.any(x) for m in self.models.values() for x in m.initial)
        leads = [drive_lead(self.models[d.population], self.slice) for d in self.plan.drives]
        # a multimeter leaves out what it should record at the end of NEST's first step
        most = max([2, *leads, *self.shifts.values(), self.slice + 1 if initial else 0])
        # the run ends with a slice: spikes are exchanged, and plastic weights changed, after whole slices
        self.start = most + -(most + request.steps) % self.slice
        nest.ResetKernel()
        nest.resolution = self.step_ms
        nest.local_num_threads = threads
        nest.set(min_delay=self.slice * self.step_ms, max_delay=self._longest() * self.step_ms)
        nest.rng_seed = int(random.key(request.seed, "drive", str(sample)) % (2**31 - 2)) + 1
        self.groups: dict[str, Any] = {}
        self.generators: dict[tuple[str, int], tuple[int, NDArray[np.int64]]] = {}
        self.parrots: dict[str, tuple[int, NDArray[np.int64]]] = {}
        self.synapses: dict[str, str] = {}
        archive = self._plastic()
        for population in self.plan.populations.values():
            self._population(population, archive.get(population.name, {}))
            self._check_relay(population)
        for projection in self.plan.projections:
            self._projection(projection)
        for drive in self.plan.drives:
            add_drive(self, drive)
        self.recorders = NestRecorders(self)

    # --- time

    def _steps(self, p: PlanProjection) -> int:
        """The shortest delay of a projection in NEST, in steps, before a generator's shift."""
        return p.min_delay - self.models[p.post].lead

    def _slice(self) -> int:
        """Steps between exchanges of spikes: the shortest delay there."""
        shortest = []
        for p in self.plan.projections:
            # the delay of plastic synapses cannot be made longer: it decides which spikes form pairs
            if (p.pre in self.plan.populations or p.plasticity is not None) and p.n_synapses:
                if self._steps(p) < 1:
                    lead = self.models[p.post].lead
                    raise UnsupportedError(
                        "NEST's shortest delay is one step",
                        where=f"projection {p.name!r}",
                        value=f"{p.min_delay} steps",
                        limit=f">= {1 + lead} steps to {self.models[p.post].name}",
                        remedy="Make the delay longer, or use backend='brian2'",
                    )
                shortest.append(self._steps(p))
        return min(shortest, default=_WITHOUT_LOOPS)

    def _longest(self) -> int:
        """The longest delay there, in steps."""
        there = [p.max_delay - self.models[p.post].lead + self.shifts[p.name] for p in self.plan.projections]
        return max([self.slice, *there])

    def _shift(self, p: PlanProjection) -> int:
        """Steps by which an input's generators fire early, so that their delays are long enough."""
        if p.pre in self.plan.populations or not p.n_synapses:
            return 0
        if p.plasticity is not None:
            return self.slice  # on the way to the parrots
        return max(0, self.slice - self._steps(p))

    # --- what the network consists of

    def _plastic(self) -> dict[str, dict[str, float]]:
        """Make a synapse model for each plastic projection; returns what NEST keeps with the neurons behind them."""
        archive: dict[str, dict[str, float]] = {}
        for number, p in enumerate(self.plan.projections):
            if p.plasticity is None:
                continue
            made = nest_synapse(p, self.models[p.post].lead)
            if np.any(np.asarray(self.models[p.post].weights[p.receptor]) != 1.0):
                raise UnsupportedError(
                    "NEST's plastic weights would need another unit than here",
                    where=f"projection {p.name!r}",
                    value=type(self.plan.populations[p.post].model).__name__,
                )
            kept = archive.setdefault(p.post, {})
            if any(kept.get(name, value) != value for name, value in made.neuron.items()):
                raise UnsupportedError(
                    "NEST keeps these with the postsynaptic neurons, and another projection has others",
                    where=f"projection {p.name!r}",
                    value=dict(made.neuron),
                    limit=kept,
                )
            kept |= made.neuron
            given = self.request.given.get(p.pre)
            if given is not None and len(given) and int(given.counts_of_cells().max()) > 1:
                where = f"projection {p.name!r}"
                raise UnsupportedError("NEST's plastic synapses take one spike a step", where=where)
            self.synapses[p.name] = f"{made.model}_{number}"
            self.nest.CopyModel(made.model, self.synapses[p.name], dict(made.parameters))
        return archive

    def _population(self, p: PlanPopulation, archive: dict[str, float]) -> None:
        model = self.models[p.name]
        quiet = _values({**model.parameters, **model.quiet}, p) | archive
        try:
            self.groups[p.name] = self.nest.Create(model.name, p.size, params=quiet)
            if model.quiet:  # what is set at step 0 is looked at now
                self.groups[p.name].set(**_values({**model.parameters, **model.state}, p))
                self.groups[p.name].set(**quiet)
        except self.nest.NESTError as error:
            raise UnsupportedError(f"NEST refuses it: {error}", where=f"population {p.name!r}") from error
        for receptor, initial in enumerate(model.initial):
            self._initial(p, receptor, initial)

    def _initial(self, p: PlanPopulation, receptor: int, initial: Value) -> None:
        """What has arrived before step 0: a spike each that arrives in the last step in which the neurons rest."""
        model = self.models[p.name]
        values = np.broadcast_to(np.asarray(initial, np.float64), p.shape).reshape(-1)
        target = np.flatnonzero(values)
        if len(target):
            self.check_signs(model, receptor, values, f"population {p.name!r}")
            weight = values * _each(model.weights[receptor], p)
            time = (self.start - self.slice) * self.step_ms
            source = self.nest.Create("spike_generator", params={"spike_times": [time]})
            pre = np.full(len(target), source.tolist()[0])
            self.connect(pre, self.first(p.name) + target, weight[target], np.full(len(target), self.slice))

    def first(self, name: str) -> int:
        """NEST's number of the first neuron of a population; the others follow."""
        return int(self.groups[name][0].tolist()[0])

    def _generators(self, name: str, shift: int) -> tuple[int, NDArray[np.int64]]:
        """Generators of an input's spikes, ``shift`` steps early: the first's number, and the place of every channel
        among them (-1: it never spikes)."""
        if (name, shift) in self.generators:
            return self.generators[name, shift]
        place = np.full(self.plan.size_of(name), -1, np.int64)
        first = 0
        spikes = self.request.given.get(name)
        if spikes is not None:
            spikes = spikes.select(np.array([self.sample]))
        if spikes is not None and len(spikes):
            order = np.argsort(spikes.neuron, kind="stable")
            channels, begin = np.unique(spikes.neuron[order], return_index=True)
            times = (spikes.step[order].astype(np.int64) + (self.start + 1 - shift)) * self.step_ms
            counts = spikes.counts_of_cells()[order].astype(np.int64)
            trains = zip(np.split(times, begin[1:]), np.split(counts, begin[1:]), strict=True)
            parameters = [{"spike_times": t, "spike_multiplicities": c} for t, c in trains]
            first = self.nest.Create("spike_generator", len(channels), params=parameters)[0].tolist()[0]
            place[channels] = np.arange(len(channels))
        self.generators[name, shift] = first, place
        return first, place

    def _parrots(self, name: str) -> tuple[int, NDArray[np.int64]]:
        """Neurons that repeat an input's spikes, each in its own step: generators have no plastic synapses."""
        if name not in self.parrots:
            first, place = self._generators(name, self.slice)
            channels = int(place.max(initial=-1)) + 1
            number = 0
            if channels:
                number = self.nest.Create("parrot_neuron", channels)[0].tolist()[0]
                each = np.arange(channels)
                self.connect(each + first, each + number, np.ones(channels), np.full(channels, self.slice))
            self.parrots[name] = number, place
        return self.parrots[name]

    def _projection(self, p: PlanProjection) -> None:
        model, shift = self.models[p.post], self.shifts[p.name]
        factor = _each(model.weights[p.receptor], self.plan.populations[p.post])
        self.check_signs(model, p.receptor, p.weight, f"projection {p.name!r}")
        if p.pre in self.plan.populations:
            first, place = self.first(p.pre), None
        elif p.plasticity is None:
            first, place = self._generators(p.pre, shift)
        else:
            first, place = self._parrots(p.pre)
            shift = 0
        for part in _slices(p.n_synapses):
            pre, post = p.pre_index[part].astype(np.int64), p.target[part].astype(np.int64)
            weight, delay = p.weight[part] * factor[post], p.delay[part] + (shift - model.lead)
            if place is not None:
                pre = place[pre]
                fires = pre >= 0
                pre, post, weight, delay = pre[fires], post[fires], weight[fires], delay[fires]
            more: dict[str, Any] = {"synapse_model": self.synapses.get(p.name, "static_synapse")}
            if any(model.ports):
                more["receptor_type"] = np.full(len(pre), model.ports[p.receptor])
            self.connect(pre + first, post + self.first(p.post), weight, delay, **more)

    def _check_relay(self, p: PlanPopulation) -> None:
        """A parrot repeats every arrival, a relay one a step: the same where no more than one can arrive."""
        if not isinstance(p.model, Relay):
            return
        into = [q for q in self.plan.incoming(p.name) if q.receptor == 0]
        fan_in = sum((np.bincount(q.target, minlength=p.size) for q in into), np.zeros(p.size, np.int64))
        given = (self.request.given.get(q.pre) for q in into)
        counts = max((int(s.counts_of_cells().max()) for s in given if s is not None and len(s)), default=0)
        driven = any(d.population == p.name and d.receptor == 0 for d in self.plan.drives)
        if fan_in.max() > 1 or counts > 1 or driven:
            raise UnsupportedError(
                "NEST's parrot_neuron repeats every arrival; a Relay spikes once a step",
                where=f"population {p.name!r}",
                value=f"{fan_in.max()} synapses to a neuron, counts up to {counts}",
                limit="one synapse to a neuron, one spike a step, no drive",
            )

    def check_signs(self, model: NestModel, receptor: int, weight: NDArray[Any], where: str) -> None:
        """NEST's models with two receptors choose one by the sign of the weight."""
        sign = model.signs[receptor]
        if sign and np.any(np.sign(weight) == -sign):
            raise UnsupportedError(
                "NEST chooses the receptor by the sign of the weight, which here is that of another",
                where=where,
                value=float(weight[np.argmax(np.sign(weight) == -sign)]),
                limit=f"{'>=' if sign > 0 else '<='} 0 to this receptor of {model.name}",
            )

    def connect(
        self, pre: NDArray[Any], post: NDArray[Any], weight: NDArray[Any], delay: NDArray[Any], **more: Any
    ) -> None:
        if len(pre):
            values = {"weight": np.asarray(weight, np.float64), "delay": delay * self.step_ms, **more}
            self.nest.Connect(pre, post, "one_to_one", values)

    # --- running it

    def run(self) -> None:
        """Let the neurons rest up to step 0, run, and go on until the recorders have seen the last step."""
        self.nest.Simulate(self.start * self.step_ms)
        for p in self.plan.populations.values():
            model = self.models[p.name]
            if model.quiet:
                self.groups[p.name].set(**_values({**model.parameters, **model.state}, p))
        steps = self.request.steps
        if steps:
            self.nest.Simulate(steps * self.step_ms)
            self.nest.Simulate(self.slice * self.step_ms)

    def part(self) -> NestPart:
        """What the recorders and plastic synapses of this process hold."""
        spikes, traces = {}, {}
        for name, r in self.request.wanted.items():
            if "spikes" in r.kept:
                spikes[name] = self.recorders.spikes(name)
            for variable in r.states:
                traces[name, variable] = self.recorders.trace(name, variable)
        weights = {p.name: self._weights(p) for p in self.plan.projections if p.plasticity is not None}
        return NestPart(spikes, traces, weights)

    def _weights(self, p: PlanProjection) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Those plastic synapses that are in NEST's kernel: their place in the plan, and their weights."""
        found = self.nest.GetConnections(synapse_model=self.synapses[p.name])
        if not len(found):
            return np.zeros(0, np.int64), np.zeros(0)
        held = found.get(["source", "target", "delay", "weight"])
        pre = np.atleast_1d(held["source"]).astype(np.int64)
        post = np.atleast_1d(held["target"]).astype(np.int64) - self.first(p.post)
        # the synapses onto a neuron are in the process in which it lives
        here = np.isin(p.target, post)
        if p.pre in self.plan.populations:
            pre -= self.first(p.pre)
        else:
            first, place = self._parrots(p.pre)
            pre = np.flatnonzero(place >= 0)[pre - first]
            here &= place[p.pre_index] >= 0
        there = np.flatnonzero(here)
        delay = np.rint(np.atleast_1d(held["delay"]) / self.step_ms).astype(np.int64)
        theirs = np.lexsort((post, delay, pre))
        ours = there[np.lexsort((p.target[there], p.delay[there], p.pre_index[there]))]
        return ours, np.atleast_1d(held["weight"])[theirs]


def resolution(dt: float) -> float:
    """The time step in ms; NEST counts in microseconds."""
    micro = round(dt * 1e6)
    if micro < 1 or abs(dt * 1e6 - micro) > 1e-6 * micro:
        raise UnsupportedError(
            "NEST's time step is a whole number of microseconds",
            where="Network.dt",
            value=dt,
            limit="n * 1e-6 s",
        )
    return micro / 1e3


def _values(values: Any, p: PlanPopulation) -> dict[str, Any]:
    """Parameters as NEST takes them: a number, or a list with one for each neuron."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            out[name] = value
            continue
        each = np.asarray(value, np.float64)
        out[name] = float(each.reshape(-1)[0]) if each.size == 1 else each.reshape(-1).tolist()
    return out


def _each(value: Value, p: PlanPopulation) -> NDArray[np.float64]:
    """One number a neuron."""
    return np.broadcast_to(np.asarray(value, np.float64), p.shape).reshape(-1)


def _slices(n: int) -> Iterator[slice]:
    for first in range(0, n, _SYNAPSES_AT_ONCE):
        yield slice(first, min(first + _SYNAPSES_AT_ONCE, n))
