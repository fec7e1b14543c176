"""The memories of all cores of a machine, made when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.machine import Place

__all__ = ["CoreRegions"]

Uint32 = NDArray[np.uint32]


class CoreRegions(Mapping[Place, Mapping[int, Uint32]]):
    """Place -> region number -> words.

    Words of neuron cores are made for some cores of a population at a time, and only the last of these are kept: going
    through the cores in order takes no more memory than a few cores need.

    Args:
        neurons: place of a neuron core -> the words of its population and its number among the cores of it.
        others: place -> regions of delay cores, and of spike sources, which have none.
    """

    def __init__(
        self, neurons: Mapping[Place, tuple[CoreWords, int]], others: Mapping[Place, Mapping[int, Uint32]]
    ) -> None:
        self._neurons = neurons
        self._others = others
        self._kept: tuple[CoreWords, range, list[dict[int, Uint32]]] | None = None

    def __getitem__(self, place: Place) -> Mapping[int, Uint32]:
        if place in self._others:
            return self._others[place]
        words, core = self._neurons[place]
        kept = self._kept
        if kept is None or kept[0] is not words or core not in kept[1]:
            self._kept = None  # frees the words before others are made
            del kept
            batch = words.batch_of(core)
            kept = self._kept = (words, batch, list(words.each(batch)))
        return kept[2][core - kept[1].start]

    def __iter__(self) -> Iterator[Place]:
        yield from self._neurons
        yield from self._others

    def __len__(self) -> int:
        return len(self._neurons) + len(self._others)
