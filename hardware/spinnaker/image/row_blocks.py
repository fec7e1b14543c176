"""Blocks of synaptic rows: where those of a projection lie in the memory of its target's cores."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.device_network import DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS

__all__ = ["Block", "DelayedRows", "delayed_rows"]


class DelayedRows(Enum):
    """Where the rows behind a delay extension lie."""

    READ = "where the delay cores look for them"
    HOST = "where sPyNNaker 7.4.1 puts them: counted in atoms of the target's cores instead of the source's"


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """The rows of a projection on every core of its target, or of the part of it behind the delay extension.

    Attributes:
        sender: whose keys select the rows.
        stages: of the delay extension; 0 for the block of direct synapses.
        rows: number of rows. synapses: most that a row holds.
        length: data words of a row; 0: no synapses, and the block takes no room.
        start: first word.
        reached: bool [sender's cores, target cores], where synapses are.
    """

    projection: DeviceProjection
    sender: str
    stages: int
    rows: int
    synapses: int
    length: int
    start: int
    reached: NDArray[np.bool_]

    @property
    def stride(self) -> int:
        """Words of a row."""
        return HEADER_WORDS + self.length if self.length else 0

    @property
    def words(self) -> int:
        """Words of the block."""
        return self.rows * self.stride


def delayed_rows(
    pre: DevicePopulation, post: DevicePopulation, stages: int, rule: DelayedRows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row of stage 1 behind a delay extension for every source neuron, and the rows from one stage to the next.

    A delay core sends source neuron i for stage s with atom (s - 1) * n + i of its keys, n neurons on this core
    (sPyNNaker ``delay_extension.c``); the population table counts ``stages`` * atoms rows for each core before it.
    """
    atoms = pre.full_core
    core, local = np.divmod(np.arange(pre.size), atoms)
    step = np.minimum(atoms, pre.size - core * atoms)
    if rule is DelayedRows.HOST:
        atoms = post.full_core
        core, local = np.divmod(np.arange(pre.size), atoms)
        step = np.full(pre.size, atoms)
    return core * atoms * stages + local, step
