"""How weights of both signs are stored: an option of the targets."""

from __future__ import annotations

from enum import Enum

__all__ = ["Signs"]


class Signs(Enum):
    """How a projection with weights of both signs is stored."""

    MIXED = "mixed"
    """one synapse format; weights are even, -256 to 254"""
    SPLIT = "split"
    """a format for each sign: every weight keeps 8 bits of magnitude, lists of synapses take more memory"""
