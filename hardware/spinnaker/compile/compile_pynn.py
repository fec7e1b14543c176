"""Compiling a network in PyNN's terms: the same build, report and emulator as for a description."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

import neurosim
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.spinnaker.compile.build import build_of
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.mapping.map_network import map_network
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.pynn.conversion import weight_of, weight_scale
from neurosim.hardware.spinnaker.pynn.host_losses import losses_of
from neurosim.hardware.spinnaker.pynn.host_network import device_network, global_scale
from neurosim.hardware.spinnaker.pynn.network import PyNNNetwork
from neurosim.hardware.spinnaker.report.weight_error import WeightError, weight_error
from neurosim.hardware.spinnaker.target import SpiNNaker
from neurosim.hardware.target import Build, with_losses
from neurosim.loss_report import LossKind, LossReport

__all__ = ["compile_pynn"]


def compile_pynn(
    network: PyNNNetwork,
    target: SpiNNaker | None = None,
    *,
    allow: Collection[LossKind] = (LossKind.ROUNDED, LossKind.APPROXIMATED),
) -> Build:
    """What sPyNNaker makes of a network: files, report, and a script that gives the same on the machine.

    That includes what goes wrong: where source and target have different numbers of atoms per core, the host puts rows
    behind a delay extension where the delay cores do not look for them.

    Populations and spike sources have their names; recorded potentials are in mV, currents in nA, weights in nA or uS.
    Emulate with ``network.inputs(steps)``. Learned weights are sorted by source neuron, delay and target neuron.

    Args:
        target: the machine; its atoms per core are those of populations that do not say. None: one SpiNN-5 board.
        allow: kinds of losses that are acceptable. What the host does without a word (weights that wrap around, signs
            that it drops) is a loss here.

    Raises:
        CapacityError: the network does not fit; names the limit and the offender.
        LossError: a loss of a kind that was not allowed.
    """
    target = SpiNNaker() if target is None else target
    device = device_network(network, target.atoms_per_core)
    losses = losses_of(network, device)
    LossReport(losses).require(allow)
    mapped = map_network(device, target.read_machine(), target.limits, DelayedRows.HOST)
    held = _held(network, device)
    build = build_of(
        mapped,
        target=target,
        manifest=_manifest(network, device, target),
        losses=losses,
        weights=held,
        details=_details(network, device),
        errors=partial(_errors, network, device, held),
        units=_units(network, device),
    )
    return with_losses(build, LossReport(), "", neurosim.__version__)


def _manifest(network: PyNNNetwork, device: DeviceNetwork, target: SpiNNaker) -> Manifest:
    neurons = {name: p for name, p in device.populations.items() if p.model is not None}
    unit = (1.0, 0.0)
    return Manifest(
        target="spinnaker",
        profile=target.profile,
        dt=device.timestep * 1e-6,
        inputs={
            n: PopulationEntry(shape=(p.size,)) for n, p in device.populations.items() if p.model is None
        },
        populations={
            n: PopulationEntry(
                shape=(p.size,),
                states={"v": unit} if p.model is CoreModel.IF_CURR_DELTA else {"v": unit, "i": unit},
            )
            for n, p in neurons.items()
        },
        outputs=tuple(neurons),
        settings={
            "timestep_ms": device.timestep / 1000,
            "time_scale_factor": network.time_scale_factor,
            "atoms_per_core": {n: p.atoms for n, p in neurons.items()},
            "left_shift": {n: list(p.shifts) for n, p in neurons.items()},
        },
    )


def _held(network: PyNNNetwork, device: DeviceNetwork) -> dict[str, NDArray[np.float64]]:
    """Weights on the machine, in the order of the lists; those that inhibit with the sign they were given."""
    held = {}
    for p, q in zip(network.projections, device.projections, strict=True):
        scale = global_scale(network.population(p.post))
        weights = np.zeros(len(p.table))
        weights[p.row_order] = weight_of(q.raw, device.populations[q.post].shifts[q.receptor], scale)
        held[q.name] = np.copysign(weights, p.table[:, 2]) if q.receptor else weights
    return held


def _units(network: PyNNNetwork, device: DeviceNetwork) -> dict[str, tuple[str, float]]:
    """The weight of one raw unit of every plastic projection."""
    found = {}
    for q in device.projections:
        if q.plastic:
            scale = global_scale(network.population(q.post))
            shift = device.populations[q.post].shifts[q.receptor]
            found[q.name] = (q.name, float(weight_of(np.array(1), shift, scale)))
    return found


def _errors(
    network: PyNNNetwork, device: DeviceNetwork, held: Mapping[str, NDArray[np.float64]]
) -> list[WeightError]:
    found = []
    for p, q in zip(network.projections, device.projections, strict=True):
        shift = device.populations[q.post].shifts[q.receptor]
        unit = 1.0 / weight_scale(shift, global_scale(network.population(p.post)))
        found.append(weight_error(q.name, q.receptor, p.table[:, 2], held[q.name], unit))
    return found


def _details(network: PyNNNetwork, device: DeviceNetwork) -> str:
    lines = ["population                 cell           neurons  cores   shift exc/inh   weight unit exc/inh"]
    for p in network.populations:
        d = device.populations.get(p.name)
        if d is not None and d.model is not None:
            units = [1.0 / weight_scale(s, global_scale(p)) for s in d.shifts]
            lines.append(
                f"{p.name:<26} {p.cell:<14} {p.size:7} {d.cores:6}   {d.shifts[0]:5} / {d.shifts[1]:<5}"
                f"   {units[0]:.3g} / {units[1]:.3g}"
            )
    return "\n".join(lines)
