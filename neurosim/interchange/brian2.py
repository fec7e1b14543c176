"""Running a network in Brian2: the same description, integrated and scheduled by another simulator.

What is Brian2's own: the equations (its symbolic ``exact`` or ``euler`` method), thresholds, refractoriness, delay
queues. What is arranged is the order within a step (`Network.schedule`), so that spikes fall into the same steps:

- every population has its own slots, in the order of the plan: late reset, arrivals at the current, update, arrivals at
  the potential, threshold, reset. In Brian2's standard schedule an arrival changes an exponential current one step
  before the potential sees it, and a voltage jump is decayed before it is tested; here neither is the case.
- a spike enters Brian2's queue when its target's arrivals come next: in the same step from inputs and from populations
  that stand earlier in the order, one step later otherwise, so the delay there is ours minus dt.
- a refractory period of n steps is (n + 1) dt there: Brian2 counts from the step of the spike.
- a recorded synaptic current is read after the arrivals, as in ours; potentials are read at the end of the step.

Samples run side by side as copies of every population. Code is generated for NumPy: no compiler is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.inputs import checked_inputs, steps_of
from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, MissingExtraError, UnsupportedError
from neurosim.network import Network
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, decay_factor, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.spikes import Spikes

__all__ = ["run_brian2"]

_NAMES = {"v": "v", "i": "i_syn"}
"""State variables there; Brian2 keeps ``i`` for itself."""
_SLOTS = ("late_reset", "current", "update", "potential", "threshold", "reset")


def run_brian2(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    record: Mapping[str, Record | str] | None = None,
) -> Recording:
    """Run a network in Brian2. Arguments and recordings are those of `neurosim.simulate`.

    Models: LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator with all options but
    ``CurrentLIF(refractory_input=KEEP)``. Recordings hold no final state.

    Raises:
        UnsupportedError: plasticity, other models, or a synaptic time constant equal to that of the membrane (Brian2's
            symbolic solution divides by their difference).
        MissingExtraError: Brian2 cannot be imported.
    """
    try:
        import brian2
    except ImportError as error:
        raise MissingExtraError("brian2", "interop", error) from error
    plan = net if isinstance(net, Plan) else lower(net)
    given = checked_inputs(inputs or {}, plan.inputs, plan.dt)
    steps = steps_of(duration, given, plan.dt)
    samples = next((s.samples for s in given.values()), 1)
    wanted = _wanted(plan, record)
    with _numpy_code(brian2):
        run = _Run(brian2, plan, samples, wanted)
        for name in plan.inputs:
            run.input(name, given.get(name), steps)
        for population in plan.populations.values():
            run.population(population)
        for projection in plan.projections:
            run.projection(projection)
        run.run(steps)
        return run.recording(steps)


@contextmanager
def _numpy_code(brian2: Any) -> Any:
    """Brian2's code generation for NumPy, and its own preference back afterwards."""
    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before


def _wanted(plan: Plan, record: Mapping[str, Record | str] | None) -> dict[str, Record]:
    if record is None:
        record = dict.fromkeys(plan.outputs or plan.populations, "spikes")
    wanted = {name: r if isinstance(r, Record) else Record(r) for name, r in record.items()}
    for name, r in wanted.items():
        if name not in plan.populations:
            limit = sorted(plan.populations)
            raise DescriptionError("is not a population", where="record", value=name, limit=limit)
        known = {"spikes", "v", *(["i"] if isinstance(plan.populations[name].model, CurrentLIF) else [])}
        if unknown := set(r.variables) - known:
            where = f"population {name!r}"
            raise DescriptionError(
                "cannot be recorded in Brian2", where=where, value=sorted(unknown), limit=sorted(known)
            )
    return wanted


@dataclass(frozen=True)
class _Translation:
    """A model in Brian2's words."""

    equations: str
    parameters: dict[str, Any]
    method: str
    arrival: str
    slot: str


