"""STDP that waits for a third factor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.parameters import parameter
from neurosim.plasticity.options import Pairing
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["RewardSTDP"]


class RewardSTDP(PlasticityRule):
    r"""Reward-modulated STDP: pairs change an eligibility trace, and a modulator turns it into a change of weight.

    A presynaptic spike: c <- c - a_minus y. A postsynaptic spike: c <- c + a_plus x. In every step: w <- w + dt m c,
    with c decaying with tau_eligibility and m the modulator of the run (dopamine above its baseline, in 1/s; 0 where
    none is given). A pulse of reward of area A in one step is m = A/dt.

    Source: Izhikevich, Cereb. Cortex 17 (2007).

    Attributes:
        tau_plus, tau_minus, tau_eligibility: time constants, s.
        a_plus, a_minus: change of c per pair, in the unit of the weight.
        pairing: which spikes form pairs.
    """

    tau_plus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_eligibility: float = parameter(default=1.0, unit="s", above=0.0)
    a_plus: float = parameter(default=0.1)
    a_minus: float = parameter(default=0.15)
    pairing: Pairing = Pairing.ALL

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("x",)
    POST_TRACES: ClassVar[tuple[str, ...]] = ("y",)
    SYNAPSE: ClassVar[tuple[str, ...]] = ("eligibility",)
    MODULATOR: ClassVar[float] = 0.0

    def decays(self, dt: float) -> Mapping[str, float]:
        taus = {"x": self.tau_plus, "y": self.tau_minus, "eligibility": self.tau_eligibility}
        return {name: math.exp(-dt / tau) for name, tau in taus.items()}

    def restarting(self) -> frozenset[str]:
        return frozenset({"x", "y"} if self.pairing is Pairing.NEAREST else ())

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {"a_plus": self.a_plus, "a_minus": self.a_minus, "dt": dt}

    @staticmethod
    def on_pre(
        weight: Any, eligibility: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any, dt: Any
    ) -> Any:
        return weight, eligibility - a_minus * y

    @staticmethod
    def on_post(
        weight: Any, eligibility: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any, dt: Any
    ) -> Any:
        return weight, eligibility + a_plus * x

    @staticmethod
    def modulate(weight: Any, eligibility: Any, m: Any, a_plus: Any, a_minus: Any, dt: Any) -> Any:
        return weight + dt * m * eligibility
