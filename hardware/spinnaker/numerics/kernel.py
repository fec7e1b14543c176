"""One time step of the neurons of a core: IF_curr_exp, IF_curr_delta and IF_cond_exp.

The Numba kernel and the NumPy reference below it compute the same integers; the tests compare both with the states of
the genuine firmware. Order within a step (sPyNNaker ``neuron.c``, ``neuron_impl_standard.h``): ring-buffer cells
are added to the synaptic values, the membrane is updated with the input held constant over the step (unless
refractory), the threshold is tested, also while refractory, and the synaptic values decay.

    in    = E - I + I_offset                     E, I: synaptic values, or value * (V_rev - V) / 1024 for conductances
    alpha = in R + V_rest
    V     = alpha - exp_TC (alpha - V)
    V >= V_thresh:  spike, V = V_reset, timer = T_refract

Every product is floored and every sum wraps at 32 bits. Each result that wrapped sets a bit of its own in a word for
each neuron; `CAUSES` says which results these are.

The kernel works on 32-bit words without branches, so that a compiler can take several neurons at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.engine.ops.native import SeparateArrays
from neurosim.hardware.spinnaker.numerics.arithmetic import decay, multiply, wrap, wraps
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, NeuronConstants, NeuronState

__all__ = [
    "CAUSES",
    "Constants32",
    "State32",
    "constants32",
    "state32",
    "step",
    "step_arrays",
    "step_reference",
]

Int32 = NDArray[np.int32]

_DELTA = int(CoreModel.IF_CURR_DELTA)
_CONDUCTANCE = int(CoreModel.IF_COND_EXP)

CAUSES = {
    "arrival": 0b101,
    "synapse": 0b1010,
    "input": 0b111_0000,
    "membrane": 0b1111_1000_0000,
}
"""Bits of a neuron's word by cause: a ring-buffer cell shifted to s16.15 (excitatory, inhibitory), a synaptic value
after it was added (both), the input (of both receptors, their difference with the offset), the membrane (in R, alpha,
alpha - V, exp_TC times that, V)."""


class Constants32(NamedTuple):
    """`NeuronConstants` as 32-bit words, int32 [n] each; the u0.32 factors by their bit patterns."""

    v_rest: Int32
    resistance: Int32
    exp_tc: Int32
    i_offset: Int32
    v_reset: Int32
    t_refract: Int32
    threshold: Int32
    decay_exc: Int32
    init_exc: Int32
    decay_inh: Int32
    init_inh: Int32
    input_0: Int32
    input_1: Int32


class State32(NamedTuple):
    """`NeuronState` as 32-bit words, int32 [n] each."""

    v: Int32
    timer: Int32
    exc: Int32
    inh: Int32


def constants32(c: NeuronConstants) -> Constants32:
    """The words of constants."""
    return Constants32(*map(_words, c))


def state32(s: NeuronState) -> State32:
    """The words of a state, copied."""
    return State32(*map(_words, s))


def _words(values: Any) -> Int32:
    return (np.asarray(values, np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _lost(x: Any, bit: Any) -> Any:
    """The bit if the 64-bit x does not fit a word, else 0."""
    return np.uint32(np.int64(np.int32(x)) != x) << np.uint32(bit)


def _product(a: Any, b: Any) -> Any:
    return (np.int64(a) * np.int64(b)) >> 15


def _decayed(x: Any, factor: Any) -> Any:
    """A word times a u0.32 given by its bit pattern: the product with the signed pattern, and x more if that is
    negative, so that a signed multiplication of 32 bits is enough."""
    return np.int32(((np.int64(x) * np.int64(factor)) >> 32) + (np.int64(x) if factor < 0 else 0))


def _arrived(value: Any, cell: Any, shift: Any, init: Any, delta: Any, bit: Any) -> Any:
    """The synaptic value with a ring-buffer cell added, as a word, and bits of what was lost."""
    x = np.int64(cell) << shift
    word = np.int32(x)
    total = np.int64(value) + (word if delta else _decayed_jit(word, init))
    return np.int32(total), _lost_jit(x, bit) | _lost_jit(total, bit + 1)


def _difference(e: Any, i: Any, offset: Any) -> Any:
    """Input without and with the offset (words), and bits of what was lost, for E and I of 64 bits."""
    current = np.int64(np.int32(e)) - np.int64(np.int32(i))
    total = current + offset
    return np.int32(current), np.int32(total), _lost_jit(e, 4) | _lost_jit(i, 5) | _lost_jit(total, 6)


def _membrane(v: Any, total: Any, v_rest: Any, resistance: Any, exp_tc: Any) -> Any:
    """The potential after a step that is not refractory, and bits of what was lost."""
    drive = _product_jit(total, resistance)
    alpha = np.int64(np.int32(drive)) + v_rest
    gap = np.int64(np.int32(alpha)) - v
    kept = _product_jit(exp_tc, np.int32(gap))
    new = np.int64(np.int32(alpha)) - np.int32(kept)
    lost = _lost_jit(drive, 7) | _lost_jit(alpha, 8) | _lost_jit(gap, 9) | _lost_jit(kept, 10)
    return np.int32(new), lost | _lost_jit(new, 11)


def _fired(v: Any, timer: Any, total: Any, lost: Any, c: Any) -> Any:
    """Potential and timer after a step, whether the neuron spiked, and bits of what was lost.

    ``c``: V_rest, R, exp_TC, V_reset, T_refract, V_thresh of the neuron.
    """
    new, more = _membrane_jit(v, total, c[0], c[1], c[2])
    active = timer <= 0
    v = new if active else v
    lost |= more if active else np.uint32(0)
    timer = timer if active else np.int32(timer - 1)
    fires = v >= c[5]  # also while refractory
    return c[3] if fires else v, c[4] if fires else timer, fires, lost


_lost_jit = njit(cache=True, inline="always")(_lost)
_product_jit = njit(cache=True, inline="always")(_product)
_decayed_jit = njit(cache=True, inline="always")(_decayed)
_arrived_jit = njit(cache=True, inline="always")(_arrived)
_difference_jit = njit(cache=True, inline="always")(_difference)
_membrane_jit = njit(cache=True, inline="always")(_membrane)
_fired_jit = njit(cache=True, inline="always")(_fired)


def _exponential(
    lo: int, size: int, cells_e: Any, cells_i: Any, shift_e: int, shift_i: int,
    v_rest: Any, resistance: Any, exp_tc: Any, i_offset: Any, v_reset: Any, t_refract: Any, threshold: Any,
    decay_exc: Any, init_exc: Any, decay_inh: Any, init_inh: Any,
    v: Any, timer: Any, exc: Any, inh: Any, current: Any, spiked: Any, wrapped: Any,
) -> Any:  # fmt: skip
    any_lost = np.uint32(0)
    for k in range(size):
        n = np.uint64(lo) + np.uint64(k)  # unsigned: a negative index would have to be looked for
        e, lost_e = _arrived_jit(exc[n], cells_e[k], shift_e, init_exc[n], False, 0)
        i, lost_i = _arrived_jit(inh[n], cells_i[k], shift_i, init_inh[n], False, 2)
        cells_e[k] = 0
        cells_i[k] = 0
        current[n], total, lost = _difference_jit(np.int64(e), np.int64(i), i_offset[n])
        c = (v_rest[n], resistance[n], exp_tc[n], v_reset[n], t_refract[n], threshold[n])
        v[n], timer[n], spiked[n], lost = _fired_jit(v[n], timer[n], total, lost | lost_e | lost_i, c)
        wrapped[n] = lost
        any_lost |= lost
        exc[n] = _decayed_jit(e, decay_exc[n])
        inh[n] = _decayed_jit(i, decay_inh[n])
    return any_lost


def _delta(
    lo: int, size: int, cells_e: Any, cells_i: Any, shift_e: int, shift_i: int,
    v_rest: Any, resistance: Any, exp_tc: Any, i_offset: Any, v_reset: Any, t_refract: Any, threshold: Any,
    scale: Any, v: Any, timer: Any, exc: Any, inh: Any, current: Any, spiked: Any, wrapped: Any,
) -> Any:  # fmt: skip
    any_lost = np.uint32(0)
    for k in range(size):
        n = np.uint64(lo) + np.uint64(k)  # unsigned: a negative index would have to be looked for
        e, lost_e = _arrived_jit(exc[n], cells_e[k], shift_e, 0, True, 0)
        i, lost_i = _arrived_jit(inh[n], cells_i[k], shift_i, 0, True, 2)
        cells_e[k] = 0
        cells_i[k] = 0
        x, y = _product_jit(e, scale[n]), _product_jit(i, scale[n])
        current[n], total, lost = _difference_jit(x, y, i_offset[n])
        c = (v_rest[n], resistance[n], exp_tc[n], v_reset[n], t_refract[n], threshold[n])
        v[n], timer[n], spiked[n], lost = _fired_jit(v[n], timer[n], total, lost | lost_e | lost_i, c)
        wrapped[n] = lost
        any_lost |= lost
        exc[n] = 0
        inh[n] = 0
    return any_lost


def _conductance(
    lo: int, size: int, cells_e: Any, cells_i: Any, shift_e: int, shift_i: int,
    v_rest: Any, resistance: Any, exp_tc: Any, i_offset: Any, v_reset: Any, t_refract: Any, threshold: Any,
    decay_exc: Any, init_exc: Any, decay_inh: Any, init_inh: Any, reversal_exc: Any, reversal_inh: Any,
    v: Any, timer: Any, exc: Any, inh: Any, current: Any, spiked: Any, wrapped: Any,
) -> Any:  # fmt: skip
    any_lost = np.uint32(0)
    for k in range(size):
        n = np.uint64(lo) + np.uint64(k)  # unsigned: a negative index would have to be looked for
        e, lost_e = _arrived_jit(exc[n], cells_e[k], shift_e, init_exc[n], False, 0)
        i, lost_i = _arrived_jit(inh[n], cells_i[k], shift_i, init_inh[n], False, 2)
        cells_e[k] = 0
        cells_i[k] = 0
        x = _product_jit(e >> 10, np.int32(np.int64(reversal_exc[n]) - v[n]))
        y = _product_jit(-(i >> 10), np.int32(np.int64(reversal_inh[n]) - v[n]))
        current[n], total, lost = _difference_jit(x, y, i_offset[n])
        c = (v_rest[n], resistance[n], exp_tc[n], v_reset[n], t_refract[n], threshold[n])
        v[n], timer[n], spiked[n], lost = _fired_jit(v[n], timer[n], total, lost | lost_e | lost_i, c)
        wrapped[n] = lost
        any_lost |= lost
        exc[n] = _decayed_jit(e, decay_exc[n])
        inh[n] = _decayed_jit(i, decay_inh[n])
    return any_lost


_exponential_jit, _delta_jit, _conductance_jit = (
    njit(cache=True, nogil=True, error_model="numpy", pipeline_class=SeparateArrays)(f)
    for f in (_exponential, _delta, _conductance)
)


@njit(cache=True, nogil=True, inline="always")
def step_arrays(
    model: int, lo: int, size: int, cells_e: Any, cells_i: Any, shift_e: int, shift_i: int,
    v_rest: Any, resistance: Any, exp_tc: Any, i_offset: Any, v_reset: Any, t_refract: Any, threshold: Any,
    decay_exc: Any, init_exc: Any, decay_inh: Any, init_inh: Any, input_0: Any, input_1: Any,
    v: Any, timer: Any, exc: Any, inh: Any, current: Any, spiked: Any, wrapped: Any,
) -> Any:  # fmt: skip
    """`step` for compiled code, which passes arrays on more cheaply than tuples of them."""
    if model == _DELTA:
        return _delta_jit(
            lo, size, cells_e, cells_i, shift_e, shift_i,
            v_rest, resistance, exp_tc, i_offset, v_reset, t_refract, threshold, input_0,
            v, timer, exc, inh, current, spiked, wrapped,
        )  # fmt: skip
    if model == _CONDUCTANCE:
        return _conductance_jit(
            lo, size, cells_e, cells_i, shift_e, shift_i,
            v_rest, resistance, exp_tc, i_offset, v_reset, t_refract, threshold,
            decay_exc, init_exc, decay_inh, init_inh, input_0, input_1,
            v, timer, exc, inh, current, spiked, wrapped,
        )  # fmt: skip
    return _exponential_jit(
        lo, size, cells_e, cells_i, shift_e, shift_i,
        v_rest, resistance, exp_tc, i_offset, v_reset, t_refract, threshold, decay_exc, init_exc, decay_inh, init_inh,
        v, timer, exc, inh, current, spiked, wrapped,
    )  # fmt: skip


def step(
    model: int,
    lo: int,
    hi: int,
    exc: NDArray[np.uint16],
    inh: NDArray[np.uint16],
    shifts: tuple[int, int],
    c: Constants32,
    s: State32,
    current: Int32,
    spiked: NDArray[np.bool_],
    wrapped: NDArray[np.uint16],
) -> int:
    """Advance neurons lo to hi, all on cores of one model and one pair of shifts.

    Args:
        exc, inh: the ring-buffer cells of this step, beginning with those of neuron lo; set to zero here.
        shifts: left shifts from an excitatory and an inhibitory cell to s16.15.
        c, s: constants and state [n]; the state is updated.
        current: [n] out: input of the step without the offset current.
        spiked: [n] out: whether the neuron spiked.
        wrapped: [n] out: bits of the results of this step that exceeded 32 bits, see `CAUSES`.

    Returns:
        All bits of ``wrapped`` together.
    """
    return int(step_arrays(model, lo, hi - lo, exc, inh, *shifts, *c, *s, current, spiked, wrapped))


def step_reference(
    model: int,
    lo: int,
    hi: int,
    exc: NDArray[np.uint16],
    inh: NDArray[np.uint16],
    shifts: tuple[int, int],
    c: Constants32,
    s: State32,
    current: Int32,
    spiked: NDArray[np.bool_],
    wrapped: NDArray[np.uint16],
) -> int:
    """The same step in plain NumPy, with 64-bit integers that are wrapped where the core wraps."""
    at = slice(lo, hi)
    k = NeuronConstants(*(a[at].astype(np.int64) for a in c))
    factors = (k.decay_exc, k.init_exc, k.decay_inh, k.init_inh)
    decay_exc, init_exc, decay_inh, init_inh = (a & 0xFFFFFFFF for a in factors)
    v, timer, value_exc, value_inh = (a[at].astype(np.int64) for a in s)
    lost = np.zeros(hi - lo, dtype=np.int64)

    def checked(x: Any, bit: int, where: Any = True) -> Any:
        nonlocal lost
        lost |= np.where(where, wraps(x) << bit, 0)
        return wrap(x)

    values = []
    for cells, value, init, shift, bit in (
        (exc, value_exc, init_exc, shifts[0], 0),
        (inh, value_inh, init_inh, shifts[1], 2),
    ):
        x = checked(cells[: hi - lo].astype(np.int64) << shift, bit)
        values.append(checked(value + (x if model == CoreModel.IF_CURR_DELTA else decay(x, init)), bit + 1))
        cells[: hi - lo] = 0
    e, i = held = values
    if model == CoreModel.IF_CURR_DELTA:
        e, i = multiply(e, k.input_0), multiply(i, k.input_0)
    elif model == CoreModel.IF_COND_EXP:
        e = multiply(e >> 10, wrap(k.input_0 - v))
        i = multiply(wrap(-(i >> 10)), wrap(k.input_1 - v))
    e, i = checked(e, 4), checked(i, 5)
    current[at] = wrap(e - i)
    total = checked(e - i + k.i_offset, 6)

    active = timer <= 0
    drive = checked(multiply(total, k.resistance), 7, active)
    alpha = checked(drive + k.v_rest, 8, active)
    kept = checked(multiply(k.exp_tc, checked(alpha - v, 9, active)), 10, active)
    v = np.where(active, checked(alpha - kept, 11, active), v)
    timer = np.where(active, timer, timer - 1)

    fires = v >= k.threshold
    s.v[at] = np.where(fires, k.v_reset, v)
    s.timer[at] = np.where(fires, k.t_refract, timer)
    spiked[at] = fires
    delta = model == CoreModel.IF_CURR_DELTA
    s.exc[at] = 0 if delta else decay(held[0], decay_exc)
    s.inh[at] = 0 if delta else decay(held[1], decay_inh)
    wrapped[at] = lost
    return int(np.bitwise_or.reduce(lost, initial=0))
