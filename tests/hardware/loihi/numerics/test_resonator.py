from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.overflow import Cause
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.programs import Program, option_values, register_rows
from neurosim.hardware.loihi.numerics.resonator import decay_fields
from neurosim.hardware.loihi.numerics.run_program import reference, run

RF, RF_IZ = Program.RESONATE_AND_FIRE, Program.RESONATE_AND_FIRE_IZHIKEVICH
MAX = 2**23 - 1


def arrays(program, n, threshold, **options):
    values = option_values(program, options, LAVA)
    registers = Registers.of(n, du=0, dv=0, threshold=threshold << 6)
    return register_rows(program, registers, values), values


@pytest.mark.reference("loihi/rf_*.npz")
@pytest.mark.parametrize("run_it", [run, reference])
def test_matches_lava(reference_file, run_it):
    with np.load(reference_file) as f:
        program = RF_IZ if "rf_iz" in reference_file.name else RF
        options = {name: int(f["p_" + name]) for name in ("state_exp", "decay_bits")}
        sin, cos = decay_fields(float(f["p_period"]), float(f["p_alpha"]), options["decay_bits"])
        assert (sin, cos) == (f["sin_decay"], f["cos_decay"])
        registers, values = arrays(
            program, f["a_real"].shape[1], int(f["p_vth"]), sin=sin, cos=cos, **options
        )
        assert np.all(registers[0] == f["vth_eff"])
        found = run_it(program, f["a_real"], registers, values, q2=f["a_imag"])
        assert np.array_equal(found.message, f["s_out"])
        assert np.array_equal(found.state["real"], f["real"])
        assert np.array_equal(found.state["imag"], f["imag"])


WAVE = st.lists(
    st.tuples(st.integers(-(2**18), 2**18), st.integers(-(2**18), 2**18)), min_size=1, max_size=30
)


@given(
    WAVE,
    st.sampled_from([RF, RF_IZ]),
    st.integers(1, 500),
    st.floats(2, 100),
    st.floats(0, 1),
    st.integers(0, 8),
)
def test_kernel_equals_plain_numpy_and_big_integers(wave, program, threshold, period, alpha, state_exp):
    sin, cos = decay_fields(period, alpha)
    registers, options = arrays(program, 1, threshold, sin=sin, cos=cos, state_exp=state_exp)
    q, q2 = np.array(wave).T[:, :, None]
    found = run(program, q, registers, options, q2=q2)
    plain = reference(program, q, registers, options, q2=q2)
    re = im = 0
    vth = threshold << state_exp
    saturated = 0
    for t, (a, b) in enumerate(wave):
        products = [cos * re, -sin * im, sin * re, cos * im]
        c = [abs(p) // 4096 * (1 if p > 0 else -1) for p in products]  # each toward zero
        raw = c[0] + c[1] + a * 2**state_exp, c[2] + c[3] + b * 2**state_exp
        new_re, new_im = (min(max(x, -MAX), MAX) for x in raw)
        saturated += (raw[0] != new_re) + (raw[1] != new_im)
        spike = (new_re >= vth and new_im >= 0 > im) if program is RF else new_im >= vth
        re, im = (0, vth - 1) if spike and program is RF_IZ else (new_re, new_im)
        for trace in (found, plain):
            state = trace.message[t, 0], trace.state["real"][t, 0], trace.state["imag"][t, 0]
            assert state == (spike, re, im)
    assert found.overflows.count.sum() == saturated
    assert np.array_equal(found.overflows.count[[Cause.UPPER, Cause.LOWER]].sum(), saturated)


def test_threshold_is_met_by_equality():
    registers, options = arrays(RF, 3, 100, sin=0, cos=4096, state_exp=2)
    # im goes from below 0 to 0; the last begins at 0
    q, q2 = np.array([[0, 0, 0], [100, 99, 100]]), np.array([[-1, -1, 0], [1, 1, 1]])
    for run_it in (run, reference):
        assert run_it(RF, q, registers, options, q2=q2).message.tolist() == [[0, 0, 0], [1, 0, 0]]
    registers, options = arrays(RF_IZ, 2, 100, sin=0, cos=4096, state_exp=2)
    found = run(RF_IZ, np.full((1, 2), 7), registers, options, q2=np.array([[100, 99]]))
    assert found.message.tolist() == [[1, 0]]
    assert found.state["real"].tolist() == [[0, 28]]
    assert found.state["imag"].tolist() == [[399, 396]]


def test_states_clip_and_say_where():
    registers, options = arrays(RF, 2, 100, sin=0, cos=4096, state_exp=6)
    q, q2 = np.array([[0, 0], [2**17, 0]]), np.array([[0, 0], [0, -(2**17)]])
    found = run(RF, q, registers, options, q2=q2)
    assert found.state["imag"][1].tolist() == [0, -MAX]
    assert found.state["real"][1].tolist() == [MAX, 0]
    assert found.overflows.rows.tolist() == [[Cause.UPPER, 1, 0, 2**23], [Cause.LOWER, 1, 1, -(2**23)]]


def test_decays_are_cut_toward_zero():
    assert decay_fields(7.3, 0.05) == (2950, 2536)
    assert decay_fields(2.7, 0.02, 8) == (182, -172)  # 182.4, -172.6


def test_the_largest_states_are_no_overflow():
    registers, options = arrays(RF, 1, 100, sin=0, cos=4096, state_exp=0)
    found = run(RF, np.array([[MAX]]), registers, options, q2=np.array([[-MAX]]))
    assert (found.state["real"].item(), found.state["imag"].item()) == (MAX, -MAX)
    assert not found.overflows.count.any()