class _Run:
    """One Brian2 network under construction."""

    def __init__(self, brian2: Any, plan: Plan, samples: int, wanted: Mapping[str, Record]) -> None:
        self.b2, self.plan, self.samples, self.wanted = brian2, plan, samples, wanted
        self.clock = brian2.Clock(dt=plan.dt * brian2.second)
        self.network = brian2.Network()
        order = [name for stage in plan.stages for level in stage.levels for name in level]
        self.rank = {name: k for k, name in enumerate(order)}
        own = [f"{slot}_{k}" for k in range(len(order)) for slot in _SLOTS]
        self.network.schedule = ["start", *own, "groups", "thresholds", "synapses", "resets", "end"]
        self.groups: dict[str, Any] = {}
        self.monitors: dict[tuple[str, str], Any] = {}
        self.translations: dict[str, _Translation] = {}

    def slot(self, name: str, slot: str) -> str:
        """The place of a population's slot in the schedule."""
        return f"{slot}_{self.rank[name]}"

    def input(self, name: str, spikes: Spikes | None, steps: int) -> None:
        """A generator for every count: Brian2 emits one spike per neuron and step."""
        b2, size = self.b2, self.plan.size_of(name)
        self.groups[name] = []
        most = 0 if spikes is None or not len(spikes) else int(spikes.counts_of_cells().max())
        for count in range(1, most + 1):
            assert spikes is not None
            chosen = (spikes.counts_of_cells() >= count) & (spikes.step < steps)
            index = spikes.sample[chosen].astype(np.int64) * size + spikes.neuron[chosen]
            times = spikes.step[chosen] * self.plan.dt * b2.second
            source = b2.SpikeGeneratorGroup(self.samples * size, index, times, clock=self.clock, when="start")
            self.groups[name].append(source)
            self.network.add(source)

    def population(self, p: PlanPopulation) -> None:
        """A population with its threshold, reset, refractoriness and monitors."""
        b2, model = self.b2, p.model
        made = _translated(model, p, self.plan.dt)
        self.translations[p.name] = made
        held = refractory_steps(self.plan.dt, getattr(model, "refractory", 0.0))
        options: dict[str, Any] = {}
        equations, parameters = made.equations, dict(made.parameters)
        if model.SPIKES:
            sign = ">" if model.spike_when is SpikeWhen.EXCEEDED else ">="  # type: ignore[attr-defined]
            options["threshold"] = f"v {sign} threshold"
            options["reset"] = "v = v_reset" if model.reset is Reset.TO_VALUE else "v -= threshold"  # type: ignore[attr-defined]
            equations += "threshold : 1 (constant)\nv_reset : 1 (constant)\n"
            parameters |= {"threshold": model.threshold, "v_reset": model.v_reset}  # type: ignore[attr-defined]
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
        group.state_updater.when = self.slot(p.name, "update")
        if model.SPIKES:
            group.thresholder["spike"].when = self.slot(p.name, "threshold")
            late = model.reset_timing is ResetTiming.NEXT_STEP  # type: ignore[attr-defined]
            subtracts = model.reset is Reset.BY_SUBTRACTION  # type: ignore[attr-defined]
            # one step late: to a value before the leak, by subtraction after it
            at = "reset" if not late else "potential" if subtracts else "late_reset"
            group.resetter["spike"].when = self.slot(p.name, at)
        self.groups[p.name] = [group]
        self.network.add(group)
        self._monitor(p, group)

    def _monitor(self, p: PlanPopulation, group: Any) -> None:
        r = self.wanted.get(p.name)
        if r is None:
            return
        if "spikes" in r.variables and p.model.SPIKES:
            when = f"after_{self.slot(p.name, 'threshold')}"
            self.monitors[p.name, "spikes"] = self.b2.SpikeMonitor(group, when=when)
        chosen = np.arange(p.size) if r.neurons is None else np.asarray(r.neurons)
        index = (np.arange(self.samples)[:, None] * p.size + chosen).reshape(-1)
        for variable in r.variables:
            if variable != "spikes":
                when = "end" if variable == "v" else f"after_{self.slot(p.name, 'current')}"
                named = _NAMES[variable]
                monitor = self.b2.StateMonitor(group, named, record=index, clock=self.clock, when=when)
                self.monitors[p.name, variable] = monitor
        self.network.add([m for (name, _), m in self.monitors.items() if name == p.name])

    def projection(self, p: PlanProjection) -> None:
        """Synapses, for every copy of the populations."""
        if p.plasticity is not None:
            raise UnsupportedError("plasticity is not translated to Brian2", where=f"projection {p.name!r}")
        if not p.n_synapses:
            return
        b2, made = self.b2, self.translations[p.post]
        copy = np.repeat(np.arange(self.samples), p.n_synapses)
        pre = copy * p.n_pre + np.tile(p.pre_index, self.samples)
        post = copy * p.n_post + np.tile(p.target, self.samples)
        # the queue is filled in the step of the spike only where the source has fired before the target's arrivals
        earlier = p.pre not in self.rank or self.rank[p.pre] < self.rank[p.post]
        delay = np.tile(p.delay - (0 if earlier else 1), self.samples) * self.plan.dt
        for source in self.groups[p.pre]:
            group = self.groups[p.post][0]
            synapses = b2.Synapses(
                source, group, "w : 1 (constant)", on_pre=made.arrival, clock=self.clock, namespace={}
            )
            synapses.connect(i=pre, j=post)
            synapses.w_ = np.tile(p.weight.astype(np.float64), self.samples)
            synapses.delay_ = delay
            synapses.pre.when = self.slot(p.post, made.slot)
            self.network.add(synapses)

    def run(self, steps: int) -> None:
        """Advance by whole steps."""
        if steps and self.groups:
            self.network.run(steps * self.plan.dt * self.b2.second, namespace={})

    def recording(self, steps: int) -> Recording:
        """What the monitors hold, in the shapes of a `Recording`."""
        populations = {}
        for name, r in self.wanted.items():
            p = self.plan.populations[name]
            spikes = None
            if "spikes" in r.variables:
                spikes = self._spikes(p, steps)
            stride = r.stride(self.plan.dt)
            variables = {}
            for variable in (v for v in r.variables if v != "spikes"):
                values = np.asarray(getattr(self.monitors[name, variable], f"{_NAMES[variable]}_")).T
                values = values.reshape(steps, self.samples, -1)[::stride].astype(np.float64)
                variables[variable] = (
                    values if r.neurons is not None else values.reshape(*values.shape[:2], *p.shape)
                )
            populations[name] = PopulationRecording(spikes, variables, stride, r.neurons)
        return Recording(populations, self.plan.dt, steps, self.samples)

    def _spikes(self, p: PlanPopulation, steps: int) -> Spikes:
        monitor = self.monitors.get((p.name, "spikes"))
        index = np.zeros(0, np.int64) if monitor is None else np.asarray(monitor.i, np.int64)
        times = np.zeros(0) if monitor is None else np.asarray(monitor.t_)
        step = np.rint(times / self.plan.dt).astype(np.int64)
        sample, neuron = np.divmod(index, p.size)
        order = np.lexsort((neuron, step, sample))
        return Spikes(
            sample[order],
            step[order],
            neuron[order],
            shape=p.shape,
            dt=self.plan.dt,
            steps=steps,
            samples=self.samples,
        )


