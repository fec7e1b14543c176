"""Cores and whole networks against the machine code of the programs that sPyNNaker 7.4.1 ships.

The digests below are of states, spikes and potentials that the machine code left: ``IF_curr_exp.aplx``,
``IF_curr_delta.aplx``, ``IF_cond_exp.aplx`` and ``delay_extension.aplx``, started with the words of a core and executed
instruction by instruction. Where ``unicorn`` and sPyNNaker are installed, it is executed again. The programs run from
their ``c_main``; what they call of the operating system is stood in for: memory, callbacks, copies by DMA, the packet
register.
"""

from __future__ import annotations

import hashlib
import random
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from neurosim import hardware
from neurosim.engine.recording import Record
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP, compile_pynn
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.kernel import constants32, state32, step
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits
from neurosim.loss_report import LossKind

ONE, NEURONS, STEPS, DELAY_BITS, KEY = 32768, 12, 40, 3, 0x4000
KINDS = ("usual", "tiny", "huge", "any", "edges")
EXTREMES = (1, 2, 3276, 3277, 16384, 32767, 32768, 32769, 65535, 65536, 2**30, 2**30 + 1, 2**31 - 1)
RING_WORDS = 2 << (index_bits(NEURONS) + DELAY_BITS)


def digest(*arrays):
    return hashlib.sha256(b"".join(np.asarray(a, "<i4").tobytes() for a in arrays)).hexdigest()[:8]


def core_set(model, kind, seed):
    """Parameter words, left shifts and ring-buffer cells, from Python's own generator, whose numbers never change."""
    g = random.Random(f"{model.name} {kind} {seed}")
    dt = g.choice((3277, 32768, 65536))

    def uniform(low, high):
        return lambda: round(g.uniform(low, high) * ONE)

    def logarithmic(low, high):
        return lambda: max(1, round(low * (high / low) ** g.random() * ONE))

    word, positive = (lambda: g.randrange(-(2**31), 2**31)), (lambda: g.randrange(1, 2**31))
    large = uniform(-65000, 65000)
    extreme = lambda: g.choice(EXTREMES)  # noqa: E731
    signed = lambda: g.choice((0, -(2**31), *EXTREMES, *(-x for x in EXTREMES)))  # noqa: E731
    level, cap, tau, drive, refractory, syn, init = {
        "usual": (uniform(-70, -45), uniform(0.1, 2), uniform(5, 40), uniform(-1, 3), uniform(0, 50),
                  uniform(0.5, 20), lambda: 0),
        "tiny": (uniform(-70, -45), logarithmic(0.01, 3), logarithmic(5e-5, 1), uniform(-1, 3), uniform(0, 3),
                 logarithmic(4e-5, 1), uniform(-10, 10)),
        "huge": (large, logarithmic(1e-4, 6e4), logarithmic(1e-3, 6e4), large, uniform(0, 60000),
                 logarithmic(1e-3, 6e4), large),
        "any": (word, positive, positive, word, positive, positive, word),
        "edges": (signed, extreme, extreme, signed, extreme, extreme, signed),
    }[kind]  # fmt: skip
    rows = range(NEURONS)
    neuron = [
        [level(), level(), cap(), tau(), drive(), level(), refractory(), g.randrange(-3, 9), dt] for _ in rows
    ]
    inputs = [
        {CoreModel.IF_CURR_EXP: [], CoreModel.IF_CURR_DELTA: [dt]}.get(model, [drive(), level()])
        for _ in rows
    ]
    threshold = [level() for _ in rows]
    synapse = [
        [init(), init()] if model is CoreModel.IF_CURR_DELTA else [syn(), init(), syn(), init(), dt]
        for _ in rows
    ]
    shifts = (g.randrange(16), g.randrange(16))
    often, top = g.choice((0.05, 0.3, 1.0)), g.choice((50, 3000, 65536))
    cells = [
        [[g.randrange(top) if g.random() < often else 0 for _ in rows] for _ in range(2)]
        for _ in range(STEPS)
    ]
    words = (np.array(x, np.int64).reshape(NEURONS, -1) for x in (neuron, inputs, threshold, synapse))
    return (*words, shifts, np.array(cells, np.uint16))


def states(model, neuron, inputs, threshold, synapse, shifts, cells):
    """Digest of potential, timer and both synaptic values after every step, and of the spikes."""
    derived = derive(model, neuron, inputs, threshold[:, 0], synapse)
    constants, state = constants32(derived[0]), state32(derived[1])
    current, spiked, wrapped = np.zeros(NEURONS, np.int32), np.zeros(NEURONS, bool), np.zeros(NEURONS, "u2")
    found = []
    for now in cells.copy():
        step(int(model), 0, NEURONS, *now, shifts, constants, state, current, spiked, wrapped)
        found += [a.copy() for a in (*state, spiked)]
    return digest(*found)


