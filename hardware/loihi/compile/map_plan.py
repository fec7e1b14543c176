"""From a plan to a build: quantise, map, emit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.compile.mapped_usage import layout_of, usage_of
from neurosim.hardware.loihi.compile.round_plan import Rounded, round_plan
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.lava.lava_script import lava_files
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.loihi.quantise.quantised_plan import (
    device_network,
    held_weights,
    losses_of,
)
from neurosim.hardware.loihi.report.analyse import Compiled, analyse_build
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_files import write_tables
from neurosim.hardware.loihi.target import LoihiTarget
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.target import Build
from neurosim.loss_report import LossReport
from neurosim.spikes import Spikes

__all__ = ["map_plan"]


@dataclass(frozen=True)
class _Made:
    """A network on its chip, and how it was rounded."""

    rounded: Rounded
    mapped: MappedNetwork


def map_plan(
    plan: Plan, lag: Mapping[str, int], target: LoihiTarget, calibration: Mapping[str, Spikes] | None
) -> Build:
    """Quantise, map and emit a legal, retimed plan.

    With ``calibration`` (typical inputs by name, in network time) many roundings are emulated and their spike trains
    compared with the float engine's; see `neurosim.hardware.loihi.calibrate.choose.calibrate`.

    Raises:
        CapacityError: a limit is exceeded, or a population falls silent or saturates: on the calibration inputs, or
            provably on any.
        UnsupportedError: something that no register expresses.
    """
    made = _made(plan, lag, target, calibration)
    network = made.rounded.network
    script, note = lava_files(made.mapped.network, target.numerics)
    compiled = Compiled(
        plan=plan,
        lag=lag,
        quantised=network,
        mapped=made.mapped,
        tables=tables_of(made.mapped, target.numerics),
        manifest=_manifest(plan, lag, target, made.rounded),
    )
    return Build(
        target=target,
        manifest=compiled.manifest,
        files={**write_tables(compiled.tables), **made.rounded.files, **script},
        losses=LossReport(losses_of(network)),
        usage=usage_of(made.mapped),
        layout=layout_of(made.mapped),
        weights=held_weights(plan, network),
        details=f"{_details(made)}\n{note}",
        analysis=partial(analyse_build, compiled, target.chip, calibration),
    )


def _made(
    plan: Plan, lag: Mapping[str, int], target: LoihiTarget, calibration: Mapping[str, Spikes] | None
) -> _Made:
    rounded = round_plan(plan, lag, target, calibration)
    try:
        return _placed(plan, rounded, target)
    except CapacityError:
        found = rounded.calibration
        if found is None or all(p.choice.percentile == 100.0 for p in found.populations.values()):
            raise
        # several exponents in a projection take more memory and formats than one
        return _placed(plan, round_plan(plan, lag, target, calibration, (100.0,)), target)


def _placed(plan: Plan, rounded: Rounded, target: LoihiTarget) -> _Made:
    """Map; cores are placed by the spikes of each population on the calibration inputs, if there are any."""
    network, found = device_network(plan, rounded.network), rounded.calibration
    activity = None
    if found is not None:
        mean = {
            name: (p.spikes or 0) / network.populations[name].size for name, p in found.populations.items()
        }
        activity = {name: np.full(network.populations[name].size, rate) for name, rate in mean.items()}
    return _Made(rounded, map_network(network, target.limits, activity))


def _manifest(plan: Plan, lag: Mapping[str, int], target: LoihiTarget, rounded: Rounded) -> Manifest:
    network, populations = rounded.network, {}
    for name, p in plan.populations.items():
        q = network.populations[name]
        states = {"v": (q.scale, q.offset)}
        if "i" in p.model.STATE and np.all(q.gain == q.gain[0]):
            states["i"] = (q.scale * float(q.gain[0]), 0.0)
        if "refractory_left" in p.model.STATE:
            states["refractory_left"] = (1.0, 0.0)
        populations[name] = PopulationEntry(shape=p.shape, lag=lag[name], states=states)
    return Manifest(
        target="loihi",
        profile=target.CHIP,
        dt=plan.dt,
        inputs={name: PopulationEntry(shape=shape, lag=lag[name]) for name, shape in plan.inputs.items()},
        populations=populations,
        outputs=plan.outputs,
        settings={
            "signs": target.signs.value,
            "weight_bits": target.weight_bits,
            "calibrated": rounded.calibration is not None,
            "numerics": target.numerics.name,
        },
    )


def _details(made: _Made) -> str:
    lines = ["population            cores        scale   threshold  exponents"]
    mapped = made.mapped
    device: DeviceNetwork = mapped.network
    for name, p in made.rounded.network.populations.items():
        cores = sum(any(s.population == name for s in core.slices) for core in mapped.cores)
        exponents = sorted(
            {e for q in device.incoming(name) for e in np.unique(q.exponent[q.weight != 0]).tolist()}
        )
        threshold = f"{int(p.threshold.max()) << 6:11d}" if p.spiking else "       none"
        lines.append(f"{name:<20} {cores:6d} {p.scale:12.6g} {threshold}  {exponents}")
    calibration = made.rounded.calibration
    chosen = calibration.lines() if calibration is not None else ()
    return "\n".join([*lines, *made.rounded.notes, *chosen])
