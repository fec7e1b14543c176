"""What a plasticity rule is: frozen parameters that ride on a projection, and three pure functions of one synapse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, Value, parameter

__all__ = ["PlasticityRule"]


class PlasticityRule(Parameters):
    """Base of plasticity rules.

    In every step, after the postsynaptic population was updated, the engine does for each synapse:

    1. ``pre(weight, x, y, *coefficients)`` if a presynaptic spike arrives in this step (it was delivered with the old
       weight); then x, the synapse's presynaptic trace, grows by one;
    2. ``post(weight, x, y, *coefficients)`` if the postsynaptic neuron spikes in this step; then y, the neuron's
       postsynaptic trace, grows by one;
    3. ``modulate(weight, m, *coefficients)`` if the run has a modulator, with its value m in this step.

    Each returns the new weight, which is clipped to [w_min, w_max] and used from the next step on. The traces decay by
    the factors ``trace_decays(dt)`` at the start of the step. So ``pre`` sees the y of earlier postsynaptic spikes, and
    ``post`` sees an x that includes an arrival of the same step.
    """

    w_min: float = parameter(default=float("-inf"), infinite=True)
    w_max: float = parameter(default=float("inf"), infinite=True)

    pre: ClassVar[Callable[..., Any]]
    post: ClassVar[Callable[..., Any]]
    modulate: ClassVar[Callable[..., Any]]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.w_min > self.w_max:
            raise DescriptionError(
                "w_min is above w_max", where=type(self).__name__, value=(self.w_min, self.w_max)
            )

    def trace_decays(self, dt: float) -> tuple[float, float]:
        """What is left of x and of y after one step."""
        raise NotImplementedError

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        """Numbers that the three functions take last, by name and in order."""
        raise NotImplementedError
