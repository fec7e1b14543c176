"""Running a network: populations in topological order, in blocks of steps, over threads by samples or by targets.

In a block, each level of each stage pulls the spikes its sources have emitted since the last pull, then updates. A
thread owns samples where there are enough of them, else a range of targets in every population; contributions to one
target are always added in the same order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.inputs import checked_inputs, checked_record, steps_of
from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan
from neurosim.engine.recording import PopulationRecording, Record, Recording, State
from neurosim.engine.workspace import Chunk, Workspace, workspace_bytes
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["simulate"]

MEMORY_PER_CHUNK = 128 * 2**20
"""Samples are run in chunks whose working arrays stay below this, in bytes."""
SYNAPSES_WORTH_SPLITTING = 100_000
"""Below this, one sample is run by one thread: meeting would cost more than it saves."""


def simulate(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    *,
    record: Mapping[str, Record | str] | None = None,
    state: State | None = None,
    modulators: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
    threads: int | None = None,
    backend: str = "neurosim",
) -> Recording:
    """Run a network.

    Args:
        net: the network, or its plan.
        inputs: input name -> `Spikes`, or counts [T, B, *shape]; inputs left out stay silent.
        duration: seconds, round(duration/dt) steps; None: as long as the inputs.
        record: population -> `Record` or the name of a variable; None: spikes of the outputs (of all populations if
            there are none).
        state: ``final_state`` of an earlier run to carry on from; None: the models' initial state.
        modulators: plastic projection -> modulator value, [T] or [T, B], one a step (more are ignored).
        seed: draws what the run itself draws (nothing in the models of this version).
        threads: at most this many; None: all cores, or ``$NEUROSIM_THREADS``.
        backend: ``"neurosim"``, or ``"brian2"`` or ``"nest"`` to run the same description there.

    Raises:
        DataError, ShapeError: inputs, modulators or a state that do not fit.
        DescriptionError: a duration, record or number of threads that makes no sense.
        CycleError: a cycle of zero delays.
        NumericsError: a state became NaN or infinite; names population and step.
    """
    if backend != "neurosim":
        if state is not None or modulators:
            raise DescriptionError(
                "another backend takes no state and no modulators", where="simulate", value=backend
            )
        return _elsewhere(backend, net, inputs, duration, record, seed, threads)
    plan = net if isinstance(net, Plan) else lower(net)
    given = checked_inputs(inputs or {}, plan.inputs, plan.dt)
    steps = steps_of(duration, given, plan.dt)
    if state is not None:
        _check_state(plan, state)
    samples = _samples(given, state)
    wanted = _wanted(plan, record)
    given = {name: s.resize(steps) for name, s in given.items()}
    modulation = _modulation(plan, modulators or {}, steps, samples)
    threads = _thread_count(threads)
    per_sample = workspace_bytes(plan, wanted)
    chunk = max(1, min(-(-samples // threads), MEMORY_PER_CHUNK // max(per_sample, 1)))
    bounds = [(a, min(a + chunk, samples)) for a in range(0, samples, chunk)] or [(0, 0)]
    big = sum(p.n_synapses for p in plan.projections) >= SYNAPSES_WORTH_SPLITTING
    parts = threads if len(bounds) < threads and big else 1

    with ThreadPoolExecutor(threads) as pool:

        def run(bound: tuple[int, int]) -> Chunk:
            which = slice(*bound)
            some = {name: s.select(np.arange(*bound)) for name, s in given.items()}
            work = Workspace(plan, some, steps, bound[1] - bound[0], wanted, _part(state, which), parts)
            work.modulation = {name: m[:, which] for name, m in modulation.items()}
            return work.run(pool.map if parts > 1 else map)

        # one sample after the other where the threads work inside a sample
        done = list(map(run, bounds) if parts > 1 else pool.map(run, bounds))
    return _recording(plan, wanted, steps, samples, done)


def _elsewhere(
    backend: str, net: Any, inputs: Any, duration: Any, record: Any, seed: int, threads: int | None
) -> Recording:
    if backend == "nest":
        from neurosim.interchange.nest import run_nest

        return run_nest(net, inputs, duration, record, seed=seed, threads=_thread_count(threads))
    if backend == "brian2":
        from neurosim.interchange.brian2 import run_brian2

        return run_brian2(net, inputs, duration, record, seed=seed)
    limit = ["neurosim", "brian2", "nest"]
    raise DescriptionError("unknown backend", where="simulate", value=backend, limit=limit)


def _samples(given: Mapping[str, Spikes], state: State | None) -> int:
    sizes = {s.samples for s in given.values()}
    if state is not None:
        sizes |= {a.shape[0] for variables in state.variables.values() for a in variables.values()}
    if len(sizes) > 1:
        raise DataError("inputs and state differ in the number of samples", value=sorted(sizes))
    return sizes.pop() if sizes else 1


def _wanted(plan: Plan, record: Mapping[str, Record | str] | None) -> dict[str, Record]:
    shapes = {name: p.shape for name, p in plan.populations.items()}
    wanted = checked_record(record, plan.outputs or plan.populations, shapes, plan.dt)
    for name, r in wanted.items():
        known = ["spikes", *plan.populations[name].model.STATE]
        if unknown := set(r.variables) - set(known):
            raise DescriptionError(
                "cannot be recorded", where=f"population {name!r}", value=sorted(unknown), limit=known
            )
    return wanted


def _check_state(plan: Plan, state: State) -> None:
    """That the state has the parts of this plan; `Workspace` and `PlasticSynapses` check the shapes."""
    found = {p: set(variables) for p, variables in state.variables.items()}
    expected = {name: set(p.model.STATE) for name, p in plan.populations.items()}
    plastic = {p.name for p in plan.projections if p.plasticity is not None}
    if found != expected or set(state.arrivals) != set(expected) or set(state.extras) != plastic:
        raise ShapeError(
            "state of another network",
            where="simulate",
            value=[*found, *state.extras],
            limit=[*expected, *sorted(plastic)],
            remedy="Pass the final_state of a run of this network",
        )


def _thread_count(threads: int | None) -> int:
    given = os.environ.get("NEUROSIM_THREADS") if threads is None else threads
    if not given:
        return os.cpu_count() or 1
    if not str(given).isdigit() or int(given) < 1:
        where = "NEUROSIM_THREADS" if threads is None else "threads"
        raise DescriptionError("is not a number of threads", where=where, value=given, limit=">= 1")
    return int(given)


def _modulation(plan: Plan, modulators: Mapping[str, ArrayLike], steps: int, samples: int) -> dict[str, Any]:
    plastic = {p.name for p in plan.projections if p.plasticity is not None}
    out = {}
    for name, values in modulators.items():
        if name not in plastic:
            raise DescriptionError(
                "is not a plastic projection", where="modulators", value=name, limit=sorted(plastic)
            )
        array = np.asarray(values)
        if array.dtype.kind not in "iufb" or not np.isfinite(array).all():
            raise DataError("holds no finite numbers", where=f"modulator of {name!r}")
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[0] < steps or array.shape[1] not in (1, samples):
            raise ShapeError(
                "must be [T] or [T, B]",
                where=f"modulator of {name!r}",
                value=array.shape,
                limit=(steps, samples),
            )
        out[name] = np.broadcast_to(array[:steps].astype(np.float64), (steps, samples))
    return out


def _part(state: State | None, which: slice) -> State | None:
    if state is None:
        return None
    return State(
        {p: {v: a[which] for v, a in variables.items()} for p, variables in state.variables.items()},
        {p: a[which] for p, a in state.arrivals.items()},
        {p: {k: a[which] for k, a in extra.items()} for p, extra in state.extras.items()},
    )


def _recording(
    plan: Plan, wanted: Mapping[str, Record], steps: int, samples: int, done: list[Chunk]
) -> Recording:
    populations = {}
    for name, r in wanted.items():
        population = plan.populations[name]
        spikes = None
        if "spikes" in r.variables:
            parts = [
                Spikes(*c.spikes[name], shape=population.shape, dt=plan.dt, steps=steps, samples=c.samples)
                for c in done
            ]
            spikes = Spikes.concatenate(parts)
        variables = {}
        for v in r.variables:
            if v != "spikes":
                values = np.concatenate([c.traces[name, v] for c in done], axis=1)
                variables[v] = (
                    values if r.neurons is not None else values.reshape(*values.shape[:2], *population.shape)
                )
        populations[name] = PopulationRecording(spikes, variables, r.stride(plan.dt), r.neurons)
    states = [c.state for c in done]
    final = State(
        {
            p: {v: np.concatenate([s.variables[p][v] for s in states]) for v in states[0].variables[p]}
            for p in plan.populations
        },
        {p: np.concatenate([s.arrivals[p] for s in states]) for p in plan.populations},
        {
            p: {k: np.concatenate([s.extras[p][k] for s in states]) for k in states[0].extras[p]}
            for p in states[0].extras
        },
    )
    weights = {name: extra["weight"] for name, extra in final.extras.items()}
    return Recording(populations, plan.dt, steps, samples, final, weights=weights)
