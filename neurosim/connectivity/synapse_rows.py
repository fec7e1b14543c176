"""The synapses of a projection in memory: rows of targets in order of delay, nothing stored twice.

What all synapses share is stored once. A synapse with its own weight takes 4 bytes for it in single precision and 2
or 4 for its target; its own delay shares the 32-bit word of the target, so 8 bytes hold all three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.connectivity.bit_rows import BitRows, bit_rows
from neurosim.errors import ShapeError, TimeGridError

__all__ = ["SynapseRows", "rows_from", "target_bits"]


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
        own = len(self.weight) == self.n_synapses
        return self.weight if own else np.broadcast_to(self.weight, self.n_synapses)

    def sources(self) -> NDArray[np.int32]:
        """Presynaptic neuron of every synapse, int32 [n_syn]: a copy."""
        return np.repeat(np.arange(self.n_pre, dtype=np.int32), np.diff(self.row_start))

    @property
    def is_dense(self) -> bool:
        """Whether bits are worth their memory: one weight and one delay, and a neuron that projects at all reaches
        every fortieth or more."""
        if len(self.weight) != 1 or self.target_bits or not self.n_synapses:
            return False
        return 40 * self.n_synapses >= int(np.count_nonzero(np.diff(self.row_start))) * self.n_post

    @cached_property
    def bits(self) -> BitRows:
        """The rows as bits, where all share a delay; made when first asked for."""
        return bit_rows(self.row_start, self.word, self.n_post)

    @cached_property
    def beyond_bits(self) -> SynapseRows:
        """What `bits` cannot say: the second and further synapses between one pair."""
        return replace(self, row_start=self.bits.again_start, word=self.bits.again)

    @cached_property
    def pre_range(self) -> tuple[int, int]:
        """The first and the last neuron that projects at all; (0, -1) without synapses."""
        occupied = np.flatnonzero(np.diff(self.row_start))
        return (int(occupied[0]), int(occupied[-1])) if len(occupied) else (0, -1)

    @cached_property
    def most_onto_one(self) -> int:
        """The largest number of synapses onto one neuron."""
        return int(np.bincount(self.targets(), minlength=1).max()) if self.n_synapses else 0

    def delay_range(self) -> tuple[int, int]:
        """Shortest and longest delay in steps; (0, 0) without synapses."""
        if not self.n_synapses:
            return 0, 0
        if not self.target_bits:
            return self.delay, self.delay
        return int(self.word.min()) >> self.target_bits, int(self.word.max()) >> self.target_bits

    def with_weights(self, weight: ArrayLike) -> SynapseRows:
        """The same synapses with other weights: one number, or one a synapse in the order of the rows."""
        array = _weights(weight)
        if len(array) not in (1, self.n_synapses):
            raise ShapeError("one weight, or one a synapse", value=len(array), limit=self.n_synapses)
        return replace(self, weight=array)

    def delayed(self, steps: int) -> SynapseRows:
        """The same synapses, later by some steps (earlier: a negative number)."""
        if not self.n_synapses:
            return self
        low, high = (d + steps for d in self.delay_range())
        if low < 0 or high >= 2**31:
            raise TimeGridError(
                "a delay is out of range", value=low if low < 0 else high, limit="0 to 2^31 - 1"
            )
        if not self.target_bits:
            return replace(self, delay=self.delay + steps)
        word = self.word
        if high >> (8 * word.itemsize - self.target_bits):
            word = word.astype(np.uint64)
        shift = word.dtype.type(abs(steps) << self.target_bits)
        return replace(self, word=word + shift if steps >= 0 else word - shift)


def target_bits(n_post: int) -> int:
    """Bits that the targets of a word with delays take."""
    return max((n_post - 1).bit_length(), 1)


def rows_from(
    pre: ArrayLike, target: ArrayLike, weight: ArrayLike, delay: ArrayLike, n_pre: int, n_post: int
) -> SynapseRows:
    """Rows of a list of synapses in any order; equal ones keep theirs.

    Args:
        pre, target: presynaptic and postsynaptic neuron of every synapse.
        weight, delay: one a synapse, or one number; delays in steps. What is the same for all is kept once.
    """
    row, post = np.asarray(pre, np.int64), np.asarray(target, np.int64)
    weights, steps = _weights(weight), np.atleast_1d(np.asarray(delay, np.int64))
    for values in (post, weights, steps):
        if len(values) != len(row) and (values is post or len(values) != 1):
            raise ShapeError("one value a synapse", value=len(values), limit=len(row))
    order = np.lexsort((post, np.broadcast_to(steps, len(row)), row))
    row_start = np.zeros(n_pre + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=n_pre), out=row_start[1:])
    bits, shared = 0, 0
    if len(steps) and (steps == steps[0]).all():
        shared, word = int(steps[0]), post[order]
    elif len(steps):
        bits = target_bits(n_post)
        word = (post | steps << bits)[order]
    else:
        word = post
    dtype = word_type(n_post, bits, int(steps.max(initial=0)))
    own = len(weights) == len(row) and len(row) > 0 and not (weights == weights[0]).all()
    weights = weights[order] if own else weights[:1] if len(weights) else np.ones(1, weights.dtype)
    return SynapseRows(n_pre, n_post, row_start, word.astype(dtype), bits, shared, weights)


def word_type(n_post: int, bits: int, longest: int) -> Any:
    """The smallest type for targets (``bits`` 0), or for targets of so many bits below delays up to ``longest``."""
    if not bits:
        return np.uint16 if n_post <= 2**16 else np.uint32
    return np.uint32 if bits + longest.bit_length() <= 32 else np.uint64


def _weights(weight: ArrayLike) -> NDArray[Any]:
    array = np.atleast_1d(np.asarray(weight))
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
