"""The adaptive exponential integrate-and-fire neuron (AdEx) with exponential current synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from neurosim.errors import DescriptionError
from neurosim.neurons.exponential import exponential
from neurosim.neurons.model import NeuronModel, decay_factor, refractory_steps
from neurosim.neurons.options import Discretisation
from neurosim.parameters import Value, parameter

__all__ = ["AdEx"]

_LARGEST_EXPONENT = 700.0  # exp of it is just below the largest double


class AdEx(NeuronModel):
    r"""Adaptive exponential integrate-and-fire; a weight is a jump of the synaptic current of its receptor.

    .. math:: \tau_s \dot i_s = -i_s, \qquad
              \tau_m \dot v = v_\mathrm{rest} - v + \Delta e^{(v - \mathrm{threshold})/\Delta} + R (i_e + i_i + I - w),
              \qquad \tau_w \dot w = a (v - v_\mathrm{rest}) - w

    One step, with x_s the arrivals at receptor s and v, w on the right-hand sides from before the step::

        i_s <- b_s i_s + x_s
        v <- v + m (v_rest - v + Delta exp((v - threshold)/Delta) + R (i_e + i_i + I - w))   (held while refractory)
        w <- w + q (a (v - v_rest) - w)
        spike if v >= v_peak ; v <- v_reset ; w <- w + b ; refractory for round(refractory/dt) steps

    Euler: m = dt/tau_membrane, q = dt/tau_w, b_s = 1 - dt/tau_s. Exponential Euler: m = 1 - exp(-dt/tau_membrane),
    q = 1 - exp(-dt/tau_w), b_s = exp(-dt/tau_s). Both are of first order: the upstroke wants dt of 0.1 ms or less.

    Source: Brette and Gerstner, J. Neurophysiol. 94, 3637 (2005); the defaults are theirs, in mV, pA, nS and GOhm
    (membrane capacitance: tau_membrane/R, 281 pF). Synapses as in NEST's ``aeif_psc_exp``, where the reset is the same.

    Attributes:
        tau_membrane, tau_w: time constants of the membrane and of the adaptation current, s.
        tau_excitatory, tau_inhibitory: time constants of the synaptic currents, s.
        slope: Delta, the sharpness of spike initiation.
        threshold: where the exponential term takes over.
        v_peak: where a spike is emitted.
        v_rest, v_reset, v_init: potentials; v_init None means v_rest.
        w_init: initial adaptation current.
        a, b: conductance of the adaptation below threshold, and its jump with a spike.
        resistance, current: R and the constant external current I.
        refractory: absolute refractory period, s.
        discretisation: EULER or EXPONENTIAL_EULER.

    Raises:
        DescriptionError: the exponential term overflows below v_peak, or v_reset is not below v_peak.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "w", "i_excitatory", "i_inhibitory", "refractory_left")
    RECEPTORS: ClassVar[tuple[str, ...]] = ("excitatory", "inhibitory")
    CURRENT: ClassVar[str | None] = "drive"
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = (
        Discretisation.EULER,
        Discretisation.EXPONENTIAL_EULER,
    )

    tau_membrane: Value = parameter(default=281e-3 / 30.0, unit="s", above=0.0)
    tau_w: Value = parameter(default=144e-3, unit="s", above=0.0)
    tau_excitatory: Value = parameter(default=5e-3, unit="s", above=0.0)
    tau_inhibitory: Value = parameter(default=10e-3, unit="s", above=0.0)
    slope: Value = parameter(default=2.0, unit="v", above=0.0)
    threshold: Value = parameter(default=-50.4, unit="v")
    v_peak: Value = parameter(default=20.0, unit="v")
    v_rest: Value = parameter(default=-70.6, unit="v")
    v_reset: Value = parameter(default=-70.6, unit="v")
    v_init: Value | None = parameter(default=None, unit="v")
    w_init: Value = parameter(default=0.0, unit="A")
    a: Value = parameter(default=4.0, unit="S")
    b: Value = parameter(default=80.5, unit="A")
    resistance: Value = parameter(default=1.0 / 30.0, unit="ohm", above=0.0)
    current: Value = parameter(default=0.0, unit="A")
    refractory: Value = parameter(default=0.0, unit="s", minimum=0.0)
    discretisation: Discretisation = Discretisation.EULER

    def __post_init__(self) -> None:
        super().__post_init__()
        if len({np.shape(v) for v in (self.v_peak, self.threshold, self.slope, self.v_reset)} - {()}) > 1:
            return  # arrays of several shapes fit no population; `check` says which
        if np.any((np.asarray(self.v_peak) - self.threshold) / self.slope > _LARGEST_EXPONENT):
            raise DescriptionError(
                "the exponential term overflows before a spike is emitted",
                where="AdEx.v_peak",
                value=self.v_peak,
                limit=f"<= threshold + {_LARGEST_EXPONENT:g} slope",
                remedy="Lower v_peak",
            )
        if np.any(np.asarray(self.v_reset) >= self.v_peak):
            raise DescriptionError(
                "the reset is not below the peak, so the neuron would spike without end",
                where="AdEx.v_reset",
                value=self.v_reset,
                limit=f"< v_peak ({self.v_peak})",
            )

    def initial(self, dt: float) -> Mapping[str, Value]:
        return dict.fromkeys(self.STATE, 0.0) | {
            "v": self.v_rest if self.v_init is None else self.v_init,
            "w": self.w_init,
        }

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        rule = self.discretisation
        return {
            "decay_excitatory": decay_factor(dt, self.tau_excitatory, rule),
            "decay_inhibitory": decay_factor(dt, self.tau_inhibitory, rule),
            "relax": 1.0 - decay_factor(dt, self.tau_membrane, rule),
            "relax_w": 1.0 - decay_factor(dt, self.tau_w, rule),
            "v_rest": self.v_rest,
            "slope": self.slope,
            "threshold": self.threshold,
            "resistance": self.resistance,
            "drive": self.resistance * self.current,
            "a": self.a,
            "b": self.b,
            "v_peak": self.v_peak,
            "v_reset": self.v_reset,
            "refractory_steps": refractory_steps(dt, self.refractory),
        }

    def current_gain(self, dt: float) -> Value:
        return self.resistance

    @staticmethod
    def step(
        v: Any,
        w: Any,
        i_excitatory: Any,
        i_inhibitory: Any,
        refractory_left: Any,
        excitatory: Any,
        inhibitory: Any,
        decay_excitatory: Any,
        decay_inhibitory: Any,
        relax: Any,
        relax_w: Any,
        v_rest: Any,
        slope: Any,
        threshold: Any,
        resistance: Any,
        drive: Any,
        a: Any,
        b: Any,
        v_peak: Any,
        v_reset: Any,
        refractory_steps: Any,
    ) -> tuple[Any, ...]:
        i_excitatory = decay_excitatory * i_excitatory + excitatory
        i_inhibitory = decay_inhibitory * i_inhibitory + inhibitory
        push = (
            slope * exponential((v - threshold) / slope)
            + drive
            + resistance * (i_excitatory + i_inhibitory - w)
        )
        w += relax_w * (a * (v - v_rest) - w)
        held = refractory_left > 0.0
        if held:
            refractory_left -= 1.0
        else:
            v += relax * (v_rest - v + push)
        spike = v >= v_peak
        if held:
            spike = False
        if spike:
            v = v_reset
            w += b
            refractory_left = refractory_steps
        return v, w, i_excitatory, i_inhibitory, refractory_left, spike
