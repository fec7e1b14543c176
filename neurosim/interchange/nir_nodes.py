"""From our models to NIR's neuron nodes, by the conventions of a dialect. `nir_models` is the way back.

Time constants and weights are chosen so that a reader by the same dialect ends with our a, b and k
(`neurosim.neurons`), whatever rule it takes them by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.interchange.nir_dialects import Arrival, Dialect, Start, WrittenR
from neurosim.interchange.nir_models import NEVER
from neurosim.loss_report import Loss, LossKind
from neurosim.neurons.current_lif import CurrentLIF, current_gain
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, decay_factor
from neurosim.neurons.options import Discretisation, Reset, ResetTiming, SpikeWhen

__all__ = ["NodeParameters", "node_of"]

Array = NDArray[Any]


@dataclass
class NodeParameters:
    """What the writer makes of a model: the node's kind and parameters, and how weights and bias are written.

    A weight is to be multiplied by ``weight``; ``bias`` is what every step adds, in the unit of NIR weights, or None.
    """

    kind: str
    parameters: dict[str, Array]
    weight: Array
    bias: Array | None = None
    losses: list[Loss] = field(default_factory=list)


def node_of(
    model: NeuronModel, dialect: Dialect, dt: float, shape: tuple[int, ...], where: str, biased: bool
) -> NodeParameters:
    """The node of a model. ``biased`` says whether an incoming linear node can carry a bias.

    Raises:
        UnsupportedError: a model or a decay that NIR or the dialect has no parameters for.
    """
    writer = _Writer(model, dialect, dt, shape, where, biased)
    with np.errstate(divide="ignore", invalid="ignore"):
        match model if type(model) in (LIF, LeakyIntegrator, IntegrateAndFire, CurrentLIF) else None:
            case LIF():
                made = writer.leaky("LIF")
            case LeakyIntegrator():
                made = writer.leaky("LI")
            case IntegrateAndFire():
                made = writer.integrator()
            case CurrentLIF():
                made = writer.current_based()
            case _:
                raise UnsupportedError(
                    "NIR has no node for this model", where=where, value=type(model).__name__
                )
    wrong = [name for name, value in made.parameters.items() if not np.isfinite(value).all()]
    if wrong or not np.isfinite(made.weight).all():
        raise UnsupportedError(f"has no finite {wrong or 'weights'} in dialect {dialect.name!r}", where=where)
    if made.kind in ("LIF", "IF", "CubaLIF"):
        made.losses += _option_losses(model, dialect, where)
    return made


@dataclass
class _Writer:
    model: Any
    dialect: Dialect
    dt: float
    shape: tuple[int, ...]
    where: str
    biased: bool

    def __post_init__(self) -> None:
        self.step = self.dialect.file_dt or self.dt
        self.scale = self.dt / self.step
        self.rule = self.dialect.discretisation
        self.losses: list[Loss] = []

    def get(self, value: Any) -> Array:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), self.shape))

    def tau(self, own: Any, name: str) -> tuple[Array, Array]:
        """The decay factor of our model, and the time constant from which the dialect's rule makes it."""
        tau = self.get(own)
        a = np.asarray(decay_factor(self.dt, tau, self.model.discretisation))
        if self.rule is self.model.discretisation:
            return a, tau / self.scale
        if (a < 0).any() or (self.rule is Discretisation.EXACT and (a <= 0).any()):
            raise UnsupportedError(
                f"no {name} decays like this", where=self.where, value=float(a.min()), limit="> 0"
            )
        written = self.step / (1 - a) if self.rule is Discretisation.EULER else -self.step / np.log(a)
        change = float(np.max(np.abs(written * self.scale / tau - 1)))
        what = f"{name} is written so that the {self.rule.name} rule of the dialect decays as here (relative change)"
        self.losses.append(Loss(kind=LossKind.APPROXIMATED, where=self.where, what=what, amount=change))
        return a, written

    def start(self, rest: Any, reset: Any, written_rest: Any) -> None:
        """A loss where the potential does not start where a reader by the dialect starts it."""
        own = rest if self.model.v_init is None else self.model.v_init
        stated = {Start.REST: written_rest, Start.ZERO: 0.0, Start.RESET: reset}[self.dialect.start]
        if not np.array_equal(self.get(own), self.get(stated)):
            what = "the initial potential has no place in NIR"
            self.losses.append(Loss(kind=LossKind.DROPPED, where=self.where, what=what))

    def r_of(self, tau: Array, own: Any) -> Array:
        match self.dialect.written_r:
            case WrittenR.KEPT:
                return self.get(own)
            case WrittenR.UNIT:
                return np.ones(self.shape)
            case WrittenR.STEP:
                return tau / self.step

    def spiking(self) -> dict[str, Array]:
        m = self.model
        reset = np.zeros(self.shape) if m.reset is Reset.BY_SUBTRACTION else self.get(m.v_reset)
        return {"v_threshold": self.get(m.threshold), "v_reset": reset}

    def leaky(self, kind: str) -> NodeParameters:
        m = self.model
        a, tau = self.tau(m.tau_membrane, "tau")
        r = self.r_of(tau, m.resistance)
        rest = self.get(m.v_rest)
        drive = self.get(m.resistance) * self.get(m.current)  # over 1 - a
        pulse = self.step / tau
        match self.dialect.arrival:
            case Arrival.HELD:
                gain, per_bias = r * (1 - a), r
            case Arrival.PULSE:
                gain, per_bias = r * pulse, r * pulse / (1 - a)
            case Arrival.DIRECT:
                gain, per_bias = r, r / (1 - a)
            case Arrival.IMPULSE:
                gain, per_bias = r / tau, r
        bias = None
        if drive.any() and self.biased:
            bias = drive / per_bias
        elif drive.any():
            rest = rest + drive  # the same equation: v_leak - v + R I
        self.start(m.v_rest, getattr(m, "v_reset", 0.0), rest)
        parameters = {"tau": tau, "r": r, "v_leak": rest, **(self.spiking() if kind == "LIF" else {})}
        return NodeParameters(kind, parameters, 1 / gain, bias, self.losses)

    def integrator(self) -> NodeParameters:
        m = self.model
        r = self.get(m.resistance) * self.scale
        match self.dialect.written_r:
            case WrittenR.UNIT:
                r = np.ones(self.shape)
            case WrittenR.STEP:
                r = np.full(self.shape, 1 / self.step)
        direct = self.dialect.arrival
        gain = r if direct in (Arrival.DIRECT, Arrival.IMPULSE) else r * self.step
        drive = self.dt * self.get(m.resistance) * self.get(m.current)  # per step
        bias = drive / (r if direct is Arrival.DIRECT else r * self.step) if drive.any() else None
        if bias is not None and not self.biased:
            what = "the constant current has no place: nothing that could carry a bias leads here"
            self.losses.append(Loss(kind=LossKind.DROPPED, where=self.where, what=what))
            bias = None
        self.start(0.0, m.v_reset, 0.0)
        if np.all(self.get(m.threshold) == NEVER):
            return NodeParameters("I", {"r": r}, 1 / gain, bias, self.losses)
        return NodeParameters("IF", {"r": r, **self.spiking()}, 1 / gain, bias, self.losses)

    def current_based(self) -> NodeParameters:
        m = self.model
        a, tau_m = self.tau(m.tau_membrane, "tau_mem")
        b, tau_s = self.tau(m.tau_synapse, "tau_syn")
        r = self.r_of(tau_m, m.resistance)
        w_in = tau_s / self.step if self.dialect.written_r is WrittenR.STEP else np.ones(self.shape)
        arrival = self.dialect.arrival
        pulse = self.step / tau_s
        gain = {Arrival.DIRECT: w_in, Arrival.IMPULSE: w_in / tau_s}.get(arrival, w_in * pulse)
        own = np.asarray(
            current_gain(self.dt, m.tau_membrane, m.tau_synapse, self.get(m.resistance), m.discretisation)
        )
        k = np.asarray(current_gain(self.step, tau_m, tau_s, r, self.rule))
        ratio = own / k  # the synaptic current in the file is this much larger
        rest = self.get(m.v_rest)
        drive = self.get(m.resistance) * self.get(m.current)  # over 1 - a
        bias = None
        started = self.get(getattr(m, "i_init", 0.0))
        if started.any():  # what a bias on the synaptic current was turned into; see the reader
            steady = -started * ratio
            if self.biased:
                bias = steady / {Arrival.DIRECT: w_in / (1 - b), Arrival.PULSE: w_in * pulse / (1 - b)}.get(
                    arrival, w_in
                )
                held = arrival in (Arrival.HELD, Arrival.IMPULSE)
                drive = drive - steady * (r if held else k / (1 - a))
            else:
                what = "the initial synaptic current has no place in NIR"
                self.losses.append(Loss(kind=LossKind.DROPPED, where=self.where, what=what))
        rest = rest + np.where(
            np.abs(drive) < 1e-12 * np.abs(self.get(m.resistance) * self.get(m.current)), 0.0, drive
        )
        self.start(m.v_rest, m.v_reset, rest)
        parameters = {"tau_syn": tau_s, "tau_mem": tau_m, "r": r, "v_leak": rest, "w_in": w_in}
        if np.all(self.get(m.threshold) == NEVER):
            return NodeParameters("CubaLI", parameters, ratio / gain, bias, self.losses)
        return NodeParameters("CubaLIF", {**parameters, **self.spiking()}, ratio / gain, bias, self.losses)


