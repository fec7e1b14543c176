"""Choosing register values by what the chip then does: emulate typical inputs and compare with the float engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError
from neurosim.hardware.emulator import machine_inputs
from neurosim.hardware.loihi.calibrate.given_run import Behaviour, run_network
from neurosim.hardware.loihi.calibrate.population_search import Found, Storage, mismatch, search
from neurosim.hardware.loihi.quantise.calibration_result import CalibrationResult, PopulationCalibration
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, device_network
from neurosim.spikes import Spikes

__all__ = ["Calibrated", "calibrate"]

Wanted = Mapping[str, Spikes | NDArray[np.float64]]

SATURATED = 0.95
"""Share of steps with a spike from which a population counts as saturated."""
SILENT = 0.01
"""Share of the engine's spikes below which a population counts as fallen silent."""


@dataclass(frozen=True)
class Calibrated:
    """A network in register values, and how it was chosen."""

    network: QuantisedNetwork
    result: CalibrationResult


def calibrate(
    plan: Plan, lag: Mapping[str, int], storage: Storage, calibration: Mapping[str, Spikes]
) -> Calibrated:
    """Quantise a plan so that the chip does what the float engine does.

    For each population, given the spikes that the engine's neurons sent it, roundings are emulated and their spike
    trains compared with the engine's; in the end the whole network runs on its own, with the nearest rounding and with
    the one that was chosen, and the better one is taken. Deterministic.

    Args:
        plan: retimed; all runs are in machine time.
        calibration: inputs by name, in network time; inputs left out stay silent.

    Raises:
        CapacityError: no rounding fits the registers; or with the best one, a population that spikes in the engine
            falls silent or spikes nearly always, or an accumulator wraps.
    """
    inputs, steps = _machine_inputs(plan, lag, calibration)
    wanted = _engine(plan, inputs, steps)
    spikes = {**inputs, **{n: s for n, s in wanted.items() if isinstance(s, Spikes)}}
    found = {name: search(plan, name, spikes, wanted[name], storage, steps) for name in _order(plan)}

    def alone(parts: Mapping[str, Found]) -> tuple[QuantisedNetwork, Behaviour]:
        network = QuantisedNetwork(
            {name: parts[name].quantised.populations[name] for name in plan.populations},
            {p.name: parts[p.post].quantised.synapses[p.name] for p in plan.projections},
        )
        return network, run_network(
            plan, network, device_network(plan, network), storage.numerics, inputs, steps
        )

    nearest, best = ({name: getattr(s, which) for name, s in found.items()} for which in ("nearest", "best"))
    (before, then), (after, now) = alone(nearest), alone(best)
    scores = [{n: mismatch(run.parts[n], w) for n, w in wanted.items()} for run in (then, now)]
    # populations count alike, however far the first differences have spread in them
    change = [_change(scores[0][n], scores[1][n]) for n in wanted]
    kept = now.wraps <= then.wraps and sum(change) <= 0
    _check(plan, wanted, now if kept else then)
    chosen = best if kept else nearest
    result = CalibrationResult(
        samples=max((s.samples for s in inputs.values()), default=1),
        steps=steps,
        kept=kept,
        populations={
            name: PopulationCalibration(
                spikes=len(w) if isinstance(w, Spikes) else None,
                choice=chosen[name].choice,
                adjusted=chosen[name].adjusted,
                tried=found[name].tried,
                given_before=nearest[name].score,
                given_after=chosen[name].score,
                alone_before=scores[0][name],
                alone_after=scores[int(kept)][name],
            )
            for name, w in wanted.items()
        },
    )
    return Calibrated(after if kept else before, result)


def _change(before: float, after: float) -> float:
    return (after - before) / max(before, after, 1e-300)


def _order(plan: Plan) -> tuple[str, ...]:
    """Populations, those first that others listen to."""
    return tuple(name for stage in plan.stages for name in stage.populations)


def _machine_inputs(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes]
) -> tuple[dict[str, Spikes], int]:
    given = max((s.steps for s in calibration.values()), default=0)
    steps = given + max(lag.values(), default=0)
    samples = next((s.samples for s in calibration.values()), 1)
    inputs = machine_inputs(calibration, plan.inputs, lag, dt=plan.dt, steps=(given, steps), samples=samples)
    return inputs, steps


def _engine(plan: Plan, inputs: Mapping[str, Spikes], steps: int) -> Wanted:
    """Spikes of populations that spike, potentials of the others relative to rest, [T, B, ...]."""
    record = {n: Record("spikes" if p.model.SPIKES else "v") for n, p in plan.populations.items()}
    samples = next((s.samples for s in inputs.values()), 1)
    run = simulate(plan, inputs, steps * plan.dt, record=record, samples=None if inputs else samples)
    wanted: dict[str, Spikes | NDArray[np.float64]] = {}
    for name, part in run.items():
        if part.spikes is not None:
            wanted[name] = part.spikes
        else:
            rest = plan.populations[name].model.coefficients(plan.dt)["v_rest"]
            wanted[name] = part.v - float(np.asarray(rest).reshape(-1)[0])
    return wanted


def _check(plan: Plan, wanted: Wanted, run: Behaviour) -> None:
    remedy = "Change the range of its weights or its threshold; its weights may span too many magnitudes"
    for name in _order(plan):
        w, f = wanted[name], run.parts[name]
        if not (isinstance(w, Spikes) and isinstance(f, Spikes)):
            continue
        where, possible = f"population {name!r}", w.samples * w.steps * w.size
        if len(f) < SILENT * len(w):
            raise CapacityError(
                "falls silent on the calibration inputs when quantised",
                where=where,
                value=f"{len(f)} spikes",
                limit=f"{len(w)} spikes in the float engine",
                remedy=remedy,
            )
        if len(f) > SATURATED * possible > len(w):
            raise CapacityError(
                "saturates on the calibration inputs when quantised",
                where=where,
                value=f"{len(f)} spikes",
                limit=f"{len(w)} spikes in the float engine",
                remedy=remedy,
            )
    wraps = [e for e in run.recording.events if e.kind == "wrap"] if run.recording else []
    if wraps:
        first = wraps[0]
        raise CapacityError(
            f"{first.cause} on the calibration inputs",
            where=f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, step {first.step}",
            value=f"{first.value:.0f}, {sum(e.count for e in wraps)} times in all",
            remedy="Reduce the fan-in or the spread of the weights",
        )
