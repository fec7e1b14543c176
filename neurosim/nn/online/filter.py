"""What a membrane still holds of the inputs of earlier steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurosim.errors import UnsupportedError
from neurosim.nn.neurons.base import Neurons

__all__ = ["Filter", "Filtered"]


class Filtered(NamedTuple):
    """Inputs seen through the synapse and through the membrane behind it, ``[B, n]`` each."""

    synapse: Tensor
    membrane: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Filtered:
        """Before the first input, for inputs of the shape and dtype of ``x``."""
        return cls(torch.zeros_like(x), torch.zeros_like(x))


class Filter(NamedTuple):
    """The subthreshold dynamics that the neurons of a layer share.

    Decay a of the membrane, decay b of the synapse, jump c of v and gain k of the current, as in the models' step.
    """

    a: float
    b: float
    c: float
    k: float

    @classmethod
    def of(cls, layer: Neurons, where: str) -> Filter:
        """Of a layer. Raises `UnsupportedError` if its neurons differ, or learn parameters of their own."""
        if layer.learn:
            raise UnsupportedError(
                "parameters of neurons do not learn online", where=where, value=", ".join(layer.learn),
                remedy="Make the layer without learn=, or train through time",
            )  # fmt: skip
        table = layer.model.coefficients(layer.dt)
        found = []
        for name, default in (("decay", 1.0), ("decay_synapse", 0.0), ("gain", 0.0)):
            values = np.unique(table.get(name, default))
            if values.size != 1:
                raise UnsupportedError(
                    "neurons of a layer differ in a time constant; a trace belongs to all of them",
                    where=where,
                    value=f"{name} from {values[0]:.4g} to {values[-1]:.4g}",
                    remedy="Give the layer one time constant, or train through time",
                )
            found.append(float(values[0]))
        a, b, k = found
        return cls(a, b, 0.0 if "gain" in table else 1.0, k)

    def step(self, x: Tensor, before: Filtered) -> Filtered:
        """p <- b p + x ; q <- a q + (c x + k p)/(c + k): q is 1 in the step of a single input of 1."""
        p = self.b * before.synapse + x
        q = self.a * before.membrane + (self.c * x + self.k * p) / (self.c + self.k)
        return Filtered(p, q)
