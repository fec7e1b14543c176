"""Recorders in NEST's kernel, and what they have recorded, in the steps and numbers of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError

if TYPE_CHECKING:
    from neurosim.interchange.nest_network import NestNetwork

__all__ = ["NestRecorders"]


class NestRecorders:
    """The recorders of what a run wants of its populations."""

    def __init__(self, network: NestNetwork) -> None:
        self.network = network
        self.spike_recorders: dict[str, Any] = {}
        self.meters: dict[tuple[str, int], Any] = {}
        for name in network.request.wanted:
            self._add(name)

    def _add(self, name: str) -> None:
        network = self.network
        p, wanted, model = network.plan.populations[name], network.request.wanted[name], network.models[name]
        known = {"spikes", *model.recorded}
        if unknown := set(wanted.kept) - known:
            raise DescriptionError(
                "cannot be recorded in NEST",
                where=f"population {name!r}",
                value=sorted(unknown),
                limit=sorted(known),
            )
        delay = {"delay": network.slice * network.step_ms}
        if "spikes" in wanted.kept and p.model.SPIKES:
            recorder = network.nest.Create("spike_recorder", params={"time_in_steps": True})
            network.nest.Connect(network.groups[name], recorder, syn_spec=delay)
            self.spike_recorders[name] = recorder
        chosen = np.arange(p.size) if wanted.neurons is None else np.unique(wanted.neurons)
        late: dict[int, list[str]] = {}
        for variable in wanted.states:
            names, _, later = model.recorded[variable]
            late.setdefault(later, []).extend(names)
        for later, recorded in late.items():
            settings = {
                "record_from": recorded,
                "interval": wanted.stride(network.plan.dt) * network.step_ms,
                "offset": (network.start + later) * network.step_ms,
                "time_in_steps": True,
            }
            meter = network.nest.Create("multimeter", params=settings)
            if len(chosen):
                network.nest.Connect(meter, network.groups[name][chosen.tolist()], syn_spec=delay)
            self.meters[name, later] = meter

    def spikes(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps and neurons; steps after the run may be among them."""
        if name not in self.spike_recorders:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        events = self.spike_recorders[name].events
        step = np.asarray(events["times"], np.int64) - 1 - self.network.start
        return step, np.asarray(events["senders"], np.int64) - self.network.first(name)

    def trace(
        self, name: str, variable: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Rows of the recording, neurons and values of a variable; rows after the run may be among them."""
        network = self.network
        names, factor, later = network.models[name].recorded[variable]
        events = self.meters[name, later].events
        stride = network.request.wanted[name].stride(network.plan.dt)
        row = (np.asarray(events["times"], np.int64) - network.start - later) // stride
        neuron = np.asarray(events["senders"], np.int64) - network.first(name)
        total = np.sum([np.asarray(events[each], np.float64) for each in names], axis=0)
        shape = network.plan.populations[name].shape
        return row, neuron, total * np.broadcast_to(np.asarray(factor), shape).reshape(-1)[neuron]
