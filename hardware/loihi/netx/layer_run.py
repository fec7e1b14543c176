"""Layers of a network file run one after the other, step for step as Lava runs the loaded file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ShapeError
from neurosim.hardware.loihi.netx.layers import (
    BIAS_EXPONENT,
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    Layer,
    NeuronKind,
    Neurons,
)
from neurosim.hardware.loihi.netx.load_options import LoadOptions, neuron_options, program_of
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.numerics.convolution import convolve
from neurosim.hardware.loihi.numerics.delay_slots import delay_dense
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.messages import GRADED_BITS, received
from neurosim.hardware.loihi.numerics.overflow import overflow_rows
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.programs import (
    PROGRAMS,
    STATE_ROWS,
    Program,
    advance,
    option_values,
    register_rows,
)

__all__ = ["LayerTrace", "run_layers"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LayerTrace:
    """After every step: ``message`` (spikes are 0 and 1) and the ``state`` by name, int64 [T, *shape] each."""

    message: Ints
    state: Mapping[str, Ints]


def run_layers(layers: Iterable[Layer], x: Ints, options: LoadOptions | None = None) -> list[LayerTrace]:
    """Run layers one after the other, step for step as Lava runs the loaded file.

    Args:
        x: int64 [T, in] or [T, X, Y, C]: spikes, or messages (see ``input_message_bits``). If the first layer is an
            `InputLayer`: the bias mantissa of its LIF neurons, or the input of its Delta neurons.

    Returns:
        The trace of each layer with neurons.

    Raises:
        ShapeError: an input that does not fit the layer.
    """
    options = options or LoadOptions()
    x, bits = np.asarray(x, dtype=np.int64), options.input_message_bits
    traces: list[LayerTrace] = []
    for layer in layers:
        if isinstance(layer, FlattenLayer):
            x = x.transpose(0, 3, 2, 1).reshape(len(x), -1)
            continue
        expected = layer.shape if isinstance(layer, InputLayer) else layer.input_shape
        if expected is not None and x.shape[1:] != expected:
            raise ShapeError("the input does not fit the layer", value=x.shape[1:], limit=expected)
        if not isinstance(layer, InputLayer):
            x = received(x, bits)
        trace = _run(layer, x, neuron_options(layer.neurons, options, len(traces)), bits)
        traces.append(trace)
        x, bits = trace.message, max(GRADED_BITS) if layer.neurons.kind.graded else 0
    return traces


def _run(
    layer: InputLayer | DenseLayer | ComplexDenseLayer | ConvolutionLayer,
    x: Ints,
    options: Mapping[str, int],
    message_bits: int,
) -> LayerTrace:
    steps, neurons = len(x), layer.neurons
    if isinstance(layer, InputLayer):
        shape = layer.shape
        zero = np.zeros((steps, int(np.prod(shape))), np.int64)
        flat = x.reshape(steps, -1)
        if neurons.kind is NeuronKind.LIF:
            return _neurons(neurons, zero, options, shape, drive=flat << BIAS_EXPONENT)
        return _neurons(neurons, flat, options, shape)
    if isinstance(layer, ComplexDenseLayer):
        parts = zip((layer.real, layer.imaginary), layer.exponents, strict=True)
        q, q2 = (_later(shift(x @ w.T, e)) for w, e in parts)
        return _neurons(neurons, q, options, layer.shape, q2=q2)
    if isinstance(layer, ConvolutionLayer):
        q = _later(_convolved(layer, x))
        shape = q.shape[1:]
        bias = np.broadcast_to(layer.bias, shape).reshape(-1)
        return _neurons(neurons, q.reshape(steps, -1), options, shape, bias=bias)
    delay = np.ascontiguousarray(np.broadcast_to(layer.delay, layer.weight.shape))
    q = delay_dense(x, layer.weight, delay, layer.exponent)
    feedback = None
    if layer.recurrent is not None:
        feedback = _Feedback(layer.recurrent, delay, layer.exponent, message_bits)
    return _neurons(neurons, q, options, layer.shape, bias=layer.bias, feedback=feedback)


class _Feedback:
    """What a layer sends to itself, kept in a ring of steps to come."""

    def __init__(self, weight: Ints, delay: Ints, exponent: int, message_bits: int) -> None:
        square = delay if delay.shape == weight.shape else np.zeros_like(weight)
        self._parts = [(int(d), np.where(square == d, weight, 0)) for d in np.unique(square)]
        self._ring = np.zeros((int(square.max()) + 2, len(weight)), dtype=np.int64)
        self._exponent, self._bits = exponent, message_bits

    def __call__(self, t: int, send: Callable[[Ints], Ints]) -> None:
        slot = self._ring[t % len(self._ring)]
        message = send(slot)
        slot[:] = 0
        x = received(message, self._bits)
        for d, weight in self._parts:
            self._ring[(t + 1 + d) % len(self._ring)] += shift(weight @ x, self._exponent)


def _neurons(
    neurons: Neurons,
    q: Ints,
    options: Mapping[str, int],
    shape: tuple[int, ...],
    *,
    q2: Ints | None = None,
    bias: Ints | int = 0,
    drive: Ints | None = None,
    feedback: _Feedback | None = None,
) -> LayerTrace:
    """Neurons on arrivals [T, n] in units of a weight; ``drive``: their bias in each step."""
    program = program_of(neurons)
    if program is None:
        sigma = np.cumsum(q, axis=0).reshape(len(q), *shape)
        return LayerTrace(sigma, {"sigma": sigma})
    steps, n = q.shape
    up = PROGRAMS[program].weight_shift
    du, dv, threshold = (
        np.broadcast_to(p, shape).reshape(-1) for p in (neurons.du, neurons.dv, neurons.threshold)
    )
    exponent = BIAS_EXPONENT if program is Program.LIF else 0
    fields = Registers.of(n, du=du, dv=dv, threshold=threshold << 6, bias=np.asarray(bias) << exponent)
    values = option_values(program, options, LAVA)
    registers = register_rows(program, fields, values)
    state, history = np.zeros((STATE_ROWS, n), np.int64), np.zeros((STATE_ROWS, steps, n), np.int64)
    message = np.zeros((steps, n), np.int64)
    rows, count = overflow_rows(0)
    arrivals = np.ascontiguousarray(q) << up
    second = arrivals if q2 is None else np.ascontiguousarray(q2)
    for t in range(steps):
        if drive is not None:
            registers[2] = drive[t]

        def send(more: Ints, t: int = t) -> Ints:
            total = arrivals[t] + (more << up)
            advance(
                int(program), 0, n, t, total, second[t], state, registers, values, message[t], rows, count
            )  # fmt: skip
            return message[t]

        if feedback is None:
            send(np.zeros(n, np.int64))
        else:
            feedback(t, send)
        history[:, t] = state
    names = PROGRAMS[program].state
    states = {name: history[i].reshape(steps, *shape) for i, name in enumerate(names)}
    return LayerTrace(message.reshape(steps, *shape), states)


def _convolved(layer: ConvolutionLayer, x: Ints) -> Ints:
    """[T, X', Y', out] of [T, X, Y, C]."""
    if x.ndim != 4:
        raise ShapeError("a convolution needs an input [T, x, y, channel]", value=x.shape)
    kernel = layer.weight.transpose(0, 3, 2, 1)[:, ::-1, ::-1]  # true convolution flips it back
    out = convolve(
        np.moveaxis(x, 0, -1),
        kernel,
        stride=layer.stride[::-1],
        padding=layer.padding[::-1],
        dilation=layer.dilation[::-1],
        groups=layer.groups,
    )
    return np.asarray(np.moveaxis(out, -1, 0), dtype=np.int64)


def _later(x: Ints) -> Ints:
    """One step later: a connection takes one."""
    return np.concatenate([np.zeros_like(x[:1]), x[:-1]])
