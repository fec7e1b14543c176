"""The first spike that differs, and the rounding that makes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import Record
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.emulator.device import device_of
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI
from neurosim.hardware.loihi.report.divergence import first_divergence
from neurosim.hardware.loihi.report.population_replay import PopulationReplay
from neurosim.hardware.loihi.report.roundings import Rounding


def parted(made, inputs, record):
    steps = next(iter(inputs.values())).steps
    floats = ns.simulate(made.plan, inputs, record=record)
    chips = device_of(made.manifest, made.tables).run(inputs, steps, record, 0, Overflow.AS_CHIP)
    wanted = {**inputs, **{name: p.spikes for name, p in floats.items()}}
    found = {name: p.spikes for name, p in chips.items()}
    replays = PopulationReplay(made.plan, made.quantised, made.mapped.network, NENGO_LOIHI)
    return first_divergence(replays, wanted, found, made.lag), wanted, found


def exact_network():
    """Numbers that the chip holds exactly but for what a test changes: weights in simple ratios, no leak."""
    net = ns.Network(dt=1e-3, seed=0)
    net.input("in", 4)
    net.output(net.population("p", 3, ns.IntegrateAndFire(threshold=1.0)))
    weight = np.array(
        [[0.125, 0.25, 0.0625], [0.25, 0.25, 0.125], [0.0625, 0.25, 0.25], [0.125, 0.125, 0.125]]
    )
    net.connect("in", "p", ns.AllToAll(), weight=weight, delay=1e-3)
    return net


def change_population(**changes):
    def change(network):
        p = network.populations["p"]
        populations = {"p": replace(p, **{name: f(getattr(p, name)) for name, f in changes.items()})}
        return replace(network, populations=populations)

    return change


def change_weights(network):
    (p,) = network.projections
    return replace(network, projections=(replace(p, weight=np.where(p.target == 1, p.weight - 3, p.weight)),))


RECORD = {"p": Record("spikes")}


def test_nothing_parts_where_all_is_exact(compile_by_hand, make_noise):
    found, wanted, _ = parted(compile_by_hand(exact_network()), make_noise(4, rate=0.3), RECORD)
    assert found is None
    assert len(wanted["p"].step) > 20


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("weights", change_weights),
        ("threshold", change_population(threshold=lambda x: x * 9 // 8)),
        ("decays", change_population(dv=lambda x: x + 40)),
        ("bias", change_population(bias_mantissa=lambda x: x + 3000)),
        ("initial state", change_population(v=lambda x: x + 20000)),
    ],
)
def test_the_cause_is_what_was_changed(compile_by_hand, make_noise, cause, change):
    """One number of an exact network is changed: taking its rounding back explains the divergence, no other does."""
    made = compile_by_hand(exact_network(), change=change)
    found, wanted, chip = parted(made, make_noise(4, rate=0.3), RECORD)
    assert found.cause == f"{cause}: exact there, the spikes would agree"
    assert [t.rounding for t in found.taken_back if t.as_float] == [cause]
    # the place is where the trains part
    cells = [
        {*zip(s.step.tolist(), s.sample.tolist(), s.neuron.tolist(), strict=True)}
        for s in (wanted["p"], chip["p"])
    ]
    assert (found.step, found.sample, found.neuron) == min(cells[0] ^ cells[1])
    assert found.float_spike is ((found.step, found.sample, found.neuron) in cells[0])
    assert (found.float_margin >= -1e-9) is found.float_spike
    assert (found.chip_margin > 0) is found.chip_spike is not found.float_spike
    assert found.steps[-1] == found.step
    assert found.chip_trace[-1] == found.chip_v


def test_an_overflow_is_found(compile_by_hand, make_noise):
    """A 22-bit accumulator that wraps keeps the neuron from spiking: 8 weights of 2^19 at once."""

    def loud(network):
        (p,) = network.projections
        return replace(
            network, projections=(replace(p, weight=0 * p.weight + 240, exponent=0 * p.exponent + 5),)
        )

    made = compile_by_hand(exact_network(), change=loud)
    counts = np.zeros((5, 1, 4), int)
    counts[1] = 2
    found, *_ = parted(made, {"in": ns.Spikes.from_dense(counts, dt=1e-3)}, RECORD)
    assert (found.step, found.float_spike, found.chip_spike) == (2, True, False)
    assert found.cause.startswith("overflow") or "(or" in found.cause
    assert {t.rounding for t in found.taken_back if t.as_float} == {
        Rounding.OVERFLOW.value,
        Rounding.WEIGHTS.value,
    }


def test_recurrent_populations_part_somewhere_and_it_is_explained(
    compile_by_hand, make_two_layers, make_noise
):
    """Potentials are those that emulator and engine record, in network units; spikes before that step agree."""
    made, inputs = compile_by_hand(make_two_layers()), make_noise(steps=200, samples=3)
    record = {name: Record("spikes", "v") for name in ("a", "b")}
    floats = ns.simulate(made.plan, inputs, record=record)
    plain = {name: Record("spikes") for name in record}
    found, wanted, chip = parted(made, inputs, plain)
    d = found
    assert d is not None
    for name in record:
        for s in (wanted[name], chip[name]):
            before = s.step < d.step
            assert (before & (s.sample == d.sample)).any() or name == "b"
    assert "exact there" in d.cause or "together" in d.cause
    v = floats[d.population].v.reshape(200, 3, -1)[d.steps[0] : d.step, d.sample, d.neuron]
    free = np.array(d.float_trace[:-1]) < d.float_threshold  # a spike resets what is recorded
    np.testing.assert_allclose(np.array(d.float_trace[:-1])[free], v[free], atol=1e-9)
