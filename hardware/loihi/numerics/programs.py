"""What a core may compute for its neurons: every program with one signature, side by side.

    options = option_values(program, population.options, numerics)      # int64 [8]
    registers = register_rows(program, registers_as_of_a_lif, options)  # int64 [8, n]
    state = np.zeros((4, n), dtype=np.int64)                            # rows 0 and 1 start with registers u and v
    advance(int(program), first, stop, time, q, q2, state, registers, options, out, rows, count)  # a step, in place

`advance` is compiled and calls the kernel of the program. Arrays may be those of a whole chip: it advances compartments
``first`` to ``stop - 1``. Every call with int64 arrays in C order shares one compiled version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.numerics import graded, resonator, sigma_delta
from neurosim.hardware.loihi.numerics.graded import graded_relu_step, graded_step
from neurosim.hardware.loihi.numerics.lif import Registers, resets, ternary_step
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.numerics.resonator import izhikevich_step, resonate_step
from neurosim.hardware.loihi.numerics.sigma_delta import delta_step, sigma_delta_step

__all__ = [
    "OPTION_COUNT",
    "PROGRAMS",
    "REGISTER_ROWS",
    "STATE_ROWS",
    "Program",
    "ProgramRules",
    "advance",
    "option_values",
    "register_rows",
]

Ints = NDArray[np.int64]

STATE_ROWS, REGISTER_ROWS, OPTION_COUNT = 4, 8, 8
"""Rows of the state, rows of the registers, and options: the most that any program has."""


class Program(IntEnum):
    """What a core computes for its neurons. Loihi 1 knows the first alone; the others are microcode of Loihi 2."""

    LIF = 0
    TERNARY_LIF = 1
    SIGMA_DELTA = 2
    DELTA = 3
    RESONATE_AND_FIRE = 4
    RESONATE_AND_FIRE_IZHIKEVICH = 5
    GRADED = 6
    GRADED_RELU = 7


@dataclass(frozen=True, kw_only=True)
class ProgramRules:
    """Layout of a program's arrays.

    Attributes:
        matches: the model it equals.
        accumulators: sums of arrivals that a neuron has: 1, or 2 for a resonator (real and imaginary).
        weight_shift: how far weights are shifted before they are summed: 6 where arrivals are in units of the state,
            0 where they are in units of a weight (the exponent of the weight acts in both cases).
        state: names of the rows of the state; the first two start with the registers u and v.
        options: of each option of the population its default (None: it must be given), least and greatest value.
        graded: whether a message carries a number; else it is 1 (or -1 of a ternary neuron).
        reference: the kernel in plain NumPy, (q, q2, state, registers, options) -> messages; of the two LIF programs
            it is `neurosim.hardware.loihi.numerics.lif.reference`.
    """

    matches: str
    accumulators: int = 1
    weight_shift: int = 0
    state: tuple[str, ...]
    options: Mapping[str, tuple[int | None, int, int]]
    graded: bool = False
    reference: Callable[[Ints, Ints, Ints, Ints, Ints], Ints] | None = None


_RESET: Mapping[str, tuple[int | None, int, int]] = {
    "reset_interval": (0, 0, 1 << 31),
    "reset_offset": (0, -(1 << 31), 1 << 31),
}
_CODER: Mapping[str, tuple[int | None, int, int]] = {
    "spike_exp": (0, 0, 16),
    "state_exp": (0, 0, 16),
    "cum_error": (0, 0, 1),
}
_RESONATOR: Mapping[str, tuple[int | None, int, int]] = {
    "sin": (None, -4096, 4096),
    "cos": (None, -4096, 4096),
    "state_exp": (6, 0, 16),
    "decay_bits": (12, 1, 12),
}

PROGRAMS: Mapping[Program, ProgramRules] = {
    Program.LIF: ProgramRules(
        matches="LIF and LIFReset of Lava, nengo-loihi's and brian2-loihi's neurons, by the profile",
        weight_shift=6,
        state=("u", "v", "dead"),
        options=_RESET,
    ),
    Program.TERNARY_LIF: ProgramRules(
        matches="TernaryLIF of Lava",
        weight_shift=6,
        state=("u", "v", "dead"),
        options={**_RESET, "threshold_low": (None, -131071, 131071)},
    ),
    Program.SIGMA_DELTA: ProgramRules(
        matches="SigmaDelta of Lava; activation 0 is UNIT, 1 is RELU",
        state=("sigma", "act", "residue", "error"),
        options={**_CODER, "activation": (1, 0, 1)},
        graded=True,
        reference=sigma_delta.sigma_delta_reference,
    ),
    Program.DELTA: ProgramRules(
        matches="Delta of Lava",
        state=("act", "residue", "error"),
        options=_CODER,
        graded=True,
        reference=sigma_delta.delta_reference,
    ),
    Program.RESONATE_AND_FIRE: ProgramRules(
        matches="RF of Lava",
        accumulators=2,
        state=("real", "imag"),
        options=_RESONATOR,
        reference=resonator.resonate_reference,
    ),
    Program.RESONATE_AND_FIRE_IZHIKEVICH: ProgramRules(
        matches="RF_IZ of Lava",
        accumulators=2,
        state=("real", "imag"),
        options=_RESONATOR,
        reference=resonator.izhikevich_reference,
    ),
    Program.GRADED: ProgramRules(
        matches="GradedVec of Lava",
        state=(),
        options={},
        graded=True,
        reference=graded.graded_reference,
    ),
    Program.GRADED_RELU: ProgramRules(
        matches="GradedReluVec of Lava",
        state=(),
        options={},
        graded=True,
        reference=graded.graded_relu_reference,
    ),
}


def option_values(program: Program, options: Mapping[str, int], numerics: Numerics) -> Ints:
    """The options of a population as the kernels read them, int64 [`OPTION_COUNT`].

    Raises:
        DescriptionError: an option that the program has not, that is missing, or out of range.
    """
    known = PROGRAMS[program].options
    if unknown := sorted(set(options) - set(known)):
        raise DescriptionError(
            "is no option of the program", where=f"program {program.name}", value=unknown, limit=sorted(known)
        )
    values = []
    for name, (default, low, high) in known.items():
        value = options.get(name, default)
        if value is None or not low <= value <= high:
            raise DescriptionError(
                f"option {name!r} is {'missing' if value is None else 'out of range'}",
                where=f"program {program.name}",
                value=value,
                limit=f"{low} to {high}",
            )
        values.append(int(value))
    if PROGRAMS[program].weight_shift:  # a LIF: the rules of its registers come first
        rules = [numerics.accumulator_bits, int(numerics.current), numerics.bias_bits]
        values = [*rules, *values]
    return np.array([*values, *[0] * (OPTION_COUNT - len(values))], dtype=np.int64)


def register_rows(program: Program, registers: Registers, options: Ints) -> Ints:
    """The registers of n neurons as the kernels read them, int64 [`REGISTER_ROWS`, n].

    Args:
        registers: as of a LIF, also where the program is another one: the threshold is the mantissa << 6, the bias
            the mantissa << its exponent. A program scales them by its own exponents.
        options: from `option_values`.
    """
    r = registers
    rows = np.zeros((REGISTER_ROWS, len(r.threshold)), dtype=np.int64)
    mantissa = r.threshold >> 6
    if PROGRAMS[program].weight_shift:
        low = r.v_min if program is Program.LIF else np.full_like(r.v_min, options[5] << 6)
        rows[:] = r.keep_u, r.keep_v, r.bias, r.threshold, low, r.refractory, r.v_min, r.v_max
    elif program in (Program.SIGMA_DELTA, Program.DELTA):
        exponent = options[0] + options[1]
        rows[0], rows[1] = mantissa << exponent, r.bias << exponent
    elif PROGRAMS[program].accumulators == 2:
        rows[0] = mantissa << options[2]
    else:
        rows[0] = mantissa
    return rows


@njit(cache=True, nogil=True)
def _lif_step(first, stop, time, q, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    if resets(time, options[3], options[4]):
        state[0, first:stop] = 0
        state[1, first:stop] = 0
    ternary_step(
        first, stop, time, q, state[0], state[1], state[2], out, registers[0], registers[1], registers[2], registers[3],
        registers[4], registers[5], registers[6], registers[7], options[0], options[1], options[2], rows, count,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def advance(  # type: ignore[no-untyped-def]
    program: Any, first, stop, time, q, q2, state, registers, options, out, rows, count
):
    """Advance compartments ``first`` to ``stop - 1``, which run one program, by one step in place.

    Args:
        program: number of the `Program`.
        time: step, counted from 0.
        q: arrivals int64 [N] of this step, in the units that `ProgramRules.weight_shift` says. Not changed.
        q2: arrivals of the second accumulator, int64 [N]; not read (any array will do) where there is none.
        state: int64 [`STATE_ROWS`, N], rows as `ProgramRules.state` says.
        registers: int64 [`REGISTER_ROWS`, N] from `register_rows`.
        options: int64 [`OPTION_COUNT`] from `option_values`.
        out: int64 [N]; receives the message of each of these compartments, 0 for none.
        rows, count: from `neurosim.hardware.loihi.numerics.overflow.overflow_rows`.
    """
    if program <= 1:
        _lif_step(first, stop, time, q, state, registers, options, out, rows, count)
    elif program == 2:
        sigma_delta_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
    elif program == 3:
        delta_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
    elif program == 4:
        resonate_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
    elif program == 5:
        izhikevich_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
    elif program == 6:
        graded_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
    else:
        graded_relu_step(first, stop, time, q, q2, state, registers, options, out, rows, count)
