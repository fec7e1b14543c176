"""The leaky integrator: a membrane that never spikes, used as a readout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.model import NeuronModel, decay_factor
from neurosim.neurons.options import Discretisation
from neurosim.parameters import Value, parameter

__all__ = ["LeakyIntegrator"]


class LeakyIntegrator(NeuronModel):
    r"""A leaky membrane without threshold; an arriving weight is a jump of the potential.

    .. math:: \tau_m \dot v = v_\mathrm{rest} - v + R I

    One step, with x the arrivals and a = exp(-dt/tau_membrane) (Euler: 1 - dt/tau_membrane)::

        v <- v_rest + a (v - v_rest) + (1 - a) R I + x

    Source: NIR's LI (Pedersen et al., Nat. Commun. 15, 2024).

    Attributes:
        tau_membrane: time constant, s.
        v_rest, v_init: potentials; v_init None means v_rest.
        resistance, current: R and the constant external current I.
    """

    STATE: ClassVar[tuple[str, ...]] = ("v",)
    CURRENT: ClassVar[str | None] = "drive"
    SPIKES: ClassVar[bool] = False
    DISCRETISATIONS: ClassVar[tuple[Discretisation, ...]] = (Discretisation.EXACT, Discretisation.EULER)

    tau_membrane: Value = parameter(default=20e-3, unit="s", above=0.0, infinite=True)
    v_rest: Value = parameter(default=0.0, unit="v")
    v_init: Value | None = parameter(default=None, unit="v")
    resistance: Value = parameter(default=1.0, unit="ohm")
    current: Value = parameter(default=0.0, unit="A")
    discretisation: Discretisation = Discretisation.EXACT

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.v_rest if self.v_init is None else self.v_init}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        a = decay_factor(dt, self.tau_membrane, self.discretisation)
        return {"decay": a, "v_rest": self.v_rest, "drive": (1.0 - a) * self.resistance * self.current}

    def current_gain(self, dt: float) -> Value:
        return (1.0 - decay_factor(dt, self.tau_membrane, self.discretisation)) * self.resistance

    @staticmethod
    def step(v: Any, x: Any, decay: Any, v_rest: Any, drive: Any) -> tuple[Any, ...]:
        v = v_rest + decay * (v - v_rest) + drive + x
        return v, False
