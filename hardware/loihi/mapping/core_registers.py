"""The profile tables of a core: the distinct registers of its compartments, and which row each compartment has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice

__all__ = ["CoreRegisters", "registers_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CoreRegisters:
    """``profiles`` int64 [p, 3]: distinct (du, dv, refractory); ``thresholds`` int64 [t]: distinct mantissas;
    ``profile`` and ``threshold`` int64 [compartments]: the row of each compartment."""

    profiles: Ints
    thresholds: Ints
    profile: Ints
    threshold: Ints


def registers_of(network: DeviceNetwork, slices: Sequence[CoreSlice]) -> CoreRegisters:
    """The profile tables of a core that holds these slices."""
    parts = [(network.populations[s.population], slice(s.neurons.start, s.neurons.stop)) for s in slices]
    columns = np.concatenate([np.stack([p.du[w], p.dv[w], p.refractory[w]], axis=1) for p, w in parts])
    profiles, profile = np.unique(columns, axis=0, return_inverse=True)
    thresholds, threshold = np.unique(np.concatenate([p.threshold[w] for p, w in parts]), return_inverse=True)
    return CoreRegisters(profiles, thresholds, profile.reshape(-1), threshold.reshape(-1))
