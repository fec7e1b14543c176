"""Running a network in Brian2: the same description, integrated and scheduled by another simulator.

What is Brian2's own: the equations (its ``exact``, ``euler`` or ``exponential_euler`` method), thresholds,
refractoriness, delay queues, event-driven traces. What is arranged is the order within a step (`Network.schedule`), so
that spikes fall into the same steps:

- every population has its own slots, in the order of the plan: late reset, arrivals at currents and conductances,
  update, arrivals at the potential, threshold, reset, plasticity. In Brian2's standard schedule an arrival changes an
  exponential current one step before the potential sees it, and a voltage jump is decayed before it is tested
  (`neurosim.interchange.engine_offsets`); here neither is the case.
- a spike enters Brian2's queue when its target's arrivals come next: in the same step from inputs and from populations
  that stand earlier in the order, one step later otherwise, so the delay there is ours minus dt.
- a refractory period of n steps is (n + 1) dt there: Brian2 counts from the step of the spike.
- a recorded current or conductance is read after the arrivals, as in ours; potentials are read at the end of the step.

Samples run side by side as copies of every population. Code is generated for NumPy: no compiler is needed. Sources and
drives are drawn here and given to Brian2, so they are the same in every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.plan import Plan, PlanDrive, PlanPopulation, PlanProjection
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, MissingExtraError, UnsupportedError
from neurosim.interchange.brian2_model import Brian2Model
from neurosim.interchange.brian2_models import brian2_model
from neurosim.interchange.brian2_plasticity import Brian2Synapse, brian2_synapse
from neurosim.interchange.drawn_drives import drawn_drive
from neurosim.interchange.run_request import RunRequest, requested_run, spikes_of
from neurosim.network import Network
from neurosim.neurons.model import refractory_steps
from neurosim.neurons.options import Reset, ResetTiming
from neurosim.spikes import Spikes

__all__ = ["run_brian2"]

_LEARN = ("learn_0", "learn_1", "learn_2")
_SLOTS = ("late_reset", "current", "update", "potential", "threshold", "reset", *_LEARN)


def run_brian2(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    record: Mapping[str, Record | str] | None = None,
    *,
    samples: int | None = None,
    seed: int = 0,
) -> Recording:
    """Run a network in Brian2. Arguments and recordings are those of `neurosim.simulate`.

    Recordings hold no final state.

    Raises:
        UnsupportedError: what is not translated: models of other classes, some options, conventions of plasticity
            other than Brian2's; a synaptic time constant equal to that of the membrane (Brian2's symbolic solution
            divides by their difference).
        MissingExtraError: Brian2 cannot be imported.
    """
    try:
        import brian2
    except ImportError as error:
        raise MissingExtraError("brian2", "interop", error) from error
    request = requested_run(net, inputs, duration, record, samples, seed)
    plan = request.plan
    with _numpy_code(brian2):
        run = _Run(brian2, request)
        for name in plan.inputs:
            run.input(name, request.given.get(name))
        for population in plan.populations.values():
            run.population(population)
        for projection in plan.projections:
            run.projection(projection)
        run.run()
        return run.recording()


@contextmanager
def _numpy_code(brian2: Any) -> Iterator[None]:
    """Brian2's code generation for NumPy, and its own preference back afterwards."""
    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before


