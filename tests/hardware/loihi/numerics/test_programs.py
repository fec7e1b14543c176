"""The programs of other neurons are tested beside their kernels; here what is common to all."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.overflow import overflow_rows
from neurosim.hardware.loihi.numerics.profiles import LAVA, NENGO_LOIHI
from neurosim.hardware.loihi.numerics.programs import (
    OPTION_COUNT,
    PROGRAMS,
    REGISTER_ROWS,
    STATE_ROWS,
    Program,
    advance,
    option_values,
    register_rows,
)
from neurosim.hardware.loihi.numerics.run_program import run

NEEDED = {
    Program.TERNARY_LIF: {"threshold_low": -300},
    Program.RESONATE_AND_FIRE: {"sin": 2950, "cos": 2536},
    Program.RESONATE_AND_FIRE_IZHIKEVICH: {"sin": 2950, "cos": 2536},
}


def registers(n: int, **more) -> lif.Registers:
    return lif.Registers.of(n, du=400, dv=100, threshold=300 << 6, bias=130, **more)


@pytest.mark.parametrize("program", Program)
def test_layout_holds_every_program(program):
    rules = PROGRAMS[program]
    options = option_values(program, NEEDED.get(program, {}), LAVA)
    assert options.shape == (OPTION_COUNT,)
    assert len(rules.state) <= STATE_ROWS
    resonator = program in (Program.RESONATE_AND_FIRE, Program.RESONATE_AND_FIRE_IZHIKEVICH)
    assert rules.accumulators == 1 + resonator
    assert rules.weight_shift == (6 if program in (Program.LIF, Program.TERNARY_LIF) else 0)
    assert register_rows(program, registers(7), options).shape == (REGISTER_ROWS, 7)


@pytest.mark.parametrize("program", Program)
def test_compartments_of_a_run_alone_are_advanced(program):
    rng = np.random.default_rng(int(program))
    options = option_values(program, NEEDED.get(program, {}), LAVA)
    rows = register_rows(program, registers(9), options)
    q, q2 = rng.integers(-90000, 90000, (2, 20, 9))
    whole = run(program, q, rows, options, q2=q2)
    assert np.any(whole.message)
    state, out = np.zeros((STATE_ROWS, 9), np.int64), np.zeros((20, 9), np.int64)
    for t in range(20):
        advance(int(program), 3, 7, t, q[t], q2[t], state, rows, options, out[t], *overflow_rows(4))
    assert np.array_equal(out[:, 3:7], whole.message[:, 3:7])
    for beside in (slice(0, 3), slice(7, 9)):
        assert not out[:, beside].any()
        assert not state[:, beside].any()


@pytest.mark.parametrize("numerics", [LAVA, NENGO_LOIHI])
@pytest.mark.parametrize("program", [Program.LIF, Program.TERNARY_LIF])
def test_leaky_neurons_are_those_of_the_kernel(program, numerics):
    options = {**NEEDED.get(program, {}), "reset_interval": 7, "reset_offset": 3}
    values = option_values(program, options, numerics)
    r = registers(5, refractory=[1, 2, 3, 4, 5], v_min=-(2**20), v_max=2**21 - 1)
    q = np.random.default_rng(0).integers(-(2**21), 2**21 + 2**19, (300, 5))
    found = run(program, q, register_rows(program, r, values), values, rows=4000)
    low = None if program is Program.LIF else -300 << 6
    plain = lif.reference(q, r, numerics, threshold_low=low, reset_every=7, reset_offset=3)
    assert np.array_equal(found.message, plain.spike)
    for name in ("u", "v", "dead"):
        assert np.array_equal(found.state[name], getattr(plain, name)), name
    assert np.array_equal(found.overflows.count, plain.overflows.count)
    assert set(np.unique(plain.spike)) == ({0, 1} if program is Program.LIF else {-1, 0, 1})


@pytest.mark.parametrize(
    ("program", "options", "match"),
    [
        (Program.LIF, {"threshold_low": 3}, "no option"),
        (Program.TERNARY_LIF, {}, "'threshold_low' is missing"),
        (Program.SIGMA_DELTA, {"activation": 2}, "0 to 1"),
        (Program.RESONATE_AND_FIRE, {"sin": 4097, "cos": 0}, "-4096 to 4096"),
    ],
)
def test_options_are_checked(program, options, match):
    with pytest.raises(DescriptionError, match=match):
        option_values(program, options, LAVA)
