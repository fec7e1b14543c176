"""What a build takes: resources against limits, the map of cores, a table of the populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork
from neurosim.hardware.spinnaker.numerics.ring_buffer import raw_unit
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram
from neurosim.hardware.target import Site, Usage

__all__ = ["details_of", "usage_of"]


def usage_of(mapped: MappedNetwork, limits: Mapping[str, Any]) -> tuple[tuple[Usage, ...], tuple[Site, ...]]:
    """Resources in use, and the cores on the map of chips."""
    image, machine, sdram = mapped.image, mapped.machine, mapped.sdram
    per_chip: dict[tuple[int, int], int] = {}
    for v, need in zip(image.vertices, sdram, strict=True):
        per_chip[v.x, v.y] = per_chip.get((v.x, v.y), 0) + need
    longest = max((len(t) for t in image.tables.values()), default=0)
    usage = (
        Usage("cores", len(image.vertices), machine.n_cores),
        Usage("chips", len(per_chip), len(machine.cores)),
        Usage("synapses", sum(len(p.raw) for p in mapped.network.projections)),
        Usage("memory of the fullest chip, B", max(per_chip.values(), default=0), limits["sdram_bytes"]),
        Usage("router entries, fullest chip", longest, limits["router_entries"]),
        Usage("router entries in all", sum(map(len, image.tables.values()))),
        Usage(
            "power of the chips in use, W",
            len(per_chip) * limits["watts_per_chip"] + len(image.vertices) * limits["watts_per_core"],
        ),
    )
    layout = tuple(
        Site(
            unit=f"core {v.p}",
            x=v.x,
            y=v.y,
            label=v.label,
            load=min(1.0, (v.hi - v.lo) / limits["atoms_per_core"]) if v.model else 0.0,
        )
        for v in image.vertices
    )
    return usage, layout


def details_of(programs: Mapping[str, NeuronProgram], network: DeviceNetwork) -> str:
    """A table of the populations: program, cores, scale, and the unit of weights of both receptors."""
    lines = ["population                 program        neurons  cores   scale of v  weight unit exc/inh"]
    for name, p in programs.items():
        on = network.populations[name]
        unit = [raw_unit(s) / float(np.mean(f)) for s, f in zip(p.shifts, p.factors, strict=True)]
        lines.append(
            f"{name:<26} {p.model.name:<14} {on.size:7} {on.cores:6}   {p.states['v'][0]:10g}"
            f"  {unit[0]:.3g} / {unit[1]:.3g}"
        )
    return "\n".join(lines)
