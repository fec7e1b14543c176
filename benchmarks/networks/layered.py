"""Layers of LIF neurons to be trained on labelled random spikes, with or without delays, feed-forward or recurrent.

The sizes are those of spoken-digit recognition with a 700-channel cochlea (Cramer et al., IEEE Trans. Neural Netw.
Learn. Syst. 33, 2022): 700 inputs, hidden layers of 256, 20 classes.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Case
from benchmarks.networks.arrays_file import arrays_file
from neurosim.random import below, key, uniform

__all__ = ["GAIN", "layered"]

GAIN = 3.0
"""Weights are uniform within gain / sqrt(inputs); the first layer, whose input is sparser, has twice that."""
RECURRENT_GAIN = 1.0
DECAY, THRESHOLD = 0.9, 1.0
"""Of the membrane in a step; spikes reset it to zero."""


def layered(
    name: str,
    *,
    sizes: tuple[int, ...] = (700, 256, 256, 20),
    steps: int = 100,
    samples: int = 128,
    density: float = 0.03,
    delays: int = 0,
    recurrent: bool = False,
    surrogate: str = "arctan",
    device: str = "cpu",
    seed: int = 1,
) -> Case:
    """Layers of ``sizes`` that read spikes of a ``density``, one batch of ``samples``.

    Args:
        delays: how many different delays a synapse can have: 0 to ``delays - 1`` steps, recurrent ones from 1; 0: none.
        recurrent: whether every hidden layer also projects to itself.
        surrogate: ``"arctan"`` (alpha 2) or ``"triangle"`` (height and width 1).
        device: ``"cpu"`` or ``"cuda"``.
    """
    text = "-".join(map(str, sizes))
    path = arrays_file(
        "layered",
        _draw,
        sizes=text,
        steps=steps,
        samples=samples,
        density=density,
        delays=delays,
        recurrent=int(recurrent),
        seed=seed,
    )
    synapses = sum(a * b for a, b in itertools.pairwise(sizes))
    synapses += sum(n * n for n in sizes[1:-1]) * recurrent
    return Case(
        name=name,
        kind=("delays" if delays else "training") + ("-recurrent" if recurrent else ""),
        arrays=path,
        neurons=sum(sizes[1:]),
        synapses=synapses,
        steps=steps,
        samples=samples,
        dt=1e-3,
        fan_out=synapses / sum(sizes),
        parameters={
            "sizes": list(sizes),
            "decay": DECAY,
            "threshold": THRESHOLD,
            "delays": delays,
            "surrogate": surrogate,
            "device": device,
        },
    )


def _draw(
    sizes: str, steps: int, samples: int, density: float, delays: int, recurrent: int, seed: int
) -> dict[str, NDArray[Any]]:
    """Weights float32 ``[post, pre]`` and delays in steps by layer, input spikes sorted by (sample, step, channel)."""
    widths = [int(n) for n in sizes.split("-")]
    out: dict[str, NDArray[Any]] = {}
    last = max(delays - 1, 0)
    for k, (n_pre, n_post) in enumerate(itertools.pairwise(widths)):
        gain = GAIN * (2.0 if k == 0 else 1.0) / np.sqrt(n_pre)
        out[f"weight{k}"] = gain * (2.0 * _square(seed, "weight", f"forward{k}", n_post, n_pre) - 1.0)
        if delays:
            out[f"delay{k}"] = last * _square(seed, "delay", f"forward{k}", n_post, n_pre)
        if recurrent and k < len(widths) - 2:
            gain = RECURRENT_GAIN / np.sqrt(n_post)
            out[f"recurrent{k}"] = gain * (2.0 * _square(seed, "weight", f"back{k}", n_post, n_post) - 1.0)
            if delays:
                drawn = _square(seed, "delay", f"back{k}", n_post, n_post)
                out[f"recurrent_delay{k}"] = 1.0 + (last - 1.0) * drawn
    out = {name: array.astype(np.float32) for name, array in out.items()}
    cell = below(key(seed, "encode", "layered"), 0, samples * steps * widths[0], density)
    step, out["channel"] = np.divmod(cell, widths[0])
    out["sample"], out["step"] = np.divmod(step, steps)
    label = uniform(key(seed, "encode", "layered", "label"), np.arange(samples)) * widths[-1]
    return {**out, "label": label.astype(np.int64)}


def _square(seed: int, purpose: str, what: str, n_post: int, n_pre: int) -> NDArray[Any]:
    u = uniform(key(seed, purpose, "layered", what, n_post, n_pre), np.arange(n_post * n_pre))
    return u.reshape(n_post, n_pre)
