"""Connection probabilities that fall with the distance on a grid."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.connectivity.random_rules import Autapses, RandomRule, grown_rows
from neurosim.connectivity.row_kernels import decaying_rows, sort_rows
from neurosim.connectivity.rule import Ends, Pattern
from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Value, parameter

__all__ = ["DistanceDependent", "Placement", "grid_order"]

LEAST = 1e-20
"""Pairs less likely than this are left out: beyond 6.8 lengths."""


class Placement(Enum):
    """Where on the grid the neurons sit."""

    IN_ORDER = "in order"
    """neuron i at site i in C order"""
    SHUFFLED = "shuffled"
    """neuron i at site ``grid_order(seed, grid)[i]``, ``seed`` being the network's"""


def grid_order(seed: int, grid: tuple[int, ...]) -> NDArray[np.int64]:
    """The random order of a grid's sites that `Placement.SHUFFLED` uses: the same for all projections of a network."""
    return random.permutation(random.key(seed, "connect", "grid", *grid), math.prod(grid))


class DistanceDependent(RandomRule):
    """Neurons on a grid of unit spacing, connected with probability C exp(-(D / length)^2), D being Euclidean distance:
    ``DistanceDependent(grid=(10, 10, 10), length=3.0, probability=0.2)``.

    The rule of Maass, Natschlaeger & Markram, "Real-time computing without stable states", Neural Computation 14
    (2002).

    Args:
        grid: sites along one, two or three axes. Both populations sit on it.
        length: in units of the grid.
        probability: C, one number or a matrix ``[types, types]`` (presynaptic type first).
        types: type of every neuron ``[n]``, for a matrix; the populations then have n neurons each, or are one.
        pre_sites, post_sites: the site of each neuron, in C order, no two alike; None: 0, 1, 2, ... Excitatory and
            inhibitory populations that share a grid take different ones.
        placement: whether sites count in C order, or in a random order of the network.
        autapses: whether a neuron of one population may be connected to itself (distance 0).
    """

    grid: tuple[int, ...]
    length: float = parameter(above=0.0)
    probability: Value = parameter(minimum=0.0, maximum=1.0)
    types: NDArray[np.int64] | None = None
    pre_sites: NDArray[np.int64] | None = None
    post_sites: NDArray[np.int64] | None = None
    placement: Placement = Placement.IN_ORDER
    autapses: Autapses = Autapses.FORBIDDEN

    def __post_init__(self) -> None:
        grid: Any = self.grid
        if (
            not isinstance(grid, (tuple, list, np.ndarray))
            or not 1 <= len(grid) <= 3
            or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in grid)
            or math.prod(map(int, grid)) >= 2**31
        ):
            raise DescriptionError(
                "must be one to three positive whole numbers",
                where="DistanceDependent.grid",
                value=repr(grid),
                limit=f"{2**31 - 1} sites",
            )
        object.__setattr__(self, "grid", tuple(int(n) for n in grid))
        for name in ("types", "pre_sites", "post_sites"):
            self._set_index(name)
        super().__post_init__()
        n_types = self._matrix().shape
        if len(n_types) != 2 or n_types[0] != n_types[1] or (n_types[0] > 1) != (self.types is not None):
            raise ShapeError(
                "must be a number, or a matrix [types, types] with types",
                where="DistanceDependent.probability",
                value=n_types,
            )
        if self.types is not None and self.types.max() >= n_types[0]:
            raise DescriptionError(
                "is a type without probabilities",
                where="DistanceDependent.types",
                value=int(self.types.max()),
                limit=n_types[0] - 1,
            )

    def _set_index(self, name: str) -> None:
        if (given := getattr(self, name)) is None:
            return
        array = np.asarray(given)
        where = f"DistanceDependent.{name}"
        if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size or array.min() < 0:
            raise DescriptionError(
                "must be a vector of whole numbers",
                where=where,
                value=f"{array.dtype}{array.shape}",
                limit=">= 0",
            )
        if name != "types" and (array.max() >= math.prod(self.grid) or len(np.unique(array)) < len(array)):
            raise DescriptionError(
                "must be different sites of the grid",
                where=where,
                value=int(array.max()),
                limit=math.prod(self.grid) - 1,
            )
        object.__setattr__(self, name, array.astype(np.int64))

    def _matrix(self) -> NDArray[np.float64]:
        return np.array(self.probability, ndmin=2)

    def check(self, ends: Ends, where: str) -> None:
        sides = (("pre_sites", self.pre_sites, ends.n_pre), ("post_sites", self.post_sites, ends.n_post))
        for name, sites, n in sides:
            if sites is None and n > math.prod(self.grid):
                raise ShapeError(
                    "has more neurons than the grid has sites", where=where, value=n, limit=self.grid
                )
            if sites is not None and len(sites) != n:
                raise ShapeError(
                    f"{name} does not fit the population", where=where, value=len(sites), limit=n
                )
        if self.types is not None and not len(self.types) == ends.n_pre == ends.n_post:
            raise ShapeError(
                "types do not fit the populations",
                where=where,
                value=len(self.types),
                limit=(ends.n_pre, ends.n_post),
            )

    def sites(self, ends: Ends) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Site of every presynaptic and postsynaptic neuron; ``np.unravel_index(sites, grid)`` are its coordinates."""
        pre = np.arange(ends.n_pre) if self.pre_sites is None else self.pre_sites
        post = np.arange(ends.n_post) if self.post_sites is None else self.post_sites
        if self.placement is Placement.SHUFFLED:
            order = grid_order(ends.seed, self.grid)
            return order[pre], order[post]
        return pre, post

    def pattern(self, ends: Ends, key: int) -> Pattern:
        matrix = self._matrix()
        largest = float(matrix.max())
        offset, p = self._offsets(largest)
        pre, post = self.sites(ends)
        neuron = np.full(math.prod(self.grid), -1, np.int64)
        neuron[post] = np.arange(ends.n_post)
        with np.errstate(divide="ignore"):
            scale = 1.0 / np.log1p(-p)
        share = matrix / largest if largest else matrix
        kind = np.empty(0, np.int64) if self.types is None else np.array(self.types)
        skip = ends.recurrent and self.autapses is Autapses.FORBIDDEN
        grid = np.array((1, 1, 1)[len(self.grid) :] + self.grid)

        def rows(
            row: int, at: int, row_start: NDArray[np.int64], target: NDArray[np.uint32]
        ) -> tuple[int, int]:
            found: tuple[int, int] = decaying_rows(
                np.uint64(key), offset, p, scale, share, kind, grid, np.array(pre), neuron, skip,
                row, at, row_start, target,
            )  # fmt: skip
            return found

        drawn = grown_rows(rows, ends.n_pre, ends.n_pre * min(float(p.sum()), ends.n_post), ends.n_post)
        sort_rows(drawn.row_start, drawn.target, np.ones(1), 0, (ends.n_post - 1).bit_length())
        return drawn

    def _offsets(self, largest: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Displacements [m, 3] in order of distance, and the largest probability at each."""
        reach = self.length * math.sqrt(-math.log(LEAST))
        sides = [np.arange(-m, m + 1) for m in (min(n - 1, int(reach)) for n in (1, 1, *self.grid)[-3:])]
        offset = np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, 3)
        square = (offset**2).sum(1)
        order = np.argsort(square, kind="stable")
        p = largest * np.exp(-square[order] / self.length**2)
        m = int(np.count_nonzero(p >= LEAST))
        return np.ascontiguousarray(offset[order[:m]]), p[:m]
