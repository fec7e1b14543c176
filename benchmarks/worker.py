"""A process that holds one system and does as it is told: build, run once, finish. Messages are JSON, one a line.

It is started by `benchmarks.process` under the interpreter of the system, which need not have `neurosim`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import IO, Any

from benchmarks.case import Case
from benchmarks.runner import Runner

__all__ = ["main"]

THREAD_SETTINGS = (
    "NEUROSIM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def main(argv: list[str]) -> int:
    """Answer the requests on standard input until it ends. ``argv``: the number of threads."""
    threads = int(argv[0])
    _limit(threads)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what systems print on standard output must not end up among the replies
    runner: Runner | None = None
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        try:
            if request["do"] == "build":
                start = time.perf_counter()
                module = importlib.import_module(request["module"])
                runner = module.build(Case(**request["case"]), {**request["options"], "threads": threads})
                reply = {
                    "version": runner.version,
                    "synapses": runner.synapses,
                    "build_seconds": time.perf_counter() - start,
                }
            elif runner is None:
                raise RuntimeError("nothing has been built")
            elif request["do"] == "run":
                done = runner.run()
                reply = {"seconds": done.seconds, "spikes": done.spikes, "parts": dict(done.parts)}
            else:
                reply = dict(runner.finish())
        except ImportError as error:
            reply = {"missing": str(error)}
        except Exception as error:  # whatever a system raises is its line in the result
            traceback.print_exc()
            reply = {"failed": f"{type(error).__name__}: {error}"}
        _send(replies, reply)
    return 0


def _limit(threads: int) -> None:
    """Threads for every library that reads its number from the environment, and cores for those that count them."""
    for name in THREAD_SETTINGS:
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _send(replies: IO[str], reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
