"""A population on the chip, given the spikes that the engine's neurons sent it; and a whole network on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.emulator.device import LoihiDevice
from neurosim.hardware.loihi.emulator.virtual_chip import virtual_chip
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.spikes import Spikes

__all__ = ["Behaviour", "given_plan", "run_network"]

_GIVEN = "given "


@dataclass(frozen=True, eq=False)
class Behaviour:
    """What populations do with the inputs.

    ``parts``: spikes of those that spike, or potentials relative to rest (network units) of readouts; ``wraps``: sums
    that did not fit their register.
    """

    parts: Mapping[str, Spikes | NDArray[np.float64]]
    wraps: int = 0
    recording: Recording | None = None


def given_plan(plan: Plan, name: str) -> Plan:
    """A population alone; all that projects to it, itself included, is an input."""
    sources = dict.fromkeys(p.pre for p in plan.incoming(name))
    shapes = {**plan.inputs, **{n: p.shape for n, p in plan.populations.items()}}
    return replace(
        plan,
        inputs={_GIVEN + source: shapes[source] for source in sources},
        populations={name: plan.populations[name]},
        projections=tuple(replace(p, pre=_GIVEN + p.pre) for p in plan.incoming(name)),
        outputs=(name,),
        stages=(),
        sources={},
    )


def given_spikes(plan: Plan, name: str, spikes: Mapping[str, Spikes]) -> dict[str, Spikes]:
    """The inputs of `given_plan` from the spikes of the inputs and populations of the whole."""
    return {_GIVEN + p.pre: spikes[p.pre] for p in plan.incoming(name)}


def run_network(
    plan: Plan,
    quantised: QuantisedNetwork,
    network: DeviceNetwork,
    numerics: Numerics,
    inputs: Mapping[str, Spikes],
    steps: int,
) -> Behaviour:
    """Run a network on a chip without limits, in machine time."""
    entries = {
        name: PopulationEntry(shape=(size,), states={"v": (1.0, 0.0)})
        for name, size in ((n, network.size_of(n)) for n in (*network.inputs, *network.populations))
    }
    manifest = Manifest(
        target="loihi",
        profile="",
        dt=plan.dt,
        inputs={name: entries[name] for name in network.inputs},
        populations={name: entries[name] for name in network.populations},
        outputs=tuple(network.populations),
    )
    record = {n: Record("spikes" if p.spiking else "v") for n, p in network.populations.items()}
    device = LoihiDevice(manifest, virtual_chip(network), numerics)
    flat = {name: s.reshape(s.size) for name, s in inputs.items()}
    recording = device.run(flat, steps, record, 0, Overflow.AS_CHIP)
    scales = {name: quantised.populations[name].scale for name in network.populations}
    return Behaviour(
        {name: _part(r, scales[name]) for name, r in recording.items()},
        sum(e.count for e in recording.events if e.kind == "wrap"),
        recording,
    )


def _part(recording: PopulationRecording, scale: float) -> Spikes | NDArray[np.float64]:
    return recording.spikes if recording.spikes is not None else recording.v / scale
