"""The cost model of a core: sources of its constants, and what was measured."""

from __future__ import annotations

from neurosim.hardware.spinnaker.core_cycles import cycle_sources, neuron_core_cycles, read_cycles


def test_every_number_has_a_source():
    assert read_cycles().keys() == cycle_sources().keys()
    assert all(value > 0 for value in read_cycles().values())
    assert all(len(source) > 20 for source in cycle_sources().values())


def test_a_core_manages_what_was_measured():
    """256 current-based neurons at 200 MHz and 1 ms: 5000 to 10000 synaptic events (Rhodes et al. 2018), for rows of
    10 to 200 synapses on the core."""

    def cycles(rows, synapses):
        return neuron_core_cycles(
            "IF_CURR_EXP", 256, received=rows, sent=0, rows=rows, static=rows * synapses, plastic=0
        )

    for synapses in (20, 100, 200):
        rows = (200_000 - cycles(0, synapses)) / (cycles(1, synapses) - cycles(0, synapses))
        assert 4500 < rows * synapses < 10000
