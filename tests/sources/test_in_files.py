"""Sources and drives go into network files and come back equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.network_file import network_hash
from neurosim.sources import Drive, Source

PARTS: list[Source | Drive] = [
    ns.PoissonSource(rate=np.array([1.0, 2.0]), binning=ns.Binning.MERGE),
    ns.RateSchedule(rates=np.array([1.0, 2.0, 3.0]), every=1e-2, ending=ns.Ending.HOLD),
    ns.SpikeTimes(times=[0.2, 0.1], channels=[0, 1]),
    ns.RegularSource(interval=0.1),
    ns.PoissonDrive(rate=np.array([10.0, 20.0]), weight=0.5),
    ns.NoiseDrive(mean=1.0, std=0.5),
    ns.CurrentDrive(values=np.array([1.0, 2.0]), every=5e-3),
    ns.StepCurrent(amplitude=1.0, start=1e-3, stop=2e-3),
    ns.StepCurrent(amplitude=1.0),
    ns.SineCurrent(amplitude=1.0, frequency=10.0),
    ns.NoiseCurrent(std=1.0, every=2e-3),
]


def test_every_part_comes_back(tmp_path: Path) -> None:
    net = ns.Network(dt=1e-3)
    net.population("neurons", 2, ns.LIF())
    for i, part in enumerate(PARTS):
        if isinstance(part, Source):
            net.input(f"input {i}", 2, source=part)
        else:
            net.drive("neurons", part)
    net.save(tmp_path / "net.h5")
    again = ns.Network.load(tmp_path / "net.h5")
    assert again == net
    assert network_hash(again) == network_hash(net)
    assert [*(i.source for i in again.inputs.values()), *(d.drive for d in again.drives.values())] == PARTS
