"""The state of a running network: plain arrays that can be taken apart, put together, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ShapeError

if TYPE_CHECKING:
    from neurosim.network import Network

__all__ = ["State"]

Tree = Any
"""An array, or a mapping from names to trees."""


@dataclass(frozen=True, eq=False)
class State:
    """Everything a network needs to go on, bit for bit. The first axis of every array is the sample.

    Attributes:
        variables: population -> state variable -> [B, n].
        arrivals: population -> ring -> [B, D, n], what is under way: it arrives in each of the next D steps.
        extras: plastic projection -> what it carries (weights, traces), by names that may nest.
        step: steps that the network has lived; random streams and sources go on from there.
    """

    variables: Mapping[str, Mapping[str, NDArray[Any]]]
    arrivals: Mapping[str, Tree]
    extras: Mapping[str, Tree] = field(default_factory=dict)
    step: int = 0

    @property
    def samples(self) -> int:
        """Number of independent runs.

        Raises:
            ShapeError: arrays that differ in it.
        """
        sizes = {a.shape[0] for a in _leaves((self.variables, self.arrivals, self.extras))}
        if len(sizes) > 1:
            raise ShapeError("arrays differ in the number of samples", where="State", value=sorted(sizes))
        return sizes.pop() if sizes else 0

    def select(self, samples: Any) -> State:
        """The state of some samples (a slice or a list of indices), in that order."""
        parts = [_map(lambda a: a[samples], t) for t in (self.variables, self.arrivals, self.extras)]
        return State(parts[0], parts[1], parts[2], self.step)

    @staticmethod
    def concatenate(states: Sequence[State]) -> State:
        """Batches of one network, at one step, one after the other.

        Raises:
            ShapeError: no states, states of different steps, or of different networks.
        """
        if len({s.step for s in states}) != 1:
            raise ShapeError(
                "takes states of one step", where="State.concatenate", value=[s.step for s in states]
            )
        if len(states) == 1:
            return states[0]
        names = ("variables", "arrivals", "extras")
        try:
            parts = [_map(lambda *a: np.concatenate(a), *(getattr(s, n) for s in states)) for n in names]
        except (KeyError, ValueError) as error:
            raise ShapeError("states of different networks", where="State.concatenate") from error
        return State(parts[0], parts[1], parts[2], states[0].step)

    def same(self, other: State) -> bool:
        """Whether two states are equal bit for bit (NaN equals itself), with the same names and types."""
        mine, theirs = ((s.variables, s.arrivals, s.extras) for s in (self, other))
        return self.step == other.step and _same(mine, theirs)

    def save(self, path: str | os.PathLike[str], net: Network | None = None) -> None:
        """Write to an HDF5 file, whole or not at all; ``net`` is remembered by its hash (`load` compares it)."""
        from neurosim.engine.storage.state_file import save_state
        from neurosim.network_file import network_hash

        save_state(self, path, None if net is None else network_hash(net))

    @staticmethod
    def load(path: str | os.PathLike[str], net: Network | None = None) -> State:
        """Read what `save` wrote.

        Raises:
            FileFormatError: the file is missing, damaged or foreign.
            DataError: it was saved with another network than ``net``.
        """
        from neurosim.engine.storage.state_file import load_state
        from neurosim.network_file import network_hash

        return load_state(path, None if net is None else network_hash(net))


def _map(function: Callable[..., Any], *trees: Tree) -> Tree:
    """Trees of equal names, merged array by array."""
    if not isinstance(trees[0], Mapping):
        return function(*trees)
    if any(set(t) != set(trees[0]) for t in trees):
        raise KeyError(f"{sorted(trees[0])}")
    return {name: _map(function, *(t[name] for t in trees)) for name in trees[0]}


def _leaves(tree: Tree) -> Iterator[NDArray[Any]]:
    if isinstance(tree, (Mapping, tuple)):
        for part in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _leaves(part)
    else:
        yield np.asarray(tree)


def _same(a: Tree, b: Tree) -> bool:
    if isinstance(a, tuple):
        return all(map(_same, a, b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and set(a) == set(b) and all(_same(a[n], b[n]) for n in a)
    x, y = np.asarray(a), np.asarray(b)
    return (
        not isinstance(b, Mapping) and (x.dtype, x.shape) == (y.dtype, y.shape) and x.tobytes() == y.tobytes()
    )