class _Run:
    """One Brian2 network under construction."""

    def __init__(self, brian2: Any, request: RunRequest) -> None:
        self.b2, self.request, self.plan, self.samples = brian2, request, request.plan, request.samples
        self.clock = brian2.Clock(dt=self.plan.dt * brian2.second)
        self.network = brian2.Network()
        order = [name for stage in self.plan.stages for level in stage.levels for name in level]
        self.rank = {name: k for k, name in enumerate(order)}
        own = [f"{slot}_{k}" for k in range(len(order)) for slot in _SLOTS]
        self.network.schedule = ["start", *own, "groups", "thresholds", "synapses", "resets", "end"]
        self.groups: dict[str, list[Any]] = {}
        self.monitors: dict[tuple[str, str], Any] = {}
        self.models: dict[str, Brian2Model] = {}
        self.plastic: dict[str, Any] = {}

    def slot(self, name: str, slot: str) -> str:
        """The place of a population's slot in the schedule."""
        return f"{slot}_{self.rank[name]}"

    def input(self, name: str, spikes: Spikes | None) -> None:
        """A generator for every count: Brian2 emits one spike per neuron and step."""
        b2, size = self.b2, self.plan.size_of(name)
        self.groups[name] = []
        most = 0 if spikes is None or not len(spikes) else int(spikes.counts_of_cells().max())
        for count in range(1, most + 1):
            assert spikes is not None
            chosen = spikes.counts_of_cells() >= count
            index = spikes.sample[chosen].astype(np.int64) * size + spikes.neuron[chosen]
            times = spikes.step[chosen] * self.plan.dt * b2.second
            source = b2.SpikeGeneratorGroup(self.samples * size, index, times, clock=self.clock, when="start")
            self.groups[name].append(source)
            self.network.add(source)

    def population(self, p: PlanPopulation) -> None:
        """A population with its threshold, reset, refractoriness, drives and monitors."""
        b2, model = self.b2, p.model
        made = brian2_model(p, self.plan.dt)
        self.models[p.name] = made
        held = refractory_steps(self.plan.dt, getattr(model, "refractory", 0.0))
        options: dict[str, Any] = {}
        equations, parameters = made.equations, dict(made.parameters)
        drives = [d for d in self.plan.drives if d.population == p.name]
        if made.injected is not None:
            flag = "" if any(d.drive.CURRENT for d in drives) else " (constant)"
            equations += f"injected : {made.injected}{flag}\n"
        if made.threshold is not None:
            options["threshold"], options["reset"] = made.threshold, made.reset
            if np.any(held):
                equations += "hold : second (constant)\n"
                parameters["hold"] = (np.asarray(held) + 1) * self.plan.dt
                options["refractory"] = "hold"
        group = b2.NeuronGroup(
            self.samples * p.size, equations, method=made.method, clock=self.clock, namespace={}, **options
        )
        for name, value in parameters.items():
            each = np.broadcast_to(np.asarray(value, np.float64), p.shape).reshape(-1)
            setattr(group, f"{name}_", np.tile(each, self.samples))
        if group.state_updater is not None:
            group.state_updater.when = self.slot(p.name, "update")
        if made.threshold is not None:
            group.thresholder["spike"].when = self.slot(p.name, "threshold")
        if made.reset:
            late = getattr(model, "reset_timing", ResetTiming.SAME_STEP) is ResetTiming.NEXT_STEP
            subtracts = getattr(model, "reset", Reset.TO_VALUE) is Reset.BY_SUBTRACTION
            # one step late: to a value before the leak, by subtraction after it
            at = "reset" if not late else "potential" if subtracts else "late_reset"
            group.resetter["spike"].when = self.slot(p.name, at)
        if made.before:
            group.run_regularly(made.before, clock=self.clock, when=self.slot(p.name, "late_reset"))
        self.groups[p.name] = [group]
        self._drives(p, group, drives)
        self.network.add(group)
        self._monitor(p, group)

    def _drives(self, p: PlanPopulation, group: Any, drives: list[PlanDrive]) -> None:
        """What drives add in each step, from arrays [T, copies of the population]."""
        made, currents = self.models[p.name], []
        for number, d in enumerate(drives):
            values = np.concatenate([drawn_drive(d, self.request, s) for s in range(self.samples)], axis=1)
            if not self.request.steps:
                continue
            if d.drive.CURRENT:
                currents.append(values)
                continue
            variable, slot = made.arrivals[d.receptor]
            if variable is not None:
                self._given(
                    group, f"arriving_{number}", values, f"{variable} += {{}}", self.slot(p.name, slot)
                )
        if currents:
            scale = np.broadcast_to(np.asarray(made.scale, np.float64), p.shape).reshape(-1)
            total = np.sum(currents, axis=0) * np.tile(scale, self.samples)
            if made.injected == "Hz":
                total = total * self.b2.Hz
            self._given(group, "current_of_drives", total, "injected = {}", self.slot(p.name, "late_reset"))

    def _given(self, group: Any, name: str, values: Any, statement: str, when: str) -> None:
        """Let a group use one row of an array in each step."""
        array = self.b2.TimedArray(values, dt=self.plan.dt * self.b2.second, name=f"{group.name}_{name}")
        group.namespace[array.name] = array
        group.run_regularly(statement.format(f"{array.name}(t, i)"), clock=self.clock, when=when)

    def _monitor(self, p: PlanPopulation, group: Any) -> None:
        r, made = self.request.wanted.get(p.name), self.models[p.name]
        if r is None:
            return
        known = {"spikes", *made.recorded}
        if unknown := set(r.kept) - known:
            raise DescriptionError(
                "cannot be recorded in Brian2",
                where=f"population {p.name!r}",
                value=sorted(unknown),
                limit=sorted(known),
            )
        if "spikes" in r.kept and made.threshold is not None:
            when = f"after_{self.slot(p.name, 'threshold')}"
            self.monitors[p.name, "spikes"] = self.b2.SpikeMonitor(group, when=when)
        chosen = np.arange(p.size) if r.neurons is None else np.asarray(r.neurons)
        index = (np.arange(self.samples)[:, None] * p.size + chosen).reshape(-1)
        for variable in r.states:
            named, at = made.recorded[variable]
            when = "end" if at == "end" else f"after_{self.slot(p.name, at)}"
            monitor = self.b2.StateMonitor(group, named, record=index, clock=self.clock, when=when)
            self.monitors[p.name, variable] = monitor
        self.network.add([m for (name, _), m in self.monitors.items() if name == p.name])

    def projection(self, p: PlanProjection) -> None:
        """Synapses, for every copy of the populations."""
        learning = None if p.plasticity is None else brian2_synapse(p, self.plan.dt)
        if not p.n_synapses:
            return
        sources = self.groups[p.pre]
        if p.pre in self.models and self.models[p.pre].threshold is None:
            sources = []  # it never spikes
        if learning is not None:
            if len(sources) > 1:
                raise UnsupportedError(
                    "plastic synapses take one spike a step in Brian2",
                    where=f"projection {p.name!r}",
                    value=f"counts up to {len(sources)}",
                )
            # without spikes on this side the weights may change still, by those on the other
            sources = sources or [self._silent(p)]
        for source in sources:
            self._synapses(p, source, learning)

    def _silent(self, p: PlanProjection) -> Any:
        source = self.b2.SpikeGeneratorGroup(
            self.samples * p.n_pre, [], [] * self.b2.second, clock=self.clock
        )
        self.network.add(source)
        return source

    def _synapses(self, p: PlanProjection, source: Any, learning: Brian2Synapse | None) -> None:
        b2 = self.b2
        variable, slot = self.models[p.post].arrivals[p.receptor]
        copy = np.repeat(np.arange(self.samples), p.n_synapses)
        pre = copy * p.n_pre + np.tile(p.pre_index, self.samples)
        post = copy * p.n_post + np.tile(p.target, self.samples)
        equations = "weight : 1\n"
        on_pre: dict[str, str] = {}
        on_post: dict[str, str] = {}
        if variable is not None:
            on_pre["arrive"] = f"{variable}_post += weight"
        if learning is not None:
            equations += learning.equations
            on_pre |= learning.on_pre
            on_post |= learning.on_post
        synapses = b2.Synapses(
            source,
            self.groups[p.post][0],
            equations,
            on_pre=on_pre or "",
            on_post=on_post or None,
            clock=self.clock,
            namespace={},
        )
        synapses.connect(i=pre, j=post)
        synapses.weight_ = np.tile(p.weight.astype(np.float64), self.samples)
        if learning is not None:
            for name, value in learning.constants.items():
                setattr(synapses, f"{name}_", value)
            self.plastic[p.name] = synapses
        delay = np.tile(p.delay, self.samples)
        # the queue is filled in the step of the spike only where the source has fired before this place in the step
        place = self.rank.get(p.pre, -1)
        if variable is not None:
            late = 0 if place < self.rank[p.post] else 1
            synapses.arrive.delay_ = (delay - late) * self.plan.dt
            synapses.arrive.when = self.slot(p.post, slot)
        if learning is not None:
            late = 0 if place <= self.rank[p.post] else 1
            for name in (*learning.on_pre, *learning.on_post):
                pathway = getattr(synapses, name)
                pathway.when = self.slot(p.post, name)
                if name in learning.on_pre:
                    pathway.delay_ = (delay - late) * self.plan.dt
        self.network.add(synapses)

    def run(self) -> None:
        """Advance by whole steps."""
        steps = self.request.steps
        if steps and self.groups:
            self.network.run(steps * self.plan.dt * self.b2.second, namespace={})

    def recording(self) -> Recording:
        """What the monitors hold, in the shapes of a `Recording`."""
        steps, populations = self.request.steps, {}
        for name, r in self.request.wanted.items():
            p = self.plan.populations[name]
            spikes = self._spikes(p) if "spikes" in r.kept else None
            stride = r.stride(self.plan.dt)
            variables = {}
            for variable in r.states:
                named, _ = self.models[name].recorded[variable]
                values = np.asarray(getattr(self.monitors[name, variable], f"{named}_")).T
                values = values.reshape(steps, self.samples, -1)[::stride].astype(np.float64)
                variables[variable] = (
                    values if r.neurons is not None else values.reshape(*values.shape[:2], *p.shape)
                )
            populations[name] = PopulationRecording.of_kept(r, spikes, variables, stride)
        weights = {}
        for projection in self.plan.projections:
            if projection.plasticity is not None:
                held = self.plastic.get(projection.name)
                flat = np.zeros(0) if held is None else np.asarray(held.weight_)
                weights[projection.name] = flat.reshape(self.samples, projection.n_synapses).copy()
        return Recording(populations, self.plan.dt, steps, self.samples, weights=weights)

    def _spikes(self, p: PlanPopulation) -> Spikes:
        monitor = self.monitors.get((p.name, "spikes"))
        index = np.zeros(0, np.int64) if monitor is None else np.asarray(monitor.i, np.int64)
        times = np.zeros(0) if monitor is None else np.asarray(monitor.t_)
        step = np.rint(times / self.plan.dt).astype(np.int64)
        sample, neuron = np.divmod(index, p.size)
        return spikes_of(p, self.request, sample, step, neuron)
