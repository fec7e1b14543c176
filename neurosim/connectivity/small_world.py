"""Small worlds: a ring of neighbours with some synapses moved elsewhere."""

from __future__ import annotations

import numpy as np

from neurosim.connectivity.random_rules import RandomRule
from neurosim.connectivity.row_kernels import ring_rows, sort_rows
from neurosim.connectivity.rule import Ends, Pattern
from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import parameter

__all__ = ["SmallWorld"]


class SmallWorld(RandomRule):
    """Neurons on a ring, each with synapses to its ``k`` nearest (k/2 on either side); each synapse is moved with
    probability ``rewire`` to a target drawn from those the neuron has no synapse to.

    The directed form of Watts & Strogatz, "Collective dynamics of 'small-world' networks", Nature 393 (1998): every
    neuron keeps k synapses, to k different neurons other than the one of its own index. If k = n - 1 nothing can move.
    """

    k: int
    rewire: float = parameter(minimum=0.0, maximum=1.0)

    def __init__(self, k: int, rewire: float) -> None:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 0 or k % 2:
            raise DescriptionError(
                "must be an even number", where="SmallWorld.k", value=repr(k), limit="0, 2, 4, ..."
            )
        object.__setattr__(self, "k", int(k))
        object.__setattr__(self, "rewire", rewire)
        self.__post_init__()

    def check(self, ends: Ends, where: str) -> None:
        if ends.n_pre != ends.n_post:
            raise ShapeError(
                "SmallWorld needs populations of equal size", where=where, value=(ends.pre, ends.post)
            )
        if self.k >= ends.n_pre:
            raise DescriptionError(
                "there are not so many neighbours",
                where=f"{where}, SmallWorld.k",
                value=self.k,
                limit=ends.n_pre - 1,
            )

    def pattern(self, ends: Ends, key: int) -> Pattern:
        row_start = np.arange(ends.n_pre + 1, dtype=np.int64) * self.k
        target = np.empty(self.k * ends.n_pre, np.uint32)
        ring_rows(np.uint64(key), self.k // 2, self.rewire, target, ends.n_pre)
        sort_rows(row_start, target, np.ones(1), 0, (ends.n_post - 1).bit_length())
        return Pattern(row_start, target)
