"""Training on the chip's grid: the rules of compiling for `Loihi1` and `Loihi2`, for ``neurosim.nn.quantise``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.hardware.compiler.held_model import factor_of_rows, held_model, spread
from neurosim.hardware.loihi.device_network import held_decays
from neurosim.hardware.loihi.netx.from_network import unfit
from neurosim.hardware.loihi.quantise.registers import (
    QuantisedPopulation,
    decay_registers,
    quantise_registers,
)
from neurosim.hardware.loihi.quantise.required_registers import Demand, demand_of
from neurosim.hardware.loihi.quantise.scale import candidate_scales
from neurosim.hardware.loihi.quantise.stored_weights import LSB, WeightForm, round_acting
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.target import Loihi1, Loihi2
from neurosim.neurons.model import NeuronModel
from neurosim.nn.protocols import Held

__all__ = ["Quantisation"]

Floats = NDArray[np.float64]
_ROUNDS = 4
"""Rounded weights may move the bounds of the scale, once or twice."""


@dataclass(frozen=True)
class Quantisation:
    """Weights, decays, thresholds, biases and delays as compiling for a chip rounds them.

    The largest weight of a population takes the full width, so the numbers of a module that was trained with this are
    those of the registers, up to the population's scale: compiling rounds nothing any more. What is left between the
    module and the chip is that the chip's states are whole numbers. Implements ``neurosim.nn.protocols.DeviceRules``.

    Attributes:
        target: the chip and its options: signs, width of the weights.
    """

    target: Loihi1 | Loihi2 = field(default_factory=Loihi1)

    noise: None = field(default=None, init=False)

    @property
    def minimum_delay(self) -> int:
        """A spike takes a step."""
        return self.target.transport.minimum

    @property
    def max_delay_steps(self) -> int:
        """Longest delay of a synapse in steps."""
        return 1 + self.target.limits["delay_maximum"]

    def held(
        self, model: NeuronModel, shape: tuple[int, ...], weights: Sequence[Floats], *, dt: float
    ) -> Held:
        """See `neurosim.nn.protocols.DeviceRules.held`.

        Raises:
            UnsupportedError, CapacityError: what compiling refuses, too.
        """
        model = _on_decay_grid(model, shape, dt)
        population = PlanPopulation("trained", shape, model)
        demand = demand_of(population, dt)
        gains = [factor_of_rows(demand.gain, w) for w in weights]
        given = [w * g for w, g in zip(weights, gains, strict=True)]
        # a netx file has no exponents; compiling tries that first
        alone = isinstance(self.target, Loihi2) and self.target.signs is Signs.MIXED
        registers, acting = self._settled(given, demand, 0 if alone else None)
        if alone and unfit(registers) is not None:
            registers, acting = self._settled(given, demand, None)
        held = tuple(
            np.divide(a, g, out=np.zeros_like(a), where=g != 0) for a, g in zip(acting, gains, strict=True)
        )
        return Held(_on_register_grid(model, shape, dt, demand, registers), held)

    def _settled(
        self, given: list[Floats], demand: Demand, exponent: int | None
    ) -> tuple[QuantisedPopulation, list[Floats]]:
        """Registers, and what the stored weights do to the potential: those that are chosen for themselves."""
        limits = self.target.limits
        form = WeightForm(
            signs=self.target.signs,
            exponent_maximum=limits["weight_exponent_maximum"],
            bits=self.target.weight_bits,
            exponent=exponent,
        )
        acting, before = given, 0.0
        for _ in range(_ROUNDS):
            worst = _worst_case_sum(acting, len(demand.keep_v))
            scale = float(candidate_scales(acting, worst, demand, limits, form)[0])
            if scale == before:
                break
            before, acting = scale, [round_acting(w, scale, form) for w in given]
        return quantise_registers("trained", demand, scale, limits), acting


def _worst_case_sum(acting: Sequence[Floats], size: int) -> Floats:
    """`neurosim.hardware.loihi.quantise.scale.worst_case_sum` of dense weights; neurons may share rows."""
    up, down = np.zeros(size), np.zeros(size)
    for weight in acting:
        rows = weight.reshape(len(weight), -1)
        excited = np.maximum(rows, 0.0).sum(axis=1)
        up += np.repeat(excited, size // len(rows))
        down += np.repeat(np.maximum(excited - rows.sum(axis=1), 0.0), size // len(rows))
    return np.maximum(up, down)


def _on_decay_grid(model: NeuronModel, shape: tuple[int, ...], dt: float) -> NeuronModel:
    c, n = model.coefficients(dt), int(np.prod(shape))
    decay, synapse = spread(c["decay"], n), spread(c.get("decay_synapse", 0.0), n)
    keep_u, keep_v = held_decays(*decay_registers(synapse, decay))
    return held_model(model, shape, dt, decay=keep_v, decay_synapse=keep_u)


def _on_register_grid(
    model: NeuronModel, shape: tuple[int, ...], dt: float, demand: Demand, q: QuantisedPopulation
) -> NeuronModel:
    """Threshold, bias and initial potential as held. The threshold is a number between the largest register value that
    does not fire and the least that does: without a leak, where these are multiples of 64, the middle."""
    held = {
        "v_init": q.offset + q.v / q.scale,
        "drive": q.bias / q.scale,
    }
    if demand.threshold is not None:
        above = np.where(q.dv == 0, LSB / 2, 0.5 if demand.exceeded else 1.0)
        held["threshold"] = q.offset + (q.threshold * LSB + above) / q.scale
    return held_model(model, shape, dt, **held)
