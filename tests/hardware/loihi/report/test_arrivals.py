"""Arrivals by sparse products are those that one finds spike by spike."""

from __future__ import annotations

import numpy as np

from neurosim.hardware.loihi.report.arrivals import arrivals, chip_deliveries, float_deliveries, trains


def brute_force(synapses, spikes, sample, steps, size):
    """Synapses: (pre, sources, targets, values, delays)."""
    found = np.zeros((steps, size))
    for pre, source, target, value, delay in synapses:
        sent = spikes[pre]
        counts = sent.counts_of_cells()
        for k in np.flatnonzero(sent.sample == sample):
            for j in np.flatnonzero(source == sent.neuron[k]):
                at = sent.step[k] + delay[j]
                if at < steps:
                    found[at, target[j]] += counts[k] * value[j]
    return found


def test_every_spike_arrives_when_and_where_it_should(compile_by_hand, make_two_layers, make_noise):
    made = compile_by_hand(make_two_layers())
    spikes = {**make_noise(steps=30, rate=0.2), "a": make_noise(40, steps=30, seed=1)["in"]}
    network, q = made.mapped.network, made.quantised.populations["a"]
    chip = [
        (p.pre, p.source, p.target, p.weight * 2.0 ** (6 + p.exponent), p.delay + 1)
        for p in network.incoming("a")
    ]
    described = [
        (p.pre, p.pre_index, p.target, p.weight * q.gain[p.target] * q.scale, p.delay)
        for p in made.plan.incoming("a")
    ]
    both = chip_deliveries(network, "a"), float_deliveries(made.plan, made.quantised, "a")
    for deliveries, synapses in zip(both, (chip, described), strict=True):
        for b in (0, 1):
            sent = trains(spikes, b)
            wanted = brute_force(synapses, spikes, b, 30, 40)
            np.testing.assert_allclose(
                arrivals(deliveries, sent, 30, slice(None), 40), wanted, rtol=1e-12, atol=1e-6
            )
            some = [3, 17, 20]
            np.testing.assert_allclose(
                arrivals(deliveries, sent, 30, some, 40), wanted[:, some], rtol=1e-12, atol=1e-6
            )
    chip, floats = (arrivals(s, trains(spikes, 0), 30, slice(None), 40) for s in both)
    assert 0 < np.abs(chip - floats).max() < 0.05 * np.abs(floats).max()  # they differ by rounding alone
