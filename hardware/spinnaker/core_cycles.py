"""The work of a core in a step, in processor cycles: an estimate.

    cycles = step + neurons * neuron(program) + packets received * packet + rows with synapses * row
             + static synapses * static_synapse + plastic synapses * plastic_synapse + packets sent * sent_packet

A delay core has counters, neurons * stages of them, in place of neurons and rows; what the program of a spike source
does is not in the model. The constants are in ``core_cycles.toml``, each with its source; most are estimates.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

__all__ = ["cycle_sources", "delay_core_cycles", "neuron_core_cycles", "read_cycles"]


@cache
def _table() -> dict[str, dict[str, str | int]]:
    file = resources.files("neurosim.hardware.spinnaker") / "core_cycles.toml"
    return tomllib.loads(file.read_text("utf-8"))


@cache
def read_cycles() -> Mapping[str, int]:
    """Cycles by what they are for."""
    return MappingProxyType({name: int(entry["value"]) for name, entry in _table().items()})


@cache
def cycle_sources() -> Mapping[str, str]:
    """Where each number comes from."""
    return MappingProxyType({name: str(entry["source"]) for name, entry in _table().items()})


def neuron_core_cycles(
    program: str, neurons: int, *, received: Any, sent: Any, rows: Any, static: Any, plastic: Any
) -> Any:
    """Cycles of a core of neurons; numbers or arrays, of single steps or on average.

    Args:
        program: name of a `CoreModel`.
        received, sent: packets. rows: that have synapses. static, plastic: synapses in these.
    """
    c = read_cycles()
    return (
        c["step"]
        + neurons * c[f"neuron_{program.lower()}"]
        + received * c["packet"]
        + sent * c["sent_packet"]
        + rows * c["row"]
        + static * c["static_synapse"]
        + plastic * c["plastic_synapse"]
    )


def delay_core_cycles(neurons: int, stages: int, *, received: Any, sent: Any) -> Any:
    """Cycles of a delay core, likewise."""
    c = read_cycles()
    return (
        c["step"] + neurons * stages * c["delay_counter"] + received * c["packet"] + sent * c["sent_packet"]
    )
