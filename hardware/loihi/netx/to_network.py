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
from neurosim.hardware.loihi.netx.layer_run import run_layers
from neurosim.hardware.loihi.netx.layer_synapses import (
    Weighted,
    check_sums,
    layer_synapses,
    projection,
    recurrent_synapses,
)
from neurosim.hardware.loihi.netx.layers import (
    BIAS_EXPONENT,
    ComplexDenseLayer,
    FlattenLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
)
from neurosim.hardware.loihi.netx.load_options import LoadOptions, neuron_options, program_of
from neurosim.hardware.loihi.numerics.arithmetic import bias_fields, shift
from neurosim.hardware.loihi.numerics.programs import Program

__all__ = ["INPUT", "NEGATIVE", "device_shapes", "host_messages", "to_network"]

Ints = NDArray[np.int64]

INPUT, NEGATIVE = "input", "input_negative"
_THRESHOLD_MAX = 131071


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
        check_sums(layer, name, graded)
        for accumulator, rows in enumerate(layer_synapses(layer, name, shape)):
            suffix = ("", "_imaginary")[accumulator]
            ends = (before, name)
            projections.append(projection(f"{before}_{name}{suffix}", ends, n_pre, rows, accumulator))
            if before == INPUT and graded:
                ends, rows = (NEGATIVE, name), rows._replace(weight=-rows.weight)
                projections.append(projection(f"{NEGATIVE}_{name}{suffix}", ends, n_pre, rows, accumulator))
        back = recurrent_synapses(layer)
        if back is not None and layer.neurons.kind.graded and not graded:
            raise UnsupportedError(
                "sends itself messages with a value, which the loader takes for ones where its input has none",
                where=name,
                remedy="Give it graded input, or leave out its recurrent weights",
            )
        if back is not None:
            projections.append(projection(f"{name}_{name}", (name, name), layer.shape[0], back))
        before, shape, graded = name, layer.shape, layer.neurons.kind.graded
    return DeviceNetwork(inputs=inputs, populations=populations, projections=tuple(projections))


def _numbered(network: NetxNetwork) -> Iterator[tuple[int, Weighted]]:
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


def _population(name: str, layer: Weighted, options: LoadOptions, k: int, *, last: bool) -> DevicePopulation:
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