def states_of_machine_code(model, neuron, inputs, threshold, synapse, shifts, cells):
    core = CoreParameters(NEURONS, KEY, NEURONS, DELAY_BITS, shifts)
    regions = {
        1: core_region(core),
        2: parameter_region(neuron, inputs, threshold, synapse),
        4: synapse_region(core),
    }
    machine = MachineCode(model.name, regions, NEURONS)
    width = 2 if model is CoreModel.IF_CURR_DELTA else 6
    value = [0, 1] if width == 2 else [2, 5]
    at, values = machine.neurons, machine.blocks[4 + (model is not CoreModel.IF_CURR_EXP)]
    ring = machine.blocks[-4]
    found = []
    for t, now in enumerate(cells):
        slot = np.zeros((2, 1 << index_bits(NEURONS)), "<u2")
        slot[:, :NEURONS] = now
        machine.cpu.mem_write(ring + slot.nbytes * (t % (1 << DELAY_BITS)), slot.tobytes())
        spiked = np.zeros(NEURONS, bool)
        for key, _ in machine.tick(t):
            assert key & 15 == t & 15
            spiked[(key - KEY) >> 4] = True
        neurons = machine.read(at, 8 * NEURONS).reshape(NEURONS, 8)
        synapses = machine.read(values, width * NEURONS).reshape(NEURONS, width)[:, value]
        found += [neurons[:, 0], neurons[:, 5], synapses[:, 0], synapses[:, 1], spiked]
    return digest(*found)


CORES = {
    "IF_CURR_EXP": (
        "985b9343 fa57bcb8 266b77fb efc6aa19 30c80b80 63d1c08b e49c2dcf cb731a02 4b7605ee 39221600 "
        "27f5120a 4c2eb766 ae6d3674 6d31a9b7 b873f402 8f5b035b 570a78e5 e12b6af1 fb0e08bf 2f16f5fb "
    ),
    "IF_CURR_DELTA": (
        "1918b723 a38d3b1f 92a79246 7d7fc388 0553cd05 608b6cf6 6e5adbe6 85291044 db9910cc 51e0ed58 "
        "dcf1dd71 4f5f61f7 e8542748 8f0f062f 20c4b882 22b93300 c5d4d3df 15663dd1 2e3651fe 9705b2e3 "
    ),
    "IF_COND_EXP": (
        "e986b941 5c69be0b f20cefa9 050aa731 0531829a bdcdae1a cc8d99da 35e2ce6e 70b5864d 8e50520e "
        "0405034e 76785088 a77bda8c 44f8503d d1e6dcef 607c7605 dd3b293b e6600088 23ce2106 fc53817f "
    ),
}


@pytest.mark.parametrize("model", CoreModel)
def test_states_that_the_machine_code_left(model):
    found = [states(model, *core_set(model, kind, k)) for kind in KINDS for k in range(4)]
    assert found == CORES[model.name].split()


def network(name):
    """Small networks from Python's own generator."""
    g = random.Random(name)
    dt = 0.1 if name == "short steps" else 1.0

    def listed(n_pre, n_post, often, weight, longest):
        pairs = [(i, j) for i in range(n_pre) for j in range(n_post) if g.random() < often]
        return [(i, j, weight * g.uniform(0.2, 1.8), dt * g.uniform(0, longest)) for i, j in pairs]

    def each(n, low, high):
        return [g.uniform(low, high) for _ in range(n)]

    times = [[dt * t for t in range(STEPS * 4) if g.random() < 0.05] for _ in range(30)]
    atoms = {"equal": (20, 20, 20), "unequal": (30, 33, 40), "chips": (5, 4, 5)}.get(name, (30, 25, 40))
    cells = {"chips": ("IF_curr_exp", "IF_curr_delta"), "conductances": ("IF_cond_exp", "IF_curr_exp")}.get(
        name, ("IF_curr_exp", "IF_cond_exp")
    )
    size = {cell: 0.02 if cell == "IF_cond_exp" else 2.0 for cell in cells}
    longest = {"equal": 640, "unequal": 300, "conductances": 50}.get(name, 20)
    sums = {"max_expected_summed_weight": (1.0, 0.5)} if name == "saturate" else {}
    rule = PyNNSTDP(A_plus=0.1, A_minus=0.12, w_max=4.0) if name == "stdp" else None
    made = [
        PyNNPopulation(name="in", size=30, cell="SpikeSourceArray", parameters={"spike_times": times},
                       atoms_per_core=atoms[0]),
        PyNNPopulation(name="a", size=45, cell=cells[0], atoms_per_core=atoms[1], **sums, parameters={
            "tau_m": each(45, 3, 25), "i_offset": each(45, -0.2, 0.7), "tau_refrac": each(45, 0, 6)}),
        PyNNPopulation(name="b", size=40, cell=cells[1], atoms_per_core=atoms[2]),
    ]  # fmt: skip
    projections = [
        PyNNProjection(pre="in", post="a", connections=listed(30, 45, 0.3, size[cells[0]], longest), stdp=rule),
        PyNNProjection(pre="a", post="b", connections=listed(45, 40, 0.3, size[cells[1]], 20)),
        PyNNProjection(pre="b", post="a", connections=listed(40, 45, 0.1, size[cells[0]], longest),
                       receptor="inhibitory"),
    ]  # fmt: skip
    return PyNNNetwork(populations=made, projections=projections, timestep=dt)


