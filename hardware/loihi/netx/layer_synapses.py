"""The synapses of a layer as lava-dl loads it: rows, and as the chip stores them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.device_network import DeviceProjection
from neurosim.hardware.loihi.netx.layers import ComplexDenseLayer, ConvolutionLayer, DenseLayer
from neurosim.hardware.loihi.numerics.convolution import ACCUMULATOR_BITS
from neurosim.hardware.loihi.numerics.weights import SignMode

__all__ = ["Rows", "Weighted", "check_sums", "layer_synapses", "projection", "recurrent_synapses"]

Ints = NDArray[np.int64]

Weighted = DenseLayer | ComplexDenseLayer | ConvolutionLayer
"""A layer with synapses."""
_EXPONENTS = 8


class Rows(NamedTuple):
    """Synapses with a weight, int64 [k] each; the delay is a register value."""

    source: Ints
    target: Ints
    weight: Ints
    delay: Ints


def layer_synapses(layer: Weighted, name: str, shape: tuple[int, ...]) -> Iterator[Rows]:
    """The synapses from an input of this shape, (x, y, channel) or (n,), into each accumulator.

    Raises:
        UnsupportedError: weights that no synapse holds one by one; names the layer.
    """
    exponents = layer.exponents if isinstance(layer, ComplexDenseLayer) else (getattr(layer, "exponent", 0),)
    if any(exponents):
        raise UnsupportedError(
            "has weights that the loader rounds in sums, not one by one",
            where=name,
            remedy="Write the file anew",
        )
    if isinstance(layer, ConvolutionLayer):
        yield _convolution_rows(layer, shape)
    elif isinstance(layer, ComplexDenseLayer):
        for matrix in (layer.real, layer.imaginary):
            yield _matrix_rows(matrix, np.zeros((), np.int64))
    else:
        yield _matrix_rows(layer.weight, layer.delay)


def recurrent_synapses(layer: Weighted) -> Rows | None:
    """The synapses from a layer to itself; None without."""
    if not isinstance(layer, DenseLayer) or layer.recurrent is None:
        return None
    square = layer.delay.shape == layer.recurrent.shape
    return _matrix_rows(layer.recurrent, layer.delay if square else np.zeros((), np.int64))


def _matrix_rows(weight: Ints, delay: Ints) -> Rows:
    target, source = np.nonzero(weight)
    return Rows(source, target, weight[target, source], np.broadcast_to(delay, weight.shape)[target, source])


def _convolution_rows(layer: ConvolutionLayer, shape: tuple[int, ...]) -> Rows:
    """Every synapse of a convolution of an input (x, y, channel)."""
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
    return Rows(source, target, weight, np.zeros_like(source))


def projection(
    name: str, ends: tuple[str, str], n_pre: int, rows: Rows, accumulator: int = 0
) -> DeviceProjection:
    """The projection from ``ends[0]``, of ``n_pre`` neurons, to ``ends[1]``.

    Raises:
        UnsupportedError: a weight that no synapse holds.
    """
    order = np.lexsort((rows.target, rows.delay, rows.source))
    source, target, weight, delay = (x[order] for x in rows)
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


def check_sums(layer: Weighted, name: str, graded: bool) -> None:
    """Refuse sums of a convolution that Lava wraps at 24 bits, as no accumulator of the chip does.

    Args:
        graded: whether messages are numbers, of which nothing is known beforehand.

    Raises:
        UnsupportedError: such sums; names the layer.
    """
    if isinstance(layer, ConvolutionLayer) and not graded:
        largest = int(np.abs(layer.weight).sum(axis=(1, 2, 3)).max())
        if largest >> (ACCUMULATOR_BITS - 1):
            raise UnsupportedError("has sums of weights that Lava wraps", where=name, value=largest)