def _translated(model: NeuronModel, p: PlanPopulation, dt: float) -> _Translation:
    where = f"population {p.name!r}"
    if type(model) not in (
        LIF,
        CurrentLIF,
        IntegrateAndFire,
        LeakyIntegrator,
    ):  # a subclass may step otherwise
        kind = type(model).__name__
        raise UnsupportedError("this model is not translated to Brian2", where=where, value=kind)
    rule = getattr(model, "discretisation", Discretisation.EXACT)
    method = "euler" if rule is Discretisation.EULER else "exact"
    keep = getattr(model, "refractory_input", RefractoryInput.DROP)
    refractory = np.any(np.asarray(getattr(model, "refractory", 0.0)) > 0)
    # the flag holds v and lets Brian2 drop what synapses add to it; for KEEP, v is held by its equation alone
    flag = " (unless refractory)" if refractory and keep is RefractoryInput.DROP else ""
    factor = "int(not_refractory)*" if refractory and keep is RefractoryInput.KEEP else ""
    match model:
        case LIF() | LeakyIntegrator():
            equations = f"dv/dt = {factor}(v_rest - v + drive)/tau : 1{flag}\n"
            parameters = _membrane(model)
            arrival, slot = "v_post += w", "potential"
        case IntegrateAndFire():
            method = "euler"  # a constant slope: the same
            equations = f"dv/dt = {factor}drive : 1{flag}\n"
            parameters = {
                "v": model.v_init,
                "drive": np.asarray(model.resistance) * np.asarray(model.current),
            }
            arrival, slot = "v_post += w", "potential"
        case _:
            assert isinstance(model, CurrentLIF)
            if refractory and keep is RefractoryInput.KEEP:
                raise UnsupportedError(
                    "refractory_input KEEP of CurrentLIF is not translated to Brian2", where=where
                )
            close = np.isclose(model.tau_membrane, model.tau_synapse, rtol=1e-6)
            if method == "exact" and np.any(close):
                raise UnsupportedError(
                    "Brian2's exact solution divides by tau_membrane - tau_synapse",
                    where=where,
                    remedy="Make the time constants differ by more than 1e-6, or use Discretisation.EULER",
                )
            equations = f"dv/dt = (v_rest - v + resistance*i_syn + drive)/tau : 1{flag}\n"
            equations += "di_syn/dt = -i_syn/tau_synapse : 1\n"
            equations += "resistance : 1 (constant)\ntau_synapse : second (constant)\n"
            parameters = _membrane(model) | {
                "resistance": model.resistance,
                "tau_synapse": model.tau_synapse,
                # there the state before step 0 is that at its start, after the decay of the step before
                "i_syn": np.asarray(model.i_init) * decay_factor(dt, model.tau_synapse, rule),
            }
            arrival, slot = "i_syn_post += w", "current"
    if "tau" in parameters:
        equations += "v_rest : 1 (constant)\ntau : second (constant)\ndrive : 1 (constant)\n"
    else:
        equations += "drive : Hz (constant)\n"
    return _Translation(equations, parameters, method, arrival, slot)


def _membrane(model: Any) -> dict[str, Any]:
    return {
        "v": model.v_rest if model.v_init is None else model.v_init,
        "v_rest": model.v_rest,
        "tau": model.tau_membrane,
        "drive": np.asarray(model.resistance) * np.asarray(model.current),
    }
