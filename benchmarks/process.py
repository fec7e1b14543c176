"""The other end of a worker: one process for one system, so that its memory, threads and compiled code are its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.case import Case
from benchmarks.runner import Run
from benchmarks.systems import System

__all__ = ["WorkerError", "WorkerProcess"]

ROOT = str(Path(__file__).resolve().parents[1])
START = (  # the checkout comes last, so that its folders hide nothing that the interpreter has installed
    "import sys; sys.path.append({root!r}); from benchmarks.worker import main; sys.exit(main(sys.argv[1:]))"
)


class WorkerError(Exception):
    """A system is not installed, failed, or its process died; the text says which."""


class WorkerProcess:
    """A worker for one system on one case. Use it in a ``with`` block.

    Attributes:
        version, synapses, build_seconds: what the worker said after building.
    """

    def __init__(self, system: System, threads: int, python: str | None = None) -> None:
        self.system, self.threads = system, threads
        self.version, self.synapses, self.build_seconds = "", 0, 0.0
        self._folder = tempfile.TemporaryDirectory(prefix="neurosim-benchmark-")
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, "-W", "ignore", "-c", START.format(root=ROOT), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder.name,
                text=True,
            )
        except OSError:  # no such interpreter
            self._folder.cleanup()
            raise

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if kind is not None:
            self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def build(self, case: Case) -> None:
        """Have the network built and everything compiled. Raises `WorkerError`."""
        reply = self._ask(
            do="build",
            module=self.system.module,
            options={**self.system.options},
            case=case.to_json(),
        )
        self.version, self.synapses = reply["version"], reply["synapses"]
        self.build_seconds = reply["build_seconds"]

    def run(self) -> Run:
        """Have it run once. Raises `WorkerError`."""
        return Run(**self._ask(do="run"))

    def finish(self) -> dict[str, Any]:
        """Fields of the row that are known at the end. Raises `WorkerError`."""
        return self._ask(do="finish")

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"its process ended with {self._process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        if "missing" in reply:
            raise WorkerError(f"not installed ({reply['missing']})")
        if "failed" in reply:
            raise WorkerError(f"failed: {reply['failed']}")
        return reply
