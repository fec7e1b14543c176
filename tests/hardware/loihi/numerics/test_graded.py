from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.overflow import Cause
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.programs import Program, option_values, register_rows
from neurosim.hardware.loihi.numerics.run_program import reference, run


def arrays(program, n, threshold):
    options = option_values(program, {}, LAVA)
    registers = Registers.of(n, du=0, dv=0, threshold=np.asarray(threshold) << 6)
    return register_rows(program, registers, options), options


@pytest.mark.reference("loihi/gradedvec*.npz", "loihi/gradedrelu*.npz")
@pytest.mark.parametrize("run_it", [run, reference])
def test_matches_lava(reference_file, run_it):
    with np.load(reference_file) as f:
        program = Program.GRADED if reference_file.name.startswith("gradedvec") else Program.GRADED_RELU
        found = run_it(program, f["a_in"], *arrays(program, f["a_in"].shape[1], f["p_vth"]))
        assert np.array_equal(found.message, f["s_out"])


@given(st.lists(st.integers(-(2**26), 2**26), min_size=1, max_size=30), st.integers(0, 131071))
def test_what_is_above_the_threshold_is_passed_on_unclipped(values, threshold):
    q = np.array(values)[:, None]
    expected = {
        Program.GRADED: [v if abs(v) > threshold else 0 for v in values],
        Program.GRADED_RELU: [v if v > threshold else 0 for v in values],
    }
    for program, sent in expected.items():
        found = run(program, q, *arrays(program, 1, threshold))
        assert found.message[:, 0].tolist() == sent
        assert reference(program, q, *arrays(program, 1, threshold)).message[:, 0].tolist() == sent
        assert found.overflows.count[Cause.MESSAGE] == sum(not -(2**23) <= s < 2**23 for s in sent)


@pytest.mark.parametrize("run_it", [run, reference])
def test_a_sum_at_the_threshold_is_not_sent(run_it):
    q = np.array([[40, 41, -40, -41, 0]])
    assert run_it(Program.GRADED, q, *arrays(Program.GRADED, 5, 40)).message.tolist() == [[0, 41, 0, -41, 0]]
    relu = run_it(Program.GRADED_RELU, q, *arrays(Program.GRADED_RELU, 5, 40))
    assert relu.message.tolist() == [[0, 41, 0, 0, 0]]


def test_messages_of_24_bits_are_no_overflow():
    q = np.array([[-(2**23), 2**23 - 1, -(2**23) - 1, 2**23]])
    found = run(Program.GRADED, q, *arrays(Program.GRADED, 4, 40)).overflows
    assert found.rows.tolist() == [[Cause.MESSAGE, 0, 2, -(2**23) - 1], [Cause.MESSAGE, 0, 3, 2**23]]
