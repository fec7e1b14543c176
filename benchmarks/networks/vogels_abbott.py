"""Balanced networks of 80 % excitatory and 20 % inhibitory neurons with exponential synapses.

The two forms of the benchmark networks of Vogels and Abbott (J. Neurosci. 25, 2005), as in the comparison by Brette
et al. (J. Comput. Neurosci. 23, 2007): synaptic currents (CUBA) and synaptic conductances (COBA). A constant
current keeps the network active: in COBA, too, so that its rate does not depend on how it was started.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file, rows
from neurosim.random import below, key, uniform

__all__ = ["coba", "cuba"]

MEMBRANE = {
    "tau_membrane": 20e-3,
    "v_reset": -60e-3,
    "threshold": -50e-3,
    "refractory": 5e-3,
    "tau_excitatory": 5e-3,
    "tau_inhibitory": 10e-3,
    "delay": 0.1e-3,
}
CUBA = {**MEMBRANE, "v_rest": -49e-3, "excitatory": 1.62e-3, "inhibitory": -9e-3}
"""Weights are jumps of a current in volts: tau dv/dt = (v_rest - v) + g_e + g_i."""
COBA = {
    **MEMBRANE,
    "v_rest": -60e-3,
    "drive": 20e-3,
    "reversal_excitatory": 0.0,
    "reversal_inhibitory": -80e-3,
    "excitatory": 0.6,
    "inhibitory": 6.7,
}
"""Weights are jumps of a conductance, in multiples of the leak: tau dv/dt = v_rest - v + drive + g_e (E_e - v) +
g_i (E_i - v)."""


def cuba(name: str, *, neurons: int, steps: int, seed: int = 1, in_degree: int | None = None) -> Case:
    """Current-based synapses; 2 % of all pairs, or ``in_degree`` synapses on each neuron."""
    return _case(name, "cuba", neurons, steps, seed, in_degree, CUBA)


def coba(name: str, *, neurons: int, steps: int, seed: int = 1) -> Case:
    """Conductance-based synapses; 2 % of all pairs."""
    return _case(name, "coba", neurons, steps, seed, None, COBA)


def _case(
    name: str, kind: str, neurons: int, steps: int, seed: int, in_degree: int | None, model: dict[str, float]
) -> Case:
    path = arrays_file("vogels_abbott", _draw, neurons=neurons, in_degree=in_degree or 0, seed=seed)
    with np.load(path) as arrays:
        synapses = len(arrays["target"])
    return Case(
        name=name,
        kind=kind,
        arrays=path,
        neurons=neurons,
        synapses=synapses,
        steps=steps,
        dt=0.1e-3,
        fan_out=synapses / neurons,
        parameters=model,
    )


def _draw(neurons: int, in_degree: int, seed: int) -> dict[str, NDArray[Any]]:
    """Rows of synapses, the number of excitatory neurons (the first ones), and v before the first step in volts."""
    excitatory = neurons * 4 // 5
    where = key(seed, "connect", "vogels_abbott")
    if in_degree:
        post = np.repeat(np.arange(neurons, dtype=np.int64), in_degree)
        u = uniform(where, np.arange(neurons * in_degree)).reshape(neurons, in_degree)
        split = in_degree * 4 // 5
        pre = np.concatenate(
            [u[:, :split] * excitatory, excitatory + u[:, split:] * (neurons - excitatory)], axis=1
        )
        synapses = rows(pre.astype(np.int64).ravel(), post, neurons, neurons)
    else:
        chosen = below(where, 0, neurons * neurons, 0.02)
        synapses = rows(chosen // neurons, chosen % neurons, neurons, neurons)
    v = -60e-3 + 10e-3 * uniform(key(seed, "init", "vogels_abbott"), np.arange(neurons))
    return {**synapses, "excitatory": np.array(excitatory), "v": v}
