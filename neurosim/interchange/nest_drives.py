"""Drives in NEST's words: what generators there do the same to the neurons of a population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanDrive
from neurosim.interchange.drawn_drives import drawn_drive
from neurosim.interchange.nest_model import NestModel
from neurosim.parameters import Value
from neurosim.sources.poisson_drive import PoissonDrive

if TYPE_CHECKING:
    from neurosim.interchange.nest_network import NestNetwork

__all__ = ["add_drive", "drive_lead"]


def drive_lead(model: NestModel, delay: int) -> int:
    """Steps before step 0 that the generators of a drive need to act in it over a delay in steps.

    NEST uses a current in the step after it arrived, and a ``poisson_generator`` fires from the step after its start.
    """
    return delay + model.lead + 1


def add_drive(network: NestNetwork, drive: PlanDrive) -> None:
    """Create the generators of a drive and connect them.

    `PoissonDrive` becomes NEST's own ``poisson_generator``, the same in distribution; every other drive is drawn here
    and handed over, so that it is the same in every step.
    """
    if isinstance(drive.drive, PoissonDrive):
        _poisson(network, drive, drive.drive)
    elif drive.drive.CURRENT:
        _current(network, drive)
    else:
        _arrivals(network, drive)


def _poisson(network: NestNetwork, drive: PlanDrive, poisson: PoissonDrive) -> None:
    p, model = network.plan.populations[drive.population], network.models[drive.population]
    rate = _each(poisson.rate, p.shape)
    weight = _each(poisson.weight, p.shape)
    network.check_signs(model, drive.receptor, weight, f"drive {drive.name!r}")
    weight = weight * _each(model.weights[drive.receptor], p.shape)
    start = (network.start - drive_lead(model, network.slice)) * network.step_ms
    for each in np.unique(rate[rate > 0]):
        target = np.flatnonzero(rate == each)
        settings = {"rate": float(each), "start": start}
        source = network.nest.Create("poisson_generator", params=settings)
        _from_one(network, source, drive, target, weight[target])


def _current(network: NestNetwork, drive: PlanDrive) -> None:
    p, model = network.plan.populations[drive.population], network.models[drive.population]
    values = drawn_drive(drive, network.request, network.sample)
    weight = _each(model.current, p.shape)
    if (values == values[:, :1]).all():
        groups = [(0, np.arange(p.size))]
    else:
        groups = [(n, np.array([n])) for n in range(p.size)]
    for column, target in groups:
        train = values[:, column]
        change = np.flatnonzero(np.diff(train, prepend=0.0))
        if len(change):
            settings = {
                # from its time on a value is under way for a delay, and used in the step after
                "amplitude_times": (change + (network.start - network.slice)) * network.step_ms,
                "amplitude_values": train[change],
            }
            source = network.nest.Create("step_current_generator", params=settings)
            _from_one(network, source, drive, target, weight[target], receptor=False)


def _arrivals(network: NestNetwork, drive: PlanDrive) -> None:
    p, model = network.plan.populations[drive.population], network.models[drive.population]
    values = drawn_drive(drive, network.request, network.sample)
    network.check_signs(model, drive.receptor, values.reshape(-1), f"drive {drive.name!r}")
    factor = _each(model.weights[drive.receptor], p.shape)
    for n in range(p.size):
        step = np.flatnonzero(values[:, n])
        if len(step):
            settings = {
                "spike_times": (step + (network.start + 1 - model.lead - network.slice)) * network.step_ms,
                "spike_weights": values[step, n],
            }
            source = network.nest.Create("spike_generator", params=settings)
            _from_one(network, source, drive, np.array([n]), factor[[n]])


def _from_one(
    network: NestNetwork,
    source: Any,
    drive: PlanDrive,
    target: NDArray[Any],
    weight: NDArray[Any],
    *,
    receptor: bool = True,
) -> None:
    """Connect one generator to some neurons of the population."""
    model = network.models[drive.population]
    pre = np.full(len(target), source.tolist()[0])
    more: dict[str, Any] = {}
    if receptor and any(model.ports):
        more["receptor_type"] = np.full(len(pre), model.ports[drive.receptor])
    delay = np.full(len(target), network.slice)
    network.connect(pre, target + network.first(drive.population), weight, delay, **more)


def _each(value: Value, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.broadcast_to(np.asarray(value, np.float64), shape).reshape(-1)
