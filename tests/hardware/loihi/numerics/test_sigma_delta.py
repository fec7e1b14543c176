from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.overflow import Cause
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.programs import Program, option_values, register_rows
from neurosim.hardware.loihi.numerics.run_program import reference, run


def arrays(program, n, threshold, bias=0, **options):
    values = option_values(program, options, LAVA)
    registers = Registers.of(n, du=0, dv=0, threshold=np.asarray(threshold) << 6, bias=bias)
    return register_rows(program, registers, values), values


def coder_options(f) -> dict[str, int]:
    names = ("spike_exp", "state_exp", "cum_error")
    return {name: int(f["p_" + name]) for name in names if "p_" + name in f.files}


@pytest.mark.reference("loihi/delta_*.npz")
@pytest.mark.parametrize("run_it", [run, reference])
def test_delta_matches_lava(reference_file, run_it):
    with np.load(reference_file) as f:
        n = f["a_in"].shape[1]
        found = run_it(Program.DELTA, f["a_in"], *arrays(Program.DELTA, n, f["p_vth"], **coder_options(f)))
        assert np.array_equal(found.message, f["s_out"])
        for name in ("act", "residue", "error"):
            assert np.array_equal(found.state[name], f[name]), name


@pytest.mark.reference("loihi/sigmadelta_*.npz")
@pytest.mark.parametrize("run_it", [run, reference])
def test_sigma_delta_matches_lava(reference_file, run_it):
    with np.load(reference_file) as f:
        n, options = f["a_in"].shape[1], coder_options(f)
        options["activation"] = {"UNIT": 0, "RELU": 1}[str(f["p_act_mode"])]
        found = run_it(
            Program.SIGMA_DELTA,
            f["a_in"],
            *arrays(Program.SIGMA_DELTA, n, f["p_vth"], f["p_bias"], **options),
        )
        assert np.array_equal(found.message, f["s_out"])
        for name in ("sigma", "act", "residue", "error"):
            assert np.array_equal(found.state[name], f[name]), name


INPUT = st.lists(st.integers(-(2**13), 2**13), min_size=1, max_size=30)
EXPONENT = st.integers(0, 6)


@given(INPUT, st.integers(0, 300), EXPONENT, EXPONENT, st.integers(0, 1))
def test_delta_sends_its_input_in_parts(values, threshold, spike_exp, state_exp, cum_error):
    options = {"spike_exp": spike_exp, "state_exp": state_exp, "cum_error": cum_error}
    q = np.array(values)[:, None]
    registers = arrays(Program.DELTA, 1, threshold, **options)
    found, plain = run(Program.DELTA, q, *registers), reference(Program.DELTA, q, *registers)
    assert np.array_equal(found.message, plain.message)
    assert all(np.array_equal(found.state[name], plain.state[name]) for name in found.state)
    # input and messages are whole multiples of 2^state_exp: what was sent and what is kept add up, bit for bit
    assert np.array_equal(
        (np.cumsum(found.message) << state_exp) + found.state["residue"][:, 0],
        q[:, 0] << (spike_exp + state_exp),
    )
    kept = np.abs(found.state["error" if cum_error else "residue"])
    assert np.all(kept < max(threshold << (spike_exp + state_exp), 1))


@given(
    INPUT,
    st.integers(1, 300),
    st.integers(-100, 100),
    EXPONENT,
    EXPONENT,
    st.integers(0, 1),
    st.integers(0, 1),
)
def test_kernel_of_sigma_delta_equals_plain_numpy(
    values, vth, bias, spike_exp, state_exp, cum_error, activation
):
    options = {
        "spike_exp": spike_exp,
        "state_exp": state_exp,
        "cum_error": cum_error,
        "activation": activation,
    }
    q = np.array(values)[:, None]
    registers = arrays(Program.SIGMA_DELTA, 1, vth, bias, **options)
    found, plain = run(Program.SIGMA_DELTA, q, *registers), reference(Program.SIGMA_DELTA, q, *registers)
    assert np.array_equal(found.message, plain.message)
    assert all(np.array_equal(found.state[name], plain.state[name]) for name in found.state)
    act = np.cumsum(q) + (bias << (spike_exp + state_exp))
    assert np.array_equal(found.state["act"][:, 0], np.maximum(act, 0) if activation else act)


def test_a_bias_has_the_exponents_of_messages_and_of_the_state():
    options = {"spike_exp": 6, "state_exp": 4, "activation": 0}
    found = run(Program.SIGMA_DELTA, np.zeros((1, 1)), *arrays(Program.SIGMA_DELTA, 1, 2, 3, **options))
    assert found.state["act"].item() == 3 << 10
    assert found.message.item() == 3 << 6  # at least 2 << 10, and the state's exponent is taken off


def test_a_change_as_large_as_the_threshold_is_sent_and_messages_are_rounded_down():
    found = run(
        Program.SIGMA_DELTA, np.array([[40], [-3], [-38]]), *arrays(Program.SIGMA_DELTA, 1, 5, state_exp=3)
    )
    assert found.message[:, 0].tolist() == [5, 0, -5]  # 40; 37 - 40 is too little; then max(-1, 0) - 40
    found = run(Program.DELTA, np.array([[40], [-41]]), *arrays(Program.DELTA, 1, 1))
    assert found.message[:, 0].tolist() == [40, -81]
    options = {"state_exp": 3, "activation": 0}
    found = run(Program.SIGMA_DELTA, np.array([[-41]]), *arrays(Program.SIGMA_DELTA, 1, 5, **options))
    assert found.message.item() == -6  # -41 / 8, toward minus infinity


def test_what_leaves_24_bits_is_kept_and_located():
    q = np.zeros((3, 2), dtype=np.int64)
    q[1, 1] = 1 << 23
    found = run(Program.SIGMA_DELTA, q, *arrays(Program.SIGMA_DELTA, 2, 1))
    assert found.state["sigma"][2, 1] == 1 << 23
    assert found.overflows.rows[0].tolist() == [Cause.STATE, 1, 1, 1 << 23]
    assert found.overflows.count[Cause.MESSAGE] == 1
    q[1, 1] = -(1 << 23)  # the least number of 24 bits
    assert not run(Program.DELTA, q[:2], *arrays(Program.DELTA, 2, 1)).overflows.count[Cause.MESSAGE]
