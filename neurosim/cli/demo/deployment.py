"""Deploying the demo's network: compile, save, emulate from the files, and one row of results for every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.cli.demo.classifier import decode
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record, Recording
from neurosim.engine.simulate import simulate
from neurosim.network import Network
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.emulator import Device
    from neurosim.hardware.target import Build, Target

__all__ = ["Deployment", "Run", "deploy", "quantised", "run_devices", "run_emulator", "run_engine", "units"]

SPIKES = {"hidden": Record("spikes"), "output": Record("spikes")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run, or several devices: ``predicted [runs, samples]``, spikes a sample, device events by kind."""

    predicted: NDArray[np.int64]
    spikes_per_sample: float
    events: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Deployment:
    """A build, its folder, and the emulator of its files."""

    name: str
    build: Build
    folder: Path
    device: Device


def deploy(name: str, net: Network, target: Target, calibration: Spikes, folder: Path) -> Deployment:
    """Compile for ``target``, save under ``folder``, and open the emulator of what was saved."""
    from neurosim import hardware

    build = hardware.compile(net, target, calibration={"input": calibration})
    build.save(folder)
    return Deployment(name=name, build=build, folder=folder, device=hardware.load(folder))


def units(build: Build) -> str:
    """What the build occupies: the number of cores or tiles."""
    for usage in build.usage:
        if usage.resource in ("cores", "tiles"):
            return f"{usage.used:g} {usage.resource if usage.used != 1 else usage.resource[:-1]}"
    return f"{len(build.layout)} sites"


def run_engine(net: Network, spikes: Spikes) -> Run:
    """The float network in the engine."""
    return _run([simulate(net, {"input": spikes}, record=SPIKES)])


def quantised(net: Network, build: Build, spikes: Spikes) -> Run:
    """The weights of the build, rounded as the device holds them, in the engine's float arithmetic."""
    plan = lower(net)
    projections = tuple(p.with_weights(build.weights[p.name]) for p in plan.projections)
    return _run([simulate(replace(plan, projections=projections), {"input": spikes}, record=SPIKES)])


def run_emulator(deployment: Deployment, spikes: Spikes, seed: int = 0) -> Run:
    """One device, from its files."""
    return run_devices(deployment, spikes, [seed])


def run_devices(deployment: Deployment, spikes: Spikes, seeds: list[int]) -> Run:
    """Several devices: the emulator drawn with each seed."""
    from neurosim.hardware import Overflow

    def emulate(seed: int) -> Recording:
        return deployment.device.emulate(
            {"input": spikes}, record=SPIKES, seed=seed, overflow=Overflow.AS_CHIP
        )

    return _run([emulate(seed) for seed in seeds])


def _run(recordings: list[Recording]) -> Run:
    predicted, total, events = [], 0, dict[str, int]()
    for recording in recordings:
        for part in recording.values():
            if part.spikes is not None:
                total += int(part.spikes.counts_of_cells().sum())
        output = recording["output"].spikes
        if output is not None:
            predicted.append(decode(output))
        for event in recording.events:
            events[event.kind] = events.get(event.kind, 0) + event.count
    samples = recordings[0].samples
    per_sample = total / (samples * len(recordings))
    return Run(predicted=np.array(predicted), spikes_per_sample=per_sample, events=events)
