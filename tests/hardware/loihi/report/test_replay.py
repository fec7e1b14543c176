"""A neuron run again is the chip with all roundings, and the float engine with none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim.hardware.loihi.numerics.lif import Registers, run
from neurosim.hardware.loihi.numerics.profiles import BRIAN2_LOIHI, LAVA, NENGO_LOIHI
from neurosim.hardware.loihi.report.arrivals import trains
from neurosim.hardware.loihi.report.population_replay import PopulationReplay
from neurosim.hardware.loihi.report.replay import FREE, replay
from neurosim.hardware.loihi.report.roundings import NeuronNumbers, Rounding

EVERY = frozenset(Rounding)


@settings(max_examples=60, deadline=None)
@given(
    numerics=st.sampled_from([LAVA, NENGO_LOIHI, BRIAN2_LOIHI]),
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1 << 10, 1 << 18, 1 << 23, 1 << 25]),
)
def test_with_every_rounding_it_is_the_chip(numerics, seed, size):
    """Spikes and potentials of the emulator's own kernel, through overflows of every register."""
    rng = np.random.default_rng(seed)
    steps, n = 60, 6
    q = rng.integers(-size, size + 1, (steps, n))
    du, dv = rng.integers(0, 4096, n), rng.integers(0, 4096, n)
    threshold, refractory = 64 * rng.integers(1, 131072, n), rng.integers(1, 6, n)
    bias, u, v = (
        rng.integers(-4095 * 128, 4096 * 128, n),
        rng.integers(-size, size, n),
        rng.integers(-99, 99, n),
    )
    registers = Registers.of(
        n, du=du, dv=dv, threshold=threshold, bias=bias, refractory=refractory, numerics=numerics
    )
    chip = run(q, registers, numerics, u=u, v=v)
    numbers = NeuronNumbers(
        keep_u=(4095 - du) / 4096,
        keep_v=(4096 - dv) / 4096,
        bias=bias.astype(float),
        threshold=threshold.astype(float),
        u=u.astype(float),
        v=v.astype(float),
        refractory=refractory.astype(float),
        reached=False,
    )
    spikes, before = replay(q.astype(float), numbers, numerics, EVERY, v_max=2.0**60)
    np.testing.assert_array_equal(spikes, chip.spike)
    np.testing.assert_array_equal(np.where(spikes, 0.0, before), chip.v)


def test_with_no_rounding_it_is_the_float_engine(compile_by_hand, make_two_layers, make_noise):
    """All spikes, given those of the engine as input; both models, refractory, delays, bias."""
    made, inputs = compile_by_hand(make_two_layers()), make_noise()
    floats = ns.simulate(made.plan, inputs, record={"a": "spikes", "b": "spikes"})
    spikes = {**inputs, **{name: p.spikes for name, p in floats.items()}}
    replays = PopulationReplay(made.plan, made.quantised, made.mapped.network, NENGO_LOIHI)
    for b in range(2):
        sent = trains(spikes, b)
        for name in ("a", "b"):
            arrived = replays.arrivals(name, sent, 80, slice(None), rounded=False)
            found, _ = replays.run(name, arrived, slice(None), frozenset())
            assert found.any()
            np.testing.assert_array_equal(found, sent[name].toarray())


@pytest.mark.parametrize("reached", [True, False])
def test_agreed_spikes_replace_decisions(reached):
    """The decision is still told; reset and refractory period follow what was agreed."""
    one = np.ones(1)
    numbers = NeuronNumbers(
        keep_u=0 * one, keep_v=one, bias=0 * one, threshold=200 * one, u=0 * one, v=0 * one,
        refractory=3 * one, reached=reached,
    )  # fmt: skip
    arrived = np.full((6, 1), 100.0)
    agreed = np.array([[0], [0], [1], [0], [0], [FREE]], np.int8)
    spikes, before = replay(arrived, numbers, LAVA, frozenset(), v_max=1e9, agreed=agreed)
    assert before[:, 0].tolist() == [100, 200, 300, 0, 0, 100]
    assert spikes[:, 0].tolist() == [0, int(reached), 1, 0, 0, 0]
