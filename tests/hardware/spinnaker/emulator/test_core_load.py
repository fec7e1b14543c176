"""The estimate of a core's work, by hand, and the steps it points out."""

from __future__ import annotations

import pytest

from neurosim.hardware.spinnaker.core_cycles import read_cycles
from neurosim.hardware.spinnaker.emulator.core_load import core_load
from neurosim.hardware.spinnaker.emulator.fabric import fabric_of
from neurosim.hardware.spinnaker.emulator.run_cores import run
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.machine import read_machine


@pytest.mark.parametrize("stages", [0, 2])
def test_the_sum_by_hand(hand_made_image, source_packets, stages):
    synapses = [(0, 0, 1, 1, 0), (0, 1, 1, 2, 0), (1, 0, 1, 1, 1)]
    started = start(hand_made_image(synapses, stages=stages), read_machine())
    events = [(0, 0), (0, 1), (0, 2), (0, 2), (2, 0)]
    result = run(started.tables, started.memory(), source_packets(events, 4), 4, watched=True)
    fabric = fabric_of(started, [result.work.sent])
    load = core_load(started, fabric, [result.work], 4500.0)
    c = read_cycles()
    rest = c["step"] + 4 * c["neuron_if_curr_delta"]
    expected = [
        rest + 4 * c["packet"] + 2 * c["row"] + 3 * c["static_synapse"], rest,
        rest + c["packet"] + c["row"] + 2 * c["static_synapse"], rest,
    ]  # fmt: skip
    assert load.cycles[0, :, 0].tolist() == expected
    assert not load.cycles[..., 1].any()  # the source
    if stages:
        counting = c["step"] + 3 * stages * c["delay_counter"]
        assert load.cycles[0, :, 2].tolist() == [
            counting + 4 * c["packet"],
            counting,
            counting + c["packet"],
            counting,
        ]
    slow = core_load(started, fabric, [result.work], float(expected[2])).overruns()
    assert [(o.core, o.sample, o.step) for o in slow] == [("out", 0, 0)]
    assert slow[0].load == pytest.approx(expected[0] / expected[2])
