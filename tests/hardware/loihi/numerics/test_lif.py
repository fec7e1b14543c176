from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.arithmetic import shift, wrap_array
from neurosim.hardware.loihi.numerics.delay_slots import deliver, split_by_delay
from neurosim.hardware.loihi.numerics.overflow import overflow_rows
from neurosim.hardware.loihi.numerics.profiles import BRIAN2_LOIHI, LAVA, NENGO_LOIHI
from neurosim.hardware.loihi.numerics.voltage_register import voltage_readout
from neurosim.hardware.loihi.numerics.weights import SignMode, brian2_effective, effective, sign_mode


def mismatches(trace: lif.Trace, vectors, **names: str) -> dict[str, int]:
    return {key: int(np.count_nonzero(getattr(trace, ours) != vectors[key])) for key, ours in names.items()}


def lava_registers(f, n: int) -> lif.Registers:
    bias = shift(f["p_bias_mant"], f["p_bias_exp"])
    return lif.Registers.of(n, du=f["p_du"], dv=f["p_dv"], threshold=f["p_vth"] << 6, bias=bias)


RUNS = [lif.run, lif.reference]


@pytest.mark.reference("loihi/lif_[0-9]*.npz")
@pytest.mark.parametrize("run", RUNS)
def test_lava_lif(reference_file, run):
    with np.load(reference_file) as f:
        start = {k: f["p_" + k] for k in ("u", "v") if "p_" + k in f.files}
        trace = run(f["a_in"] << 6, lava_registers(f, f["a_in"].shape[1]), LAVA, **start)
        assert mismatches(trace, f, u="u", v="v", s="spike") == {"u": 0, "v": 0, "s": 0}


@pytest.mark.reference("loihi/lifreset_*.npz")
@pytest.mark.parametrize("run", RUNS)
def test_lava_lif_reset(reference_file, run):
    with np.load(reference_file) as f:
        reset = {"reset_every": int(f["p_reset_interval"]), "reset_offset": int(f["p_reset_offset"])}
        trace = run(f["a_in"] << 6, lava_registers(f, f["a_in"].shape[1]), LAVA, **reset)
        assert mismatches(trace, f, u="u", v="v", s="spike") == {"u": 0, "v": 0, "s": 0}


@pytest.mark.reference("loihi/ternarylif_*.npz")
@pytest.mark.parametrize("run", RUNS)
def test_lava_ternary_lif(reference_file, run):
    with np.load(reference_file) as f:
        n = f["a_in"].shape[1]
        bias = shift(f["p_bias_mant"], f["p_bias_exp"])
        registers = lif.Registers.of(n, du=f["p_du"], dv=f["p_dv"], threshold=f["p_vth_hi"] << 6, bias=bias)
        trace = run(f["a_in"] << 6, registers, LAVA, threshold_low=f["p_vth_lo"] << 6)
        assert mismatches(trace, f, u="u", v="v", s="spike") == {"u": 0, "v": 0, "s": 0}


def closed_loop(arrivals, deliver_spikes, registers, numerics):
    """Advance one step at a time so that spikes can feed back; ``arrivals`` is a growing table of sums."""
    steps, n = arrivals.shape
    out = {k: np.zeros((steps, n), dtype=np.int64) for k in ("u", "v", "spike", "dead")}
    u, v, dead, spike = (np.zeros(n, dtype=np.int64) for _ in range(4))
    rows, count = overflow_rows(4)
    r = registers
    for t in range(steps):
        lif.step(
            t, arrivals[t].copy(), u, v, dead, spike, r.keep_u, r.keep_v, r.bias, r.threshold, r.refractory,
            r.v_min, r.v_max, numerics.accumulator_bits, int(numerics.current), numerics.bias_bits, rows, count,
        )  # fmt: skip
        for name, value in (("u", u), ("v", v), ("spike", spike), ("dead", dead)):
            out[name][t] = value
        deliver_spikes(t, spike)
    return lif.Trace(**out, overflows=lif.Overflows(count, rows))


@pytest.mark.reference("loihi/rec_*.npz")
def test_lava_recurrent_network(reference_file):
    with np.load(reference_file) as f:
        steps, n = f["u"].shape
        w_in = effective(f["w_in"], sign_mode(f["w_in"]))
        w_rec = effective(f["w_rec"], sign_mode(f["w_rec"]))
        delays = f["delays"] if "delays" in f.files else np.zeros_like(w_rec)
        arrivals = np.zeros(
            (steps + 80, n), dtype=np.int64
        )  # rows are never reused, so this is a ring that never turns
        arrivals[1 : steps + 1] = shift(f["s_in"] @ w_in.T, f["w_in_exp"])
        table = arrivals[:steps]
        recurrent = split_by_delay(w_rec, delays)

        def feed_back(t, spike):
            deliver(arrivals, t, spike, *recurrent, int(f["w_rec_exp"]))

        class Shifted:  # the kernel takes state units; the table is in weight units
            shape = table.shape

            def __getitem__(self, t):
                return table[t] << 6

        trace = closed_loop(Shifted(), feed_back, lava_registers(f, n), LAVA)
        assert mismatches(trace, f, u="u", v="v", s="spike") == {"u": 0, "v": 0, "s": 0}


