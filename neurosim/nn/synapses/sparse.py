"""Sparse synapses: masks that say which pairs are connected, pruned by magnitude and grown anew while training."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from neurosim import random
from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.ops.sparse_delays import SynapseList, sparse_delayed_linear
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.delayed import DelayGrid
from neurosim.nn.synapses.linear import Linear, Synapses

__all__ = ["Growth", "Masked", "SparseDelayLinear", "SparseLinear", "prune_", "rewire_"]


class Growth(Enum):
    """Where new synapses grow."""

    RANDOM = "random"
    """anywhere (SET: Mocanu et al., Nat. Commun. 9, 2018)"""
    GRADIENT = "gradient"
    """where the gradient that a weight would have is largest (RigL: Evci et al., ICML 2020), summed over the updates
    since the last growth"""


class Masked(Synapses):
    """Base of sparse layers: synapses of which only those under a mask exist.

    The weights of the others are zero, and have no gradient; `constrain_` keeps them at zero under any optimiser.
    `to_network` writes synapses that exist, and no others.

    Args:
        sizes: those of the layer.
        fan_in: synapses onto each neuron at the start, drawn without repetition; also ``max_fan_in`` unless given.
        mask: or which synapses there are, ``[n_out, n_in]``.
        max_fan_in: the most synapses onto a neuron that growing may lead to, such as what a device can hold.
        growth: where `rewire_` puts new synapses.
        options: see the layer; first weights are scaled to the mean fan-in.

    Attributes:
        mask: buffer ``[n_out, n_in]``, True where there is a synapse.
    """

    def __init__(
        self,
        *sizes: int,
        fan_in: int | None = None,
        mask: ArrayLike | None = None,
        max_fan_in: int | None = None,
        growth: Growth = Growth.RANDOM,
        gain: float = 1.0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        where = type(self).__name__
        n_in, n_out = sizes[:2]
        if (fan_in is None) == (mask is None):
            raise DescriptionError(
                "needs either fan_in or mask", where=where, value={"fan_in": fan_in, "mask": mask is not None}
            )
        exists = (
            _drawn(n_in, n_out, fan_in, seed, where) if mask is None else _checked(mask, n_in, n_out, where)
        )
        most = exists.sum(1).max()
        limit = max_fan_in if max_fan_in is not None else fan_in
        if limit is not None and not most <= limit:
            raise DescriptionError("is exceeded", where=f"{where}.max_fan_in", value=int(most), limit=limit)
        scale = math.sqrt(n_in / max(1.0, exists.sum() / n_out))
        super().__init__(*sizes, gain=gain * scale, seed=seed, **options)
        self.max_fan_in, self.growth = limit, growth
        self.mask: Tensor
        self.rewirings: Tensor
        self.register_buffer("mask", torch.from_numpy(exists))
        self.register_buffer("rewirings", torch.zeros((), dtype=torch.int64))
        self.dense_gradient: Tensor | None
        gradient = torch.zeros_like(self.weight.detach()) if growth is Growth.GRADIENT else None
        self.register_buffer("dense_gradient", gradient)
        self.constrain_()

    @property
    def connections(self) -> int:
        """Synapses that exist."""
        return int(self.mask.sum())

    def effective_weight(self) -> Tensor:
        """The weights that the layer computes with, zero where there is no synapse."""
        weight = super().effective_weight() * self.mask
        if self.dense_gradient is not None and self.training and weight.requires_grad:
            weight.register_hook(self._note)
        return weight

    def _note(self, gradient: Tensor) -> None:
        """Sum up gradients before the mask cuts them; what a hook returns would take their place."""
        if self.dense_gradient is not None:
            self.dense_gradient.add_(gradient)

    @torch.no_grad()
    def constrain_(self) -> None:
        """Put parameters back into their ranges, and weights without a synapse to zero."""
        constrain = getattr(super(), "constrain_", None)
        if constrain is not None:
            constrain()
        self.weight.mul_(self.mask)

    @torch.no_grad()
    def prune_(self, connections: int) -> int:
        """Remove the synapses with the smallest weights until ``connections`` are left; returns how many went."""
        if connections < 0:
            raise DescriptionError(
                "is negative", where=f"{type(self).__name__}.prune_", value=connections, limit=">= 0"
            )
        gone = self._smallest(self.connections - int(connections))
        self._set(gone, False)
        self.constrain_()
        return len(gone)

    @torch.no_grad()
    def rewire_(self, share: float) -> int:
        """Replace the share of the synapses with the smallest weights by as many new ones of weight zero (their delays
        are what was drawn or learnt there before), where ``growth`` says; returns how many.

        Where the fan-in leaves no other place a synapse stays. Draws depend on ``seed`` and the buffer ``rewirings``
        alone.
        """
        if not 0 <= share <= 1:
            raise DescriptionError(
                "is out of range", where=f"{type(self).__name__}.rewire_", value=share, limit="0 to 1"
            )
        free = np.flatnonzero(~self._flat(self.mask))
        gone = self._smallest(round(share * self.connections))
        self._set(gone, False)
        # the best places, and then those that synapses have just left, the largest weight first: never too few
        places = self._admitted(np.concatenate([free[self._ranked(free)], gone[::-1]]))[: len(gone)]
        self._set(places, True)
        born = np.setdiff1d(places, gone, assume_unique=True)
        self.weight.view(-1)[torch.from_numpy(born).to(self.weight.device)] = 0.0
        self.rewirings += 1
        if self.dense_gradient is not None:
            self.dense_gradient.zero_()
        self.constrain_()
        return len(born)

    @staticmethod
    def _flat(values: Tensor) -> NDArray[Any]:
        return values.detach().cpu().numpy().reshape(-1)

    def _set(self, synapses: NDArray[np.int64], exists: bool) -> None:
        self.mask.view(-1)[torch.from_numpy(synapses).to(self.mask.device)] = exists

    def _smallest(self, count: int) -> NDArray[np.int64]:
        """Flat indices of the ``count`` synapses of smallest weight, smallest first."""
        there = np.flatnonzero(self._flat(self.mask))
        size = self._flat(self.weight.abs())[there]
        found: NDArray[np.int64] = there[np.argsort(size, kind="stable")[: max(0, count)]]
        return found

    def _ranked(self, free: NDArray[np.int64]) -> NDArray[np.int64]:
        """The order in which places would be taken."""
        if self.dense_gradient is not None:
            score = self._flat(self.dense_gradient.abs())[free].astype(np.float64)
        else:
            score = random.uniform(random.key(self.seed, "rewire", int(self.rewirings)), free)
        return np.argsort(-score, kind="stable")

    def _admitted(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places, in order, that the limit of the fan-in leaves if they are taken in this order."""
        if self.max_fan_in is None:
            return places
        rows = places // self.n_in
        by_row = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[by_row], np.arange(self.n_out))
        rank = np.empty(len(rows), np.int64)  # of a place among those of its row
        rank[by_row] = np.arange(len(rows)) - starts[rows[by_row]]
        room = self.max_fan_in - self.mask.sum(1).cpu().numpy()
        return places[rank < room[rows]]

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        limit = "" if self.max_fan_in is None else f", max_fan_in={self.max_fan_in}"
        return f"{super().extra_repr()}, {self.connections} synapses{limit}, {self.growth}"


