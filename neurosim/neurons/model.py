"""What a neuron model is: frozen parameters, the coefficients of its step, and the step itself, a scalar function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from neurosim.errors import DescriptionError
from neurosim.neurons.options import Discretisation
from neurosim.parameters import Parameters, Value

__all__ = ["NeuronModel", "decay_factor", "refractory_steps"]


class NeuronModel(Parameters):
    """Base of neuron models.

    A model is one file: parameters as fields, and these class members. Numbers may be arrays of the population's shape.

    Attributes:
        STATE: names of the state variables, in the order in which ``step`` takes and returns them.
        RECEPTORS: names of what arrivals act on; ``step`` takes what arrives at each after the state. Projections name
            one; the first is the default.
        CURRENT: the coefficient that an injected current adds to, times `current_gain`; None: the model takes none.
        OPTIONS: names of the enum fields that ``step`` takes last, in order; they are compiled in.
        SPIKES: whether the model can spike at all.
        DISCRETISATIONS: what its field ``discretisation``, if it has one, may be.
    """

    STATE: ClassVar[tuple[str, ...]] = ()
    RECEPTORS: ClassVar[tuple[str, ...]] = ("x",)
    CURRENT: ClassVar[str | None] = None
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    SPIKES: ClassVar[bool] = True
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = tuple(Discretisation)
    step: ClassVar[Callable[..., tuple[Any, ...]]]

    def __post_init__(self) -> None:
        super().__post_init__()
        rule = getattr(self, "discretisation", None)
        if isinstance(rule, Discretisation) and rule not in self.DISCRETISATIONS:
            raise DescriptionError(
                "this model cannot be discretised in this way",
                where=f"{type(self).__name__}.discretisation",
                value=f"Discretisation.{rule.name}",
                limit=" | ".join(f"Discretisation.{r.name}" for r in self.DISCRETISATIONS),
            )

    def initial(self, dt: float) -> Mapping[str, Value]:
        """State before step 0: a number or an array for each name in ``STATE``."""
        raise NotImplementedError

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        """Everything ``step`` takes between the arrivals and the options, by name and in its order."""
        raise NotImplementedError

    def current_gain(self, dt: float) -> Value:
        """How much a unit of injected current adds to the coefficient ``CURRENT``."""
        return 1.0

    def check(self, shape: tuple[int, ...], where: str) -> None:
        """Raise `DescriptionError` if an array parameter does not have the population's shape."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.shape != shape:
                raise DescriptionError(
                    f"{type(self).__name__}.{name} must be a number or an array of the population's shape",
                    where=where,
                    value=value.shape,
                    limit=shape,
                )


def decay_factor(dt: float, tau: Value, rule: Discretisation) -> Value:
    """What is left of a quantity with time constant ``tau`` (s) after a step: exp(-dt/tau), or 1 - dt/tau for Euler."""
    if rule is Discretisation.EULER:
        return 1.0 - dt / tau
    return np.exp(-dt / tau) if isinstance(tau, np.ndarray) else math.exp(-dt / tau)


def refractory_steps(dt: float, refractory: Value) -> Value:
    """round(refractory/dt), halves up, as a whole number of steps."""
    steps = np.floor(np.asarray(refractory) / dt + 0.5)
    return steps if steps.ndim else float(steps)
