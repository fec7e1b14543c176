"""snnTorch modules as a Network.

Checked against snnTorch 1.0.0. Its step, with the reset signal r = [mem > threshold] of the old mem::

    Leaky     mem <- beta mem + x - r threshold            (reset "subtract", one step late and after the leak)
              mem <- beta (1 - r) mem + x                  (reset "zero", one step late)
    Synaptic  syn <- alpha syn + x ; mem <- beta mem + syn - r threshold
    RLeaky    mem <- beta mem + x + recurrent(last spikes) - r threshold
    spike if mem > threshold

and with ``reset_delay=False`` the reset happens in the step of the spike. These are the options of `neurosim.neurons`
(Euler with tau = dt/(1 - beta), threshold exceeded, reset in the next step), so spikes agree exactly wherever float32
sums do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import NeurosimError, UnsupportedError
from neurosim.interchange.linear_maps import LinearMap, Shape, compose, dense, diagonal
from neurosim.interchange.torch_layers import Cell, Stack, array_of, is_a, layers_of, spread
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.network import Network
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation, Reset, ResetTiming, SpikeWhen

__all__ = ["from_snntorch"]

_RESETS = {0: Reset.BY_SUBTRACTION, 1: Reset.TO_VALUE, 2: Reset.NONE}


def from_snntorch(
    module: Any,
    shape: int | Sequence[int],
    *,
    dt: float = 1e-3,
    seed: int = 0,
    allow: Collection[LossKind] = (LossKind.APPROXIMATED,),
) -> tuple[Network, LossReport]:
    """A network that spikes as a trained snnTorch module does.

    Args:
        module: a ``torch.nn.Sequential``, or the layers as a list in the order of the signal: Linear, Conv1d, Conv2d,
            AvgPool2d, Flatten, BatchNorm in evaluation mode, Dropout (ignored), snn.Leaky, snn.RLeaky, snn.Synaptic.
        shape: shape of the input without batch.
        dt: the time step that one snnTorch step stands for, s. It changes nothing but the unit of time.
        allow: kinds of losses to accept.

    Returns:
        The network (input ``"input"``, populations named as the modules are) and what is not the same: the delayed
        check of ``reset_delay=False, reset_mechanism="subtract"`` after a residual above the threshold, the worth of
        graded output spikes, linear layers at the end.

    Raises:
        UnsupportedError: a layer or an option that has no counterpart, named.
    """
    size = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
    stack = Stack(size, dt, seed)
    for name, layer in layers_of(module):
        label = name or "0"
        if stack.linear(label, layer):
            continue
        if type(layer).__name__ not in ("Leaky", "RLeaky", "Synaptic"):
            known = "Leaky, RLeaky, Synaptic, Linear, Conv, AvgPool2d, Flatten, BatchNorm"
            raise UnsupportedError(
                "an unknown layer", where=f"layer {label!r}", value=type(layer).__name__, limit=known
            )
        try:
            stack.cell(label, _cell(layer, stack.map.post, dt, f"layer {label!r}"))
        except NeurosimError as error:
            error.where = error.where or f"layer {label!r}"
            raise
    net = stack.finished()
    report = LossReport(stack.losses)
    report.require(allow)
    return net, report


def _cell(m: Any, shape: Shape, dt: float, where: str) -> Cell:
    if m.inhibition or m.state_quant:
        raise UnsupportedError("inhibition and state_quant have no counterpart", where=where)
    kind = int(m.reset_mechanism_val)
    reset = _RESETS[kind]
    late = bool(m.reset_delay) and reset is not Reset.NONE
    if late and reset is Reset.TO_VALUE and type(m).__name__ != "Leaky":
        what = "a delayed reset to zero that also drops the input has no counterpart"
        raise UnsupportedError(what, where=where, value=type(m).__name__)
    losses = []
    if reset is Reset.BY_SUBTRACTION and not late:
        what = (
            "a neuron still above the threshold after its reset is not held back for one step as in snnTorch"
        )
        losses.append(Loss(kind=LossKind.APPROXIMATED, where=where, what=what))
    beta = np.clip(spread(m.beta, shape), 0, 1)
    options: dict[str, Any] = {
        "threshold": _value(spread(m.threshold, shape)),
        "v_init": 0.0,
        "reset": reset,
        "spike_when": SpikeWhen.EXCEEDED,
        "reset_timing": ResetTiming.NEXT_STEP if late else ResetTiming.SAME_STEP,
    }
    recurrent, more = _recurrence(m, shape)
    alpha = np.clip(spread(m.alpha, shape), 0, 1) if type(m).__name__ == "Synaptic" else None

    def biased(bias: NDArray[Any]) -> NeuronModel:
        total = bias + more
        if alpha is not None:
            return _synaptic(alpha, beta, total, dt, options)
        return _leaky(beta, total, dt, options)

    spike = spread(getattr(m, "graded_spikes_factor", 1.0), shape)
    if recurrent is not None:
        recurrent = compose(diagonal(spike, shape), recurrent)
    return Cell(biased=biased, spike=spike, recurrent=recurrent, losses=tuple(losses))


def _recurrence(m: Any, shape: Shape) -> tuple[LinearMap | None, NDArray[Any] | float]:
    """The map from the last spikes to the input, and what its bias adds in every step."""
    if type(m).__name__ != "RLeaky":
        return None, 0.0
    r = m.recurrent
    if is_a(r, "Linear"):
        bias = 0.0 if r.bias is None else array_of(r.bias).reshape(shape)
        return dense(np.asarray(r.weight.detach().cpu().numpy()), shape), bias
    if hasattr(r, "V"):
        return diagonal(spread(r.V, shape), shape), 0.0
    raise UnsupportedError("recurrent convolutions have no counterpart yet", value=type(r).__name__)


def _leaky(beta: NDArray[Any], bias: NDArray[Any], dt: float, options: dict[str, Any]) -> NeuronModel:
    if (beta == 1).all():
        return IntegrateAndFire(resistance=1 / dt, current=_value(bias), **options)
    _some_leak(beta, "beta")
    tau = dt / (1 - beta)
    return LIF(
        tau_membrane=_value(tau),
        resistance=_value(tau / dt),
        current=_value(bias),
        discretisation=Discretisation.EULER,
        **options,
    )


def _synaptic(
    alpha: NDArray[Any], beta: NDArray[Any], bias: NDArray[Any], dt: float, options: dict[str, Any]
) -> NeuronModel:
    _some_leak(beta, "beta")
    _some_leak(alpha, "alpha")
    tau = dt / (1 - beta)
    # a bias in every step drives syn to bias/(1 - alpha): see neurosim.interchange.nir_models
    steady = bias / (1 - alpha)
    return CurrentLIF(
        tau_membrane=_value(tau),
        tau_synapse=_value(dt / (1 - alpha)),
        resistance=_value(tau / dt),
        current=_value(steady),
        i_init=_value(-steady) if steady.any() else 0.0,
        discretisation=Discretisation.EULER,
        **options,
    )


def _some_leak(decay: NDArray[Any], name: str) -> None:
    if (decay == 1).any():
        raise UnsupportedError(f"{name} = 1 in some neurons of the layer only, or in a Synaptic", limit="< 1")


def _value(array: NDArray[Any]) -> Any:
    flat = np.asarray(array).reshape(-1)
    return float(flat[0]) if (flat == flat[0]).all() else np.asarray(array)
