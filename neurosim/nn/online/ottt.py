"""Online training through time: gradients from presynaptic traces, one step at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurosim import neurons
from neurosim.errors import UnsupportedError
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.online.filter import Filter, Filtered
from neurosim.nn.sequential import Sequential
from neurosim.nn.state import detached
from neurosim.nn.synapses.linear import Synapses

__all__ = ["OTTT", "OTTTState"]

MODELS = (neurons.LIF, neurons.IntegrateAndFire, neurons.CurrentLIF, neurons.LeakyIntegrator)


class Trace(NamedTuple):
    """Of the inputs of one synapse layer: as they are now, and the past steps ``[D, B, n]`` of the membrane's trace, as
    many as the longest delay."""

    now: Filtered
    past: Tensor


class OTTTState(NamedTuple):
    """Between two steps: what the layers remember, and the traces of the inputs of every synapse layer."""

    layers: tuple[Any, ...]
    traces: tuple[Trace | None, ...]


class OTTT:
    """Step through a feed-forward network, with a graph of one step only: memory does not grow with time.

    For dL/dW the input of a synapse layer is replaced by its trace, what the membrane behind still holds of it,

        p <- b p + x ;  q <- a q + (c x + k p)/(c + k)

    with the coefficients of the layer's neurons (k = 0 for jumps of v, c = 0 for currents); dL/dx is that of the step.
    So ``dL/dW = sum over t of delta[t] q[t]``, where delta[t] is the error of the arrivals in step t. For a network of
    one layer with reset by subtraction, detached, this is the gradient of backpropagation through time; in deeper ones
    errors do not go back to earlier steps of the layers in front. Delays get gradients likewise, from traces of their
    own age.

    Source: Xiao, Meng, Zhang, He and Lin, "Online training through time for spiking neural networks", NeurIPS 2022.

    ::

        rule, state = OTTT(module), None
        for x in spikes:                                   # [B, n]
            out, state = rule.step(x, state)
            loss(out, labels).backward()                   # adds to the gradients
        optimiser.step()

    Args:
        module: a chain of synapses and neurons.

    Raises:
        UnsupportedError: neurons with time constants that differ within a layer, or other models than LIF,
            integrate-and-fire, CurrentLIF and LeakyIntegrator; other layers than synapses and neurons.
    """

    def __init__(self, module: Sequential) -> None:
        self.module = module
        self._filters: list[Filter | None] = []
        layers: list[Any] = list(module.layers)
        for k, layer in enumerate(layers):
            where = f"layer {k}, {type(layer).__name__}"
            if isinstance(layer, Neurons) and type(layer.model) in MODELS:
                self._filters.append(None)
            elif isinstance(layer, Synapses) and isinstance(layers[k + 1], Neurons):
                self._filters.append(Filter.of(layers[k + 1], where))
            else:
                raise UnsupportedError("has no trace to learn from online", where=where)

    def step(self, x: Tensor, state: OTTTState | None = None) -> tuple[Tensor, OTTTState]:
        """What the network puts out ``[B, n_out]`` in one step with the inputs ``x [B, n_in]``."""
        layers: list[Any] = list(self.module.layers)
        before = OTTTState((None,) * len(layers), (None,) * len(layers)) if state is None else state
        after, traces = [], []
        y = x[None]
        for layer, filter_, memory, trace in zip(layers, self._filters, *before, strict=True):
            if filter_ is None:
                y, memory = layer(y, memory)
            else:
                now, past = _start(y[0], layer) if trace is None else trace
                now = filter_.step(y[0].detach(), now)
                fixed = {name: p.detach() for name, p in layer.named_parameters()}
                y, memory = torch.func.functional_call(layer, fixed, (y, memory))
                window = torch.cat([past, now.membrane[None]])
                learnt = layer(window)[0][-1:]  # of this step: its weights and delays get the gradients
                y = y + (learnt - learnt.detach())
                trace = Trace(now, window[1:])
            after.append(detached(memory))
            traces.append(trace)
        return y[0], OTTTState(tuple(after), tuple(traces))


def _start(x: Tensor, layer: Synapses) -> Trace:
    return Trace(Filtered.of(x), x.new_zeros(int(getattr(layer, "max_delay_steps", 0)), *x.shape))
