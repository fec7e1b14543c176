"""Izhikevich's simple model of spiking neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation
from neurosim.parameters import Value, parameter

__all__ = ["Izhikevich"]


class Izhikevich(NeuronModel):
    r"""The simple model of 2003; an arriving weight is a jump of the potential, in mV.

    .. math:: \dot v = 0.04 v^2 + 5 v + 140 - u + I, \qquad \dot u = a (b v - u)

    with v in mV and time in ms, as published: a is per ms, and here alone a parameter counts milliseconds. One step,
    with h = dt in ms, x the arrivals, f(v, u) = 0.04 v^2 + 5 v + 140 - u and right-hand sides from before the step::

        v <- v + h (f(v, u) + I) + x ; u <- u + h a (b v - u)
        spike if v >= threshold ; v <- c ; u <- u + d

    That is Euler, as Brian2's method ``euler`` and NEST's ``izhikevich`` with ``consistent_integration``.
    `Discretisation.TWO_HALF_STEPS` is the published program, where h = 1 (NEST's ``consistent_integration=False``)::

        twice:  v <- v + (h (f(v, u) + I) + x)/2
        u <- u + h a (b v - u)

    Source: Izhikevich, IEEE Trans. Neural Netw. 14, 1569 (2003).

    Attributes:
        a, b, c, d: rate (1/ms) and sensitivity of the recovery u, reset of v (mV), jump of u. The default is regular
            spiking; (0.1, 0.2, -65, 2) is fast spiking, (0.02, 0.2, -50, 2) chattering.
        threshold: the peak of a spike, mV.
        v_init, u_init: initial state; u_init None means b v_init.
        current: the constant external current I, mV/ms.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v", "u")
    CURRENT: ClassVar[str | None] = "drive"
    OPTIONS: ClassVar[tuple[str, ...]] = ("discretisation",)
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = (
        Discretisation.EULER,
        Discretisation.TWO_HALF_STEPS,
    )

    a: Value = parameter(default=0.02, unit="1/ms", above=0.0)
    b: Value = parameter(default=0.2, unit="1/ms")
    c: Value = parameter(default=-65.0, unit="v")
    d: Value = parameter(default=8.0, unit="v")
    threshold: Value = parameter(default=30.0, unit="v")
    v_init: Value = parameter(default=-65.0, unit="v")
    u_init: Value | None = parameter(default=None, unit="v")
    current: Value = parameter(default=0.0, unit="A")
    discretisation: Discretisation = Discretisation.EULER

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.v_init, "u": self.b * self.v_init if self.u_init is None else self.u_init}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        h = dt * 1e3
        return {
            "h": h,
            "rate": h * self.a,
            "b": self.b,
            "c": self.c,
            "d": self.d,
            "drive": h * self.current,
            "threshold": self.threshold,
        }

    def current_gain(self, dt: float) -> Value:
        return dt * 1e3

    @staticmethod
    def step(
        v: Any,
        u: Any,
        x: Any,
        h: Any,
        rate: Any,
        b: Any,
        c: Any,
        d: Any,
        drive: Any,
        threshold: Any,
        discretisation: Any,
    ) -> tuple[Any, ...]:
        if discretisation == Discretisation.TWO_HALF_STEPS:
            v += 0.5 * (h * (0.04 * v * v + 5.0 * v + 140.0 - u) + drive + x)
            v += 0.5 * (h * (0.04 * v * v + 5.0 * v + 140.0 - u) + drive + x)
            u += rate * (b * v - u)
        else:
            slope = 0.04 * v * v + 5.0 * v + 140.0 - u
            u += rate * (b * v - u)
            v += h * slope + drive + x
        spike = v >= threshold
        if spike:
            v = c
            u += d
        return v, u, spike