def emulated(net, folder):
    """Digest of spikes and potentials of the emulator of a build folder."""
    compile_pynn(net, allow=tuple(LossKind)).save(folder)
    run = hardware.load(folder).emulate(
        net.inputs(4 * STEPS), 4 * STEPS * net.timestep * 1e-3, record={n: Record("spikes", "v") for n in "ab"},
        overflow=hardware.Overflow.AS_CHIP,
    )  # fmt: skip
    found = [run[n].spikes.dense()[:, 0] for n in "ab"]
    assert all(x.any() for x in found)
    return digest(*found, *(np.rint(run[n].v[:, 0] * 2**15) for n in "ab"))


NETWORKS = {
    "equal": "7f41cb63",
    "unequal": "537b19e1",
    "chips": "f8b8c00f",
    "saturate": "6be0d20c",
    "short steps": "3feac487",
    "conductances": "c2b73418",
    "stdp": "62e66ee0",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_spikes_and_potentials_of_networks_that_the_machine_code_ran(name, tmp_path):
    assert emulated(network(name), tmp_path / "b") == NETWORKS[name]


def binaries():
    pytest.importorskip("unicorn")
    wheel = find_spec("spynnaker")
    if wheel is None or wheel.origin is None:
        pytest.skip("sPyNNaker is not installed")
    return Path(wheel.origin).parent / "pyNN" / "model_binaries"


@pytest.mark.parametrize("model", CoreModel)
def test_cores_executed_here(model):
    binaries()
    found = [states_of_machine_code(model, *core_set(model, kind, k)) for kind in KINDS for k in range(4)]
    assert found == CORES[model.name].split()


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_executed_here(name, tmp_path):
    """From the same files; packets go hop by hop through their routing tables."""
    binaries()
    net = network(name)
    compile_pynn(net, allow=tuple(LossKind)).save(tmp_path / "b")
    assert executed(net, tmp_path / "b") == NETWORKS[name]


LINKS = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))


def cores_reached(tables, chip, key):
    found, to_do = [], [(*chip, None)]
    while to_do:
        x, y, came_by = to_do.pop()
        route = next((r for k, mask, r in tables.get((x, y), ()) if key & mask == k), None)
        if route is None:
            route = 1 << (came_by + 3) % 6  # straight on
        for link, (dx, dy) in enumerate(LINKS):
            if route >> link & 1:
                to_do.append((x + dx, y + dy, (link + 3) % 6))
        found += [(x, y, p) for p in range(18) if route >> (6 + p) & 1]
    return found


def executed(net, folder):
    image, machines, tables = read_image(folder), {}, {}
    with np.load(folder / "routing.npz") as file:
        for x, y, *entry in file["routing"].tolist():
            tables.setdefault((x, y), []).append(entry)
    for v in image.vertices:
        if v.kind != "source":
            program = f"{v.model}{v.plasticity or ''}" if v.model else "DELAY"
            machines[v.place] = MachineCode(program, image.regions[v.place], v.hi - v.lo)
    steps, reached = 4 * STEPS, {}
    inputs = net.inputs(steps)["in"]
    spikes = {n: np.zeros((steps, net.population(n).size), bool) for n in "ab"}
    potential = {n: np.zeros(s.shape, np.int64) for n, s in spikes.items()}
    for t in range(steps):
        sent = []
        for v in image.vertices:
            if v.kind == "source":
                neurons = np.repeat(inputs.neuron, inputs.counts_of_cells())[inputs.step == t]
                sent += [(v, v.key + ((int(i) - v.lo) << 4) | t & 15, 0) for i in neurons if v.lo <= i < v.hi]
                continue
            machine = machines[v.place]
            packets = machine.tick(t)
            sent += [(v, *p) for p in packets]
            if v.kind == "neurons":
                spikes[v.population][t, [v.lo + ((key - v.key) >> 4) for key, _ in packets]] = True
                words = machine.read(machine.neurons, 8 * (v.hi - v.lo))
                potential[v.population][t, v.lo : v.hi] = words[::8]
        for v, key, payload in sent:
            if key >> 4 not in reached:
                reached[key >> 4] = cores_reached(tables, (v.x, v.y), key)
            for place in reached[key >> 4]:
                machines[place].receive(key, payload)
    return digest(*spikes.values(), *potential.values())


