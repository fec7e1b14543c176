"""The integrate-and-fire neuron without leak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurosim.neurons.lif import LIF
from neurosim.neurons.membrane import check_reset_timing
from neurosim.neurons.model import NeuronModel, refractory_steps
from neurosim.neurons.options import RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Value, parameter

__all__ = ["IntegrateAndFire"]


class IntegrateAndFire(NeuronModel):
    r"""Perfect integrator with a threshold; an arriving weight is a jump of the potential.

    .. math:: \dot v = R I

    One step, with x the arrivals::

        v <- v + R I dt + x
        spike if v >= threshold ; reset ; refractory for round(refractory/dt) steps

    It is the LIF step with a decay factor of one. Source: NIR's IF (Pedersen et al., Nat. Commun. 15, 2024).

    Attributes:
        threshold, v_reset, v_init: potentials.
        resistance, current: R and I; their product is the slope of v, per second.
        refractory: absolute refractory period, s.
    """

    STATE: ClassVar[tuple[str, ...]] = LIF.STATE
    CURRENT: ClassVar[str | None] = "drive"
    OPTIONS: ClassVar[tuple[str, ...]] = LIF.OPTIONS

    threshold: Value = parameter(default=1.0, unit="v")
    v_reset: Value = parameter(default=0.0, unit="v")
    v_init: Value = parameter(default=0.0, unit="v")
    resistance: Value = parameter(default=1.0, unit="ohm")
    current: Value = parameter(default=0.0, unit="A")
    refractory: Value = parameter(default=0.0, unit="s", minimum=0.0)
    reset: Reset = Reset.TO_VALUE
    spike_when: SpikeWhen = SpikeWhen.REACHED
    reset_timing: ResetTiming = ResetTiming.SAME_STEP
    refractory_input: RefractoryInput = RefractoryInput.DROP

    def __post_init__(self) -> None:
        super().__post_init__()
        check_reset_timing(self)

    def initial(self, dt: float) -> Mapping[str, Value]:
        return {"v": self.v_init, "refractory_left": 0.0}

    def coefficients(self, dt: float) -> Mapping[str, Value]:
        return {
            "decay": 1.0,
            "v_rest": 0.0,
            "drive": dt * self.resistance * self.current,
            "threshold": self.threshold,
            "v_reset": self.v_reset,
            "refractory_steps": refractory_steps(dt, self.refractory),
        }

    def current_gain(self, dt: float) -> Value:
        return dt * self.resistance

    step: ClassVar[Any] = staticmethod(LIF.step)
