"""Running a network: description -> plan -> programs for ranges of samples -> a recording.

A thread owns whole samples where there are enough of them, else a range of neurons in every population. Results do not
depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.distribute import Ended, checked_client, run_on_workers
from neurosim.engine.inputs import checked_inputs, checked_record, steps_of
from neurosim.engine.interruption import Interrupted, Interruption
from neurosim.engine.lower import lower
from neurosim.engine.ops.driver import Status
from neurosim.engine.plan import Plan
from neurosim.engine.precision import Precision
from neurosim.engine.program import Program, bytes_per_sample
from neurosim.engine.progress import ProgressReport, RunProgress
from neurosim.engine.recording import Record, Recording, State
from neurosim.engine.storage.recording_sink import Chunk, Frame, sink_for
from neurosim.engine.sub_blocks import sub_blocks
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.network import Network
from neurosim.processors import thread_count
from neurosim.spikes import Spikes

__all__ = ["simulate"]

MEMORY_PER_RANGE = 256 * 2**20
"""Samples are run in ranges whose working arrays stay below this, in bytes."""
WORTH_SPLITTING = 20_000
"""Below so many updates of neurons (and hundreds of synapses) between two meetings of the threads, one sample is run by
one thread: meeting would cost more than it saves."""


def simulate(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    *,
    record: Mapping[str, Record | str] | None = None,
    state: State | None = None,
    modulators: Mapping[str, ArrayLike] | None = None,
    samples: int | None = None,
    seed: int = 0,
    precision: Precision = Precision.DOUBLE,
    threads: int | None = None,
    to: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[RunProgress], object] | None = None,
    client: Any = None,
    backend: str = "neurosim",
) -> Recording:
    """Run a network.

    Args:
        net: the network, or its plan.
        inputs: input name -> `Spikes`, or counts [T, B, *shape]; inputs left out are drawn by their source, or stay
            silent.
        duration: seconds, round(duration/dt) steps; None: as long as the inputs.
        record: population -> `Record` or the name of a variable; None: spikes of the outputs (of all populations if
            there are none).
        state: ``final_state`` of an earlier run to carry on from, bit for bit in the same precision; None: the models'
            initial state.
        modulators: plastic projection -> third factor, [T] or [T, B], one a step (more are ignored).
        samples: independent runs, where neither inputs nor state say how many.
        seed: draws sources and drives; the network's own seed draws connectivity.
        precision: of state, coefficients and arrivals.
        threads: at most this many; None: all cores, or ``$NEUROSIM_THREADS``.
        to: stream the recording to this file, so that long runs hold memory flat.
        progress: a bar with the time left: True, False, or None: on a terminal, for runs longer than a second. Or a
            function that is called with a `RunProgress`.
        client: a `distributed.Client`: spread the samples over its workers. A worker that dies costs only what it was
            at, which is run again.
        backend: ``"neurosim"``, or ``"brian2"`` or ``"nest"`` to run the same description there.

    Raises:
        DataError, ShapeError: inputs, modulators or a state that do not fit.
        DescriptionError: a duration, record or number of threads that makes no sense.
        CycleError: a cycle of zero delays.
        NumericsError: a state became NaN or infinite; names population and step.
        Interrupted: Ctrl-C; it holds what was recorded until then.
        MissingExtraError: a client, and Dask is not installed.
    """
    if backend != "neurosim":
        other = (state, modulators or None, to, client)
        if any(option is not None for option in other) or precision is not Precision.DOUBLE:
            raise DescriptionError(
                "another backend takes no state, modulators, file, client or precision",
                where="simulate",
                value=backend,
            )
        return _elsewhere(backend, threads, net, inputs, duration, record, samples=samples, seed=seed)
    if not isinstance(precision, Precision):
        raise DescriptionError("is not a Precision", where="simulate: precision", value=repr(precision))
    if not isinstance(seed, (int, np.integer)):
        raise DescriptionError("is not a whole number", where="simulate: seed", value=repr(seed))
    plan = net if isinstance(net, Plan) else lower(net)
    given = checked_inputs(inputs or {}, plan.inputs, plan.dt)
    steps = steps_of(duration, given, plan.dt)
    if state is not None:
        _check_state(plan, state)
    number = _samples(given, state, samples)
    wanted = _wanted(plan, record)
    given = {name: s.resize(steps) for name, s in given.items()}
    modulation = _modulation(plan, modulators or {}, steps, number)
    threads = thread_count(threads)
    real = precision.dtype
    ranges, parts = _shares(plan, number, threads, real)
    if client is not None:
        checked_client(client)  # before a file is begun
    sink = sink_for(_frame(plan, steps, number, wanted, real), to)
    running: set[Program] = set()
    report = ProgressReport(progress, steps * plan.dt * number)

    def take(chunk: Chunk) -> None:
        sink.take(chunk)
        report.advance((chunk.stop - chunk.first) * plan.dt * chunk.samples)

    def run(some: range, pool: ThreadPoolExecutor | None) -> Ended | None:
        if interruption.requested:
            return None
        program = Program(
            plan,
            {name: _select(s, some, number) for name, s in given.items()},
            some,
            steps,
            wanted=wanted,
            state=_part(state, some, number),
            edges=_edges(plan, parts),
            real=real,
            seed=seed,
            modulation={name: m[:, some.start : some.stop] for name, m in modulation.items()},
        )
        running.add(program)
        for chunk in program.chunks(pool, partial(interruption.until, some.start)):
            take(chunk)
        running.discard(program)
        return program.state(), {name: p.weight.copy() for name, p in program.plastic.items()}

    def stop() -> None:
        for program in list(running):
            program.status[Status.STOP] = 1

    def here() -> list[Ended | None]:
        # the parts of a program wait for each other: no two programs may share the threads they run in
        with (
            ThreadPoolExecutor(threads if parts == 1 else 1) as workers,
            ThreadPoolExecutor(parts) as pool,
        ):
            futures = [workers.submit(run, some, pool if parts > 1 else None) for some in ranges]
            try:
                while (waited := wait(futures, timeout=0.1, return_when="FIRST_EXCEPTION")).not_done:
                    for future in waited.done:
                        future.result()  # raises what went wrong
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                stop()
                raise

    try:
        with Interruption() as interruption:
            if client is None:
                done = here()
            else:
                done = run_on_workers(
                    client, net, inputs=given, state=state, modulation=modulation, samples=number, steps=steps,
                    wanted=wanted, seed=seed, real=real, take=take, stopped=lambda: interruption.requested,
                )  # fmt: skip
    except BaseException:
        sink.close()
        raise
    finally:
        report.close()
    ended = [found for found in done if found is not None]
    together = len(ended) == len(done) and len({s.step for s, _ in ended}) == 1
    weights = (
        {name: np.concatenate([w[name] for _, w in ended]) for name in ended[0][1]} if together else None
    )
    recording = sink.finish(State.concatenate([s for s, _ in ended]) if together else None, weights)
    if interruption.requested and not recording.complete:
        raise Interrupted(recording)
    return recording


def _shares(plan: Plan, samples: int, threads: int, real: Any) -> tuple[list[range], int]:
    """(ranges of samples, parts of every range): samples are shared out where there are enough, else neurons."""
    work = sum(p.n_synapses for p in plan.projections) // 100
    for stage, length in zip(plan.stages, sub_blocks(plan), strict=True):
        work += length * sum(plan.populations[name].size for name in stage.populations)
    if samples < threads and work >= WORTH_SPLITTING:
        return [range(s, s + 1) for s in range(samples)] or [range(0)], threads
    most = max(1, MEMORY_PER_RANGE // max(bytes_per_sample(plan, real), 1))
    number = max(min(threads, samples), -(-samples // most), 1)
    bounds = [samples * i // number for i in range(number + 1)]
    return [range(a, b) for a, b in pairwise(bounds)], 1


def _edges(plan: Plan, parts: int) -> dict[str, NDArray[np.int64]]:
    """The neurons of each part of every population, in whole cache lines."""
    out = {}
    for name, p in plan.populations.items():
        inner = [min(round(p.size * i / parts / 64) * 64, p.size) for i in range(1, parts)]
        out[name] = np.array([0, *inner, p.size], np.int64)
    return out


def _frame(plan: Plan, steps: int, samples: int, wanted: Mapping[str, Record], real: Any) -> Frame:
    return Frame(
        dt=plan.dt,
        steps=steps,
        samples=samples,
        record=wanted,
        shapes={name: plan.populations[name].shape for name in wanted},
        dtype=real,
        weights={p.name: p.n_synapses for p in plan.projections if p.plasticity is not None},
    )


def _select(spikes: Spikes, some: range, samples: int) -> Spikes:
    return spikes if len(some) == samples else spikes.select(some)


def _elsewhere(backend: str, threads: int | None, *run: Any, **options: Any) -> Recording:
    if backend == "nest":
        from neurosim.interchange.nest import run_nest

        return run_nest(*run, **options, threads=thread_count(threads))
    if backend == "brian2":
        from neurosim.interchange.brian2 import run_brian2

        return run_brian2(*run, **options)
    limit = ["neurosim", "brian2", "nest"]
    raise DescriptionError("unknown backend", where="simulate", value=backend, limit=limit)


def _samples(given: Mapping[str, Spikes], state: State | None, asked: int | None) -> int:
    sizes = {s.samples for s in given.values()}
    if state is not None:
        sizes.add(state.samples)
    if asked is not None:
        if not isinstance(asked, (int, np.integer)) or asked < 0:
            raise DescriptionError("is not a number of samples", where="simulate: samples", value=asked)
        sizes.add(int(asked))
    if len(sizes) > 1:
        raise DataError("inputs, state and samples differ in the number of samples", value=sorted(sizes))
    return sizes.pop() if sizes else 1


def _wanted(plan: Plan, record: Mapping[str, Record | str] | None) -> dict[str, Record]:
    shapes = {name: p.shape for name, p in plan.populations.items()}
    wanted = checked_record(record, plan.outputs or plan.populations, shapes, plan.dt)
    for name, r in wanted.items():
        known = ["spikes", "counts", *plan.populations[name].model.STATE]
        if unknown := set(r.variables) - set(known):
            raise DescriptionError(
                "cannot be recorded", where=f"population {name!r}", value=sorted(unknown), limit=known
            )
    return wanted


def _check_state(plan: Plan, state: State) -> None:
    """That the state has the parts of this plan; `Program` and `PlasticSynapses` check the shapes."""
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


def _part(state: State | None, some: range, samples: int) -> State | None:
    if state is None or len(some) == samples:
        return state
    return state.select(slice(some.start, some.stop))
