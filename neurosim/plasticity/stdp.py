"""Pair-based spike-timing-dependent plasticity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.errors import DescriptionError
from neurosim.parameters import parameter
from neurosim.plasticity.options import Dependence, Pairing
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["STDP"]


class STDP(PlasticityRule):
    r"""Pair STDP.

    A presynaptic spike: w <- w - a_minus D(w) m y. A postsynaptic spike: w <- w + a_plus P(w) x. The traces x
    (presynaptic) and y (postsynaptic) grow by one at their neuron's spike and decay with tau_plus and tau_minus; with
    `Pairing.NEAREST` a spike sets them to one. D and P are 1 unless `dependence` says otherwise. A modulator of the run
    (default 1) scales depression, as an astrocyte does in Ivanov and Michmizos, NeurIPS 2021.

    Source: Song, Miller and Abbott, Nat. Neurosci. 3 (2000); the weight dependences van Rossum, Bi and Turrigiano, J.
    Neurosci. 20 (2000) and Gütig, Aharonov, Rotter and Sompolinsky, J. Neurosci. 23 (2003); traces as in Morrison,
    Diesmann and Gerstner, Biol. Cybern. 98 (2008).

    NEST's ``stdp_synapse`` is ``STDP(delay_site=DelaySite.DENDRITIC, same_step=SameStep.IGNORED,
    weight_update=WeightUpdate.AT_PRESYNAPTIC, delivered=Delivered.AFTER, dependence=Dependence.POWER_LAW,
    a_plus=lambda * Wmax, a_minus=alpha * lambda * Wmax, w_min=0, w_max=Wmax)``.

    Attributes:
        tau_plus, tau_minus: time constants of the traces, s.
        a_plus, a_minus: change of weight per pair, in the unit of the weight.
        pairing: which spikes form pairs.
        dependence: how a change depends on the weight; all but ``ADDITIVE`` need finite bounds.
        mu_plus, mu_minus: exponents of ``POWER_LAW``.
    """

    tau_plus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=20e-3, unit="s", above=0.0)
    a_plus: float = parameter(default=0.01)
    a_minus: float = parameter(default=0.012)
    pairing: Pairing = Pairing.ALL
    dependence: Dependence = Dependence.ADDITIVE
    mu_plus: float = parameter(default=1.0, minimum=0.0)
    mu_minus: float = parameter(default=1.0, minimum=0.0)

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("x",)
    POST_TRACES: ClassVar[tuple[str, ...]] = ("y",)
    OPTIONS: ClassVar[tuple[str, ...]] = ("dependence",)

    def __post_init__(self) -> None:
        super().__post_init__()
        finite = math.isfinite(self.w_min) and math.isfinite(self.w_max) and self.w_min < self.w_max
        if self.dependence is not Dependence.ADDITIVE and not finite:
            raise DescriptionError(
                "a change that depends on the weight needs finite bounds",
                where=type(self).__name__,
                value=(self.w_min, self.w_max),
                remedy="Give w_min and w_max",
            )

    def decays(self, dt: float) -> Mapping[str, float]:
        return {"x": math.exp(-dt / self.tau_plus), "y": math.exp(-dt / self.tau_minus)}

    def restarting(self) -> frozenset[str]:
        return frozenset({"x", "y"} if self.pairing is Pairing.NEAREST else ())

    def coefficients(self, dt: float) -> Mapping[str, float]:
        span = self.w_max - self.w_min
        return {
            "a_plus": self.a_plus,
            "a_minus": self.a_minus,
            "low": self.w_min if math.isfinite(span) else 0.0,
            "high": self.w_max if math.isfinite(span) else 0.0,
            "per_span": 1.0 / span if 0.0 < span < math.inf else 0.0,
            "mu_plus": self.mu_plus,
            "mu_minus": self.mu_minus,
        }

    @staticmethod
    def on_pre(
        weight: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any, low: Any, high: Any, per_span: Any,
        mu_plus: Any, mu_minus: Any, dependence: Any,
    ) -> Any:  # fmt: skip
        change = a_minus * m * y
        if dependence == Dependence.MULTIPLICATIVE:
            change = change * ((weight - low) * per_span)
        elif dependence == Dependence.POWER_LAW:
            change = change * math.pow((weight - low) * per_span, mu_minus)
        return weight - change

    @staticmethod
    def on_post(
        weight: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any, low: Any, high: Any, per_span: Any,
        mu_plus: Any, mu_minus: Any, dependence: Any,
    ) -> Any:  # fmt: skip
        change = a_plus * x
        if dependence == Dependence.MULTIPLICATIVE:
            change = change * ((high - weight) * per_span)
        elif dependence == Dependence.POWER_LAW:
            change = change * math.pow((high - weight) * per_span, mu_plus)
        return weight + change
