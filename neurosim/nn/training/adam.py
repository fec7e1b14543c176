"""Adam with its state in plain arrays, so that training is saved without pickle and resumed bit for bit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["Adam"]


class Adam:
    """Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Args:
        parameters: by name; each has a rate of its own in `step`.
        decay: of the running means of the gradient and of its square.
        epsilon: added to the root of the mean square.
    """

    def __init__(
        self,
        parameters: Mapping[str, torch.nn.Parameter],
        *,
        decay: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters, self.decay, self.epsilon = dict(parameters), decay, epsilon
        self.steps = 0
        self.mean = {name: np.zeros_like(p.detach().numpy()) for name, p in parameters.items()}
        self.square = {name: np.zeros_like(p.detach().numpy()) for name, p in parameters.items()}

    def step(self, rates: Mapping[str, float]) -> None:
        """One update; parameters without a gradient or with a rate of zero stay."""
        self.steps += 1
        first, second = self.decay
        for name, parameter in self.parameters.items():
            if parameter.grad is None or rates[name] == 0.0:
                continue
            value = parameter.detach().numpy()
            mean, square = self.mean[name], self.square[name]
            self._update(value, parameter.grad.numpy(), mean, square, first, second, rates[name])

    def _update(
        self,
        value: NDArray[np.floating],
        grad: NDArray[np.floating],
        mean: NDArray[np.floating],
        square: NDArray[np.floating],
        first: float,
        second: float,
        rate: float,
    ) -> None:
        mean *= first
        mean += (1 - first) * grad
        square *= second
        square += (1 - second) * grad * grad
        size = np.sqrt(square) / np.sqrt(1 - second**self.steps) + self.epsilon
        value -= (rate / (1 - first**self.steps)) * mean / size
