"""From a mapped network to its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError, TimeGridError
from neurosim.hardware.manifest import Manifest
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.report.cell_load import cell_load, sampled
from neurosim.hardware.spinnaker.report.core_work import core_work
from neurosim.hardware.spinnaker.report.delay_use import delay_use
from neurosim.hardware.spinnaker.report.energy import energy
from neurosim.hardware.spinnaker.report.headroom import headroom
from neurosim.hardware.spinnaker.report.occupancy import boards_of, chips_of, cores_of, populations_of
from neurosim.hardware.spinnaker.report.packets import mean_packets, packets_by_step
from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport
from neurosim.hardware.spinnaker.report.traffic import Ways, traffic
from neurosim.hardware.spinnaker.report.weight_error import WeightError
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["ASSUMED_RATE", "analyse", "analyse_build"]

ASSUMED_RATE = 30.0
"""Spikes a second of a neuron where nothing better is known: what sPyNNaker assumes (``spikes_per_second``)."""


def analyse(
    mapped: MappedNetwork,
    limits: Mapping[str, Any],
    *,
    dt: float,
    step: float,
    rate: float = ASSUMED_RATE,
    spikes: Mapping[str, Spikes] | None = None,
    source: str = "the given spikes",
    weights: Iterable[WeightError] = (),
) -> SpiNNakerReport:
    """Report on a mapped network.

    Args:
        dt: seconds of network time in a step. step: seconds that it takes on the machine.
        rate: spikes a second of network time, of every neuron whose spikes are not given.
        spikes: of populations and inputs, on the steps of the machine: from a simulation, or from an emulated run. With
            them loads are means over their steps and samples, and saturated cells are counted.
        source: what these spikes are, in words.
        weights: see `SpiNNakerReport`.

    Raises:
        DescriptionError: spikes of a population that does not exist or has another size.
    """
    network, given = mapped.network, dict(spikes or {})
    for name, s in given.items():
        population = network.populations.get(name)
        if population is None or population.size != s.size:
            raise DescriptionError(
                "spikes of no population of the network",
                where=f"population {name!r}",
                value=s.size,
                limit={n: p.size for n, p in network.populations.items()},
            )
    activity = _activity(network, rate * dt, given)
    vertices = mapped.image.vertices
    ways = Ways(mapped.machine, vertices, mapped.image.tables)
    sent = mean_packets(vertices, activity, mapped.extensions)
    by_step = packets_by_step(vertices, given, mapped.extensions) if given else ()
    links = traffic(ways, sent, _basis(network, rate, given, source), by_step)
    received = ways.received(sent)
    work = core_work(mapped, activity, sent, received)
    cores = cores_of(mapped, received, work, limits["clock_hertz"] * step)
    chips = chips_of(mapped, cores)
    populations = populations_of(mapped)
    return SpiNNakerReport(
        machine=mapped.machine.profile,
        step=step,
        dt=dt,
        rate=rate,
        headroom=tuple(headroom(mapped, limits, populations, cores, chips, links, step)),
        populations=populations,
        cores=cores,
        chips=chips,
        weights=tuple(weights),
        delays=tuple(delay_use(network, p) for p in network.projections),
        cells=tuple(c for n in network.populations for c in cell_load(network, n, rate, dt)),
        sampled=tuple(
            s
            for n, p in network.populations.items()
            if given and p.model is not None
            for s in sampled(network, n, given)
        ),
        traffic=links,
        energy=energy(
            limits,
            boards=boards_of(mapped, chips),
            chips=len([c for c in chips if c.cores]),
            cores=len(cores),
            visits=links.visits,
            events=_events(network, activity),
            step=step,
        ),
    )


def analyse_build(
    mapped: MappedNetwork,
    limits: Mapping[str, Any],
    manifest: Manifest,
    errors: Callable[[], Iterable[WeightError]],
    sample: Mapping[str, Spikes] | None = None,
    *,
    rate: float | None = None,
    spikes: Mapping[str, Spikes] | None = None,
) -> SpiNNakerReport:
    """Report on a build: what `Build.analyse` of this target calls, which gives the first five itself.

    Args:
        rate: spikes a second of network time, of every neuron whose spikes are not given; None: 30.
        spikes: as `emulate` or `simulate` take and record them, in network time. Without them and without a rate, those
            of the calibration sample, if there was one, as the float simulation found them.

    Raises:
        DescriptionError: see `analyse`.
        TimeGridError: spikes on another time grid.
    """
    entries = {**manifest.inputs, **manifest.populations}
    given: dict[str, Spikes] = {}
    source = "the given spikes"
    if sample is not None and spikes is None and rate is None:
        given = {n: s for n, s in sample.items() if n in mapped.network.populations}
        source = "the calibration sample"
    for name, s in (spikes or {}).items():
        if abs(s.dt - manifest.dt) > 1e-9 * manifest.dt:
            raise TimeGridError(
                "spikes are on another time grid", where=f"population {name!r}", value=s.dt, limit=manifest.dt
            )
        if name in mapped.network.populations or name not in entries:  # an input without synapses has no core
            lag = entries[name].lag if name in entries else 0
            given[name] = s.resize(s.steps + manifest.max_lag).shift(lag)
    return analyse(
        mapped,
        limits,
        dt=manifest.dt,
        step=manifest.dt * manifest.settings["time_scale_factor"],
        rate=ASSUMED_RATE if rate is None else rate,
        spikes=given,
        source=source,
        weights=errors(),
    )


def _activity(
    network: DeviceNetwork, mean: float, spikes: Mapping[str, Spikes]
) -> dict[str, NDArray[np.float64]]:
    """Spikes of each neuron in a step, on average."""
    return {
        n: spikes[n].counts().sum(axis=0) / max(1, spikes[n].steps * spikes[n].samples)
        if n in spikes
        else np.full(p.size, mean)
        for n, p in network.populations.items()
    }


def _basis(network: DeviceNetwork, rate: float, spikes: Mapping[str, Spikes], source: str) -> str:
    silent = [n for n in network.populations if n not in spikes and network.outgoing(n)]
    assumed = f"{rate:g} spikes a second of every neuron"
    if not spikes:
        return f"assuming {assumed}"
    return f"of {source}" + (f"; assuming {assumed} of {', '.join(silent)}" if silent else "")


def _events(network: DeviceNetwork, activity: Mapping[str, NDArray[np.float64]]) -> float:
    return float(sum(activity[p.pre] @ np.diff(p.row_start) for p in network.projections))
