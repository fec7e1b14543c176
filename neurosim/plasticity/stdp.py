"""Pair-based spike-timing-dependent plasticity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neurosim.parameters import Value, parameter
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["STDP"]


class STDP(PlasticityRule):
    r"""Additive pair STDP, all pairs; delays are axonal (the presynaptic side acts when the spike arrives).

    A presynaptic arrival: w <- w - a_minus y. A postsynaptic spike: w <- w + a_plus x. The traces x and y grow
    by one at
    their spike and decay with tau_plus and tau_minus. An arrival and a postsynaptic spike in one step count as causal.

    Source: Song, Miller and Abbott, Nat. Neurosci. 3 (2000); trace form as in Morrison, Diesmann and Gerstner, Biol.
    Cybern. 98 (2008).

    Attributes:
        tau_plus, tau_minus: time constants of the traces, s.
        a_plus, a_minus: change of weight per pair, in the unit of the weight.
        w_min, w_max: bounds of the weight.
    """

    tau_plus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=20e-3, unit="s", above=0.0)
    a_plus: float = parameter(default=0.01)
    a_minus: float = parameter(default=0.012)

    def trace_decays(self, dt: float) -> tuple[float, float]:
        return math.exp(-dt / self.tau_plus), math.exp(-dt / self.tau_minus)

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return {"a_plus": self.a_plus, "a_minus": self.a_minus}

    @staticmethod
    def pre(weight: Any, x: Any, y: Any, a_plus: Any, a_minus: Any) -> Any:
        return weight - a_minus * y

    @staticmethod
    def post(weight: Any, x: Any, y: Any, a_plus: Any, a_minus: Any) -> Any:
        return weight + a_plus * x

    @staticmethod
    def modulate(weight: Any, m: Any, a_plus: Any, a_minus: Any) -> Any:
        return weight
