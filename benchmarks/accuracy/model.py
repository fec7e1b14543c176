"""The network of a recipe, as a module of `neurosim.nn`."""

from __future__ import annotations

from typing import Any

import neurosim as ns
from benchmarks.accuracy.recipe import Delays, Kernel, Network, Objective, Recipe, Recurrence
from benchmarks.accuracy.shift import Shift
from neurosim import nn

__all__ = ["build", "objective"]

_SURROGATES: dict[str, tuple[type[Any], str]] = {
    "Triangle": (nn.Triangle, "width"),
    "Boxcar": (nn.Boxcar, "width"),
    "Arctan": (nn.Arctan, "alpha"),
    "Sigmoid": (nn.Sigmoid, "alpha"),
    "SuperSpike": (nn.SuperSpike, "beta"),
}


def build(recipe: Recipe, shape: tuple[int, ...], classes: int, seed: int) -> nn.Sequential:
    """The module for inputs of a shape whose last axis are the channels, with first weights drawn from ``seed``."""
    net, dt = recipe.network, recipe.data.dt
    channels, rows = shape[-1], 1
    for n in shape[:-1]:
        rows *= n
    layers: list[Any] = []
    if recipe.training.shift_steps or recipe.training.shift_channels:
        shift = Shift(
            rows, channels, steps=recipe.training.shift_steps, by=recipe.training.shift_channels, seed=seed
        )
        layers.append(shift)
    size = rows * channels
    for k, hidden in enumerate(net.hidden):
        layers.append(_synapses(net, size, hidden, seed * 100 + 2 * k))
        if net.batch_norm:
            layers.append(nn.BatchNorm(hidden, gain=net.batch_norm))
        layers.append(_hidden(net, hidden, dt, seed * 100 + 2 * k + 1))
        if net.dropout:
            layers.append(nn.Dropout(net.dropout, seed=seed * 100 + k))
        size = hidden
    layers.append(_synapses(net, size, classes, seed * 100 + 99))
    readout = ns.LeakyIntegrator(tau_membrane=net.tau_readout)
    return nn.Sequential(*layers, nn.LeakyIntegrator(readout, classes, dt=dt))


def objective(recipe: Recipe) -> Any:
    """The loss of a recipe."""
    if recipe.training.objective is Objective.SOFTMAX_SUM:
        return nn.SoftmaxSumCrossEntropy()
    return nn.MembraneCrossEntropy(over=nn.OverTime.MEAN)


def _synapses(net: Network, n_in: int, n_out: int, seed: int) -> Any:
    if net.delays is Delays.NONE:
        return nn.Linear(n_in, n_out, gain=net.gain, seed=seed)
    options: dict[str, Any] = {"gain": net.gain, "seed": seed}
    if net.kernel is Kernel.GAUSSIAN and net.delays is Delays.LEARNED:
        return nn.DclsLinear(n_in, n_out, net.max_delay, **options)
    layer = nn.DelayLinear(n_in, n_out, net.max_delay, **options)
    if net.delays is Delays.FIXED:
        layer.round_delays_()
        layer.delay.requires_grad_(False)
    return layer


def _hidden(net: Network, n: int, dt: float, seed: int) -> Any:
    kind, sharpness = _SURROGATES[net.surrogate]
    lif = nn.LIF(
        ns.LIF(tau_membrane=net.tau_membrane, threshold=net.threshold),
        n,
        dt=dt,
        surrogate=kind(**({sharpness: net.sharpness} if net.sharpness else {})),
    )
    if net.recurrence is Recurrence.NONE:
        return lif
    options: dict[str, Any] = {"gain": net.recurrent_gain, "seed": seed}
    if net.recurrence is Recurrence.PLAIN:
        return nn.Recurrent(lif, nn.Linear(n, n, **options))
    return nn.Recurrent(lif, nn.DelayLinear(n, n, net.recurrent_delay, minimum_delay=1, **options))
