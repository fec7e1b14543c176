"""One exception tree. A message says what is wrong, where, the value, the limit and the way out."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CapacityError",
    "CycleError",
    "DataError",
    "DescriptionError",
    "FileFormatError",
    "LossError",
    "MissingExtraError",
    "NeurosimError",
    "NumericsError",
    "ShapeError",
    "TimeGridError",
    "UnsupportedError",
]


class NeurosimError(Exception):
    """Root of all errors of this package; never raised itself.

    Args:
        what: the problem, in one sentence without a full stop.
        where: the offender, e.g. ``"population 'hidden'"``.
        value: what was found.
        limit: what would have been right.
        remedy: what to change.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        value: Any = None,
        limit: Any = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.where, self.value, self.limit, self.remedy = what, where, value, limit, remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        facts = [
            f"{name} {v}" for name, v in (("got", self.value), ("allowed:", self.limit)) if v is not None
        ]
        if facts:
            text += f" ({'; '.join(facts)})"
        return f"{text}. {self.remedy}" if self.remedy else text


class DescriptionError(NeurosimError, ValueError):
    """A part of a description is invalid."""


class ShapeError(DescriptionError):
    """Shapes do not fit together."""


class TimeGridError(DescriptionError):
    """A time does not lie on the grid of the time step."""


class CycleError(DescriptionError):
    """A cycle of zero delays, or a cycle too short for a target."""


class DataError(NeurosimError, ValueError):
    """Input data (events, spikes, labels) is invalid."""


class FileFormatError(NeurosimError, ValueError):
    """A file is truncated, foreign, of another version, or fails its hash."""


class NumericsError(NeurosimError, ArithmeticError):
    """A state became NaN or infinite, or overflowed where that was not allowed."""


class UnsupportedError(NeurosimError):
    """A target or backend cannot express something."""


class CapacityError(NeurosimError):
    """A limit of a target is exceeded."""


class LossError(NeurosimError):
    """Losses that were not allowed. ``report`` holds all of them."""

    def __init__(self, what: str, *, report: Any = None, **details: Any) -> None:
        super().__init__(what, **details)
        self.report = report


class MissingExtraError(NeurosimError, ImportError):
    """An optional dependency could not be imported. Names the extra that installs it and the real cause."""

    def __init__(self, package: str, extra: str, cause: BaseException) -> None:
        super().__init__(
            f"importing {package!r} failed: {type(cause).__name__}: {cause}",
            remedy=f"Install it with: pip install 'neurosim-toolkit[{extra}]'",
        )
        self.package, self.extra, self.cause = package, extra, cause

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.package, self.extra, self.cause)  # errors cross processes, pickled
