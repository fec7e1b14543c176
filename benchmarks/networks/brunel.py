"""A sparsely connected network of excitatory and inhibitory neurons with voltage-jump synapses and Poisson background.

Brunel, J. Comput. Neurosci. 8 (2000): inhibition stronger by g = 5, background at twice the threshold rate, so that
neurons fire irregularly. 12,500 neurons with 1,250 synapses on each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file, rows
from neurosim.random import key, uniform

__all__ = ["brunel"]

JUMP, G, ETA = 0.1e-3, 5.0, 2.0
"""Excitatory weight in volts, inhibition over excitation, background rate over threshold rate."""


def brunel(name: str, *, neurons: int, steps: int, seed: int = 1) -> Case:
    """The network with 10 % of the neurons of each type projecting to every neuron."""
    path = arrays_file("brunel", _draw, neurons=neurons, seed=seed)
    excitatory = neurons * 4 // 5
    inputs = excitatory // 10
    tau, threshold = 20e-3, 20e-3
    synapses = neurons * (inputs + (neurons - excitatory) // 10)
    return Case(
        name=name,
        kind="brunel",
        arrays=path,
        neurons=neurons,
        synapses=synapses,
        steps=steps,
        dt=0.1e-3,
        fan_out=synapses / neurons,
        parameters={
            "tau_membrane": tau,
            "threshold": threshold,
            "v_reset": 10e-3,
            "refractory": 2e-3,
            "excitatory": JUMP,
            "inhibitory": -G * JUMP,
            "delay": 1.5e-3,
            "noise_inputs": inputs,
            "noise_rate": ETA * threshold / (JUMP * inputs * tau),
            "noise_weight": JUMP,
        },
    )


def _draw(neurons: int, seed: int) -> dict[str, NDArray[Any]]:
    """Rows of synapses; presynaptic neurons are drawn with replacement, so a pair may have several."""
    excitatory = neurons * 4 // 5
    inhibitory = neurons - excitatory
    parts = []
    for name, first, count in (("excitatory", 0, excitatory), ("inhibitory", excitatory, inhibitory)):
        u = uniform(key(seed, "connect", "brunel", name), np.arange(neurons * (count // 10)))
        parts.append((first + u * count).astype(np.int64).reshape(neurons, -1))
    pre = np.concatenate(parts, axis=1)
    post = np.repeat(np.arange(neurons, dtype=np.int64), pre.shape[1])
    return {**rows(pre.ravel(), post, neurons, neurons), "excitatory": np.array(excitatory)}
