"""Recurrent neurons in the numbers of a Loihi core: registers and stored weights, the same for every emulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file, rows

__all__ = ["full_chip", "recurrent_core"]

CORE = 1024
"""Compartments of a core."""


def recurrent_core(
    name: str,
    *,
    size: int = CORE,
    share: float = 0.1,
    steps: int,
    samples: int = 1,
    inputs: int = 0,
    seed: int = 6,
) -> Case:
    """Neurons of which each pair is connected with probability ``share``; a fifth inhibits.

    Biases drive them. With ``inputs``, so many channels spike at random too, differently in every sample.
    """
    path = arrays_file(
        "loihi_core", _core, size=size, share=share, inputs=inputs, steps=steps, samples=samples, seed=seed
    )
    with np.load(path) as arrays:
        synapses = len(arrays["target"])
        heard = int(np.diff(arrays["input_row_start"])[arrays["channel"]].sum())
        synapses += len(arrays["input_target"])
        fan_out = len(arrays["target"]) / size
    return Case(
        name=name,
        kind="loihi-batch" if inputs or samples > 1 else "loihi",
        arrays=path,
        neurons=size,
        synapses=synapses,
        steps=steps,
        samples=samples,
        dt=1e-3,
        fan_out=fan_out,
        input_events=heard,
        parameters={"cores": 1, "inputs": inputs},
    )


def full_chip(name: str, *, cores: int, fan_out: int, size: int = CORE, steps: int, seed: int = 7) -> Case:
    """Cores in a ring, each full: a neuron has ``fan_out`` synapses on its own core and as many on the next."""
    path = arrays_file("loihi_chip", _ring, cores=cores, size=size, fan_out=fan_out, seed=seed)
    return Case(
        name=name,
        kind="loihi-chip",
        arrays=path,
        neurons=cores * size,
        synapses=2 * cores * size * fan_out,
        steps=steps,
        dt=1e-3,
        fan_out=2 * fan_out,
        parameters={"cores": cores, "inputs": 0},
    )


def _core(
    size: int, share: float, inputs: int, steps: int, samples: int, seed: int
) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    found = rows(*np.nonzero(rng.random((size, size)) < share), size, size)
    found["weight"] = _weights(rng, found["row_start"], size)
    more = rows(*np.nonzero(rng.random((inputs, size)) < share), inputs, size)
    spikes = np.argwhere(rng.random((samples, steps, inputs)) < 0.02).astype(np.int32)
    return {
        **found,
        **_registers(rng, size),
        "input_row_start": more["row_start"],
        "input_target": more["target"],
        "input_weight": rng.integers(4, 16, len(more["target"])).astype(np.int32) * 2,
        "sample": spikes[:, 0],
        "step": spikes[:, 1],
        "channel": spikes[:, 2],
    }


def _ring(cores: int, size: int, fan_out: int, seed: int) -> dict[str, NDArray[Any]]:
    rng, n = np.random.default_rng(seed), cores * size
    target = np.empty((n, 2, fan_out), np.int64)
    for core in range(cores):
        mine = slice(core * size, (core + 1) * size)
        for k in (0, 1):
            first = (core + k) % cores * size
            draw = np.argsort(rng.random((size, size)), axis=1)[:, :fan_out]
            target[mine, k] = np.sort(draw, axis=1) + first
    found = rows(np.repeat(np.arange(n), 2 * fan_out), target.reshape(-1), n, n)
    return {**found, "weight": _weights(rng, found["row_start"], n), **_registers(rng, n)}


def _weights(rng: np.random.Generator, row_start: NDArray[np.int64], n: int) -> NDArray[np.int32]:
    """Stored weights, even as weights of both signs have to be."""
    inhibits = np.zeros(n, bool)
    inhibits[rng.permutation(n)[: n // 5]] = True
    pre = np.repeat(inhibits, np.diff(row_start))
    up, down = rng.integers(4, 16, len(pre)), rng.integers(15, 30, len(pre))
    return np.where(pre, -2 * down, 2 * (up // 2)).astype(np.int32)


def _registers(rng: np.random.Generator, n: int) -> dict[str, NDArray[Any]]:
    """Time constants of 5 and 20 steps, biases around and above what reaches the threshold."""
    return {
        "du": np.full(n, 741, np.int32),
        "dv": np.full(n, 200, np.int32),
        "threshold": np.full(n, 1600, np.int32),
        "bias_mantissa": rng.integers(1150, 2130, n).astype(np.int32),
        "bias_exponent": np.full(n, 2, np.int32),
    }
