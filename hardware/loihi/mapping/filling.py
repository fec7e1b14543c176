"""Filling cores one after another with as many neurons of a sequence as each holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_content import CoreContent, core_content
from neurosim.hardware.loihi.mapping.core_limits import over_limit
from neurosim.hardware.loihi.mapping.growth import Growth
from neurosim.hardware.loihi.mapping.incoming import Incoming
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.mapping.neuron_needs import NeuronNeeds
from neurosim.hardware.loihi.mapping.population_axons import population_groups
from neurosim.hardware.loihi.mapping.synapse_format import INDEX_WIDTHS

__all__ = ["Filler", "Filling", "synapse_loads"]

Ints = NDArray[np.int64]
Slices = tuple[CoreSlice, ...]

_MOST_TRIALS = 10


@dataclass(frozen=True, eq=False)
class Filling:
    """Cores in order of the sequence: their slices and contents. Cores too many have slices alone."""

    slices: tuple[Slices, ...]
    contents: tuple[CoreContent, ...]


def synapse_loads(content: CoreContent) -> dict[str, int]:
    """What the synapses of a core take of its limits."""
    return {
        "input_axons": len(content.axons.atoms),
        "synapse_bits": content.bits,
        "synapse_formats": len(content.synapses.formats),
    }


class Filler:
    """Fills cores; keeps the contents of one filling for the next, which often starts with the same cores."""

    def __init__(
        self,
        network: DeviceNetwork,
        incoming: Incoming,
        needs: NeuronNeeds,
        limits: Mapping[str, int],
    ) -> None:
        self._network, self._incoming, self._needs, self._limits = network, incoming, needs, limits
        self._names = tuple(network.populations)
        self._known: dict[Slices, CoreContent | None] = {}
        self._used: dict[Slices, CoreContent | None] = {}
        groups = population_groups(network)
        # presynaptic neurons share axons where a core would have too many
        self._sharing = (int(groups.max(initial=0)) + 1) / max(1, len(groups))

    def fill(
        self, sequence: Ints, sends: NDArray[np.float64], most: int, close_enough: float = 0.005
    ) -> Filling:
        """The cores that hold the neurons of ``sequence``, each filled before the next is begun.

        ``sends``: output axons that every neuron is expected to take, [neurons]. ``most``: cores beyond these are
        estimated. ``close_enough``: a core is full when this part more of its neurons may be too many.

        Raises:
            CapacityError: a neuron alone is over a limit of a core.
        """
        growth = Growth(self._incoming, self._needs, self._limits, sequence)
        self._known, self._used = self._used, {}
        slices: list[Slices] = []
        contents: list[CoreContent] = []
        place, scale = 0, (self._sharing, 1.0)
        while place < len(sequence):
            if len(slices) < most:
                taken, content, scale = self._fullest(growth, place, sends, scale, close_enough)
                contents.append(content)
            else:  # too many already: count on from estimates
                axons, bits = self._grow(growth, place, sends, scale)
                taken = max(1, self._most(axons, bits, scale))
            slices.append(self._slices(sequence[place : place + taken]))
            place += taken
        return Filling(tuple(slices), tuple(contents))

    def _fullest(
        self,
        growth: Growth,
        place: int,
        sends: NDArray[np.float64],
        scale: tuple[float, float],
        close_enough: float,
    ) -> tuple[int, CoreContent, tuple[float, float]]:
        """How many neurons from ``place`` on fill a core, its content, and by what estimates were off.

        Estimates say where to look; `core_content` says what is true there, and by how much they were off.
        """
        fits, over, trials = 0, len(growth.sequence) - place + 1, 0
        best: CoreContent | None = None
        loosest = scale
        while best is None or (over - fits > 1 and trials < _MOST_TRIALS):
            axons, bits = self._grow(growth, place, sends, loosest)
            wanted = self._most(axons, bits, scale)
            if (
                wanted <= fits and over <= len(growth.sequence) - place
            ):  # the estimate of a core that was too full
                wanted = (fits + over) // 2
            if best is not None and min(wanted, over) - fits <= close_enough * fits:
                break
            if wanted >= over or (best is None and trials >= 3):  # estimates lead nowhere
                wanted = (fits + over) // 2
            wanted = min(max(wanted, fits + 1), over - 1, len(axons))
            if wanted <= fits:  # a counted limit, compartments for one, ends it
                break
            part = self._slices(growth.sequence[place : place + wanted])
            content = self._content(part)
            excess = self._excess(content)
            if excess is None:
                fits, best = wanted, content
            elif wanted == 1:
                raise over_limit(part[0].population, part[0].neurons, *excess)
            else:
                over = wanted
            if content is not None:
                shared = content.least_axons / max(1, int(axons[wanted - 1]))
                scale = (
                    shared if content.axons.kind.any() else self._sharing,
                    content.bits / max(1, int(bits[wanted - 1])),
                )
                loosest = (min(loosest[0], scale[0]), min(loosest[1], scale[1]))
            trials += 1
        if best is None:  # only if one neuron's accumulators were too many, which `map_network` refuses
            part = self._slices(growth.sequence[place : place + 1])
            limit = self._limits["accumulators"]
            raise over_limit(part[0].population, part[0].neurons, "accumulators", limit + 1, limit)
        return fits, best, scale

    def _grow(
        self, growth: Growth, place: int, sends: NDArray[np.float64], scale: tuple[float, float]
    ) -> tuple[Ints, Ints]:
        axons, bits = self._limits["input_axons"], self._limits["synapse_bits"]
        return growth.after(place, sends, axons / max(scale[0], 1e-9), bits / max(scale[1], 1e-9))

    def _most(self, axons: Ints, bits: Ints, scale: tuple[float, float]) -> int:
        """Neurons that fit if the estimates are off by ``scale``."""
        most = (self._limits["input_axons"], self._limits["synapse_bits"])
        ends = (np.searchsorted(x * s, m + 0.5) for x, s, m in zip((axons, bits), scale, most, strict=True))
        return int(min(ends))

    def _slices(self, neurons: Ints) -> Slices:
        """Runs of consecutive neurons, by population."""
        neurons = np.sort(neurons)
        population = self._needs.population[neurons]
        within = neurons - self._needs.start[population]
        breaks = (np.diff(neurons, prepend=-2) != 1) | (np.diff(population, prepend=-1) != 0)
        begins = np.flatnonzero(breaks)
        ends = np.append(begins[1:], len(neurons))
        return tuple(
            CoreSlice(self._names[population[a]], range(int(within[a]), int(within[a]) + int(b - a)), int(a))
            for a, b in zip(begins.tolist(), ends.tolist(), strict=True)
        )

    def _content(self, part: Slices) -> CoreContent | None:
        """None where a compartment is beyond the reach of an index."""
        if part not in self._used:
            if part in self._known:
                self._used[part] = self._known[part]
            else:
                try:
                    self._used[part] = core_content(self._network, part, self._limits)
                except CapacityError:
                    self._used[part] = None
        return self._used[part]

    def _excess(self, content: CoreContent | None) -> tuple[str, int, int] | None:
        """The resource of synapses that a core has too little of, the need and the limit."""
        if content is None:
            return "compartments", 1 << INDEX_WIDTHS[-1], (1 << INDEX_WIDTHS[-1]) - 1
        loads = synapse_loads(content)
        name = max(loads, key=lambda n: loads[n] / self._limits[n])
        return (name, loads[name], self._limits[name]) if loads[name] > self._limits[name] else None
