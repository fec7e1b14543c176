"""How learning rates change: pure functions of the share of the training that is done, so that nothing is to be saved.

Any function from [0, 1] to a factor will do as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from neurosim.parameters import Parameters, parameter

__all__ = ["Constant", "Cosine", "Exponential", "OneCycle", "Schedule", "StepDecay", "Stepped", "WarmUp"]


class Schedule(Parameters):
    """Base of schedules: the factor of the full rate after a share ``done`` of the training."""

    CONSTANT: ClassVar[Schedule]
    COSINE: ClassVar[Schedule]

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        raise NotImplementedError

    def __call__(self, done: float) -> float:
        """The same as `factor`."""
        return self.factor(done)


class Constant(Schedule):
    """The full rate all along."""

    def factor(self, done: float) -> float:
        """1."""
        return 1.0


class Cosine(Schedule):
    """From the full rate to ``final`` along half a cosine (Loshchilov and Hutter, ICLR 2017)."""

    final: float = parameter(default=0.0, minimum=0.0, doc="factor at the end")

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * done))


class OneCycle(Schedule):
    """Up from ``start`` to the full rate and down to ``final``, half a cosine each (Smith and Topin, 2019).

    The defaults are those of ``torch.optim.lr_scheduler.OneCycleLR``; the full rate is its ``max_lr``.
    """

    peak: float = parameter(default=0.3, above=0.0, maximum=1.0, doc="share of the training on the way up")
    start: float = parameter(default=1 / 25, minimum=0.0, doc="factor at the beginning")
    final: float = parameter(default=1 / 25e4, minimum=0.0, doc="factor at the end")

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        if done <= self.peak:
            return _between(self.start, 1.0, done / self.peak)
        return _between(1.0, self.final, (done - self.peak) / (1.0 - self.peak))


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))


class StepDecay(Schedule):
    """Multiplied by ``by`` after each of ``times`` equal parts of the training but the last."""

    by: float = parameter(default=0.1, above=0.0, doc="factor of a step")
    times: float = parameter(default=3.0, minimum=1.0, doc="parts of the training")

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        return float(self.by ** min(math.floor(done * self.times), self.times - 1))


class Exponential(Schedule):
    """From the full rate to ``final``, by the same factor in equal times."""

    final: float = parameter(default=1e-2, above=0.0, doc="factor at the end")

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        return float(self.final**done)


class WarmUp(Schedule):
    """Up from zero in equal steps during a first ``share``, then ``then`` over the rest of the training."""

    share: float = parameter(default=0.1, above=0.0, maximum=1.0, doc="share of the training on the way up")
    then: Callable[[float], float] = Cosine()

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        if done < self.share:
            return done / self.share
        return self.then((done - self.share) / (1.0 - self.share) if self.share < 1.0 else 1.0)


class Stepped(Schedule):
    """``of``, held during each of ``parts`` equal parts of the training: with as many parts as epochs, a schedule that
    moves once an epoch."""

    parts: float = parameter(minimum=1.0, doc="parts of the training")
    of: Callable[[float], float] = Cosine()

    def factor(self, done: float) -> float:
        """The factor for ``done`` in [0, 1]."""
        # a share that was computed as epoch / epochs may fall short of it by rounding
        return self.of(math.floor(done * self.parts + 1e-9) / self.parts)


Schedule.CONSTANT, Schedule.COSINE = Constant(), Cosine()
