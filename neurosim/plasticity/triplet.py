"""Triplet spike-timing-dependent plasticity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.parameters import parameter
from neurosim.plasticity.options import Pairing
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["TripletSTDP"]


class TripletSTDP(PlasticityRule):
    r"""Triplet STDP: pairs, and triplets of two spikes of one side and one of the other.

    A presynaptic spike: w <- w - o1 (a2_minus + a3_minus r2). A postsynaptic spike: w <- w + r1 (a2_plus + a3_plus
    o2). The traces r1, r2 (presynaptic) and o1, o2 (postsynaptic) decay with tau_plus, tau_x, tau_minus and tau_y; r2
    and o2 are seen just before the spike. Defaults: the full model with all-to-all pairing, fitted to visual cortex.

    Source: Pfister and Gerstner, J. Neurosci. 26 (2006), eqs. 2-4 and table 4. NEST's ``stdp_triplet_synapse`` is
    this with ``delay_site=DelaySite.DENDRITIC, same_step=SameStep.IGNORED, delivered=Delivered.AFTER,
    weight_update=WeightUpdate.AT_PRESYNAPTIC, w_min=0``.

    Attributes:
        tau_plus, tau_minus, tau_x, tau_y: time constants of r1, o1, r2 and o2, s.
        a2_plus, a2_minus, a3_plus, a3_minus: amplitudes of pairs and triplets, in the unit of the weight.
        pairing: which spikes count, in all four traces.
    """

    tau_plus: float = parameter(default=16.8e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=33.7e-3, unit="s", above=0.0)
    tau_x: float = parameter(default=101e-3, unit="s", above=0.0)
    tau_y: float = parameter(default=125e-3, unit="s", above=0.0)
    a2_plus: float = parameter(default=5e-10)
    a2_minus: float = parameter(default=7e-3)
    a3_plus: float = parameter(default=6.2e-3)
    a3_minus: float = parameter(default=2.3e-4)
    pairing: Pairing = Pairing.ALL

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("r1", "r2")
    POST_TRACES: ClassVar[tuple[str, ...]] = ("o1", "o2")

    def decays(self, dt: float) -> Mapping[str, float]:
        taus = {"r1": self.tau_plus, "r2": self.tau_x, "o1": self.tau_minus, "o2": self.tau_y}
        return {name: math.exp(-dt / tau) for name, tau in taus.items()}

    def restarting(self) -> frozenset[str]:
        return frozenset({"r1", "r2", "o1", "o2"} if self.pairing is Pairing.NEAREST else ())

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {
            "a2_plus": self.a2_plus,
            "a2_minus": self.a2_minus,
            "a3_plus": self.a3_plus,
            "a3_minus": self.a3_minus,
        }

    @staticmethod
    def on_pre(
        weight: Any,
        r1: Any,
        r2: Any,
        o1: Any,
        o2: Any,
        m: Any,
        a2_plus: Any,
        a2_minus: Any,
        a3_plus: Any,
        a3_minus: Any,
    ) -> Any:
        return weight - o1 * (a2_minus + a3_minus * r2)

    @staticmethod
    def on_post(
        weight: Any,
        r1: Any,
        r2: Any,
        o1: Any,
        o2: Any,
        m: Any,
        a2_plus: Any,
        a2_minus: Any,
        a3_plus: Any,
        a3_minus: Any,
    ) -> Any:
        return weight + r1 * (a2_plus + a3_plus * o2)
