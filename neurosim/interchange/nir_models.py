"""From NIR's neuron nodes to our models, by the conventions of a dialect. `nir_nodes` is the way back.

A node's time constants are in the unit of time of the file, whose step is ``dialect.file_dt`` (None: that of the
network). What must agree are a, b and k of the step (`neurosim.neurons`); they depend on ratios to the step only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError, FileFormatError, NeurosimError
from neurosim.interchange.nir_dialects import Arrival, Dialect, Start
from neurosim.interchange.nir_graph import kind_of, numbers
from neurosim.neurons.current_lif import CurrentLIF, current_gain
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, decay_factor
from neurosim.neurons.options import Discretisation, Reset, SpikeWhen

__all__ = ["NEVER", "model_of", "value_of"]

Array = NDArray[Any]
NEVER = float(np.finfo(np.float64).max)
"""A threshold that is never exceeded: how the silent nodes CubaLI and I are held."""


def model_of(
    node: Any, dialect: Dialect, dt: float, bias: Array | None, shape: tuple[int, ...]
) -> tuple[NeuronModel, Any]:
    """The model of a neuron node, and the jump that a unit of NIR weight makes (a number or one per neuron, flat).

    ``bias`` is what linear nodes add to its input in every step: it becomes a constant current.
    """
    reader = _Reader(node, dialect, dt, np.zeros(shape) if bias is None else bias.reshape(shape), shape)
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            model, gain = reader.read()
    except NeurosimError as error:
        if isinstance(error, DescriptionError) and not isinstance(error, FileFormatError):
            raise FileFormatError(f"describes an invalid neuron: {error}", remedy=_UNITS) from error
        raise
    flat = np.broadcast_to(np.asarray(gain, np.float64), shape).reshape(-1)
    if not np.isfinite(flat).all():
        raise FileFormatError("r and tau give no finite weight", remedy=_UNITS)
    return model, flat


_UNITS = "Are dt and the dialect those of the tool that wrote the file? Time constants are taken in seconds"


@dataclass
class _Reader:
    node: Any
    dialect: Dialect
    dt: float
    bias: Array
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        self.step = self.dialect.file_dt or self.dt
        self.scale = self.dt / self.step
        self.rule = self.dialect.discretisation

    def read(self) -> tuple[NeuronModel, Any]:
        match kind_of(self.node):
            case "LIF":
                return self.lif()
            case "LI":
                return self.leaky_integrator()
            case "IF":
                return self.integrator(**self.spiking())
            case "I":
                return self.integrator(threshold=NEVER)
            case "CubaLIF":
                return self.current_based(**self.spiking())
            case "CubaLI":
                return self.current_based(threshold=NEVER)
            case _:
                return self.threshold()

    def get(self, name: str) -> Array:
        value = numbers(getattr(self.node, name)).astype(np.float64)
        try:
            return np.broadcast_to(value, self.shape)
        except ValueError:
            raise FileFormatError("has the wrong shape", value=value.shape, limit=self.shape) from None

    def decay(self, tau: Array) -> Array:
        if (tau <= 0).any() or np.isnan(tau).any():
            raise FileFormatError("a time constant is not positive", value=float(np.min(tau)), remedy=_UNITS)
        a = np.asarray(decay_factor(self.step, tau, self.rule))
        if (a < -1e-9).any():
            raise FileFormatError(
                "a time constant is shorter than the Euler step",
                value=f"{tau.min():g}",
                limit=f">= {self.step:g}",
                remedy=_UNITS,
            )
        return a

    def membrane(self, tau: Array, r: Array) -> tuple[Array, Any, Any]:
        """Decay factor, jump by a unit of weight, and the current that a unit of bias stands for."""
        a = self.decay(tau)
        pulse = self.step / tau
        match self.dialect.arrival:
            case Arrival.HELD:
                return a, r * (1 - a), 1.0
            case Arrival.PULSE:
                return a, r * pulse, pulse / (1 - a)
            case Arrival.DIRECT:
                return a, r, 1 / (1 - a)
            case Arrival.IMPULSE:
                return a, r / tau, 1.0

    def spiking(self) -> dict[str, Any]:
        threshold, v_reset = self.get("v_threshold"), getattr(self.node, "v_reset", None)
        d = self.dialect
        subtracts = d.reset is Reset.BY_SUBTRACTION
        reset = np.zeros(self.shape) if v_reset is None or subtracts else self.get("v_reset")
        options = {"reset": d.reset, "spike_when": d.spike_when, "reset_timing": d.reset_timing}
        return {"threshold": value_of(threshold), "v_reset": value_of(reset), **options}

    def start(self, rest: Array | None, reset: Any) -> dict[str, Any]:
        match self.dialect.start:
            case Start.REST:
                v = None if rest is None else rest
            case Start.ZERO:
                v = np.zeros(self.shape)
            case Start.RESET:
                v = np.broadcast_to(np.asarray(reset), self.shape)
        if rest is None:
            return {} if v is None or not np.any(v) else {"v_init": value_of(v)}
        return {} if v is None or np.array_equal(v, rest) else {"v_init": value_of(v)}

    def lif(self) -> tuple[NeuronModel, Any]:
        tau, r, rest = self.get("tau"), self.get("r"), self.get("v_leak")
        _, gain, per_bias = self.membrane(tau, r)
        spiking = self.spiking()
        return LIF(
            tau_membrane=value_of(tau * self.scale),
            resistance=value_of(r),
            v_rest=value_of(rest),
            current=value_of(per_bias * self.bias),
            discretisation=self.rule,
            **spiking,
            **self.start(rest, spiking["v_reset"]),
        ), gain

    def leaky_integrator(self) -> tuple[NeuronModel, Any]:
        tau, r, rest = self.get("tau"), self.get("r"), self.get("v_leak")
        _, gain, per_bias = self.membrane(tau, r)
        return LeakyIntegrator(
            tau_membrane=value_of(tau * self.scale),
            resistance=value_of(r),
            v_rest=value_of(rest),
            current=value_of(per_bias * self.bias),
            discretisation=self.rule,
            **self.start(rest, 0.0),
        ), gain

    def integrator(self, **spiking: Any) -> tuple[NeuronModel, Any]:
        r = self.get("r")
        arrival = self.dialect.arrival
        gain = r if arrival in (Arrival.DIRECT, Arrival.IMPULSE) else r * self.step
        current = self.bias / self.step if arrival is Arrival.DIRECT else self.bias
        # v' = R I in the file's unit of time: R I dt per step must not change with the unit
        return IntegrateAndFire(
            resistance=value_of(r / self.scale),
            current=value_of(current),
            **spiking,
            **self.start(None, spiking.get("v_reset", 0.0)),
        ), gain

    def current_based(self, **spiking: Any) -> tuple[NeuronModel, Any]:
        tau_m, tau_s, r, rest = (self.get(n) for n in ("tau_mem", "tau_syn", "r", "v_leak"))
        w_in = self.get("w_in")
        a, b = self.decay(tau_m), self.decay(tau_s)
        pulse = self.step / tau_s
        match self.dialect.arrival:
            case Arrival.HELD:
                gain, steady = w_in * pulse, w_in
            case Arrival.PULSE:
                gain, steady = w_in * pulse, w_in * pulse / (1 - b)
            case Arrival.DIRECT:
                gain, steady = w_in, w_in / (1 - b)
            case Arrival.IMPULSE:
                gain, steady = w_in / tau_s, w_in
        # A bias c in every step drives i to c/(1 - b). With i' = i - c/(1 - b), which starts at -c/(1 - b) and obeys
        # the rule without the bias, the rest is a constant contribution k c/(1 - b) to v.
        steady = steady * self.bias
        k = np.asarray(current_gain(self.step, tau_m, tau_s, np.ones(self.shape), self.rule))
        held = self.dialect.arrival in (Arrival.HELD, Arrival.IMPULSE)  # i + I integrated exactly
        current = steady if held else steady * k / (1 - a)
        extra = {"i_init": value_of(-steady)} if steady.any() else {}
        return CurrentLIF(
            tau_membrane=value_of(tau_m * self.scale),
            tau_synapse=value_of(tau_s * self.scale),
            resistance=value_of(r),
            v_rest=value_of(rest),
            current=value_of(current),
            discretisation=self.rule,
            **spiking,
            **extra,
            **self.start(rest, spiking.get("v_reset", 0.0)),
        ), gain

    def threshold(self) -> tuple[NeuronModel, Any]:
        """Spikes in a step in which the input exceeds the threshold: a membrane that forgets within one step."""
        return LIF(
            tau_membrane=self.dt,
            threshold=value_of(self.get("threshold")),
            current=value_of(self.bias),
            spike_when=SpikeWhen.EXCEEDED,
            discretisation=Discretisation.EULER,
        ), 1.0


def value_of(array: Any) -> Any:
    """One number where all neurons agree, else the array."""
    values = np.array(array, np.float64)
    return float(values.flat[0]) if values.size and (values == values.flat[0]).all() else values
