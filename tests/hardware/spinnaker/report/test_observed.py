"""What the report computes from spikes is what the emulated machine did with them: packets, peaks, work of cores."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.hardware import Overflow, SpiNNaker, compile, load
from neurosim.hardware.spinnaker.long_delays import LongDelays

STEPS = 260


@pytest.fixture(scope="module", params=[8, 200], ids=["short delays", "delay cores"])
def both(request, tmp_path_factory):
    """A report from the spikes of an emulated run, and what the machine saw in it."""
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 60)
    lif = ns.CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3)
    for name in "ab":
        net.output(net.population(name, 640, lif))
    for name in "ab":
        net.connect("in", name, ns.FixedProbability(0.2), weight=ns.Normal(0.2, 0.2), delay=1e-3)
    net.connect(
        "a", "b", ns.FixedProbability(0.05), weight=0.02, delay=ns.Uniform(1e-3, request.param * 1e-3)
    )
    net.connect("b", "a", ns.FixedProbability(0.05), weight=-0.02, delay=1e-3)
    build = compile(net, SpiNNaker(atoms_per_core=64, long_delays=LongDelays.EXTEND))
    folder = tmp_path_factory.mktemp("observed") / "build"
    build.save(folder)
    x = np.random.default_rng(2).random((STEPS, 2, 60)) < 0.05
    x[20:] = False  # so that delay cores have sent everything again before the end
    inputs = {"in": ns.Spikes.from_dense(x, dt=1e-3)}
    seen = load(folder).observe(inputs, overflow=Overflow.AS_CHIP)
    spikes = {**inputs, **{n: seen.recording[n].spikes for n in "ab"}}
    report = build.analyse(spikes=spikes)
    assert any(c.kind == "delay" for c in report.cores) == (request.param > 128)
    return report, seen


def test_packets(both):
    report, seen = both
    assert len(seen.fabric.links) > 1
    on_links = seen.fabric.on_links.reshape(-1, len(seen.fabric.links))
    mine = {(k.x, k.y, k.link): k for k in report.traffic.links}
    assert set(seen.fabric.links) <= set(mine)
    for k, link in enumerate(seen.fabric.links):
        assert mine[link].peak == on_links[:, k].max()
        assert mine[link].packets == pytest.approx(on_links[:, k].mean())
    assert report.traffic.sent == pytest.approx(seen.fabric.sent.sum(axis=2).mean())
    assert report.traffic.dropped == pytest.approx(seen.fabric.dropped.mean())


def test_work_of_cores(both):
    report, seen = both
    loads = seen.load.load.mean(axis=(0, 1))
    received = seen.fabric.received.mean(axis=(0, 1))
    mine = {c.label: c for c in report.cores}
    for k, v in enumerate(seen.load.vertices):
        assert mine[v.label].received == pytest.approx(received[k]), v.label
        assert mine[v.label].load == pytest.approx(loads[k], rel=1e-9), v.label
