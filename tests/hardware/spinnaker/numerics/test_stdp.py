"""Pair STDP against the genuine firmware: a recorded network, and the machine code of all four programs.

The digests below are of weights, times and traces that the machine code of sPyNNaker 7.4.1 left after random spikes
(``IF_curr_exp_stdp_mad_*.aplx`` of its wheel, executed instruction by instruction). Where ``unicorn`` and sPyNNaker are
installed, it is executed again.
"""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.image.plastic_rows import decode_plastic_block, history_words, plastic_block
from neurosim.hardware.spinnaker.image.rows import RowFormat
from neurosim.hardware.spinnaker.numerics.derived_constants import derive
from neurosim.hardware.spinnaker.numerics.kernel import constants32, state32, step_reference
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule, decay_table, pair_rule
from neurosim.hardware.spinnaker.numerics.stdp import (
    HISTORY,
    PlasticRows,
    empty_history,
    plastic_row,
    plastic_row_reference,
    post_event,
    post_event_reference,
    rule_table,
)
from neurosim.plasticity.options import Dependence, Pairing

PROGRAMS = [(p, d) for p in Pairing for d in (Dependence.ADDITIVE, Dependence.MULTIPLICATIVE)]
SCENARIOS = 24


@dataclass
class Scenario:
    """Plastic rows of a core of n neurons, and what happens: (step, neuron) or (step, -1 - row)."""

    n: int
    rule: PairRule
    shift: tuple[int, int]
    delay_bits: int
    row: np.ndarray
    weight: np.ndarray
    control: np.ndarray
    events: list

    @property
    def rows(self):
        return 1 + int(self.row.max())

    @property
    def length(self):
        return 2 + 2 * ((int(np.bincount(self.row).max()) + 1) // 2)


def scenario(seed, pairing, dependence):
    """From Python's own generator, whose numbers never change."""
    g = random.Random(seed)
    n, rows, bits = g.randrange(2, 9), g.randrange(1, 4), g.randrange(1, 5)
    longest = 300 if seed % 2 else 40
    luts = [decay_table(1.0 + longest * g.random(), 1.0) for _ in range(2)]
    span = 2**31 if seed % 4 == 0 else 200_000  # any words at all, then reasonable ones
    words = np.array([[g.randrange(-span, span) for _ in range(4)] for _ in range(2)])
    if seed % 4:
        words[:, 0], words[:, 2:] = 0, abs(words[:, 2:]) // (1 if seed % 3 else 20)
        words[:, 1] = abs(words[:, 1])
    rule = PairRule(
        lut_plus=luts[0], lut_minus=luts[1], words=words, dependence=dependence, pairing=pairing,
        backprop_delay=seed % 5 != 0,
    )  # fmt: skip
    row = np.array(sorted([*range(rows), *(g.randrange(rows) for _ in range(g.randrange(12 * rows)))]))
    layout = RowFormat(n)
    synapses = [(g.randrange(1 << bits), g.randrange(2), g.randrange(n)) for _ in row]
    control = np.array([int(layout.encode(0, *s)) for s in synapses], np.uint16)
    top = 65536 if seed % 3 == 0 else 2000
    weight = np.array([g.randrange(top) for _ in row], np.uint16)
    shift = tuple(g.randrange(17 if seed % 3 == 0 else 8) for _ in range(2))
    post, pre = g.choice([0.02, 0.1, 0.5, 0.95]), g.choice([0.01, 0.05, 0.3, 1.0])
    t, events = 0, []
    for _ in range(g.choice([40, 150, 250])):
        if g.random() < 0.01:
            t += g.randrange(3000)  # beyond the decay tables
        events += [(t, i) for i in range(n) if g.random() < post]
        events += [(t, -1 - r) for r in range(rows) if g.random() < pre]
        t += 1
    return Scenario(n, rule, shift, bits, row, weight, control, events)


def plastic_rows(s):
    _, delay, receptor, index = RowFormat(s.n).decode(s.control.astype(np.uint32))
    start = np.searchsorted(s.row, np.arange(s.rows + 1)).astype(np.int64)
    none = np.zeros(s.rows, np.int64)
    fields = (index.astype(np.int32), receptor.astype(np.uint8), delay.astype(np.int32), s.weight.copy())
    return PlasticRows(start, none, none.copy(), none.astype(np.int16), *fields)


def ours(s, on_post=post_event, on_pre=plastic_row):
    """The words of all rows after the events, what was reported, and the history."""
    rules, rows, history = rule_table([(s.rule, s.shift)]), plastic_rows(s), empty_history(s.n)
    reported = []
    for t, who in s.events:
        if who >= 0:
            reported.append(on_post(history, rules, 0, who, t))
        else:
            reported.append(on_pre(rules, rows, history, -1 - who, t))
    header = history_words(s.rule.pairing)
    words = plastic_block(
        s.row, rows.weight, s.control, s.rows, s.length, header, rows.last_time, rows.last_trace
    )
    return words, reported, history


def digest(words):
    return hashlib.sha256(words.astype("<u4").tobytes()).hexdigest()[:8]


DIGESTS = {
    ("ALL", "ADDITIVE"): (
        "fc81d32b 1e0e349a 3a3238fc 1329a68b 7ab2e866 294e64fc 602b684f 69904d05 6eb509b8 7fa9d6fc da6a2890 76d1c070 "
        "bbbb7a25 4c17f28d d5080adf da28b681 5f8b3e92 62ba1ba5 5684c539 a715d351 05b71170 4189a3a0 b1408153 de34069e "
    ),
    ("ALL", "MULTIPLICATIVE"): (
        "3289dfb1 84987a6e 8c3005d2 290e5ee7 49e42abe 15e3b875 bad9cb13 77115e7d fdfbdacc 09a06e63 4b49d025 f4666330 "
        "30f170db a097d954 7fabba7e c5f029ab a164638c f442d2ce 01f53108 a5a5bb32 b540c631 e94158da 07783981 de34069e "
    ),
    ("NEAREST", "ADDITIVE"): (
        "7e084514 4324c42a af56734d 802b1e5f 0aae57e8 70167dbd c2c0a0b0 17b18740 e3064eed dcf833d3 ae93f255 6ddbbfcf "
        "806f307e 7db87c3d e524b778 3e40b6aa f124e1dd 5ed77eb1 f39503b7 00803ac3 d00ed3fc 9afd4b7c a0c6c8a6 157204cd "
    ),
    ("NEAREST", "MULTIPLICATIVE"): (
        "80393ebe aa607b7d 609e1deb e7984eac 18c8ea95 8b07471c f164f23a a9b987a1 a09311e3 e764a291 ce081a72 5ece4177 "
        "b6bd1155 4f03924e 4cae2791 55a09a5e 6a276854 c07b101f 2a4cca9a f6bc62ae 77698fac ce41263a a7792aa3 157204cd "
    ),
}


@pytest.mark.parametrize(("pairing", "dependence"), PROGRAMS)
def test_words_that_the_machine_code_left(pairing, dependence):
    found = [digest(ours(scenario(k, pairing, dependence))[0]) for k in range(SCENARIOS)]
    assert found == DIGESTS[pairing.name, dependence.name].split()


class Firmware:
    """The two functions of a program that do STDP, executed by Unicorn, with the variables they look at."""

    ROWS, RING, HISTORIES, TABLES, WORDS, RETURN = (
        0x60000000, 0x60010000, 0x60020000, 0x60030000, 0x60040000, 0xFFF0,
    )  # fmt: skip

    def __init__(self, binaries: Path, s: Scenario):
        from unicorn import UC_ARCH_ARM, UC_MODE_ARM, Uc

        nearest = s.rule.pairing is Pairing.NEAREST
        self.functions = (0x3A70, 0x3B80) if nearest else (0x3A78, 0x3CAC)
        self.cpu = Uc(UC_ARCH_ARM, UC_MODE_ARM)
        for start, size in ((0, 0x10000), (0x400000, 0x10000), (0x60000000, 0x100000)):
            self.cpu.mem_map(start, size)
        name = f"IF_curr_exp_stdp_mad_{'nearest_pair' if nearest else 'pair'}_{s.rule.dependence.name.lower()}.aplx"
        program, at = (binaries / name).read_bytes(), 0
        while True:
            command, to, offset, size = struct.unpack_from("<4I", program, at)
            if command == 4:
                break
            if command == 2:
                self.cpu.mem_write(to, program[at + offset : at + offset + size])
            at += 16
        index, both = RowFormat(s.n).index_bits, RowFormat(s.n).index_bits + 1
        globals_ = {
            0x400120: both, 0x40013C: (1 << s.delay_bits) - 1, 0x400124: (1 << both) - 1, 0x400128: index,
            0x400134: 1, 0x40012C: (1 << index) - 1, 0x4002AC: int(s.rule.backprop_delay), 0x4002B0: self.HISTORIES,
            0x4002BC: self.TABLES, 0x4002C0: self.TABLES + 0x8000, 0x4002B4: self.WORDS, 0x4002B8: self.WORDS + 64,
        }  # fmt: skip
        for where, value in globals_.items():
            self.write(where, value)
        self.write(self.WORDS, *s.rule.words.reshape(-1).tolist())
        self.write(self.WORDS + 64, *s.shift)
        for where, lut in ((self.TABLES, s.rule.lut_plus), (self.TABLES + 0x8000, s.rule.lut_minus)):
            self.cpu.mem_write(where, struct.pack("<HH", len(lut), 0) + lut.astype("<i2").tobytes())

    def write(self, where, *words):
        self.cpu.mem_write(where, struct.pack(f"<{len(words)}I", *(int(w) & 0xFFFFFFFF for w in words)))

    def call(self, function, *arguments):
        from unicorn import arm_const as arm

        registers = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
        for register, value in zip(registers, arguments, strict=False):
            self.cpu.reg_write(register, value)
        self.cpu.reg_write(arm.UC_ARM_REG_SP, 0x40F000)
        self.write(
            0x40F000, 0, self.WORDS + 96
        )  # arguments on the stack: no delay on the way, whether to write back
        self.cpu.reg_write(arm.UC_ARM_REG_LR, self.RETURN)
        self.cpu.emu_start(function, self.RETURN)

    def post(self, t, neuron):
        self.call(self.functions[0], t, neuron)

    def row(self, t, words):
        self.write(self.ROWS, *words)
        fixed = self.ROWS + 4 + 4 * int(words[0])
        self.call(self.functions[1], self.ROWS + 4, fixed, self.RING, t)
        return np.frombuffer(bytes(self.cpu.mem_read(self.ROWS, 4 * len(words))), "<u4")


def firmware(s, binaries):
    machine = Firmware(binaries, s)
    words = plastic_block(s.row, s.weight, s.control, s.rows, s.length, history_words(s.rule.pairing))
    for t, who in s.events:
        if who >= 0:
            machine.post(t, who)
        else:
            words[-1 - who] = machine.row(t, words[-1 - who])
    return words


@pytest.mark.parametrize(("pairing", "dependence"), PROGRAMS)
def test_machine_code_executed_here(pairing, dependence):
    pytest.importorskip("unicorn")
    wheel = find_spec("spynnaker")
    if wheel is None or wheel.origin is None:
        pytest.skip("sPyNNaker is not installed")
    binaries = Path(wheel.origin).parent / "pyNN" / "model_binaries"
    for k in range(SCENARIOS):
        s = scenario(k, pairing, dependence)
        np.testing.assert_array_equal(ours(s)[0], firmware(s, binaries), err_msg=f"scenario {k}")


@settings(max_examples=15)
@given(seed=st.integers(100, 2**32), program=st.sampled_from(PROGRAMS))
def test_kernel_and_plain_python_agree(seed, program):
    s = scenario(seed, *program)
    kernel, plain = ours(s), ours(s, post_event_reference, plastic_row_reference)
    np.testing.assert_array_equal(kernel[0], plain[0])
    assert kernel[1] == plain[1]
    for a, b in zip(kernel[2], plain[2], strict=True):
        np.testing.assert_array_equal(a, b)


def one_synapse(rule, weight=1000, delay=1):
    zero = np.zeros(1, np.int64)
    fields = (
        np.zeros(1, np.int32),
        np.zeros(1, np.uint8),
        np.full(1, delay, np.int32),
        np.full(1, weight, np.uint16),
    )
    rows = PlasticRows(np.array([0, 1]), zero, zero.copy(), np.zeros(1, np.int16), *fields)
    return rule_table([(rule, (4, 4))]), rows, empty_history(1)


RULE = pair_rule(tau_plus=20.0, tau_minus=20.0, a_plus=0.1, a_minus=0.0, w_min=0.0, w_max=10.0, time_step=1.0)


def test_events_that_the_history_forgot_are_reported():
    """15 events are held; of 20, the first 5 are lost to a synapse that hears of them too late."""
    rules, rows, history = one_synapse(RULE)
    plastic_row(rules, rows, history, 0, 3)
    for t in range(10, 30):
        post_event(history, rules, 0, 0, t)
    assert history.held[0] == HISTORY - 1
    assert history.lost[0] == 14
    assert plastic_row(rules, rows, history, 0, 40) == (1, 0)
    assert plastic_row(rules, rows, history, 0, 50) == (0, 0)


def test_potentiation_is_that_of_the_formula():
    """One pair, 5 steps and a delay of 2 apart: A+ exp(-7/20), within the truncations of table, trace and weight."""
    rules, rows, history = one_synapse(RULE, delay=2)
    plastic_row(rules, rows, history, 0, 10)
    post_event(history, rules, 0, 0, 15)
    plastic_row(rules, rows, history, 0, 100)
    unit = 2.0 ** (4 - 15)
    change = (int(rows.weight[0]) - 1000) * unit
    assert 0.1 * np.exp(-7 / 20) - 0.1 / 2048 - 2 * unit < change <= 0.1 * np.exp(-7 / 20)


def test_a_trace_beyond_16_bits_is_reported():
    """At a spike a step, a trace of tau = 100 steps heads for 100, and 16 bits of s4.11 end at 16."""
    slow = pair_rule(
        tau_plus=100.0, tau_minus=100.0, a_plus=0.0, a_minus=0.0, w_min=0.0, w_max=1.0, time_step=1.0
    )
    rules, rows, history = one_synapse(slow)
    post = [post_event(history, rules, 0, 0, t) for t in range(30)]
    pre = [plastic_row(rules, rows, history, 0, t)[1] for t in range(30)]
    assert post.index(1) == pre.index(1) == 17
    assert history.trace[0, HISTORY - 1] < 16 * 2048


@pytest.mark.reference("spinnaker/net_*.npz")
def test_a_network_that_learned_on_the_firmware(reference_file, reference_network):
    """All words of the synaptic matrix, all spikes and potentials of every step, from the connection list alone."""
    net = reference_network(reference_file)
    if not net.plastic:
        pytest.skip(f"network {net.name!r} does not learn")
    network = net.device
    (p,) = network.projections
    pre, post = network.populations[p.pre], network.populations[p.post]
    layout = RowFormat(post.atoms)
    control = layout.encode(0, p.delay, p.receptor, p.target).astype(np.uint16)
    row, weight = p.sources(), p.raw
    length = 2 + 2 * ((int(np.bincount(row).max()) + 1) // 2)
    block = plastic_block(row, weight, control, pre.size, length).reshape(-1)
    first = decode_plastic_block(block, 0, length, 0, pre.size, "block")
    np.testing.assert_array_equal(first.control, control)

    start = np.searchsorted(row, np.arange(pre.size + 1)).astype(np.int64)
    none = np.zeros(pre.size, np.int64)
    receptor = np.full(len(row), p.receptor, np.uint8)
    rows = PlasticRows(
        start, none, none.copy(), none.astype(np.int16), p.target, receptor, p.delay.astype(np.int32), weight.copy(),
    )  # fmt: skip
    rules, history = rule_table([(post.rule, post.shifts)]), empty_history(post.size)
    derived = derive(post.model, post.neuron, post.inputs, post.threshold, post.synapse)
    constants, state = constants32(derived[0]), state32(derived[1])
    current, spiked = np.zeros(post.size, np.int32), np.zeros(post.size, bool)
    wrapped = np.zeros(post.size, np.uint16)
    ring = np.zeros((1 << p.longest_delay.bit_length(), 2, post.size), np.uint16)
    slots = len(ring)
    with np.load(reference_file) as file:
        spikes, potentials, blocks = (file[k] for k in (f"spikes_{post.name}", f"V_{post.name}", "synblocks"))
        sent = file[f"spikes_{pre.name}"]
    for t in range(net.steps):
        assert np.array_equal(state.v, potentials[t]), t
        cells = ring[t % slots]
        step_reference(
            int(post.model),
            0,
            post.size,
            cells[0],
            cells[1],
            post.shifts,
            constants,
            state,
            current,
            spiked,
            wrapped,
        )
        assert np.array_equal(spiked, spikes[t]), t
        for i in np.flatnonzero(spiked):
            post_event(history, rules, 0, int(i), t)
        for r in np.flatnonzero(sent[t]):
            plastic_row(rules, rows, history, int(r), t)
            for k in range(start[r], start[r + 1]):
                cell = ring[(t + rows.delay[k]) % slots, rows.receptor[k]]
                cell[rows.target[k]] = min(int(cell[rows.target[k]]) + int(rows.weight[k]), 0xFFFF)
        now = plastic_block(
            row, rows.weight, control, pre.size, length, 2, rows.last_time, rows.last_trace
        ).reshape(-1)
        assert int((now != blocks[t, : len(now)]).sum()) == 0, t
    assert not blocks[:, len(now) :].any()
