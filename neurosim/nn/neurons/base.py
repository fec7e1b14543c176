"""What every layer of neurons has: a model of the description, the coefficients of its step, and what of it learns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import DataError, DescriptionError, ShapeError, UnsupportedError
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.nn.membrane_rule import MembraneRule
from neurosim.nn.neurons.learnable import differentiable, from_held, in_range, to_held
from neurosim.nn.protocols import NeuronQuantiser
from neurosim.nn.straight_through import straight_through
from neurosim.nn.surrogate import Arctan, Surrogate
from neurosim.nn.synapses.transform import checked_shape

__all__ = ["Neurons"]


class Neurons(torch.nn.Module):
    """Base of neuron layers. ``forward(x, state=None)`` maps arrivals ``[T, B, n]`` to (output, state afterwards).

    Args:
        model: the neuron model of the description.
        shape: number of neurons, or the population's shape (the layer sees it flat).
        dt: time step, s.
        surrogate: derivative that stands in for that of the step at the threshold; default `Arctan`, which also
            lets silent neurons learn. A class of one's own needs only ``derivative``.
        detach_reset: whether no gradient passes through the reset (the term in dv/ds is left out).
        learn: names of parameters of the model (those in ``LEARNABLE``) that become parameters of the layer, with
            their name. Time constants are then in steps. One number in the model is shared by the neurons, an array
            has one entry a neuron. `model` has the values of now; `constrain_` puts them back into their range.
        dtype: of these parameters.

    Attributes:
        quantiser: maps the model to the one that a device computes with, or None.

    Raises:
        DescriptionError: a model of another kind, arrays that do not fit the shape, a name that cannot learn.
        UnsupportedError: options that cannot be trained.
    """

    MODEL: ClassVar[type[NeuronModel]] = NeuronModel
    LEARNABLE: ClassVar[tuple[str, ...]] = ()
    RESETS: ClassVar[tuple[Reset, ...]] = tuple(Reset)
    TABLE: ClassVar[tuple[str | float, ...]] = ()
    """Rows of the table of coefficients: names from the model's, or numbers."""

    def __init__(
        self,
        model: NeuronModel,
        shape: int | Sequence[int],
        *,
        dt: float,
        surrogate: Surrogate | None = None,
        detach_reset: bool = True,
        learn: Sequence[str] = (),
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        if not isinstance(model, self.MODEL):
            raise DescriptionError(
                "needs a neuron model", where=where, value=type(model).__name__, limit=self.MODEL.__name__
            )
        self.shape = checked_shape(shape, where)
        model.check(self.shape, where)
        if not 0 < dt < math.inf:
            raise DescriptionError("is out of range", where=f"{where}.dt", value=dt, limit="> 0 s")
        self.dt = float(dt)
        if getattr(model, "reset_timing", None) is ResetTiming.NEXT_STEP:
            self._check_late_reset(model, where)
        if getattr(model, "reset", Reset.TO_VALUE) not in self.RESETS:
            raise UnsupportedError("this reset cannot be trained", where=where, value=str(model.reset))  # type: ignore[attr-defined]
        self.detach_reset = detach_reset
        self.surrogate: Surrogate = Arctan() if surrogate is None else surrogate
        if isinstance(surrogate, type) or not isinstance(self.surrogate, Surrogate):
            raise DescriptionError(
                "is not a surrogate",
                where=f"{where}.surrogate",
                value=repr(surrogate),
                limit="such as nn.Arctan()",
            )
        self.quantiser: NeuronQuantiser | None = None
        self.learn = (learn,) if isinstance(learn, str) else tuple(learn)
        self._first = self._model = model
        self._prepared: tuple[NeuronModel, MembraneRule, Tensor] | None = None
        for name in self.learn:
            if name not in self.LEARNABLE:
                raise DescriptionError(
                    "cannot learn", where=f"{where}.learn", value=name, limit=", ".join(self.LEARNABLE)
                )
            held = torch.from_numpy(to_held(name, getattr(model, name), self.dt).copy()).to(dtype)
            self.register_parameter(name, torch.nn.Parameter(held))

    def _check_late_reset(self, model: NeuronModel, where: str) -> None:
        """A reset in the next step is computed as one in the same step that the leak turns into it."""
        table = model.coefficients(self.dt)
        if np.any(np.asarray(model.initial(self.dt)["v"]) >= np.asarray(table["threshold"])):
            raise UnsupportedError(
                "neurons that start above the threshold cannot be trained with a reset in the next step", where=where,
                remedy="Lower v_init, or use ResetTiming.SAME_STEP",
            )  # fmt: skip
        if getattr(model, "reset", None) is Reset.BY_SUBTRACTION and np.any(np.asarray(table["decay"]) == 0):
            raise UnsupportedError(
                "neurons without memory cannot be trained with a subtraction in the next step", where=where,
                remedy="Use ResetTiming.SAME_STEP",
            )  # fmt: skip

    @property
    def model(self) -> NeuronModel:
        """The model of the description, with the values that parameters have now."""
        held = {name: from_held(name, getattr(self, name), self.dt, self.shape) for name in self.learn}
        same = all(np.array_equal(value, getattr(self._model, name)) for name, value in held.items())
        if not same:
            self._model = dataclasses.replace(self._model, **held)
        return self._model

    def described_model(self) -> NeuronModel:
        """The model that the layer computes with: on a device's grid where the layer has a quantiser."""
        return self.model if self.quantiser is None else self.quantiser(self.model)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        learn = f", learn={self.learn}" if self.learn else ""
        return f"{self.model}, {self.shape}, dt={self.dt:g}, surrogate={self.surrogate}{learn}"

    @torch.no_grad()
    def constrain_(self) -> None:
        """Put what learns back into its range; call it after every step of an optimiser.

        Time constants stay above a tenth of a step (with forward Euler one step), thresholds above the reset by a
        hundredth of their first distance from it at least.
        """
        for name in self.learn:
            held = getattr(self, name)
            low, high = in_range(name, self._first, self.dt)
            held.clamp_(torch.as_tensor(low).to(held), torch.as_tensor(high).to(held))

    def _array(self, value: Any) -> NDArray[np.float64]:
        return np.ascontiguousarray(np.broadcast_to(value, self.shape), np.float64).reshape(-1)

    def _coefficients(self, model: NeuronModel) -> list[Any]:
        """The rows of the table, numbers or arrays."""
        c = model.coefficients(self.dt)
        return [self._array(c[row] if isinstance(row, str) else row) for row in self.TABLE]

    def step_rule(self) -> MembraneRule:
        """What a step does besides its coefficients."""
        return self._prepare()[1]

    def table(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
        """The coefficients of a step, a row each, ``[rows, n]``; gradients pass to what learns.

        Values are the model's own to the last bit (the quantised one's, where there is a quantiser).
        """
        values = self._prepare()[2]
        if self.learn:
            held = {name: getattr(self, name).cpu() for name in self.learn}
            formulas: dict[Any, Tensor] = self._row_formulas(differentiable(self._first, self.dt, held))
            rows = [
                formulas.get(row, value).expand(self.size)
                for row, value in zip(self.TABLE, values, strict=True)
            ]
            values = straight_through(torch.stack(rows), values)
        return values.to(device=device, dtype=dtype)

    def _row_formulas(self, formulas: dict[str, Tensor]) -> dict[str, Tensor]:
        """The rows that depend on what learns, from the coefficients that do."""
        return formulas

    def _prepare(self) -> tuple[NeuronModel, MembraneRule, Tensor]:
        """The model of now, its rule and its table in float64; made again when the model has changed."""
        model = self.described_model()
        if self._prepared is None or self._prepared[0] is not model:
            table = torch.from_numpy(np.stack(self._coefficients(model)))
            self._prepared = model, self._rule(model), table
        return self._prepared

    def _rule(self, model: NeuronModel) -> MembraneRule:
        steps = model.coefficients(self.dt).get("refractory_steps", 0.0)
        return MembraneRule(
            refractory=self._array(steps).astype(np.int32),
            subtract=getattr(model, "reset", None) in (Reset.BY_SUBTRACTION, Reset.NONE),
            exceeded=getattr(model, "spike_when", None) is SpikeWhen.EXCEEDED,
            held_input=getattr(model, "refractory_input", RefractoryInput.DROP),
            spiking=model.SPIKES,
            synaptic="decay_synapse" in self.TABLE,
        )

    def start(self, x: Tensor) -> Any:
        """The state before step 0 for arrivals like ``x [T, B, n]``."""
        raise NotImplementedError

    def _start(self, name: str, x: Tensor) -> Tensor:
        """The model's initial value of one state variable, ``[B, n]``."""
        row = torch.from_numpy(self._array(self.described_model().initial(self.dt)[name]).copy())
        return row.to(x).repeat(x.shape[1], 1)

    def _held(self, x: Tensor) -> Tensor | None:
        """No step is held at first; None: there is no refractory period."""
        if not self.step_rule().holds:
            return None
        return torch.zeros(x.shape[1], self.size, dtype=torch.int32, device=x.device)

    def _check(self, x: Tensor) -> None:
        where = type(self).__name__
        if not isinstance(x, Tensor):
            raise DataError("is not a tensor", where=where, value=type(x).__name__)
        if x.ndim != 3 or x.shape[2] != self.size:
            raise ShapeError(
                "arrivals have the wrong shape",
                where=where,
                value=tuple(x.shape),
                limit=f"[T, B, {self.size}]",
            )
