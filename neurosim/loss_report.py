"""Losses are data: what compiling or converting clipped, rounded, dropped or approximated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, overload

from neurosim.errors import LossError

__all__ = ["Loss", "LossKind", "LossReport"]


class LossKind(Enum):
    """What happened to the thing that was lost."""

    ROUNDED = "rounded"
    APPROXIMATED = "approximated"
    CLIPPED = "clipped"
    DROPPED = "dropped"
    STARTUP = "startup"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss. ``where`` names the population, projection or file; ``amount`` is in the unit that ``what`` states."""

    kind: LossKind
    where: str
    what: str
    amount: float | None = None

    def __str__(self) -> str:
        amount = "" if self.amount is None else f" [{self.amount:.4g}]"
        return f"{self.kind.value:<12} {self.where}: {self.what}{amount}"

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {**asdict(self), "kind": self.kind.value}


class LossReport(Sequence[Loss]):
    """An immutable sequence of losses; prints as a table."""

    def __init__(self, losses: Iterable[Loss] = ()) -> None:
        self._losses = tuple(losses)

    @overload
    def __getitem__(self, index: int) -> Loss: ...
    @overload
    def __getitem__(self, index: slice) -> LossReport: ...
    def __getitem__(self, index: int | slice) -> Loss | LossReport:
        return LossReport(self._losses[index]) if isinstance(index, slice) else self._losses[index]

    def __len__(self) -> int:
        return len(self._losses)

    def __iter__(self) -> Iterator[Loss]:
        return iter(self._losses)

    def __add__(self, other: Iterable[Loss]) -> LossReport:
        return LossReport((*self._losses, *other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LossReport) and self._losses == other._losses

    def __hash__(self) -> int:
        return hash(self._losses)

    def __repr__(self) -> str:
        return f"LossReport({len(self)} losses)"

    def __str__(self) -> str:
        return "\n".join(map(str, self._losses)) or "nothing lost"

    def require(self, allow: Collection[LossKind]) -> None:
        """Raise `LossError` if a loss is of a kind that is not in ``allow``."""
        refused = [loss for loss in self._losses if loss.kind not in allow]
        if refused:
            kinds = sorted({f"LossKind.{loss.kind.name}" for loss in refused})
            more = f"\n  ... and {len(refused) - 8} more" if len(refused) > 8 else ""
            raise LossError(
                "losses that were not allowed:\n  " + "\n  ".join(map(str, refused[:8])) + more,
                report=self,
                remedy=f"Change the network, or accept them: allow=(..., {', '.join(kinds)}); on the command line, "
                f"--allow {','.join(sorted({loss.kind.value for loss in refused}))} among the others",
            )
