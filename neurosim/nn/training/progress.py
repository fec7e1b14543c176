"""How far a training is, and how long it will take: a bar on stderr, or calls of a function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from neurosim.errors import DescriptionError

__all__ = ["ProgressBar", "Show", "TrainingProgress"]

_DELAY = 1.0
"""Trainings shorter than this show no bar unless one is asked for."""
_INTERVAL = 0.1
"""Seconds between two calls of a function."""
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n}/{total} updates [{elapsed}, {remaining} left{postfix}]"


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """How far a training is: ``done`` of ``total`` updates, in ``epoch`` (from 0) of ``epochs``."""

    epoch: int
    epochs: int
    done: int
    total: int
    loss: float
    """of this epoch so far"""
    accuracy: float
    """of this epoch so far"""
    seconds: float
    """since this process began"""
    left: float
    """seconds at the pace so far"""


Show = bool | Callable[[TrainingProgress], object] | None


class ProgressBar:
    """Shows updates as they are made.

    Args:
        show: True: a bar on stderr. None: a bar if stderr is a terminal and the training takes longer than a second.
            False: nothing. A function: called with `TrainingProgress` at most ten times a second, and at the end.
        done: updates made by an earlier process.
    """

    def __init__(self, show: Show, total: int, epochs: int, done: int = 0) -> None:
        if not (show is None or isinstance(show, bool) or callable(show)):
            raise DescriptionError(
                "is not True, False, None or a function", where="progress", value=repr(show)
            )
        self._total, self._epochs, self._first, self._done = total, epochs, done, done
        self._start, self._called = time.perf_counter(), 0.0
        self._call = show if callable(show) else None
        self._unasked = show is None and sys.stderr.isatty()
        self._bar: Any = self._new_bar() if show is True else None

    def _new_bar(self) -> Any:
        return tqdm(
            total=self._total,
            initial=self._done,
            desc="training",
            bar_format=_BAR,
            leave=not self._unasked,
            file=sys.stderr,
        )

    def advance(self, epoch: int, loss: float, accuracy: float) -> None:
        """One update more."""
        self._done += 1
        now = time.perf_counter()
        spent = now - self._start
        if self._unasked and self._bar is None and spent > _DELAY:
            self._bar = self._new_bar()
            self._bar.initial, self._bar.start_t = self._first, self._bar.start_t - spent
        elif self._bar is not None:
            self._bar.set_description_str(f"epoch {epoch + 1} of {self._epochs}", refresh=False)
            self._bar.set_postfix_str(f"loss {loss:.3f}, accuracy {accuracy:.1%}", refresh=False)
            self._bar.update(1)
        if self._call is not None and (now - self._called >= _INTERVAL or self._done == self._total):
            self._called = now
            self._call(
                TrainingProgress(
                    epoch=epoch,
                    epochs=self._epochs,
                    done=self._done,
                    total=self._total,
                    loss=loss,
                    accuracy=accuracy,
                    seconds=spent,
                    left=(self._total - self._done) * spent / (self._done - self._first),
                )
            )

    def close(self) -> None:
        """The training is over, whether it is done or not."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
