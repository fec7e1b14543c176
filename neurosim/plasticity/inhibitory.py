"""Plasticity of inhibitory synapses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.parameters import parameter
from neurosim.plasticity.options import Axis, Pairing
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["MirroredSTDP", "SymmetricSTDP"]


class MirroredSTDP(PlasticityRule):
    r"""Pair STDP mirrored onto weights below zero.

    A presynaptic spike: w <- w + a_plus y. A postsynaptic spike: w <- w - a_minus m x. So a presynaptic spike before
    a postsynaptic one makes inhibition stronger, and one after it makes it weaker. A modulator of the run (default 1)
    scales a_minus, which is the amplitude that an astrocyte controls in the source.

    Source: the inhibitory synapses of Ivanov and Michmizos, NeurIPS 2021.

    Attributes:
        tau_plus, tau_minus: time constants of x and y, s.
        a_plus, a_minus: change of weight per pair, in the unit of the weight.
        w_min, w_max: bounds; w_max is 0 unless given.
    """

    tau_plus: float = parameter(default=20e-3, unit="s", above=0.0)
    tau_minus: float = parameter(default=20e-3, unit="s", above=0.0)
    a_plus: float = parameter(default=0.01)
    a_minus: float = parameter(default=0.012)
    w_max: float = parameter(default=0.0, infinite=True)
    pairing: Pairing = Pairing.ALL

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("x",)
    POST_TRACES: ClassVar[tuple[str, ...]] = ("y",)

    def decays(self, dt: float) -> Mapping[str, float]:
        return {"x": math.exp(-dt / self.tau_plus), "y": math.exp(-dt / self.tau_minus)}

    def restarting(self) -> frozenset[str]:
        return frozenset({"x", "y"} if self.pairing is Pairing.NEAREST else ())

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {"a_plus": self.a_plus, "a_minus": self.a_minus}

    @staticmethod
    def on_pre(weight: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any) -> Any:
        return weight + a_plus * y

    @staticmethod
    def on_post(weight: Any, x: Any, y: Any, m: Any, a_plus: Any, a_minus: Any) -> Any:
        return weight - a_minus * m * x


class SymmetricSTDP(PlasticityRule):
    r"""Symmetric inhibitory STDP: pairs of either order strengthen, every presynaptic spike weakens by a constant.

    A presynaptic spike: |w| <- |w| + learning_rate (y - alpha). A postsynaptic spike: |w| <- |w| + learning_rate x.
    Both traces decay with tau. With alpha = 2 rho0 tau the postsynaptic rate is driven towards rho0.

    Source: Vogels, Sprekeler, Zenke, Clopath and Gerstner, Science 334 (2011); NEST's ``vogels_sprekeler_synapse``.

    Attributes:
        tau: time constant of both traces, s.
        learning_rate: change of |w| per pair.
        alpha: depression per presynaptic spike, in pairs.
        axis: whether inhibitory weights lie below zero (jumps of a current or of v) or above it (conductances).
    """

    tau: float = parameter(default=20e-3, unit="s", above=0.0)
    learning_rate: float = parameter(default=1e-3)
    alpha: float = parameter(default=0.12)
    axis: Axis = Axis.NEGATIVE

    PRE_TRACES: ClassVar[tuple[str, ...]] = ("x",)
    POST_TRACES: ClassVar[tuple[str, ...]] = ("y",)

    def decays(self, dt: float) -> Mapping[str, float]:
        return dict.fromkeys(("x", "y"), math.exp(-dt / self.tau))

    def coefficients(self, dt: float) -> Mapping[str, float]:
        sign = -1.0 if self.axis is Axis.NEGATIVE else 1.0
        return {"rate": sign * self.learning_rate, "alpha": self.alpha}

    @staticmethod
    def on_pre(weight: Any, x: Any, y: Any, m: Any, rate: Any, alpha: Any) -> Any:
        return weight + rate * (y - alpha)

    @staticmethod
    def on_post(weight: Any, x: Any, y: Any, m: Any, rate: Any, alpha: Any) -> Any:
        return weight + rate * x
