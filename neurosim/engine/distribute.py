"""Spreading work over the workers of a Dask cluster, so that a worker that dies costs only the task it was at.

A network travels as the bytes of its file, once to each worker; what it gets and gives as arrays. Tasks do not depend
on which worker runs them or how often. What is done is taken over as it comes; a task whose worker died is run again,
by Dask's scheduler as a rule, by this module where that has given up (it blames a task that three workers died of).
"""

from __future__ import annotations

import functools
import importlib
import io
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim import network_tree
from neurosim.engine.recording import Record, State
from neurosim.engine.storage.recording_sink import Chunk
from neurosim.errors import DescriptionError, MissingExtraError
from neurosim.network import Network
from neurosim.network_file import GROUP, read_network, write_network
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.engine.plan import Plan

__all__ = ["Ended", "checked_client", "network_bytes", "network_of_bytes", "run_on_workers", "run_tasks"]

Ended = tuple[State, dict[str, NDArray[Any]]]
"""How a range of samples ended: its state, and the weights [B, n_syn] of plastic projections."""

ATTEMPTS = 3
"""How often a task is handed to the scheduler, each time for three workers to die of."""
_TASKS_PER_THREAD = 4
"""Samples are cut into so many tasks a thread of the cluster: small enough to balance, and to lose little."""


def checked_client(client: Any) -> Any:
    """A `distributed.Client`.

    Raises:
        MissingExtraError: Dask is not installed.
        DescriptionError: something else, or an asynchronous client.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("distributed", "distributed", error) from error
    if not isinstance(client, distributed.Client) or client.asynchronous:
        raise DescriptionError(
            "is not a client of a Dask cluster",
            where="client",
            value=type(client).__name__,
            remedy="Pass distributed.Client(...), not an asynchronous one",
        )
    return client


# --- tasks


def run_tasks(
    client: Any,
    function: Callable[..., Any],
    tasks: Sequence[Any],
    shared: Any,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, Any]]:
    """``function(shared, task)`` for every task, on the workers; yields (index, result) as they come.

    What a task raises is yielded in the place of its result. ``shared`` goes to each worker once. When the caller stops
    listening, or ``stopped()``, what is not done is cancelled.
    """
    from distributed import KilledWorker

    done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    # a result that is not there any more can be made again, data that was scattered could not
    common = client.submit(_same, shared, pure=False)
    futures: dict[int, Any] = {}

    def submit(i: int) -> None:
        futures[i] = client.submit(function, common, tasks[i], pure=False)
        futures[i].add_done_callback(lambda future, i=i: done.put((i, future)))

    try:
        attempts = [1] * len(tasks)
        for i in range(len(tasks)):
            submit(i)
        while futures and not stopped():
            try:
                i, future = done.get(timeout=0.2)  # short, so that Ctrl-C and stopped() are heard
            except queue.Empty:
                continue
            error = future.exception() if future.status != "finished" else None
            if isinstance(error, KilledWorker) and attempts[i] < ATTEMPTS:
                attempts[i] += 1
                submit(i)
                continue
            yield i, future.result() if error is None else error
            futures.pop(i)
    finally:
        if futures:
            client.cancel(list(futures.values()))


def _same(value: Any) -> Any:
    return value


# --- networks


def network_bytes(net: Network) -> bytes:
    """What `Network.save` would write."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write_network(file.create_group(GROUP, track_order=True), net)
    return content.getvalue()


def network_of_bytes(content: bytes) -> Network:
    """The network that `network_bytes` wrote."""
    with h5py.File(io.BytesIO(content), "r") as file:
        return read_network(file[GROUP])


@functools.lru_cache(maxsize=2)
def _plan_of(content: bytes, modules: tuple[str, ...]) -> Plan:
    """Kept, because a worker runs many tasks of one network."""
    from neurosim.engine.lower import lower

    for name in modules:  # classes of the user's own are registered when their module is imported
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # if the network needs it, reading it will say so
    return lower(network_of_bytes(content))


# --- batches


def run_on_workers(
    client: Any,
    net: Network | Plan,
    *,
    inputs: Mapping[str, Spikes],
    state: State | None,
    modulation: Mapping[str, NDArray[np.float64]],
    samples: int,
    steps: int,
    wanted: Mapping[str, Record],
    seed: int,
    real: Any,
    take: Callable[[Chunk], None],
    stopped: Callable[[], bool] = lambda: False,
) -> list[Ended | None]:
    """Run the samples of a batch on the workers, in ranges.

    Args:
        inputs, state, modulation: checked, of all samples.
        wanted, seed, real: as for `Program`.
        take: gets the chunks of each range when it is done.
        stopped: whether to leave it there.

    Returns:
        How each range ended; None for those that were not done when it was stopped.

    Raises:
        DescriptionError: a plan instead of a network.
        Whatever a range raises; the others are cancelled.
    """
    client = checked_client(client)
    if not isinstance(net, Network):
        raise DescriptionError(
            "only a network can travel to workers", where="simulate: client", value=type(net).__name__
        )
    own = {cls.__module__ for cls in network_tree._REGISTERED.values()} - {"__main__"}
    run = {"steps": steps, "wanted": dict(wanted), "seed": seed, "real": real}
    shared = {"network": network_bytes(net), "modules": tuple(sorted(own)), "run": run}
    ranges = _ranges(samples, sum(client.nthreads().values()))
    tasks = [
        {
            "samples": r,
            "inputs": {name: s.select(r) for name, s in inputs.items()},
            "state": None if state is None else state.select(slice(r.start, r.stop)),
            "modulation": {name: m[:, r.start : r.stop] for name, m in modulation.items()},
        }
        for r in ranges
    ]
    ended: list[Ended | None] = [None] * len(ranges)
    for i, result in run_tasks(client, _range_on_worker, tasks, shared, stopped):
        if isinstance(result, BaseException):
            raise result
        chunks, state_there, weights = result
        for chunk in chunks:
            take(chunk)
        ended[i] = state_there, weights
    return ended


def _ranges(samples: int, threads: int) -> list[range]:
    size = max(1, -(-samples // (_TASKS_PER_THREAD * max(threads, 1))))
    return [range(a, min(a + size, samples)) for a in range(0, samples, size)] or [range(0)]


def _range_on_worker(
    shared: Mapping[str, Any], task: Mapping[str, Any]
) -> tuple[list[Chunk], State, dict[str, NDArray[Any]]]:
    from neurosim.engine.program import Program

    plan = _plan_of(shared["network"], shared["modules"])
    edges = {name: np.array([0, p.size], np.int64) for name, p in plan.populations.items()}
    program = Program(plan, edges=edges, **task, **shared["run"])
    chunks = list(program.chunks())
    return chunks, program.state(), {name: p.weight.copy() for name, p in program.plastic.items()}
