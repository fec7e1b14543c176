from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.plan import PlanProjection
from neurosim.hardware.crossbar import Compensation, Crossbar, Scaling, read_profile
from neurosim.hardware.crossbar.cells import draw, read_conductances
from neurosim.hardware.crossbar.circuit import solve
from neurosim.hardware.crossbar.mapping import TileShape, map_projection
from neurosim.hardware.crossbar.profile import Faults
from neurosim.hardware.crossbar.programming import cell_index, program
from neurosim.hardware.emulator import Overflow
from neurosim.network import Network
from neurosim.neurons import IntegrateAndFire
from neurosim.spikes import Spikes

RRAM = read_profile("rram-wan-1d")
SHAPE = TileShape(4, 6)
EXACT = Crossbar(profile="ideal", adc_bits=24)
"""Float32 conductances and 24-bit converters: sums agree with float64 weights to about 1e-6 of the largest one."""


def test_stuck_cells_change_what_is_read(tmp_path, layered, events, opened):
    net, given = layered(), {"in": events()}
    stuck = read_profile("ideal").replace(faults=Faults(stuck_high=0.05))
    whole = opened(net, EXACT, tmp_path / "a").emulate(given, record={"out": "v"})["out"].v
    broken = (
        opened(net, EXACT.replace(profile=stuck), tmp_path / "b").emulate(given, record={"out": "v"})["out"].v
    )
    assert np.abs(whole - broken).max() > 0.05


def test_wire_resistance_lowers_what_arrives(tmp_path, opened):
    net = Network(dt=1e-3)
    net.input("in", 16)
    net.population("out", 4, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=np.full((16, 4), 1.0))
    given = {"in": Spikes([0] * 16, [0] * 16, range(16), shape=16, dt=1e-3, steps=1)}
    read = []
    for i, wire in enumerate((0.0, 1e-6, 20.0)):
        target = Crossbar(profile="ideal", adc_bits=24, rows=16, columns=8, wire_resistance=wire)
        read.append(opened(net, target, tmp_path / str(i)).emulate(given, record={"out": "v"})["out"].v[0, 0])
    np.testing.assert_allclose(read[0], 16.0, rtol=1e-6)
    np.testing.assert_allclose(read[1], read[0], rtol=1e-5)
    assert (read[2] < 0.95 * read[0]).all()
    assert (np.diff(read[2]) < 0).all()  # farther from the drivers


def test_drift_lowers_what_is_read_and_compensation_restores_it(tmp_path, opened):
    """A hundred word lines at once; PCM keeps 52 to 78 % of its conductance between an hour and 1e7 s (aihwkit)."""
    net = Network(dt=1e-3)
    net.input("in", 100)
    net.population("out", 8, IntegrateAndFire(threshold=1e9))
    weight = np.random.default_rng(0).uniform(0.5, 1.0, (100, 8))
    net.connect("in", "out", AllToAll(), weight=weight)
    given = {"in": Spikes([0] * 100, [0] * 100, range(100), shape=100, dt=1e-3, steps=1)}
    read = {}
    for age in (0.0, 3600.0, 1e7):
        for compensation in Compensation:
            target = Crossbar(profile="pcm", adc_bits=16, age=age, compensation=compensation)
            device = opened(net, target, tmp_path / f"{age}{compensation.value}")
            v = device.emulate(given, record={"out": "v"}, overflow=Overflow.AS_CHIP)["out"].v[0, 0]
            read[age, compensation] = float((v / weight.sum(0)).mean())
    assert read[0.0, Compensation.NONE] == pytest.approx(1.0, abs=0.03)
    assert read[3600.0, Compensation.NONE] == pytest.approx(0.78, abs=0.03)
    assert read[1e7, Compensation.NONE] == pytest.approx(0.53, abs=0.03)
    for age in (0.0, 3600.0, 1e7):
        assert read[age, Compensation.GLOBAL] == pytest.approx(read[0.0, Compensation.NONE], abs=0.02)


def block_of(profile, seed=0):
    """Two tiles: seven word lines, three pairs."""
    rng = np.random.default_rng(seed)
    pre, post = np.divmod(rng.permutation(21)[:15], 3)
    projection = PlanProjection("p", "a", "b", rows_from(pre, post, rng.normal(0, 1, 15), 0, 7, 3))
    (block,) = map_projection(projection, SHAPE, profile, Scaling.COLUMN, first_tile=11)
    return block


def test_every_cell_is_drawn_at_its_place():
    block = block_of(RRAM)
    g, variance = read_conductances(block, SHAPE, RRAM, seed=5)
    index = np.concatenate([cell_index(11, 4, 6), cell_index(12, 4, 6)[:3]])
    want = program(RRAM, block.target.astype(float), index, seed=5)
    np.testing.assert_array_equal(g[block.programmed], want[block.programmed])
    np.testing.assert_array_equal(g[~block.programmed], block.target[~block.programmed])
    assert (variance[block.programmed] > 0).all()
    assert not variance[~block.programmed].any()


def test_compressed_rows_hold_the_differences_of_the_pairs():
    block = block_of(RRAM)
    g, variance = read_conductances(block, SHAPE, RRAM, seed=5)
    cells = draw(block, SHAPE, RRAM, seed=5)
    dense = np.zeros((2, block.lines, 3))
    line = np.repeat(np.arange(block.lines), np.diff(cells.start))
    dense[:, line, cells.column] = cells.moments
    np.testing.assert_allclose(dense[0], 0.2 * (g[:, 0::2] - g[:, 1::2]), rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(dense[1], 0.04 * (variance[:, 0::2] + variance[:, 1::2]), rtol=1e-12)
    assert cells.start[-1] == block.programmed[:, 0::2].sum()  # unformed pairs cost nothing


def test_wires_are_solved_for_the_whole_tile():
    block = block_of(RRAM)
    cells = draw(block, SHAPE, RRAM, seed=5, wire=50.0)
    g, _ = read_conductances(block, SHAPE, RRAM, seed=5)
    whole = np.full((4, 6), RRAM.g_unformed)
    whole[:3] = g[4:]  # the second tile has three word lines in use
    v = np.array([0.2, 0.0, 0.2, 0.0])
    current = solve(whole, v, r_word=50.0, r_bit=50.0).output[0]
    got = np.zeros(3)
    for line in (4, 6):
        here = slice(cells.start[line], cells.start[line + 1])
        np.add.at(got, cells.column[here], cells.moments[0, here])
    np.testing.assert_allclose(got, current[0::2] - current[1::2], rtol=1e-9)


def test_stuck_cells_are_at_the_ends_of_the_range_whatever_their_target():
    profile = RRAM.replace(faults=Faults(stuck_low=0.3, stuck_high=0.3), g_min=1e-6)
    block = block_of(profile)
    g, variance = read_conductances(block, SHAPE, profile, seed=1)
    free, _ = read_conductances(block, SHAPE, profile.replace(faults=Faults()), seed=1)
    changed = g != free
    assert set(np.round(g[changed] * 1e6, 9)) == {1.0, 40.0}
    assert not variance[changed].any()
    assert 0.3 < changed.mean() < 0.9
