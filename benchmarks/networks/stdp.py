"""All-to-all plastic synapses between two groups of neurons that fire given Poisson trains of 20 Hz."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file
from neurosim.random import below, key

__all__ = ["stdp"]

RATE = 20.0
MARGIN = 20
"""Steps without spikes at both ends, so that simulators which start or end a step later see the same trains."""


def stdp(name: str, *, side: int, steps: int, seed: int = 1) -> Case:
    """``side`` x ``side`` synapses; dt = 0.1 ms; pair rule with bounds 0 and 1, weights start at 0.5."""
    path = arrays_file("stdp", _draw, side=side, steps=steps, seed=seed)
    return Case(
        name=name,
        kind="stdp",
        arrays=path,
        neurons=2 * side,
        synapses=side * side,
        steps=steps,
        dt=0.1e-3,
        fan_out=side,
        parameters={"side": side, "tau": 20e-3, "a_plus": 0.01, "a_minus": 0.0105, "weight": 0.5},
    )


def _draw(side: int, steps: int, seed: int) -> dict[str, NDArray[Any]]:
    """Steps and neurons of both groups' spikes, sorted by (step, neuron)."""
    out = {}
    for group in ("pre", "post"):
        cell = below(
            key(seed, "encode", "stdp", group), MARGIN * side, (steps - MARGIN) * side, RATE * 0.1e-3
        )
        out[f"{group}_step"] = (cell // side).astype(np.int32)
        out[f"{group}_neuron"] = (cell % side).astype(np.int32)
    return out
