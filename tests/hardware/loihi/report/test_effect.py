"""How spikes differ, in all and by what is rounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import DeviceEvent, Record
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.emulator.device import device_of
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI
from neurosim.hardware.loihi.report import effect
from neurosim.hardware.loihi.report.effect import effects, own_effects
from neurosim.hardware.loihi.report.population_replay import PopulationReplay

RECORD = {"a": Record("spikes"), "b": Record("spikes")}


def spikes_of(cells, **frame):
    sample, step, neuron = np.array(cells, dtype=int).reshape(-1, 3).T
    return ns.Spikes(sample, step, neuron, **{"shape": 3, "dt": 1e-3, "steps": 10, "samples": 2, **frame})


def test_cells_and_counts():
    """Two of three cells of each run agree: four cells in all, half of them off; one count moves to another neuron."""
    wanted = spikes_of([(0, 1, 0), (0, 5, 0), (1, 2, 2)])
    found = spikes_of([(0, 1, 0), (1, 2, 1), (1, 2, 2)])
    events = (
        DeviceEvent("wrap", "p", 0, 1, 0, 5.0, 3),
        DeviceEvent("saturation", "p", 0, 1, 0, 5.0, 2),
        DeviceEvent("wrap", "other", 0, 1, 0, 5.0, 7),
    )
    (row,) = effects({"p": wanted}, {"p": found}, events)
    assert (row.float_spikes, row.chip_spikes, row.wraps, row.saturations) == (3, 3, 3, 2)
    assert row.cells == 0.5
    assert row.moved == 0.0
    assert row.counts == pytest.approx(2 / 3)
    assert list(effects({"p": spikes_of([])}, {"p": spikes_of([])}, ())) == []


def test_what_is_moved():
    """Two steps away it is the same spike later; three steps away, in another neuron or sample it is another."""
    wanted = spikes_of([(0, 1, 0), (0, 5, 1), (0, 9, 2), (1, 0, 0)])
    found = spikes_of([(0, 2, 1), (0, 3, 0), (0, 9, 1), (1, 0, 1)])
    (row,) = effects({"p": wanted}, {"p": found}, ())
    assert row.cells == 1.0
    assert row.moved == 2 / 8


@pytest.fixture
def run(compile_by_hand, make_two_layers, make_noise):
    made, inputs = compile_by_hand(make_two_layers()), make_noise()
    floats = ns.simulate(made.plan, inputs, record=RECORD)
    chips = device_of(made.manifest, made.tables).run(inputs, 80, RECORD, 0, Overflow.AS_CHIP)
    return made, inputs, floats, chips


def test_given_its_inputs_a_population_does_what_the_chip_does(run, monkeypatch):
    """With the chip's own spikes in the place of the engine's, all roundings together leave nothing off: the replay is
    the chip. In parts of a few neurons too."""
    made, inputs, _, chips = run
    monkeypatch.setattr(effect, "_CHUNK", 80 * 7)
    replays = PopulationReplay(made.plan, made.quantised, made.mapped.network, NENGO_LOIHI)
    spikes = {**inputs, **{name: p.spikes for name, p in chips.items()}}
    found = {(o.population, o.rounding): o.cells for o in own_effects(replays, spikes)}
    assert found["a", "all"] == found["b", "all"] == 0.0
    assert max(found.values()) > 0  # single roundings do leave something off


def test_what_is_rounded_is_what_has_an_effect(run):
    """A number that is off shows in its own column and nowhere else."""
    made, inputs, floats, _ = run
    spikes = {**inputs, **{name: p.spikes for name, p in floats.items()}}
    replays = PopulationReplay(made.plan, made.quantised, made.mapped.network, NENGO_LOIHI)
    found = {(o.population, o.rounding): o.cells for o in own_effects(replays, spikes)}
    assert {r for _, r in found} == {
        "all", "weights", "decays", "threshold", "bias", "initial state", "state", "overflow",
    }  # fmt: skip
    assert found["a", "bias"] == found["a", "overflow"] == found["a", "initial state"] == 0.0
    # a threshold a fifth too low shows in its own column alone
    lower = replace(
        made.mapped.network.populations["a"],
        threshold=made.mapped.network.populations["a"].threshold * 4 // 5,
    )
    network = replace(made.mapped.network, populations={**made.mapped.network.populations, "a": lower})
    changed = PopulationReplay(made.plan, made.quantised, network, NENGO_LOIHI)
    again = {(o.population, o.rounding): o.cells for o in own_effects(changed, spikes)}
    assert again["a", "threshold"] > 0.3 > found["a", "threshold"]
    assert {k: v for k, v in again.items() if k[1] not in ("all", "threshold")} == {
        k: v for k, v in found.items() if k[1] not in ("all", "threshold")
    }
