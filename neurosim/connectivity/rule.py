"""What a connection rule is: symbolic until lowering, then the pairs it chose, row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurosim.parameters import Parameters

__all__ = ["Ends", "Pattern", "Rule", "Shape", "pattern_of"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Ends:
    """What a projection connects.

    Attributes:
        pre, post: shapes of both sides.
        recurrent: whether both sides are one population, so that pairs (i, i) are autapses.
        seed: the network's, for what several projections share.
    """

    pre: Shape
    post: Shape
    recurrent: bool = False
    seed: int = 0

    @property
    def n_pre(self) -> int:
        """Presynaptic neurons."""
        return math.prod(self.pre)

    @property
    def n_post(self) -> int:
        """Postsynaptic neurons."""
        return math.prod(self.post)


@dataclass(frozen=True, eq=False)
class Pattern:
    """The pairs of a projection, sorted by (presynaptic neuron, target).

    Attributes:
        row_start: int64 [n_pre + 1]; the targets of presynaptic neuron i are target[row_start[i]:row_start[i + 1]].
        target: uint32 [n_syn].
        order: place of each synapse in the rule's own list, [n_syn]; None where the lists are the same.
    """

    row_start: NDArray[np.int64]
    target: NDArray[np.uint32]
    order: NDArray[Any] | None = None


class Rule(Parameters):
    """Base of connection rules. A rule of your own has ``synapses``, and ``check`` if it can be wrong."""

    RANDOM: ClassVar[bool] = False
    """Whether the pairs are drawn."""

    def check(self, ends: Ends, where: str) -> None:
        """Raise `DescriptionError` if the rule cannot connect these populations."""

    def values_shape(self, ends: Ends) -> Shape | None:
        """The shape of an array of weights or delays; None if this rule takes none.

        One axis: an entry a synapse, in the order of `synapses`. Two axes, ``[n_pre, n_post]``: an entry a pair.
        """
        return ends.n_pre, ends.n_post

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Presynaptic and postsynaptic flat index of every synapse, in any order.

        ``key`` (`neurosim.random.key`) names the random stream of the projection.
        """
        raise NotImplementedError

    def pattern(self, ends: Ends, key: int) -> Pattern:
        """The same in rows."""
        return pattern_of(*self.synapses(ends, key), ends)

    def kernel(self, ends: Ends) -> NDArray[Any] | None:
        """A factor for the weight of every synapse, in the order of `synapses`, if the rule carries one."""
        return None


def pattern_of(pre: NDArray[Any], post: NDArray[Any], ends: Ends) -> Pattern:
    """Rows of a list of pairs; equal pairs keep their order."""
    code = pre.astype(np.int64) * ends.n_post + post
    order = None if (code[1:] >= code[:-1]).all() else np.argsort(code, kind="stable")
    row_start = np.zeros(ends.n_pre + 1, np.int64)
    np.cumsum(np.bincount(pre, minlength=ends.n_pre), out=row_start[1:])
    return Pattern(row_start, (post if order is None else post[order]).astype(np.uint32), order)
