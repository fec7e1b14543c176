"""One time step of the neurons of a core: IF_curr_exp, IF_curr_delta and IF_cond_exp.

The Numba kernel and the NumPy reference below it compute the same integers; the tests compare both with the states of
the genuine firmware. Order within a step (sPyNNaker ``neuron.c``, ``neuron_impl_standard.h``): ring-buffer cells
are added to the synaptic values, the membrane is updated with the input held constant over the step (unless
refractory), the threshold is tested, also while refractory, and the synaptic values decay.

    in    = E - I + I_offset                     E, I: synaptic values, or value * (V_rev - V) / 1024 for conductances
    alpha = in R + V_rest
    V     = alpha - exp_TC (alpha - V)
    V >= V_thresh:  spike, V = V_reset, timer = T_refract

Every product is floored and every sum wraps at 32 bits; the number of results that wrapped is returned for each neuron.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.numerics.arithmetic import decay, multiply, wrap, wraps
from neurosim.hardware.spinnaker.numerics.derived_constants import (
    CoreModel,
    NeuronConstants,
    NeuronState,
    Words,
)

__all__ = ["step", "step_reference"]

_DELTA = int(CoreModel.IF_CURR_DELTA)
_CONDUCTANCE = int(CoreModel.IF_COND_EXP)


def _step(
    model: int,
    lo: int,
    hi: int,
    cells: NDArray[np.uint16],
    shift_exc: int,
    shift_inh: int,
    c: NeuronConstants,
    s: NeuronState,
    current: Words,
    spiked: NDArray[np.bool_],
    wrapped: NDArray[np.int32],
) -> None:
    """Advance neurons lo to hi, all on cores of one model and one pair of shifts.

    Args:
        cells: [2, n] the ring-buffer cells of this step, set to zero here.
        shift_exc, shift_inh: left shift from a cell to s16.15.
        c, s: constants and state; the state is updated.
        current: [n] out: input of the step without the offset current.
        spiked: [n] out: whether the neuron spiked.
        wrapped: [n] out: results of this step that exceeded 32 bits.
    """
    for n in range(lo, hi):
        lost = 0

        # arrivals
        exc, inh = s.exc[n], s.inh[n]
        if cells[0, n] > 0:
            x = np.int64(cells[0, n]) << shift_exc
            lost += wraps(x)
            x = exc + (wrap(x) if model == _DELTA else decay(wrap(x), c.init_exc[n]))
            lost += wraps(x)
            exc = wrap(x)
            cells[0, n] = 0
        if cells[1, n] > 0:
            x = np.int64(cells[1, n]) << shift_inh
            lost += wraps(x)
            x = inh + (wrap(x) if model == _DELTA else decay(wrap(x), c.init_inh[n]))
            lost += wraps(x)
            inh = wrap(x)
            cells[1, n] = 0

        # input
        v = s.v[n]
        e, i = exc, inh
        if model == _DELTA:
            e, i = multiply(exc, c.input_0[n]), multiply(inh, c.input_0[n])
        elif model == _CONDUCTANCE:
            e = multiply(exc >> 10, wrap(c.input_0[n] - v))
            i = multiply(wrap(-(inh >> 10)), wrap(c.input_1[n] - v))
        lost += wraps(e) + wraps(i)
        total = wrap(e) - wrap(i)
        current[n] = wrap(total)
        total += c.i_offset[n]
        lost += wraps(total)

        # membrane
        if s.timer[n] <= 0:
            drive = multiply(wrap(total), c.resistance[n])
            alpha = wrap(drive) + c.v_rest[n]
            gap = wrap(alpha) - v
            kept = multiply(c.exp_tc[n], wrap(gap))
            v = wrap(alpha) - wrap(kept)
            lost += wraps(drive) + wraps(alpha) + wraps(gap) + wraps(kept) + wraps(v)
            v = wrap(v)
        else:
            s.timer[n] -= 1

        # threshold, also while refractory
        fires = v >= c.threshold[n]
        if fires:
            v = c.v_reset[n]
            s.timer[n] = c.t_refract[n]
        spiked[n] = fires
        s.v[n] = v

        # the synaptic values decay
        s.exc[n] = 0 if model == _DELTA else decay(exc, c.decay_exc[n])
        s.inh[n] = 0 if model == _DELTA else decay(inh, c.decay_inh[n])
        wrapped[n] = lost


step = njit(cache=True, nogil=True)(_step)


def step_reference(
    model: int,
    lo: int,
    hi: int,
    cells: NDArray[np.uint16],
    shift_exc: int,
    shift_inh: int,
    c: NeuronConstants,
    s: NeuronState,
    current: Words,
    spiked: NDArray[np.bool_],
    wrapped: NDArray[np.int32],
) -> None:
    """The same step in plain NumPy."""
    at = slice(lo, hi)
    k = NeuronConstants(*(a[at] for a in c))
    v, timer = s.v[at].copy(), s.timer[at].copy()
    lost = np.zeros(hi - lo, dtype=np.int64)

    def checked(x: Words) -> Words:
        nonlocal lost
        lost = lost + wraps(x)
        return np.asarray(wrap(x))

    values = []
    for row, value, init, shift in ((0, s.exc, k.init_exc, shift_exc), (1, s.inh, k.init_inh, shift_inh)):
        x = checked(cells[row, at].astype(np.int64) << shift)
        values.append(checked(value[at] + (x if model == CoreModel.IF_CURR_DELTA else decay(x, init))))
    cells[:, at] = 0
    exc, inh = values

    e, i = exc, inh
    if model == CoreModel.IF_CURR_DELTA:
        e, i = checked(multiply(exc, k.input_0)), checked(multiply(inh, k.input_0))
    elif model == CoreModel.IF_COND_EXP:
        e = checked(multiply(exc >> 10, wrap(k.input_0 - v)))
        i = checked(multiply(wrap(-(inh >> 10)), wrap(k.input_1 - v)))
    current[at] = wrap(e - i)
    total = checked(e - i + k.i_offset)

    active = timer <= 0
    before = lost.copy()
    alpha = checked(checked(multiply(total, k.resistance)) + k.v_rest)
    v_next = checked(alpha - checked(multiply(k.exp_tc, checked(alpha - v))))
    lost = np.where(active, lost, before)
    v = np.where(active, v_next, v)
    timer = np.where(active, timer, timer - 1)

    fires = v >= k.threshold
    s.v[at] = np.where(fires, k.v_reset, v)
    s.timer[at] = np.where(fires, k.t_refract, timer)
    spiked[at] = fires
    delta = model == CoreModel.IF_CURR_DELTA
    s.exc[at] = 0 if delta else decay(exc, k.decay_exc)
    s.inh[at] = 0 if delta else decay(inh, k.decay_inh)
    wrapped[at] = lost
