"""Neurons of one program on given arrivals: the compiled kernel, and the same in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.overflow import Overflows, located, overflow_rows
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, STATE_ROWS, Program, advance

__all__ = ["ProgramTrace", "reference", "run"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ProgramTrace:
    """After every step: ``message`` int64 [T, n], ``state`` by name int64 [T, n]; and what overflowed."""

    message: Ints
    state: dict[str, Ints]
    overflows: Overflows


def run(
    program: Program, q: Ints, registers: Ints, options: Ints, *, q2: Ints | None = None, rows: int = 64
) -> ProgramTrace:
    """Run n neurons with the compiled kernel.

    Args:
        q: arrivals int64 [T, n], in the units of `ProgramRules.weight_shift`.
        registers, options: from `register_rows` and `option_values`.
        q2: arrivals of the second accumulator, where there is one.
        rows: how many overflows to keep with their place; all are counted.
    """
    steps, n = q.shape
    q = np.ascontiguousarray(q, dtype=np.int64)
    q2 = q if q2 is None else np.ascontiguousarray(q2, dtype=np.int64)
    state, history = np.zeros((STATE_ROWS, n), np.int64), np.zeros((steps, STATE_ROWS, n), np.int64)
    message = np.zeros((steps, n), np.int64)
    found, count = overflow_rows(rows)
    for t in range(steps):
        advance(
            int(program), 0, n, t, q[t], q2[t], state, registers, options, message[t], found, count
        )  # fmt: skip
        history[t] = state
    return _trace(program, message, history, Overflows(count, located(found, count)))


def reference(
    program: Program, q: Ints, registers: Ints, options: Ints, *, q2: Ints | None = None
) -> ProgramTrace:
    """The same as `run` in plain NumPy, without overflows. The LIF programs have `lif.reference`.

    Raises:
        KeyError: a LIF program.
    """
    kernel = PROGRAMS[program].reference
    if kernel is None:
        raise KeyError(program)
    state, history = np.zeros((STATE_ROWS, q.shape[1]), np.int64), []
    message = np.zeros(q.shape, np.int64)
    for t in range(len(q)):
        message[t] = kernel(q[t], (q if q2 is None else q2)[t], state, registers, options)
        history.append(state.copy())
    nothing = Overflows(np.zeros(0, np.int64), np.zeros((0, 4), np.int64))
    return _trace(program, message, np.array(history).reshape(len(q), STATE_ROWS, -1), nothing)


def _trace(program: Program, message: Ints, history: Ints, overflows: Overflows) -> ProgramTrace:
    names = PROGRAMS[program].state
    return ProgramTrace(message, {name: history[:, i] for i, name in enumerate(names)}, overflows)