class SparseLinear(Masked, Linear):
    """`Linear` with synapses under a mask only, see `Masked`: ``SparseLinear(n_in, n_out, fan_in=32)``."""


class SparseDelayLinear(Masked, DelayLinear):
    """`DelayLinear` with synapses under a mask only, see `Masked`:
    ``SparseDelayLinear(n_in, n_out, max_delay_steps, fan_in=32)``.

    Where less than half of the pairs are connected, time goes with the number of synapses (but while gradients are
    summed for `Growth.GRADIENT`, which needs them of all pairs).
    """

    _pairs: tuple[tuple[int, int], SynapseList] | None = None

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last ``max_delay_steps`` inputs."""
        self._check(x)
        needs_all = self.dense_gradient is not None and self.training and torch.is_grad_enabled()
        pairs = None if needs_all or x.device.type != "cpu" else self._list()
        if pairs is None or len(pairs.pre) > 0.5 * self.mask.numel():
            return super().forward(x, state)
        inputs, known, after = self._with_past(x, state, self.max_delay_steps)
        weight, delay = (a.reshape(-1)[pairs.place] for a in (self.effective_weight(), self._learnt()))
        whole = self.grid is DelayGrid.WHOLE
        return sparse_delayed_linear(
            inputs, weight, delay, pairs, self.max_delay_steps, skip=known, whole=whole
        ), after

    def _list(self) -> SynapseList:
        """The synapses of now; listed again when the mask has changed."""
        key = id(self.mask), self.mask._version  # a copy of the layer counts anew
        if self._pairs is None or self._pairs[0] != key:
            self._pairs = key, SynapseList(self.mask.numpy())
        return self._pairs[1]


def rewire_(module: torch.nn.Module, share: float) -> int:
    """`Masked.rewire_` of every sparse layer in ``module``; returns how many synapses were replaced."""
    return sum(layer.rewire_(share) for layer in module.modules() if isinstance(layer, Masked))


def prune_(module: torch.nn.Module, density: float) -> int:
    """`Masked.prune_` of every sparse layer in ``module`` to a share of its pairs; returns how many synapses went."""
    layers = [layer for layer in module.modules() if isinstance(layer, Masked)]
    return sum(layer.prune_(round(density * layer.mask.numel())) for layer in layers)


def _drawn(n_in: int, n_out: int, fan_in: int | None, seed: int, where: str) -> NDArray[np.bool_]:
    if fan_in is None or not 1 <= fan_in <= n_in or int(fan_in) != fan_in:
        raise DescriptionError("is out of range", where=f"{where}.fan_in", value=fan_in, limit=f"1 to {n_in}")
    words = random.bits(random.key(seed, "connect", n_out, n_in), np.arange(n_out * n_in)).reshape(
        n_out, n_in
    )
    mask = np.zeros((n_out, n_in), np.bool_)
    np.put_along_axis(mask, np.argsort(words, axis=1, kind="stable")[:, :fan_in], True, axis=1)
    return mask


def _checked(mask: ArrayLike, n_in: int, n_out: int, where: str) -> NDArray[np.bool_]:
    exists = np.array(mask)
    if exists.shape != (n_out, n_in):
        raise ShapeError("does not fit", where=f"{where}.mask", value=exists.shape, limit=(n_out, n_in))
    return exists.astype(np.bool_)
