"""An entry of a routing table.

The first entry of a table with ``packet & mask == key`` decides. A route is a word with a bit for each link (0 to 5)
and for each processor (6 + p). A packet that no entry matches leaves by the link opposite to the one it came in by.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    """Key, mask and route word."""

    key: int
    mask: int
    route: int

    def matches(self, key: int) -> bool:
        """Whether the entry decides about this key (if no earlier one does)."""
        return key & self.mask == self.key