def _option_losses(model: Any, dialect: Dialect, where: str) -> list[Loss]:
    """What NIR has no word for and the dialect does not imply."""
    losses = []

    def lose(kind: LossKind, what: str, amount: float | None = None) -> None:
        losses.append(Loss(kind=kind, where=where, what=what, amount=amount))

    if model.reset is not dialect.reset:
        words = {
            Reset.TO_VALUE: "to a value",
            Reset.BY_SUBTRACTION: "by subtraction",
            Reset.NONE: "that is none",
        }
        lose(LossKind.APPROXIMATED, f"reset {words[model.reset]} is read as reset {words[dialect.reset]}")
    if model.spike_when is not dialect.spike_when:
        words_ = {SpikeWhen.REACHED: "v >= threshold", SpikeWhen.EXCEEDED: "v > threshold"}
        lose(LossKind.APPROXIMATED, f"{words_[model.spike_when]} is read as {words_[dialect.spike_when]}")
    if model.reset_timing is not dialect.reset_timing:
        when = {ResetTiming.SAME_STEP: "in the same step", ResetTiming.NEXT_STEP: "one step late"}
        lose(
            LossKind.APPROXIMATED,
            f"reset {when[model.reset_timing]} is read as reset {when[dialect.reset_timing]}",
        )
    if np.any(np.asarray(model.refractory) > 0):
        lose(
            LossKind.DROPPED, "the refractory period (s) has no place in NIR", float(np.max(model.refractory))
        )
    return losses
