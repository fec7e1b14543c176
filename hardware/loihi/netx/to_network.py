"""A network of layers as lava-dl loads it, in the numbers of the chip.

Populations are named ``layer0``, ``layer1``, ... by the number of their layer among those with neurons, the input is
``input``. Neurons are numbered in C order of (channel, y, x), the order in which lava-dl flattens. A spike of step t
reaches the first layer in step t + 1, and each layer adds a step, as in Lava. An input layer stays with the host, which
sends its messages (`host_messages`); where these are numbers of both signs, negative ones go into a second input,
``input_negative``, over synapses of the opposite sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.loihi.netx.layer_run import LoadOptions, neuron_options, program_of, run_layers
from neurosim.hardware.loihi.netx.layers import (
    BIAS_EXPONENT,
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
)
from neurosim.hardware.loihi.numerics.arithmetic import bias_fields, shift
from neurosim.hardware.loihi.numerics.convolution import ACCUMULATOR_BITS
from neurosim.hardware.loihi.numerics.programs import Program
from neurosim.hardware.loihi.numerics.weights import SignMode

__all__ = ["INPUT", "NEGATIVE", "convolution_rows", "device_shapes", "host_messages", "to_network"]

Ints = NDArray[np.int64]

INPUT, NEGATIVE = "input", "input_negative"
_EXPONENTS = 8
_THRESHOLD_MAX = 131071

_Weighted = DenseLayer | ComplexDenseLayer | ConvolutionLayer


def host_messages(network: NetxNetwork, x: ArrayLike, options: LoadOptions | None = None) -> dict[str, Ints]:
    """What the host sends for an input [T, *shape] as `run_layers` takes it: input -> numbers [T, 1, *shape].

    Shapes are (channel, y, x), as those of the compiled network. An input layer is run here.

    Raises:
        ShapeError: an input that does not fit.
    """
    options = options or LoadOptions()
    sent = np.asarray(x, dtype=np.int64)
    first = network.layers[0]
    if isinstance(first, InputLayer):
        sent = run_layers([first], sent, options)[0].message
    if network.input_shape is not None and sent.shape[1:] != network.input_shape:
        raise ShapeError("the input does not fit", value=sent.shape[1:], limit=network.input_shape)
    sent = sent.transpose(0, *range(sent.ndim - 1, 0, -1))[:, None]
    if not _graded_input(network, options):
        return {INPUT: (sent != 0).astype(np.int64)}
    return {INPUT: np.maximum(sent, 0), NEGATIVE: np.maximum(-sent, 0)}


def device_shapes(network: NetxNetwork) -> dict[str, tuple[int, ...]]:
    """Shape of each population, (channel, y, x) or (n,), by name."""
    return {f"layer{k}": layer.shape[::-1] for k, layer in _numbered(network)}


def to_network(network: NetxNetwork, options: LoadOptions | None = None) -> DeviceNetwork:
    """The network in the numbers of the chip.

    Raises:
        DescriptionError: a convolution first, and no shape of its input.
        UnsupportedError: what no register or synapse holds; names the layer.
    """
    options = options or LoadOptions()
    shape = network.input_shape
    if shape is None:
        raise DescriptionError(
            "does not say the shape of its input",
            where="the network file",
            remedy="Pass input_shape=(x, y, channel)",
        )
    inputs = {INPUT: math.prod(shape)}
    graded = _graded_input(network, options)
    if graded:
        inputs[NEGATIVE] = inputs[INPUT]
    populations: dict[str, DevicePopulation] = {}
    projections: list[DeviceProjection] = []
    before = INPUT
    numbered = list(_numbered(network))
    for k, layer in numbered:
        name = f"layer{k}"
        populations[name] = _population(name, layer, options, k, last=k == numbered[-1][0])
        n_pre = math.prod(shape)
        _check_sums(layer, name, graded)
        for accumulator, (source, target, weight, delay) in enumerate(_synapses(layer, name, shape)):
            suffix = ("", "_imaginary")[accumulator]
            made = _projection(
                f"{before}_{name}{suffix}", (before, name), n_pre, source, target, weight, delay, accumulator
            )
            projections.append(made)
            if before == INPUT and graded:
                other = _projection(
                    f"{NEGATIVE}_{name}{suffix}",
                    (NEGATIVE, name),
                    n_pre,
                    source,
                    target,
                    -weight,
                    delay,
                    accumulator,
                )
                projections.append(other)
        if isinstance(layer, DenseLayer) and layer.recurrent is not None:
            delay = layer.delay if layer.delay.shape == layer.recurrent.shape else np.zeros((), np.int64)
            rows = _matrix_rows(layer.recurrent, delay)
            n = layer.shape[0]
            projections.append(_projection(f"{name}_{name}", (name, name), n, *rows, 0))
        before, shape, graded = name, layer.shape, layer.neurons.kind.graded
    return DeviceNetwork(inputs=inputs, populations=populations, projections=tuple(projections))


def convolution_rows(layer: ConvolutionLayer, shape: tuple[int, ...]) -> tuple[Ints, Ints, Ints]:
    """Source, target and weight of every synapse of a convolution of an input (x, y, channel), zeros left out."""
    width, height, _ = shape
    out_width, out_height, out = layer.output_of(shape)
    per_group, n_out = layer.weight.shape[1], out // layer.groups
    y_out, x_out = np.meshgrid(np.arange(out_height), np.arange(out_width), indexing="ij")
    columns: list[list[Ints]] = [[np.zeros(0, np.int64)] for _ in range(3)]
    for a, b in np.ndindex(layer.weight.shape[2:]):
        y = layer.stride[0] * y_out - layer.padding[0] + layer.dilation[0] * a
        x = layer.stride[1] * x_out - layer.padding[1] + layer.dilation[1] * b
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        place, place_out = (y * width + x)[inside], (y_out * out_width + x_out)[inside]
        o, c = np.nonzero(layer.weight[:, :, a, b])
        channel = c + o // n_out * per_group
        columns[0].append((channel[:, None] * (height * width) + place).reshape(-1))
        columns[1].append((o[:, None] * (out_height * out_width) + place_out).reshape(-1))
        columns[2].append(np.repeat(layer.weight[o, c, a, b], len(place)))
    source, target, weight = (np.concatenate(column) for column in columns)
    return source, target, weight


def _numbered(network: NetxNetwork) -> Iterator[tuple[int, _Weighted]]:
    """Layers of the chip, numbered with all that have neurons."""
    with_neurons = [layer for layer in network.layers if not isinstance(layer, FlattenLayer)]
    for k, layer in enumerate(with_neurons):
        if not isinstance(layer, InputLayer):
            yield k, layer


def _graded_input(network: NetxNetwork, options: LoadOptions) -> bool:
    first = network.layers[0]
    if isinstance(first, InputLayer):
        return first.neurons.kind.graded
    return options.input_message_bits > 0


def _population(name: str, layer: _Weighted, options: LoadOptions, k: int, *, last: bool) -> DevicePopulation:
    neurons, shape = layer.neurons, layer.shape
    n = math.prod(shape)

    def spread(x: int | Ints) -> Ints:
        """One number a neuron, in the order of the chip."""
        return np.array(np.broadcast_to(x, shape).transpose().reshape(-1), dtype=np.int64)

    program, threshold = program_of(neurons), spread(neurons.threshold)
    given = neuron_options(neurons, options, k)
    if program is None:  # sigma: a sigma-delta neuron has the same sum, and is kept from sending
        if not last:
            raise UnsupportedError("sigma neurons that other layers listen to", where=name)
        program, threshold = Program.SIGMA_DELTA, np.full(n, _THRESHOLD_MAX, dtype=np.int64)
    elif (
        neurons.kind is NeuronKind.LIF
    ):  # the largest that Lava reads lies beyond the potential's range: never reached
        threshold = np.minimum(threshold, _THRESHOLD_MAX)
    bias = np.zeros(n, np.int64) if isinstance(layer, ComplexDenseLayer) else spread(layer.bias)
    if neurons.kind is NeuronKind.LIF:
        bias = bias << BIAS_EXPONENT
    try:
        mantissa, exponent = bias_fields(bias)
    except ValueError as error:
        raise UnsupportedError(f"has a bias that no register holds: {error}", where=name) from None
    if np.any(shift(mantissa, exponent) != bias):
        raise UnsupportedError("has a bias that no register holds", where=name, value=int(np.abs(bias).max()))
    zero = np.zeros(n, dtype=np.int64)
    return DevicePopulation(
        name=name,
        size=n,
        du=spread(neurons.du),
        dv=spread(neurons.dv),
        threshold=threshold,
        bias_mantissa=mantissa,
        bias_exponent=exponent,
        refractory=zero + 1,
        u=zero,
        v=zero,
        program=program,
        options=given,
    )


def _synapses(layer: _Weighted, name: str, shape: tuple[int, ...]) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """Source, target, weight and delay into each accumulator."""
    exponents = layer.exponents if isinstance(layer, ComplexDenseLayer) else (getattr(layer, "exponent", 0),)
    if any(exponents):
        raise UnsupportedError(
            "has weights that the loader rounds in sums, not one by one",
            where=name,
            remedy="Write the file anew",
        )
    if isinstance(layer, ConvolutionLayer):
        source, target, weight = convolution_rows(layer, shape)
        yield source, target, weight, np.zeros_like(source)
    elif isinstance(layer, ComplexDenseLayer):
        for matrix in (layer.real, layer.imaginary):
            yield _matrix_rows(matrix, np.zeros((), np.int64))
    else:
        yield _matrix_rows(layer.weight, layer.delay)


def _matrix_rows(weight: Ints, delay: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    target, source = np.nonzero(weight)
    return source, target, weight[target, source], np.broadcast_to(delay, weight.shape)[target, source]


def _projection(
    name: str,
    ends: tuple[str, str],
    n_pre: int,
    source: Ints,
    target: Ints,
    weight: Ints,
    delay: Ints,
    accumulator: int,
) -> DeviceProjection:
    order = np.lexsort((target, delay, source))
    source, target, weight, delay = (x[order] for x in (source, target, weight, delay))
    stored, exponent, mode = _stored(weight, name)
    return DeviceProjection(
        name=name,
        pre=ends[0],
        post=ends[1],
        row_start=np.searchsorted(source, np.arange(n_pre + 1)).astype(np.int64),
        target=target,
        weight=stored,
        exponent=exponent,
        mode=mode,
        delay=delay,
        accumulator=accumulator,
    )


def _stored(weight: Ints, where: str) -> tuple[Ints, Ints, Ints]:
    """Mantissa, exponent and sign mode of each weight.

    Where both signs occur and all are even, as the chip wants it, they share one mode; else each sign has its own.
    """
    mixed = bool(np.any(weight > 0) and np.any(weight < 0) and not np.any(weight % 2))
    one_sign = np.where(weight >= 0, int(SignMode.EXCITATORY), int(SignMode.INHIBITORY))
    mode = np.full_like(weight, int(SignMode.MIXED)) if mixed else one_sign
    low, high, step = (-256, 254, 2) if mixed else (-255, 255, 1)
    stored, exponent = np.zeros_like(weight), np.full_like(weight, -1)
    for e in range(_EXPONENTS - 1, -1, -1):
        part = weight >> e
        fits = (part << e == weight) & (part >= low) & (part <= high) & (part % step == 0)
        stored, exponent = np.where(fits, part, stored), np.where(fits, e, exponent)
    if np.any(exponent < 0):
        worst = int(weight[np.argmin(exponent)])
        raise UnsupportedError(
            "has a weight that no synapse holds", where=f"projection {where!r}", value=worst
        )
    return stored, exponent, mode


def _check_sums(layer: _Weighted, name: str, graded: bool) -> None:
    """Lava wraps the sums of a convolution at 24 bits, as no accumulator of the chip does."""
    if isinstance(layer, ConvolutionLayer) and not graded:
        largest = int(np.abs(layer.weight).sum(axis=(1, 2, 3)).max())
        if largest >> (ACCUMULATOR_BITS - 1):
            raise UnsupportedError("has sums of weights that Lava wraps", where=name, value=largest)
