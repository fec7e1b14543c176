"""A liquid of current-based LIF neurons on a cubic grid that reads spike trains of drawn strokes.

Connection probability falls with distance, C exp(-(d/length)^2) with C by type (Maass, Natschlaeger and Markram,
Neural Comput. 14, 2002; the C are larger here, for about 72 synapses a neuron). The input is like a digit's: two
curved strokes in 28 x 28 pixels whose intensity is the rate of a Poisson train, at most 63.75 Hz.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file, rows
from neurosim.random import key, permutation, uniform

__all__ = ["liquid"]

LENGTH = 3.4
"""Length of connections, in grid steps."""
C = np.array([[0.6, 0.5], [0.9, 0.4]])
"""C[pre, post] with 0 for excitatory and 1 for inhibitory."""
PEAK_RATE = 63.75
"""Rate of a black pixel, Hz."""
PEN = 3.0
"""Square of the stroke's half width, pixels."""


def liquid(
    name: str, *, side: int = 10, pixels: int = 28, steps: int = 250, samples: int = 100, seed: int = 1
) -> Case:
    """``side``^3 neurons, ``pixels``^2 input channels with 5 % of all synapses, dt = 1 ms."""
    path = arrays_file("liquid", _draw, side=side, pixels=pixels, steps=steps, samples=samples, seed=seed)
    with np.load(path) as arrays:
        synapses, fan_in = len(arrays["target"]), np.diff(arrays["input_row_start"])
        input_events = float(fan_in[arrays["channel"]].sum())
    return Case(
        name=name,
        kind="liquid",
        arrays=path,
        neurons=side**3,
        synapses=synapses,
        steps=steps,
        samples=samples,
        dt=1e-3,
        fan_out=synapses / side**3,
        input_events=input_events,
        parameters={"tau_membrane": 20e-3, "tau_synapse": 5e-3, "threshold": 1.0, "channels": pixels**2},
    )


def _draw(side: int, pixels: int, steps: int, samples: int, seed: int) -> dict[str, NDArray[Any]]:
    """Recurrent and input rows with float32 weights, and the input spikes sorted by (sample, step, channel)."""
    n, channels = side**3, pixels**2
    place = np.stack(np.unravel_index(np.arange(n), (side,) * 3), axis=1).astype(float)
    inhibitory = np.zeros(n, np.int64)
    inhibitory[permutation(key(seed, "connect", "liquid", "type"), n)[: n // 5]] = 1
    squared = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    p = C[inhibitory[:, None], inhibitory[None]] * np.exp(-squared / LENGTH**2)
    np.fill_diagonal(p, 0.0)
    u = uniform(key(seed, "connect", "liquid"), np.arange(n * n)).reshape(n, n)
    pre, post = np.nonzero(u < p)
    spread = 0.5 + uniform(key(seed, "weight", "liquid"), np.arange(len(pre)))
    weight = np.where(inhibitory[pre] == 1, -0.30, 0.06) * spread

    u = uniform(key(seed, "connect", "liquid", "input"), np.arange(channels * n)).reshape(channels, n)
    input_pre, input_post = np.nonzero(u < 0.05)
    spread = 0.5 + uniform(key(seed, "weight", "liquid", "input"), np.arange(len(input_pre)))
    fired = [_stroke_spikes(pixels, steps, seed, sample) for sample in range(samples)]
    recurrent, outer = rows(pre, post, n, n), rows(input_pre, input_post, channels, n)
    return {
        **recurrent,
        "weight": weight.astype(np.float32),
        "input_row_start": outer["row_start"],
        "input_target": outer["target"],
        "input_weight": (0.6 * spread).astype(np.float32),
        "sample": np.repeat(np.arange(samples, dtype=np.int32), [len(step) for step, _ in fired]),
        "step": np.concatenate([step for step, _ in fired]).astype(np.int32),
        "channel": np.concatenate([channel for _, channel in fired]).astype(np.int32),
    }


def _stroke_spikes(pixels: int, steps: int, seed: int, sample: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Steps and channels of the spikes of two strokes: cubic Bezier curves, drawn with a soft pen."""
    corners = uniform(key(seed, "encode", "stroke", sample), np.arange(16)).reshape(2, 4, 2)
    corners = pixels * (0.15 + 0.7 * corners)
    t = np.linspace(0.0, 1.0, 40)[:, None]
    blend = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    y, x = np.indices((pixels, pixels))
    distance = (blend @ corners).reshape(-1, 2, 1, 1) - np.stack([y, x])[None]
    image = np.exp(-(distance**2).sum(axis=1) / PEN).max(axis=0).ravel()
    p = np.where(image < 0.1, 0.0, image) * PEAK_RATE * 1e-3
    u = uniform(key(seed, "encode", "spikes", sample), np.arange(steps * pixels**2))
    step, channel = np.nonzero(u.reshape(steps, -1) < p)
    return step, channel
