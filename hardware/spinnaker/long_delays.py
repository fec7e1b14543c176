"""What becomes of delays that the ring buffers of a full core cannot hold."""

from __future__ import annotations

from enum import Enum

__all__ = ["LongDelays"]


class LongDelays(Enum):
    """How a network reaches delays beyond the slots of a core."""

    AUTO = "auto"
    """Whichever of the two takes fewer cores; smaller cores if both take as many."""
    EXTEND = "extend"
    """Delay cores, which send spikes again."""
    SMALLER_CORES = "smaller cores"
    """Fewer neurons on a core, whose ring buffers then have more slots."""
