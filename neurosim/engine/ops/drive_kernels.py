"""What drives add in a step, for one tile of neurons: compiled, a pure function of key, sample, step and neuron.

Each kernel is ``add(x, low, high, step, sample, *arrays)``: x[0] to x[high - low - 1] belong to the neurons low to
high - 1 of the population; ``step`` counts from the beginning of the network's life. Parts may begin anywhere; whole
groups of 64 neurons are fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

from neurosim.cell_random import GROUP, group_normals, group_words, split_key
from neurosim.errors import UnsupportedError
from neurosim.parameters import Value
from neurosim.sources.current_drive import CurrentDrive, Ending, StepCurrent
from neurosim.sources.drive import Drive
from neurosim.sources.noise_current import NoiseCurrent
from neurosim.sources.noise_drive import NoiseDrive
from neurosim.sources.poisson_drive import PoissonDrive
from neurosim.sources.sine_current import SineCurrent
from neurosim.sources.time_grid import FOREVER, whole_steps

__all__ = [
    "PreparedDrive",
    "add_noise",
    "add_poisson",
    "add_poissons",
    "add_sine",
    "add_values",
    "poisson_draws",
    "poisson_table",
    "prepare",
]


@dataclass(frozen=True)
class PreparedDrive:
    """A drive made ready for a population: ``add(x, low, high, step, sample, *arrays)`` adds what it does in a step."""

    add: Callable[..., None]
    arrays: tuple[NDArray[Any], ...]


def prepare(drive: Drive, shape: tuple[int, ...], dt: float, key: int, dtype: DTypeLike) -> PreparedDrive:
    """The kernel of a drive and its arrays, for a population of this shape and arrivals of this float type.

    Raises:
        UnsupportedError: a class of drives that the engine does not know.
    """
    for kind, make in _PREPARE.items():
        if isinstance(drive, kind):
            return make(drive, math.prod(shape), dt, split_key(key), np.dtype(dtype))
    raise UnsupportedError(
        "the engine has no kernel for this drive",
        where="drive",
        value=type(drive).__name__,
        limit=sorted(kind.__name__ for kind in _PREPARE),
    )


def _flat(value: Value, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """[1] for a number, [n] for an array."""
    return np.ascontiguousarray(np.asarray(value, dtype).reshape(-1))


def _on_stack(element: Any, bits: Any) -> Any:  # pragma: no cover (runs in the compiler)
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        room = cgutils.alloca_once(builder, ir.ArrayType(bits, GROUP))
        room.align = 64
        return builder.bitcast(room, bits.as_pointer())

    return types.CPointer(element)(), codegen


@intrinsic
def _words_on_stack(typingctx: Any) -> Any:  # pragma: no cover (runs in the compiler)
    """Room for a group on the stack: kernels run in many threads and must not allocate."""
    return _on_stack(types.uint32, ir.IntType(32))


@intrinsic
def _floats_on_stack(typingctx: Any) -> Any:  # pragma: no cover (runs in the compiler)
    return _on_stack(types.float64, ir.DoubleType())


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _add_scaled(x: Any, low: Any, high: Any, group: Any, weight: Any, values: Any) -> None:
    """x += weight values for the neurons of a group that lie in the tile; weight [1] or [n]."""
    at = group * GROUP - low
    if at >= 0 and at + GROUP <= high - low:
        # unsigned: Numba would test signed indices for the end of the array, and count references to slices
        here, first = np.uintp(at), np.uintp(group * GROUP)
        if weight.size == 1:
            w = weight[0]
            for i in range(np.uintp(GROUP)):
                x[here + i] += w * x.dtype.type(values[i])
        else:
            for i in range(np.uintp(GROUP)):
                x[here + i] += weight[first + i] * x.dtype.type(values[i])
    else:
        for i in range(max(0, -at), min(GROUP, high - low - at)):
            w = weight[0 if weight.size == 1 else group * GROUP + i]
            x[at + i] += w * x.dtype.type(values[i])


# Poisson: the number of thresholds that the word of the cell exceeds.

_LONGEST_ROW = 400
"""Thresholds of one draw, for one rate (1.6 kB) ..."""
_LONGEST_COLUMN = 48
"""... and for rates of every neuron (192 bytes each). Larger means are sums of several draws."""


def poisson_table(mean: float) -> tuple[int, NDArray[np.uint32]]:
    """(least value, thresholds): the least plus the number of thresholds below a 32-bit word is Poisson(mean).

    P(N > k) is rounded to a multiple of 2^-32; what is then 0 or 1 is left out.
    """
    from scipy.special import pdtr  # takes a quarter of a second, and few networks need it

    top = int(mean + 12 * math.sqrt(mean) + 30)
    thresholds = np.floor(pdtr(np.arange(top), mean) * 2.0**32 + 0.5)
    least = int(np.searchsorted(thresholds, 1.0))
    return least, (thresholds[least : int(np.searchsorted(thresholds, 2.0**32))] - 1.0).astype(np.uint32)


def poisson_draws(mean: float, *, each: bool) -> tuple[int, int, NDArray[np.uint32]]:
    """(number of draws, least value of their sum, thresholds of a draw); ``each``: whether every neuron has its own."""
    longest = _LONGEST_COLUMN if each else _LONGEST_ROW
    draws = 1
    while len(poisson_table(mean / draws)[1]) > longest:
        draws += max(1, draws // 8)
    least, thresholds = poisson_table(mean / draws)
    return draws, least * draws, thresholds


def _prepare_poisson(drive: PoissonDrive, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    weight, mean = _flat(drive.weight, dtype), _flat(drive.rate) * dt
    if mean.size == 1:
        draws, least, thresholds = poisson_draws(float(mean[0]), each=False)
        table = np.full(-(-thresholds.size // 8) * 8, 2**32 - 1, np.uint32)  # a word never exceeds this
        table[: thresholds.size] = thresholds
        return PreparedDrive(add_poisson, (key, weight, np.array([draws, least]), table))
    draws = poisson_draws(float(mean.max()), each=True)[0]
    different, which = np.unique(mean, return_inverse=True)
    rows = [poisson_table(m / draws) for m in different]
    longest = max(len(thresholds) for _, thresholds in rows)
    padded = -(-n // GROUP) * GROUP
    tables = np.full((longest, padded), 2**32 - 1, np.uint32)
    least_of = np.zeros(padded, np.uint32)
    for r, (least, thresholds) in enumerate(rows):
        neurons = np.flatnonzero(which == r)
        least_of[neurons] = least * draws
        tables[: len(thresholds), neurons] = thresholds[:, None]
    return PreparedDrive(add_poissons, (key, weight, np.array([draws]), least_of, tables))


@njit(cache=True, nogil=True, error_model="numpy")
def add_poisson(
    x: Any, low: Any, high: Any, step: Any, sample: Any, key: Any, weight: Any, draws: Any, table: Any
) -> None:
    """One rate for all; draws int64 [number of draws, least value]; table uint32 [8 m]."""
    words, counts = carray(_words_on_stack(), GROUP), carray(_words_on_stack(), GROUP)
    for group in range(low // GROUP, (high + GROUP - 1) // GROUP):
        for i in range(GROUP):
            counts[i] = np.uint32(draws[1])
        for lane in range(draws[0]):
            group_words(words, group, step, sample, lane, key)
            for j in range(0, table.size, 8):
                t0, t1, t2, t3 = table[j], table[j + 1], table[j + 2], table[j + 3]
                t4, t5, t6, t7 = table[j + 4], table[j + 5], table[j + 6], table[j + 7]
                more = np.uint32(0)
                for i in range(GROUP):
                    w = words[i]
                    more = np.uint32(more | np.uint32(w > t7))
                    counts[i] += (
                        np.uint32(w > t0) + np.uint32(w > t1) + np.uint32(w > t2) + np.uint32(w > t3)
                        + np.uint32(w > t4) + np.uint32(w > t5) + np.uint32(w > t6) + np.uint32(w > t7)
                    )  # fmt: skip
                if more == 0:
                    break
        _add_scaled(x, low, high, group, weight, counts)


@njit(cache=True, nogil=True, error_model="numpy")
def add_poissons(
    x: Any,
    low: Any,
    high: Any,
    step: Any,
    sample: Any,
    key: Any,
    weight: Any,
    draws: Any,
    least: Any,
    table: Any,
) -> None:
    """A rate for each neuron; draws int64 [1]; least uint32 [64 g]; table uint32 [k, 64 g]."""
    words, counts = carray(_words_on_stack(), GROUP), carray(_words_on_stack(), GROUP)
    for group in range(low // GROUP, (high + GROUP - 1) // GROUP):
        first = least[group * GROUP : group * GROUP + GROUP]
        for i in range(GROUP):
            counts[i] = first[i]
        for lane in range(draws[0]):
            group_words(words, group, step, sample, lane, key)
            for j in range(table.shape[0]):
                t = table[j, group * GROUP : group * GROUP + GROUP]
                for i in range(GROUP):
                    counts[i] += np.uint32(words[i] > t[i])
        _add_scaled(x, low, high, group, weight, counts)


# Gaussian noise: arrivals in every step, or a current that is drawn anew every so many steps.


def _prepare_noise(drive: NoiseDrive, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    shift, scale = _flat(drive.mean) * dt, _flat(drive.std) * math.sqrt(dt)
    window = np.array([0, FOREVER, 1])
    return PreparedDrive(add_noise, (key, window, shift.astype(dtype), scale.astype(dtype)))


def _prepare_noise_current(drive: NoiseCurrent, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    window = np.array([*_steps(dt, drive.start, drive.stop), *_steps(dt, drive.every or dt)])
    return PreparedDrive(add_noise, (key, window, _flat(drive.mean, dtype), _flat(drive.std, dtype)))


@njit(cache=True, nogil=True, error_model="numpy")
def add_noise(
    x: Any, low: Any, high: Any, step: Any, sample: Any, key: Any, window: Any, shift: Any, scale: Any
) -> None:
    """shift + scale times a standard normal; window int64 [first step, stop, steps that a normal lasts]; shift and
    scale [1] or [n]."""
    if step < window[0] or step >= window[1]:
        return
    words, normals = carray(_words_on_stack(), GROUP), carray(_floats_on_stack(), GROUP)
    if shift.size > 1 or shift[0] != 0.0:
        for i in range(high - low):
            x[i] += shift[0 if shift.size == 1 else low + i]
    for group in range(low // GROUP, (high + GROUP - 1) // GROUP):
        group_words(words, group, step // window[2], sample, 0, key)
        group_normals(normals, words)
        _add_scaled(x, low, high, group, scale, normals)


# Currents given by their values, or by a formula.


def _steps(dt: float, *times: float) -> list[int]:
    return [whole_steps(t, dt, "drive") for t in times]


def _prepare_current(drive: CurrentDrive, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    values = np.ascontiguousarray(np.asarray(drive.values, dtype).reshape(len(np.asarray(drive.values)), -1))
    code = [Ending.ZERO, Ending.HOLD, Ending.REPEAT].index(drive.ending)
    return PreparedDrive(add_values, (np.array([*_steps(dt, drive.start, drive.every or dt), code]), values))


def _prepare_step_current(drive: StepCurrent, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    start, stop = _steps(dt, drive.start, drive.stop)
    values = _flat(drive.amplitude, dtype)[None]
    # an empty interval is one that never begins
    return PreparedDrive(
        add_values, (np.array([start if stop > start else FOREVER, max(stop - start, 1), 0]), values)
    )


@njit(cache=True, nogil=True, error_model="numpy")
def add_values(x: Any, low: Any, high: Any, step: Any, sample: Any, times: Any, values: Any) -> None:
    """values [T, 1 or n]; times int64 [first step, steps that a value lasts, 0: then zero, 1: hold, 2: repeat]."""
    if step < times[0]:
        return
    at, length = (step - times[0]) // times[1], values.shape[0]
    if at >= length:
        if times[2] == 0:
            return
        at = length - 1 if times[2] == 1 else at % length
    if values.shape[1] == 1:
        value = values[at, 0]
        for i in range(high - low):
            x[i] += value
    else:
        row = values[at]
        for i in range(high - low):
            x[i] += row[low + i]


def _prepare_sine(drive: SineCurrent, n: int, dt: float, key: Any, dtype: Any) -> PreparedDrive:
    table = np.stack(
        np.broadcast_arrays(
            *(_flat(v) for v in (drive.amplitude, drive.offset)),
            2 * math.pi * dt * _flat(drive.frequency),
            _flat(drive.phase),
        )
    )
    return PreparedDrive(
        add_sine, (np.array(_steps(dt, drive.start, drive.stop)), np.ascontiguousarray(table))
    )


@njit(cache=True, nogil=True, error_model="numpy")
def add_sine(x: Any, low: Any, high: Any, step: Any, sample: Any, window: Any, table: Any) -> None:
    """table float64 [4, 1 or n]: amplitude, offset, radians a step, phase; window int64 [first step, stop]."""
    if step < window[0] or step >= window[1]:
        return
    value = table[1, 0] + table[0, 0] * math.sin(table[2, 0] * step + table[3, 0])
    for i in range(high - low):
        n = low + i
        if table.shape[1] > 1:
            value = table[1, n] + table[0, n] * math.sin(table[2, n] * step + table[3, n])
        x[i] += x.dtype.type(value)


_PREPARE: dict[type[Drive], Callable[..., PreparedDrive]] = {
    PoissonDrive: _prepare_poisson,
    NoiseDrive: _prepare_noise,
    NoiseCurrent: _prepare_noise_current,
    CurrentDrive: _prepare_current,
    StepCurrent: _prepare_step_current,
    SineCurrent: _prepare_sine,
}
