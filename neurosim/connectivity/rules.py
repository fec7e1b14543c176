"""Connection rules that say every pair themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.connectivity.random_rules import Autapses
from neurosim.connectivity.rule import Ends, Pattern, Rule, Shape
from neurosim.errors import DescriptionError, ShapeError

__all__ = ["AllToAll", "OneToOne", "Sparse"]

Index = NDArray[np.int32]


class AllToAll(Rule):
    """Every pair. Arrays are ``[n_pre, n_post]``."""

    autapses: Autapses = Autapses.ALLOWED

    def pattern(self, ends: Ends, key: int) -> Pattern:
        skip = ends.recurrent and self.autapses is Autapses.FORBIDDEN
        length = ends.n_post - skip
        target = np.tile(np.arange(length, dtype=np.uint32), (ends.n_pre, 1))
        if skip:
            target += np.tri(ends.n_pre, length, -1, dtype=np.uint32) == 0
        return Pattern(np.arange(ends.n_pre + 1, dtype=np.int64) * length, target.reshape(-1))

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        drawn = self.pattern(ends, key)
        return np.repeat(np.arange(ends.n_pre), np.diff(drawn.row_start)), drawn.target


class OneToOne(Rule):
    """Neuron i to neuron i. Arrays are ``[n]``."""

    def check(self, ends: Ends, where: str) -> None:
        if ends.n_pre != ends.n_post:
            raise ShapeError(
                "OneToOne needs populations of equal size", where=where, value=(ends.pre, ends.post)
            )

    def values_shape(self, ends: Ends) -> Shape:
        return (ends.n_pre,)

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        i = np.arange(ends.n_pre)
        return i, i


class Sparse(Rule):
    """A list of synapses: ``Sparse(pre, post)`` with flat indices. Arrays are ``[n_synapses]`` in list order."""

    pre: Index
    post: Index

    def __init__(self, pre: ArrayLike, post: ArrayLike) -> None:
        for name, values in (("pre", pre), ("post", post)):
            array = np.asarray(values)
            if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
                raise DescriptionError(
                    "must be a vector of integers",
                    where=f"Sparse.{name}",
                    value=f"{array.dtype}{array.shape}",
                )
            if array.size and (array.min() < 0 or array.max() >= 2**31):
                raise DescriptionError(
                    "holds an index that no population has",
                    where=f"Sparse.{name}",
                    value=int(array.min() if array.min() < 0 else array.max()),
                    limit=f"0 to {2**31 - 1}",
                )
            object.__setattr__(self, name, array.astype(np.int32))
        if len(self.pre) != len(self.post):
            raise ShapeError(
                "pre and post differ in length", where="Sparse", value=(len(self.pre), len(self.post))
            )
        self.__post_init__()

    def check(self, ends: Ends, where: str) -> None:
        for name, values, size in (("pre", self.pre, ends.n_pre), ("post", self.post, ends.n_post)):
            if len(values) and values.max() >= size:
                bad = int(values[values >= size][0])
                raise ShapeError(
                    f"Sparse.{name} is out of range",
                    where=where,
                    value=bad,
                    limit=f"0 to {size - 1}",
                )

    def values_shape(self, ends: Ends) -> Shape:
        return (len(self.pre),)

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.pre, self.post
