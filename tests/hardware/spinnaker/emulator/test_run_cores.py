"""Whole networks against the genuine firmware, from their connection lists alone."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.spinnaker.emulator.run_cores import SATURATION, Cores, Synapses, run
from neurosim.hardware.spinnaker.numerics.derived_constants import NeuronConstants, NeuronState
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST
from neurosim.hardware.spinnaker.pynn.left_shift import expected_sum, shift_for

SATURATIONS = {"cond": 101}
"""Capped additions that the firmware counted; in general their number depends on the order of arrival."""


def assemble(net):
    """Cores, constants, state, synapses and input packets of a reference network."""
    neurons = [p for p in net.populations.values() if p.model is not None]
    sources = [p for p in net.populations.values() if p.model is None]
    start, at = {}, 0
    for p in neurons + sources:
        start[p.name] = at
        at += p.size
    n = sum(p.size for p in neurons)
    cores = [
        (start[p.name] + lo, start[p.name] + hi, int(p.model), *p.shifts)
        for p in neurons
        for lo, hi in p.slices
    ]
    derived = [p.derived(net.dt) for p in neurons]
    constants = NeuronConstants(*(np.concatenate(c) for c in zip(*(d[0] for d in derived), strict=True)))
    state = NeuronState(*(np.concatenate(c) for c in zip(*(d[1] for d in derived), strict=True)))
    table = []
    for p in net.projections:
        i, j, w, d = net.rows(p)
        table.append(
            np.stack([i + start[p.pre], j + start[p.post], np.full(len(i), p.receptor), d, w], axis=1)
        )
    table = np.concatenate(table)
    table = table[np.argsort(table[:, 0], kind="stable")]
    row_start = np.searchsorted(table[:, 0], np.arange(at + 1)).astype(np.int64)
    synapses = Synapses(
        row_start, table[:, 1].astype(np.int32), table[:, 2].astype(np.uint8), table[:, 3].astype(np.int32),
        table[:, 4].astype(np.uint16),
    )  # fmt: skip
    packets = sorted(
        (int(t), start[p.name] + i)
        for p in sources
        for i, ts in enumerate(p.spike_steps)
        for t in ts
        if t < net.steps
    )
    steps = np.array([t for t, _ in packets], np.int64)
    input_start = np.searchsorted(steps, np.arange(net.steps + 1)).astype(np.int64)
    sent = np.array([s for _, s in packets], np.int64)
    return start, n, Cores(*np.array(cores, np.int64).T.copy()), constants, state, synapses, input_start, sent


def flattened(options):
    """Options of a population, those in nested groups too."""
    nested = [flattened(v) for v in options.values() if isinstance(v, dict)]
    return {k: v for group in (options, *nested) for k, v in group.items()}


def skip_if_plastic(net):
    if net.plastic:
        pytest.skip(f"network {net.name!r} has STDP synapses, which the SpiNNaker target does not emulate")


@pytest.mark.reference("spinnaker/net_*.npz")
def test_every_spike_and_potential_of_the_firmware(reference_file, reference_network):
    net = reference_network(reference_file)
    skip_if_plastic(net)
    start, n, *machine = assemble(net)
    result = run(net.steps, *machine, probes=np.arange(n))
    recorded = np.concatenate([machine[2].v[None], result.v[:-1]])  # the firmware records V before the update
    total = 0
    with np.load(reference_file) as file:
        for p in net.populations.values():
            if p.model is not None:
                part = slice(start[p.name], start[p.name] + p.size)
                assert int((result.spikes[:, part] != file[f"spikes_{p.name}"]).sum()) == 0, p.name
                assert int((recorded[:, part] != file[f"V_{p.name}"]).sum()) == 0, p.name
                total += int(result.spikes[:, part].sum())
    assert total > 0
    if net.name in SATURATIONS:
        assert result.counts[SATURATION] == SATURATIONS[net.name]


@pytest.mark.reference("spinnaker/net_*.npz")
def test_shifts_are_those_of_the_host(reference_file, reference_network):
    net = reference_network(reference_file)
    for p in net.populations.values():
        if p.model is None:
            continue
        options = flattened(net.description["pops"][p.name])
        given = options.get("max_expected_summed_weight")
        for receptor in range(2):
            incoming = [q.statistics() for q in net.projections if (q.post, q.receptor) == (p.name, receptor)]
            if net.plastic:
                w_max = net.description["stdp"]["w_max"]
                incoming = [
                    type(q)(
                        fan_in=q.fan_in,
                        mean=w_max,
                        variance=0.0,
                        largest=w_max,
                        delay_variance=q.delay_variance,
                    )
                    for q in incoming
                ]
            known = {k: options[k] for k in ("spikes_per_second",) if k in options}
            if "ring_buffer_sigma" in options:
                known["sigma"] = options["ring_buffer_sigma"]
            largest = expected_sum(incoming, round(net.dt * 1000), global_scale=p.global_scale, **known)
            if given is not None:
                largest = given[receptor] * p.global_scale
            assert shift_for(largest) == p.shifts[receptor], (p.name, receptor, largest)


def tiny(weight, n_sources=3, shift=4):
    """One neuron driven by sources that all spike in step 0 over a delay of 2."""
    from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive

    one = 32768
    neuron = np.array([[0, 0, one, 20 * one, 0, 0, 0, 0, one]])
    constants, state = derive(
        CoreModel.IF_CURR_DELTA, neuron, np.array([[one]]), np.array([2**31 - 1]), np.zeros((1, 2))
    )
    cores = Cores(*(np.array([x], np.int64) for x in (0, 1, 1, shift, shift)))
    k = np.arange(n_sources)
    synapses = Synapses(
        np.array([0, 0, *(k + 1)], np.int64), np.zeros(n_sources, np.int32), np.zeros(n_sources, np.uint8),
        np.full(n_sources, 2, np.int32), np.full(n_sources, weight, np.uint16),
    )  # fmt: skip
    start = np.concatenate([[0], np.full(5, n_sources)]).astype(np.int64)
    return run(5, cores, constants, state, synapses, start, (k + 1).astype(np.int64), probes=np.array([0]))


def test_a_spike_of_step_0_over_2_steps_acts_in_step_2():
    result = tiny(100)
    assert result.current[:, 0].tolist() == [0, 0, 300 << 4, 0, 0]
    assert not result.counts.any()


def test_saturation_is_located_and_measured():
    """Three additions of 30000 to one cell: only the third exceeds 65535."""
    result = tiny(30000)
    assert result.current[2, 0] == LARGEST << 4
    assert result.counts[SATURATION] == 1
    assert result.events.tolist() == [[SATURATION, 2, 0, 90000 - LARGEST]]
