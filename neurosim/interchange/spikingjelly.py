"""SpikingJelly modules as a Network.

Checked against SpikingJelly 2.0.0 (``activation_based``). Its step, with the charged potential h::

    LIFNode   h = v + (x - (v - v_reset))/tau     (decay_input=True)
              h = v - (v - v_reset)/tau + x       (decay_input=False)
    IFNode    h = v + x
    spike if h >= v_threshold ; v = v_reset, or h - v_threshold where v_reset is None

v_reset counts as zero in the leak where it is None. The parameters are attributes, not in the state dict, so the module
itself is needed. These are options of `neurosim.neurons` (Euler with tau dt), so spikes agree exactly wherever float32
sums do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import NeurosimError, UnsupportedError
from neurosim.interchange.torch_layers import Cell, Stack, array_of, layers_of
from neurosim.loss_report import LossKind, LossReport
from neurosim.network import Network
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation, Reset, SpikeWhen

__all__ = ["from_spikingjelly"]

_NEURONS = ("IFNode", "LIFNode", "ParametricLIFNode", "SimpleIFNode", "SimpleLIFNode")


def from_spikingjelly(
    module: Any,
    shape: int | Sequence[int],
    *,
    dt: float = 1e-3,
    seed: int = 0,
    allow: Collection[LossKind] = (LossKind.APPROXIMATED,),
) -> tuple[Network, LossReport]:
    """A network that spikes as a trained SpikingJelly module does.

    Args:
        module: a ``torch.nn.Sequential``, or the layers as a list in the order of the signal: Linear, Conv1d, Conv2d,
            AvgPool2d, Flatten, BatchNorm in evaluation mode and Dropout (ignored), SpikingJelly's or PyTorch's, and
            IFNode, LIFNode, ParametricLIFNode. The step mode does not matter; states are taken as after ``reset_net``.
        shape: shape of the input without time and batch.
        dt: the time step that one step stands for, s. It changes nothing but the unit of time.
        allow: kinds of losses to accept.

    Returns:
        The network (input ``"input"``, populations named as the modules are), and what is not the same.

    Raises:
        UnsupportedError: a layer or an option that has no counterpart, named.
    """
    size = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
    stack = Stack(size, dt, seed)
    for name, layer in layers_of(module):
        label = name or "0"
        if stack.linear(label, layer):
            continue
        kind = type(layer).__name__
        if kind not in _NEURONS:
            known = f"{', '.join(_NEURONS)}, Linear, Conv, AvgPool2d, Flatten, BatchNorm"
            raise UnsupportedError("an unknown layer", where=f"layer {label!r}", value=kind, limit=known)
        try:
            stack.cell(label, _cell(layer, kind, dt))
        except NeurosimError as error:
            error.where = error.where or f"layer {label!r}"
            raise
    net = stack.finished()
    report = LossReport(stack.losses)
    report.require(allow)
    return net, report


def _cell(m: Any, kind: str, dt: float) -> Cell:
    rest = 0.0 if m.v_reset is None else float(m.v_reset)
    options: dict[str, Any] = {
        "threshold": float(m.v_threshold),
        "v_reset": rest,
        "v_init": rest,
        "reset": Reset.BY_SUBTRACTION if m.v_reset is None else Reset.TO_VALUE,
        "spike_when": SpikeWhen.REACHED,
    }
    if "LIF" not in kind:
        return Cell(biased=lambda bias: IntegrateAndFire(resistance=1 / dt, current=_value(bias), **options))
    if kind == "ParametricLIFNode":  # 1/tau = sigmoid(w)
        rate = float(1 / (1 + np.exp(-array_of(m.w))))
    else:
        rate = 1 / float(m.tau)
    if not 0 < rate <= 1:
        raise UnsupportedError("the time constant is out of range", value=1 / rate, limit=">= 1 step")
    gain = rate if m.decay_input else 1.0

    def biased(bias: NDArray[Any]) -> NeuronModel:
        return LIF(
            tau_membrane=dt / rate,
            v_rest=rest,
            resistance=1 / rate,
            current=_value(bias * gain),
            discretisation=Discretisation.EULER,
            **options,
        )

    return Cell(biased=biased, gain=gain)


def _value(array: NDArray[Any]) -> Any:
    flat = np.asarray(array).reshape(-1)
    return float(flat[0]) if (flat == flat[0]).all() else np.asarray(array)
