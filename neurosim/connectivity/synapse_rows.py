"""The synapses of a projection in memory: rows of targets in order of delay, nothing stored twice.

What all synapses share is stored once. A synapse with its own weight takes 4 bytes for it in single precision and 2 or 4
for its target; its own delay shares the 32-bit word of the target, so 8 bytes hold all three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SynapseRows"]


@dataclass(frozen=True, eq=False)
class SynapseRows:
    """Synapses sorted by (presynaptic neuron, delay, target); several between one pair are kept apart.

    Attributes:
        n_pre, n_post: neurons on both sides.
        row_start: int64 [n_pre + 1]; the synapses of presynaptic neuron i are row_start[i]:row_start[i + 1].
        word: [n_syn]. Where all share a delay: the target, uint16 (n_post <= 65,536) or uint32. Else the target in the
            lower ``target_bits`` bits and the delay above them, uint32, or uint64 where 32 bits do not hold both.
        target_bits: bits of a target in ``word``; 0 where all share a delay.
        delay: steps, where all share it (``target_bits`` == 0); else 0.
        weight: float32 or float64, [n_syn], or [1] where all share it.
    """

    n_pre: int
    n_post: int
    row_start: NDArray[np.int64]
    word: NDArray[np.unsignedinteger]
    target_bits: int
    delay: int
    weight: NDArray[np.floating]

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return len(self.word)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.row_start.nbytes + self.word.nbytes + self.weight.nbytes

    def targets(self) -> NDArray[np.int32]:
        """Postsynaptic neuron of every synapse, int32 [n_syn]: a copy."""
        if not self.target_bits:
            return self.word.astype(np.int32)
        return (self.word & self.word.dtype.type((1 << self.target_bits) - 1)).astype(np.int32)

    def delays(self) -> NDArray[np.int32]:
        """Delay of every synapse in steps, int32 [n_syn]: a copy, or a view of the one they share."""
        if not self.target_bits:
            return np.broadcast_to(np.int32(self.delay), self.n_synapses)
        return (self.word >> self.word.dtype.type(self.target_bits)).astype(np.int32)

    def weights(self) -> NDArray[np.floating]:
        """Weight of every synapse, [n_syn]: the array itself, or a view of the one they share."""
        return self.weight if len(self.weight) == self.n_synapses else np.broadcast_to(self.weight, self.n_synapses)

    def sources(self) -> NDArray[np.int32]:
        """Presynaptic neuron of every synapse, int32 [n_syn]: a copy."""
        return np.repeat(np.arange(self.n_pre, dtype=np.int32), np.diff(self.row_start))
