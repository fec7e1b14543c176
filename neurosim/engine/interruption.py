"""Ctrl-C during a run: what was recorded is kept, and the run can go on from where it stopped."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from neurosim.engine.recording import Recording

__all__ = ["Interrupted", "Interruption"]


class Interrupted(KeyboardInterrupt):
    """A run was interrupted. Not caught by ``except Exception``, like the Ctrl-C that it stands for.

    Attributes:
        recording: what was recorded until then (`Recording.held` says of which steps). Its ``final_state`` carries on
            where all samples stopped at one step; it is None where some had not begun, or were done already.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__(
            f"interrupted after {recording.steps} steps; the exception's .recording holds what was recorded"
        )
        self.recording = recording

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.recording,)


class Interruption:
    """Turns Ctrl-C into a request that the ranges of samples of a run follow between steps.

    While the block runs, the first Ctrl-C only makes the request, so that nothing is torn apart in the middle; a second
    one raises KeyboardInterrupt as ever. Python delivers signals to the main thread: in others, and where the
    application handles Ctrl-C itself, nothing is changed, and `request` can be called.

        with Interruption() as interruption:
            ...
            while step < steps:
                stop = interruption.until(first_sample, step, stop of the next chunk)
                if stop == step:
                    break
                run from step to stop
        if interruption.requested: raise Interrupted(...)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reached: dict[int, int] = {}
        self._target: int | None = None
        self._requested = False
        self._installed = False
        self._before: Any = None

    @property
    def requested(self) -> bool:
        """Whether the run should end."""
        return self._requested

    def request(self) -> None:
        """Ask the run to end soon. Ranges that have begun stop at one step, which the foremost has reached or is at."""
        self._requested = True  # no lock: a signal may come while this thread holds it

    def until(self, range_of_samples: int, step: int, stop: int) -> int:
        """How far a range (by any number that is its own) at ``step`` may run on, if it would like to until ``stop``.

        After a request: only to the step that the foremost range has been allowed, and not at all if it has not begun.
        """
        with self._lock:
            if self._requested:
                if self._target is None:
                    self._target = max(self._reached.values(), default=0)
                if range_of_samples not in self._reached:
                    return step
                stop = min(stop, self._target)
            self._reached[range_of_samples] = stop
            return stop

    def __enter__(self) -> Interruption:
        main = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGINT)
        if main and (handler is signal.default_int_handler or _is_brian(handler)):
            self._before = signal.signal(signal.SIGINT, self._on_signal)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._before)
            self._installed = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            signal.default_int_handler(number, frame)
        self.request()


def _is_brian(handler: Any) -> bool:
    """Whether this is the handler that Brian2 puts in place when it is imported: it is for Brian2's own runs."""
    return type(handler).__module__ == "brian2"