@pytest.mark.reference("loihi/nl_[0-9]*.npz", "loihi/nl_rec*.npz")
def test_nengo_loihi_emulator(reference_file):
    with np.load(reference_file) as f:
        steps, n = f["u"].shape
        registers = lif.Registers.of(
            n, du=f["p_decay_u"], dv=f["p_decay_v"], threshold=f["p_vth"], bias=f["p_bias"],
            refractory=f["p_refract"], v_min=f["p_vmin"], v_max=f["p_vmax"],
        )  # fmt: skip
        arrivals = np.zeros((steps + 1, n), dtype=np.int64)
        arrivals[1:] = f["spk_in"].astype(np.int64) @ f["w"].astype(np.int64)
        if "w_rec" in f.files:
            w_rec = f["w_rec"].astype(np.int64)

            def feed_back(t, spike):
                arrivals[t + 1] += spike @ w_rec

            traces = [closed_loop(arrivals[:steps], feed_back, registers, NENGO_LOIHI)]
        else:
            traces = [run(arrivals[:steps], registers, NENGO_LOIHI) for run in RUNS]
        for trace in traces:
            found = mismatches(trace, f, u="u", v="v", s="spike", ref="dead")
            assert found == {"u": 0, "v": 0, "s": 0, "ref": 0}
            assert np.array_equal(wrap_array(arrivals[:steps], 22), f["q"])


@pytest.mark.reference("loihi/b2_*.npz")
@pytest.mark.parametrize("run", RUNS)
def test_brian2_loihi(reference_file, run):
    with np.load(reference_file) as f:
        steps, n = f["v"].shape
        mode, bits, exponent = SignMode(int(f["p_sign"])), int(f["p_num_weight_bits"]), int(f["p_w_exp"])
        final = brian2_effective(f["w"], mode, bits, exponent)
        assert np.array_equal(final, f["w_act"])
        delay = int(f["p_delay"])
        arrivals = np.zeros((steps + delay, n), dtype=np.int64)
        arrivals[delay:] = f["spk_in"].astype(np.int64) @ final
        registers = lif.Registers.of(
            n, du=f["p_decay_I"] - 1, dv=f["p_decay_v"], threshold=f["p_vth"] << 6,
            refractory=f["p_refractory"], numerics=BRIAN2_LOIHI,
        )  # fmt: skip
        trace = run(arrivals[:steps], registers, BRIAN2_LOIHI)
        assert mismatches(trace, f, I="u", v="v", s="spike") == {"I": 0, "v": 0, "s": 0}


def nir_paper_drive(f, platform: str) -> np.ndarray:
    q = np.zeros((1000, 1), dtype=np.int64)
    q[1:, 0] = (10 * f[platform + "_input"].astype(np.int64)[:-1]) << 6
    return q


@pytest.mark.reference("nir_paper/01_lif_all.npz")
@pytest.mark.parametrize("run", RUNS)
def test_nir_paper_fixed_point_run_and_loihi_2_chip(reference_file, run):
    """Lava's fixed-point model, and a real Loihi 2, whose register reads 128 where a neuron spikes."""
    with np.load(reference_file) as f:
        registers = lif.Registers.of(1, du=4095, dv=163, threshold=25 << 6)
        trace = run(nir_paper_drive(f, "lava_cpu_fixed"), registers, LAVA)
        assert np.array_equal(trace.v[:, 0], f["lava_cpu_fixed_voltage"])
        assert np.array_equal(trace.spike[:, 0], f["lava_cpu_fixed_spikes"])
        chip = f["lava_loihi_fixed_voltage"]
        differs = np.flatnonzero(trace.v[:, 0] != chip)
        assert differs.tolist() == [461, 511, 711, 761] == np.flatnonzero(trace.spike[:, 0]).tolist()
        assert chip[differs].tolist() == [128] * 4
        assert np.array_equal(voltage_readout(trace.v, trace.spike, trace.dead)[:, 0], chip)


