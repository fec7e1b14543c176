"""The demo's network: events to 10 classes through one hidden layer with a learned delay on every synapse.

The class is the output neuron that spiked most often; of several, the one with the lowest index. This rule is used for
training, the engine and every emulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.cli.demo.recipe import Recipe
from neurosim.loss_report import LossReport
from neurosim.network import Network
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.nn.sequential import Sequential
    from neurosim.nn.training.history import Epoch
    from neurosim.nn.training.progress import TrainingProgress

__all__ = ["Trained", "decode", "train"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What training leaves: the network, what `to_network` rounded, the epochs, and parameters before and after.

    ``weights`` and ``delays`` map a projection to ``{"before training": array, "after training": array}``; delays are
    in steps.
    """

    network: Network
    losses: LossReport
    history: tuple[Epoch, ...]
    weights: dict[str, dict[str, NDArray[Any]]]
    delays: dict[str, dict[str, NDArray[Any]]]


def decode(output: Spikes) -> NDArray[np.int64]:
    """Class of every sample: the neuron with most spikes, the first of several."""
    return np.asarray(np.argmax(output.counts(), axis=1), np.int64)


def train(
    spikes: Spikes,
    labels: NDArray[Any],
    classes: int,
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] | None = None,
    **options: Any,
) -> Trained:
    """Train on labelled spikes; see `neurosim.nn.fit` for ``progress`` and further options."""
    from neurosim import neurons
    from neurosim.hardware.crossbar.training import DeviceNoise
    from neurosim.nn import LIF, DelayLinear, Dropout, Linear, Sequential, fit, to_network

    dt = spikes.dt
    noise = DeviceNoise(factor=recipe.noise) if recipe.noise else None
    module = Sequential(
        DelayLinear(spikes.size, recipe.hidden, recipe.max_delay, minimum_delay=1, seed=seed, noise=noise),
        LIF(neurons.LIF(tau_membrane=recipe.tau_hidden, threshold=1.0), recipe.hidden, dt=dt),
        *([Dropout(recipe.dropout, seed=seed)] if recipe.dropout else []),
        Linear(recipe.hidden, classes, seed=seed + 1, noise=noise),
        LIF(neurons.LIF(tau_membrane=recipe.tau_output, threshold=1.0), classes, dt=dt),
    )
    before = _parameters(module)
    history = fit(
        module,
        spikes,
        labels,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=seed,
        rate=recipe.rate,
        delay_rate=recipe.delay_rate,
        round_delays_after=recipe.epochs * 2 // 3,
        progress=False if progress is None else progress,
        **options,
    )
    network, losses = to_network(module, input_shape=spikes.shape, seed=seed)
    after = _parameters(module)
    weights, delays = (
        {
            name: {"before training": before[what][name], "after training": after[what][name]}
            for name in after[what]
        }
        for what in ("weight", "delay")
    )
    return Trained(network=network, losses=losses, history=history, weights=weights, delays=delays)


def _parameters(module: Sequential) -> dict[str, dict[str, NDArray[Any]]]:
    found: dict[str, dict[str, NDArray[Any]]] = {"weight": {}, "delay": {}}
    for name, (synapses, _) in zip(("input->hidden", "hidden->output"), module.pairs(), strict=True):
        found["weight"][name] = synapses.weight.detach().numpy().copy()
        delay = synapses.delay_steps()
        if delay is not None:
            found["delay"][name] = delay.detach().numpy().copy()
    return found