FUNCTIONS = ("data", "recording", "finished", "dma_done", "start", "alloc", "print", "callback", "schedule", "user",
             "dma", "free")  # fmt: skip
"""Functions of the operating system and its libraries that are stood in for; from the sixth on in Thumb code."""
PROGRAMS = {
    "IF_CURR_EXP": (
        "IF_curr_exp", 0x6EC, 0x400A74, (0x3C3C, 0x4350, 0x4454, 0x49E0, 0x4558),
        (0x3B80, 0x485C, 0x4470, 0x42DC, 0x4234, 0x593C, 0x5C80, 0x64EC, 0x6814, 0x688C, 0x65E8, 0),
    ),
    "IF_CURR_DELTA": (
        "IF_curr_delta", 0x6EC, 0x400A78, (0x3B14, 0x4228, 0x432C, 0x48B8, 0x4430),
        (0x3A58, 0x4734, 0x4348, 0x41B4, 0x410C, 0x57D8, 0x5B1C, 0x6388, 0x66B0, 0x6728, 0x6484, 0),
    ),
    "IF_COND_EXP": (
        "IF_cond_exp", 0x6EC, 0x400A78, (0x3D1C, 0x4430, 0x4534, 0x4AC0, 0x4638),
        (0x3C60, 0x493C, 0x4550, 0x43BC, 0x4314, 0x5A1C, 0x5D60, 0x65CC, 0x68F4, 0x696C, 0x66C8, 0),
    ),
    "IF_CURR_EXP_stdp_mad_pair_additive": (
        "IF_curr_exp_stdp_mad_pair_additive", 0x6EC, 0x400A94, (0x4554, 0x4C68, 0x4D6C, 0x52F8, 0x4E70),
        (0x4498, 0x5174, 0x4D88, 0x4BF4, 0x4B4C, 0x6254, 0x6598, 0x6E04, 0x712C, 0x71A4, 0x6F00, 0),
    ),
    "DELAY": (
        "delay_extension", 0xA10, 0x40084C, (0xF04, 0x15A4, 0x16A8),
        (0xE48, 0, 0x16C4, 0, 0x14FC, 0x2004, 0x2348, 0x2BB4, 0x2D3C, 0x2DB4, 0, 0x20BC),
    ),
}  # fmt: skip
"""File, entry, start of free memory, functions that only yield 1, and `FUNCTIONS` (0: it does not call it)."""


