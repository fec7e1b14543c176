"""Progress on stderr, so that stdout holds results only: plain lines, and a line that rewrites itself on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.nn.training.progress import TrainingProgress

__all__ = ["Progress"]


class Progress:
    """Stages with their wall-clock seconds; ``seconds`` keeps them by name, in order. ``silent`` prints nothing."""

    def __init__(self, *, silent: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self._silent, self._terminal = silent, sys.stderr.isatty() and not silent
        self._open = False

    @contextmanager
    def stage(self, name: str, text: str = "") -> Iterator[None]:
        """Announce a stage and, when it is over, how long it took."""
        self.say(f"{name:<9} {text}")
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
        self.say(f"{name:<9} done in {spent:.1f} s")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._end_line()
        if not self._silent:
            print(text, file=sys.stderr, flush=True)

    def update(self, text: str) -> None:
        """A line that the next one replaces; printed on a terminal only."""
        if self._terminal:
            print(f"\r\x1b[2K  {text}", end="", file=sys.stderr, flush=True)
            self._open = True

    def training(self) -> Callable[[TrainingProgress], None]:
        """What `neurosim.nn.fit` takes as ``progress``: shows how far training is, and how long it will take."""

        def show(now: TrainingProgress) -> None:
            seen = f"loss {now.loss:.3f}, accuracy {now.accuracy:.1%}"
            self.update(f"epoch {now.epoch + 1} of {now.epochs}: {seen}, {now.left:.0f} s left")

        return show

    def _end_line(self) -> None:
        if self._open:
            print("\r\x1b[2K", end="", file=sys.stderr)
            self._open = False
