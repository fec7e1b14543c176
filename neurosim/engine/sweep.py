"""One function, many parameters: run here in threads, or on a cluster, with finished results kept."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from neurosim.engine.distribute import checked_client, run_tasks
from neurosim.engine.progress import ProgressReport, RunProgress
from neurosim.engine.storage.result_file import load_result, name_of_task, save_result
from neurosim.errors import DescriptionError, NeurosimError
from neurosim.network import Network
from neurosim.processors import processors

__all__ = ["SweepFailed", "grid", "sweep"]


class SweepFailed(NeurosimError):
    """Some runs of a sweep raised errors; all others were finished.

    Attributes:
        results: in order of the parameters; None where there is none.
        errors: index of the parameters -> what their run raised.
    """

    def __init__(
        self, results: list[Any], errors: Mapping[int, BaseException], parameters: Sequence[Any]
    ) -> None:
        first = min(errors)
        cause = f"{type(errors[first]).__name__}: {errors[first]}"
        super().__init__(
            f"{len(errors)} of {len(results)} runs failed, the first with {cause}",
            where="sweep",
            value=parameters[first],
            remedy="The exception's .results holds what the others gave, .errors what went wrong",
        )
        self.results, self.errors, self._parameters = results, dict(errors), parameters

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.results, self.errors, self._parameters)


def grid(**values: Iterable[Any]) -> list[dict[str, Any]]:
    """All combinations: ``grid(weight=[1, 2], seed=range(3))`` are six mappings, the last name running fastest."""
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def sweep(
    function: Callable[..., Any],
    parameters: Iterable[Mapping[str, Any]],
    *,
    client: Any = None,
    folder: str | os.PathLike[str] | None = None,
    simulate: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: bool | Callable[[RunProgress], object] | None = None,
) -> list[Any]:
    """Call a function with many parameters; results in their order.

    Args:
        function: called as ``function(**parameters)``. If it returns a `Network`, that is simulated, and the result is
            its `Recording`.
        parameters: mappings from argument to value, e.g. of `grid`.
        client: a `distributed.Client`: run on its workers. A worker that dies costs only the run it was at, which is
            done again elsewhere. None: run here, in threads.
        folder: results are kept here, a file each, as they come; runs whose result is here already are not repeated. A
            file is found by the function's name, the parameters and ``simulate``, not by what the function does: use
            another folder after changing it. Results must be numbers, text, arrays, lists, mappings, `Spikes` or
            `Recording`.
        simulate: arguments of `neurosim.simulate` for networks that the function returns (``duration=``, ...).
        threads: at most so many runs at a time here; None: all cores. Each simulates in one thread, which gives the
            same results.
        progress: as for `neurosim.simulate`, counted in runs.

    Raises:
        SweepFailed: some runs raised errors; it has the results of the others.
        DescriptionError: with a folder: parameters or results that cannot be kept.
    """
    todo = list(parameters)
    if not all(isinstance(p, Mapping) for p in todo):
        raise DescriptionError(
            "takes mappings", where="sweep", value=type(todo[0]).__name__, limit="argument -> value"
        )
    options = dict(simulate or {})
    results: list[Any] = [None] * len(todo)
    errors: dict[int, BaseException] = {}
    paths: list[Path] = []
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        paths = [Path(folder) / name_of_task(function, p, options) for p in todo]
    done = {i for i, path in enumerate(paths) if path.exists()}
    for i in done:
        results[i] = load_result(paths[i])
    left = [i for i in range(len(todo)) if i not in done]
    work = {"function": function, "options": {"threads": 1, "progress": False, **options}}
    tasks = [todo[i] for i in left]
    if client is None:
        found = _here(tasks, work, threads or processors())
    else:
        found = run_tasks(checked_client(client), _task, tasks, work)
    with ProgressReport(progress, len(todo), "sweeping", "runs") as report:
        report.advance(len(done))
        for place, result in found:
            i = left[place]
            if isinstance(result, BaseException):
                errors[i] = result
            else:
                results[i] = result
                if paths:
                    save_result(result, paths[i])
            report.advance(1)
    if errors:
        raise SweepFailed(results, errors, todo) from errors[min(errors)]
    return results


def _task(work: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    from neurosim.engine.simulate import simulate

    result = work["function"](**parameters)
    return simulate(result, **work["options"]) if isinstance(result, Network) else result


def _here(
    tasks: Sequence[Mapping[str, Any]], work: Mapping[str, Any], threads: int
) -> Iterator[tuple[int, Any]]:
    pool = ThreadPoolExecutor(threads)
    try:
        futures: dict[Future[Any], int] = {pool.submit(_task, work, p): i for i, p in enumerate(tasks)}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