LARGE = st.integers(-(2**24), 2**24)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(LARGE, min_size=3, max_size=3), min_size=1, max_size=12),
    st.integers(0, 4095),
    st.integers(0, 4096),
    st.integers(1, 131071),
    st.integers(1, 5),
    st.sampled_from([LAVA, NENGO_LOIHI, BRIAN2_LOIHI]),
    st.integers(-524160, 524160),
)
def test_kernel_equals_plain_numpy(q, du, dv, vth, refractory, numerics, bias):
    registers = lif.Registers.of(
        3, du=du, dv=dv, threshold=vth << 6, bias=bias, refractory=refractory, v_min=-(2**20), v_max=2**23 - 1
    )
    a = lif.run(np.array(q), registers, numerics, rows=100)
    b = lif.reference(np.array(q), registers, numerics)
    for name in ("u", "v", "spike", "dead"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert np.array_equal(a.overflows.count, b.overflows.count)
    assert len(a.overflows.rows) == a.overflows.count.sum()


def toward_zero(x: int, keep: int) -> int:
    return x * keep // 4096 if x >= 0 else -(-x * keep // 4096)


def published_step(q, u, v, keep_u, keep_v, bias, threshold, low, v_min, v_max, numerics):
    """One step in Python's unbounded integers, from the rules as published; also the causes of overflows."""
    m, causes = 2**23, []

    def turned(x: int, half: int, cause: int) -> int:
        y = (x + half) % (2 * half) - half
        causes.extend([cause] * (x != y))
        return y

    x = q
    if numerics is NENGO_LOIHI:
        x = turned(x, 2**21, lif.Cause.ACCUMULATOR)
    x += toward_zero(u, keep_u)
    if numerics is NENGO_LOIHI:
        x = turned(x, m, lif.Cause.CURRENT)
    elif numerics is LAVA and (x > m or x <= -m):
        causes.append(lif.Cause.CURRENT)
        x += -2 * m if x > m else 2 * m
    u, x = x, x + bias
    if numerics is NENGO_LOIHI:
        x = turned(x, m, lif.Cause.BIAS)
    x += toward_zero(v, keep_v)
    causes.extend([lif.Cause.UPPER] * (x > v_max) + [lif.Cause.LOWER] * (x < v_min))
    x = min(max(x, v_min), v_max)
    spike = (x > threshold) - (x < low)
    return u, 0 if spike else x, spike, causes


STATES = [s * x for x in (1, 4095, 2**21, 2**22 + 1, 2**23 - 2, 2**23 - 1) for s in (-1, 1)] + [0, 2**23]
ARRIVALS = [s * x for x in (64, 2**21 - 1, 2**21, 2**23 - 1, 2**23, 3 * 2**23 + 1) for s in (-1, 1)] + [0]
CASES = np.array([*product(ARRIVALS, STATES, STATES, [(4095, 4096), (1, 2048), (4096, 0)])], dtype=object)


@pytest.mark.parametrize("numerics", [LAVA, NENGO_LOIHI, BRIAN2_LOIHI], ids=lambda n: n.name)
@pytest.mark.parametrize("bias", [0, 4095 << 7, -(4096 << 7)])
def test_every_edge_of_every_register_in_one_step(numerics, bias):
    """Arrivals, currents and potentials at both sides of what registers hold, all with all, in every arithmetic."""
    q, u, v = (CASES[:, k].astype(np.int64) for k in range(3))
    keep = np.array(CASES[:, 3].tolist())
    threshold, low, n = 131071 << 6, -(2**22), len(CASES)
    v_min, v_max = (-(2**23) + 1, 2**23 - 1) if numerics is not BRIAN2_LOIHI else (-(2**60), 2**60)
    r = lif.Registers.of(
        n,
        du=4095 - keep[:, 0],
        dv=4096 - keep[:, 1],
        threshold=threshold,
        bias=bias,
        v_min=v_min,
        v_max=v_max,
    )
    expected = [
        published_step(*case, *k, bias, threshold, low, v_min, v_max, numerics)
        for case, k in zip(CASES[:, :3].tolist(), keep.tolist(), strict=True)
    ]
    causes = np.bincount([c for row in expected for c in row[3]], minlength=len(lif.Cause.NAMES))
    for run in RUNS:
        found = run(q[None], r, numerics, u=u, v=v, threshold_low=low)
        for k, name in enumerate(("u", "v", "spike")):
            assert getattr(found, name)[0].tolist() == [row[k] for row in expected], name
        assert np.array_equal(found.overflows.count, causes)
    assert sum(causes > 0) == {"lava": 3, "nengo-loihi": 5 if bias else 4, "brian2-loihi": 0}[numerics.name]


M = 2**23


@pytest.mark.parametrize(
    ("numerics", "u", "v", "q", "bias", "expected"),
    [
        (NENGO_LOIHI, 0, 0, 2**21, 0, [lif.Cause.ACCUMULATOR, 2**21]),
        (NENGO_LOIHI, M - 1, 0, 1, -1, [lif.Cause.CURRENT, M]),
        (NENGO_LOIHI, M - 1, 0, 0, 1, [lif.Cause.BIAS, M]),
        (LAVA, M - 1, 0, 2, 0, [lif.Cause.CURRENT, M + 1]),
        (LAVA, 0, M - 1, 1, 0, [lif.Cause.UPPER, M]),
        (LAVA, 0, -M + 1, 0, -1, [lif.Cause.LOWER, -M]),
    ],
)
def test_every_cause_is_located(numerics, u, v, q, bias, expected):
    """With the value that no register held, the step, and the one of three compartments."""
    arrivals, membrane = np.zeros((4, 3), dtype=np.int64), np.zeros((4, 3), dtype=np.int64)
    arrivals[2, 1], membrane[2, 1] = q, bias
    keep_v = 0 if u else 4096  # where the current is at its limit, the potential keeps nothing
    registers = lif.Registers.of(3, du=-1, dv=4096 - keep_v, threshold=M)
    start = {"u": np.array([0, u, 0]), "v": np.array([0, v, 0])}
    found = lif.run(arrivals, registers, numerics, **start, membrane=membrane).overflows
    assert found.rows[0].tolist() == [expected[0], 2, 1, expected[1]]


def test_late_causes_keep_their_first_row():
    q = np.zeros((50, 1), dtype=np.int64)
    q[:] = 2**21  # wraps in every step
    registers = lif.Registers.of(1, du=4095, dv=0, threshold=131071 << 6)
    found = lif.run(q, registers, NENGO_LOIHI, rows=3).overflows
    assert found.count.tolist() == [50, 0, 0, 0, 47, 0, 0]
    assert found.rows[:, 0].tolist() == [0, 0, 0, 4]
    assert found.rows[3].tolist() == [4, 3, 0, -(2**23)]


def test_the_first_of_a_cause_is_kept_where_there_is_room_for_no_more():
    registers = lif.Registers.of(1, du=4095, dv=0, threshold=M)
    found = lif.run(np.array([[-(2**21) - 1], [-M]]), registers, NENGO_LOIHI, rows=0, v=-M + 1).overflows
    assert found.rows.tolist() == [[lif.Cause.ACCUMULATOR, 0, 0, -(2**21) - 1]]
    found = lif.run(np.array([[-5]]), registers, LAVA, rows=0, v=-M + 1).overflows
    assert found.rows.tolist() == [[lif.Cause.LOWER, 0, 0, -M - 4]]


def test_reset_is_before_the_step_it_names():
    registers = lif.Registers.of(1, du=4095, dv=0, threshold=1 << 20)
    for run in RUNS:
        found = run(np.full((8, 1), 64), registers, LAVA, reset_every=3, reset_offset=5)
        assert (found.v[:, 0] // 64).tolist() == [1, 1, 2, 3, 1, 2, 3, 1]  # t = 2, 5, 8, counted from 1
    keeping = lif.Registers.of(1, du=-1, dv=0, threshold=1 << 20)
    for run in RUNS:  # both states begin anew
        found = run(np.full((6, 1), 64), keeping, LAVA, reset_every=3, reset_offset=1, u=7, v=9)
        assert found.u[:, 0].tolist() == [64, 128, 192] * 2
        assert found.v[:, 0].tolist() == [64, 192, 384] * 2


def test_ternary_neuron_spikes_on_either_side_and_not_where_both_thresholds_are_passed():
    registers = lif.Registers.of(4, du=4095, dv=0, threshold=[64, 64, 64, -64])
    q = np.array([[65, -66, 64, -32]])
    for run in RUNS:
        found = run(q, registers, LAVA, threshold_low=np.array([-65, -65, -65, 0]))
        assert found.spike.tolist() == [[1, -1, 0, 0]]
        assert found.v.tolist() == [[0, 0, 64, -32]]


def test_refractory_register_counts_one_more_than_the_dead_steps():
    q = np.full((20, 1), 1000 << 6)
    registers = lif.Registers.of(1, du=4095, dv=0, threshold=500 << 6, refractory=4)
    assert np.flatnonzero(lif.run(q, registers, NENGO_LOIHI).spike[:, 0]).tolist() == [0, 4, 8, 12, 16]


def test_a_single_step_is_a_step_of_a_run():
    n = 6
    q = np.random.default_rng(1).integers(-(2**21), 2**21 + 2**19, (40, n))
    registers = lif.Registers.of(n, du=300, dv=200, threshold=40000, bias=9, refractory=np.arange(1, n + 1))
    stepped = closed_loop(q, lambda t, spike: None, registers, NENGO_LOIHI)
    whole = lif.run(q, registers, NENGO_LOIHI)
    for name in ("u", "v", "spike", "dead"):
        assert np.array_equal(getattr(stepped, name), getattr(whole, name)), name
    assert np.array_equal(stepped.overflows.count, whole.overflows.count)
    assert np.all(whole.spike.sum(axis=0) > 0)
