"""STDP behind gates that the calcium of the postsynaptic neuron opens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.errors import DescriptionError
from neurosim.parameters import parameter
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["CalciumSTDP"]


class CalciumSTDP(PlasticityRule):
    r"""Pair STDP whose potentiation and depression each act only while the neuron's calcium lies in a window.

    A presynaptic spike: w <- w - a_minus y if depress_above < c < depress_below. A postsynaptic spike: w <- w +
    a_plus x if potentiate_above < c < potentiate_below. Calcium c grows by one at each spike of the postsynaptic
    neuron and decays with tau_calcium; a spike sees it without its own contribution.

    Source: the activity-based stop of Brader, Senn and Fusi, Neural Comput. 19 (2007), in the form used for liquids
    by Jin and Li, "AP-STDP", IJCNN 2016 (windows [theta, theta + delta] and [theta - delta, theta]).

    Attributes:
        tau_plus, tau_minus, tau_calcium: time constants, s.
        a_plus, a_minus: change of weight per pair.
        potentiate_above, potentiate_below, depress_above, depress_below: windows of c, in spikes.
    """

    tau_plus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_calcium: float = parameter(default=1.0, unit="s", above=0.0)
    a_plus: float = parameter(default=0.01)
    a_minus: float = parameter(default=0.01)
    potentiate_above: float = parameter(default=10.0, infinite=True)
    potentiate_below: float = parameter(default=13.0, infinite=True)
    depress_above: float = parameter(default=7.0, infinite=True)
    depress_below: float = parameter(default=10.0, infinite=True)

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("x",)
    POST_TRACES: ClassVar[tuple[str, ...]] = ("y", "calcium")

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (
            (self.potentiate_above, self.potentiate_below),
            (self.depress_above, self.depress_below),
        ):
            if low > high:
                raise DescriptionError(
                    "a window ends before it begins", where="CalciumSTDP", value=(low, high)
                )

    def decays(self, dt: float) -> Mapping[str, float]:
        taus = {"x": self.tau_plus, "y": self.tau_minus, "calcium": self.tau_calcium}
        return {name: math.exp(-dt / tau) for name, tau in taus.items()}

    def coefficients(self, dt: float) -> Mapping[str, float]:
        names = (
            "a_plus",
            "a_minus",
            "potentiate_above",
            "potentiate_below",
            "depress_above",
            "depress_below",
        )
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def on_pre(
        weight: Any, x: Any, y: Any, calcium: Any, m: Any, a_plus: Any, a_minus: Any, potentiate_above: Any,
        potentiate_below: Any, depress_above: Any, depress_below: Any,
    ) -> Any:  # fmt: skip
        return weight - a_minus * y if depress_above < calcium < depress_below else weight

    @staticmethod
    def on_post(
        weight: Any, x: Any, y: Any, calcium: Any, m: Any, a_plus: Any, a_minus: Any, potentiate_above: Any,
        potentiate_below: Any, depress_above: Any, depress_below: Any,
    ) -> Any:  # fmt: skip
        return weight + a_plus * x if potentiate_above < calcium < potentiate_below else weight
