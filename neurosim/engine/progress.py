"""How far a run is, and how long it will take: a bar on stderr, or calls of a function."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tqdm import tqdm

from neurosim.errors import DescriptionError

__all__ = ["ProgressReport", "RunProgress"]

_DELAY = 1.0
"""Runs shorter than this show no bar unless one is asked for."""
_INTERVAL = 0.1
"""Seconds between two calls of a function."""
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.4g}/{total:.4g} {unit} [{elapsed}, {remaining} left]"


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: ``done`` of ``total`` seconds of simulated time, over all samples; ``seconds`` on the clock."""

    done: float
    total: float
    seconds: float

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.done / self.total if self.total else 1.0

    @property
    def left(self) -> float:
        """Seconds left on the clock at the pace so far; infinite before anything is done."""
        if not self.done:
            return float("inf") if self.total else 0.0
        return max(self.total - self.done, 0.0) * self.seconds / self.done


class ProgressReport:
    """Counts what is done, from any thread, and shows it.

    Args:
        show: True: a bar on stderr. None: a bar if stderr is a terminal and the run takes longer than a second. False:
            nothing. A function: called with `RunProgress` at most ten times a second, and once at the end.
        total: seconds of simulated time, summed over samples.
        text, unit: what stands before the bar, and what it counts where that is not simulated time.

    Raises:
        DescriptionError: ``show`` is none of these.
    """

    def __init__(
        self,
        show: bool | Callable[[RunProgress], object] | None,
        total: float,
        text: str = "simulating",
        unit: str = "s",
    ) -> None:
        if not (show is None or isinstance(show, bool) or callable(show)):
            raise DescriptionError(
                "is not True, False, None or a function", where="progress", value=repr(show)
            )
        self._total, self._done = total, 0.0
        self._start = self._called = time.perf_counter()
        self._lock = threading.Lock()
        self._call = show if callable(show) else None
        self._text, self._unit = text, unit
        self._bar: Any = None
        self._unasked = show is None and sys.stderr.isatty()
        if show is True:
            self._bar = self._new_bar()

    def _new_bar(self) -> Any:
        # a bar that nobody asked for goes when the run is over
        return tqdm(
            total=self._total,
            desc=self._text,
            unit=self._unit,
            bar_format=_BAR,
            leave=not self._unasked,
            file=sys.stderr,
        )

    def advance(self, seconds: float) -> None:
        """So much more simulated time is done (steps times dt times samples)."""
        with self._lock:
            self._done += seconds
            now = time.perf_counter()
            if self._unasked and self._bar is None and now - self._start > _DELAY:
                self._bar = self._new_bar()
                self._bar.start_t -= now - self._start
            if self._bar is not None:
                self._bar.update(min(self._done, self._total) - self._bar.n)
            if self._call is not None and now - self._called >= _INTERVAL:
                self._called = now
                self._call(RunProgress(self._done, self._total, now - self._start))

    def close(self) -> None:
        """The run is over, whether it is done or not."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()
                self._bar, self._unasked = None, False
            if self._call is not None:
                call, self._call = self._call, None
                call(RunProgress(self._done, self._total, time.perf_counter() - self._start))

    def __enter__(self) -> ProgressReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