class MachineCode:
    """A program on a core. ``neurons``: where the states of its neurons lie; ``blocks``: all memory it took."""

    TABLE, RETURN, HEAP_END = 0x60000000, 0xFE00, 0x40F800 - 1176
    PACKET, TIMER, USER, PAYLOAD = 0, 2, 4, 5  # numbers of callbacks

    def __init__(self, program, regions, neurons):
        import unicorn
        from unicorn import arm_const as arm

        name, entry, self.heap, ones, functions = PROGRAMS[program]
        self.registers = [
            getattr(arm, f"UC_ARM_REG_{r}") for r in ("R0", "R1", "R2", "R3", "SP", "LR", "CPSR")
        ]
        self.cpu = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_ARM)
        self.cpu.ctl_set_cpu_model(arm.UC_CPU_ARM_946)
        for start, size in ((0, 0x10000), (0x400000, 0x10000), (0x60000000, 0x400000), (0x1F000000, 0x1000),
                            (0x20000000, 0x1000), (0x21000000, 0x1000), (0x40000000, 0x1000)):  # fmt: skip
            self.cpu.mem_map(start, size)
        image, at = (binaries() / f"{name}.aplx").read_bytes(), 0
        while (record := struct.unpack_from("<4I", image, at))[0] != 4:  # offsets count from the record
            if record[0] == 2:
                self.cpu.mem_write(record[1], image[at + record[2] : at + record[2] + record[3]])
            at += 16
        self.blocks, self.callbacks, self.tasks, self.dma_done, self.sent, self.payload = (
            [],
            {},
            [],
            {},
            [],
            0,
        )
        self.write(0x20000000, 1 << 28)  # the packet register takes packets
        self.cpu.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._packet, begin=0x20000004, end=0x2000000B)
        for where in ones:
            self._stand_in(where, lambda *_: 1, thumb=False)
        for k, (what, where) in enumerate(zip(FUNCTIONS, functions, strict=True)):
            if where:
                self._stand_in(where, getattr(self, f"_{what}"), thumb=k >= 5)
        self._load(regions, neurons)
        self._call(entry)
        assert self.callbacks, f"{name} did not start"
        self.neurons = self.blocks[2] if program != "DELAY" else 0

    def _load(self, regions, neurons):
        """Regions of memory one behind the other; region 9 says that nothing is recorded."""
        indices = [0] * ((neurons + 1) // 2)
        silent = [3, 1, *(3 * [0, 0, 4, *indices]), 0, 0, *indices]
        where = self.TABLE + 0x1000
        for number in range(32):
            words = regions.get(number, silent if number == 9 else [0, 0, 0, 0])
            self.write(where, *np.asarray(words).tolist())
            self.write(self.TABLE + 8 + 12 * number, where, 0, len(words))
            where += (4 * len(words) + 32) & ~15

    def _stand_in(self, where, function, thumb):
        import unicorn

        def hook(*_):
            self.cpu.reg_write(self.registers[0], int(function(*map(self._argument, range(5))) or 0))

        self.cpu.mem_write(
            where, struct.pack("<H", 0x4770) if thumb else struct.pack("<I", 0xE12FFF1E)
        )  # bx lr
        self.cpu.hook_add(unicorn.UC_HOOK_CODE, hook, begin=where, end=where)

    def _argument(self, k):
        if k < 4:
            return self.cpu.reg_read(self.registers[k])
        return int(self.read(self.cpu.reg_read(self.registers[4]), 1)[0])

    def _data(self, *_):
        return self.TABLE

    def _recording(self, _, flags, *__):
        self.write(flags, 0)
        return 1

    def _finished(self, *_):
        return 0

    _start = _print = _finished

    def _alloc(self, size, count, *_):
        block, self.heap = self.heap, self.heap + (size * count + 3 & ~3) + 8
        assert self.heap <= self.HEAP_END, "the program finds no memory"
        self.blocks.append(block)
        return block

    def _free(self, *_):
        return self.HEAP_END - self.heap

    def _callback(self, event, function, *_):
        self.callbacks[event] = function

    def _schedule(self, function, a, b, *_):
        self.tasks.append((function, a, b))
        return 1

    def _user(self, a, b, *_):
        return self._schedule(self.callbacks[self.USER], a, b)

    def _dma_done(self, tag, function, *_):
        self.dma_done[tag] = function
        return 1

    def _dma(self, tag, shared, local, to_shared, size):
        a, b = (shared, local) if to_shared else (local, shared)
        self.cpu.mem_write(a, bytes(self.cpu.mem_read(b, size)))
        if tag in self.dma_done:
            self.tasks.append((self.dma_done[tag], 0, tag))
        return 1

    def _packet(self, _, __, address, size, value, ___):
        if address == 0x20000004:
            self.payload = value & 0xFFFFFFFF
            return
        self.sent.append((value & 0xFFFFFFFF, self.payload))
        self.payload = 0
        self.write(0x20000000, 1 << 28)

    def write(self, where, *words):
        self.cpu.mem_write(where, struct.pack(f"<{len(words)}I", *(int(w) & 0xFFFFFFFF for w in words)))

    def read(self, where, words):
        return np.frombuffer(bytes(self.cpu.mem_read(where, 4 * words)), "<i4")

    def _call(self, function, *arguments):
        system_mode = 0x5F  # first: modes have stacks of their own
        self.cpu.reg_write(self.registers[6], system_mode)
        values = (*(*arguments, 0, 0, 0, 0)[:4], 0x40FF80, self.RETURN)
        for register, value in zip(self.registers, values, strict=False):
            self.cpu.reg_write(register, value)
        self.cpu.emu_start(function, self.RETURN)

    def _work(self):
        while self.tasks:
            self._call(*self.tasks.pop(0))

    def tick(self, step):
        """The timer of a step: the packets it sends, (key, payload)."""
        self.sent = []
        self._call(self.callbacks[self.TIMER], step + 1, 0)
        self._work()
        return list(self.sent)

    def receive(self, key, payload):
        self._call(self.callbacks[self.PAYLOAD if payload else self.PACKET], key, payload)
        self._work()
