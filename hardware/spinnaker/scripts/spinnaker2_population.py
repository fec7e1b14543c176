"""Populations as the neuron programs of py-spinnaker2 take them: parameters, scale of the weights, neurons a core.

UNVERIFIED, see `spinnaker2_script`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, Reset, ResetTiming, SpikeWhen

__all__ = ["MOST_DELAY", "SpiNNaker2Population", "check", "count_cores", "integer_weights", "population_of"]

MOST_ATOMS = 250
"""Neurons of ``lif`` on a core at most."""
CORES = 152
"""Cores of a chip."""
LARGEST_WITH_DELAYS, LARGEST_WITHOUT = 15, 127
MOST_DELAY = 8
"""Steps of delay that ``lif`` holds."""
_ROW_BYTES = 64 * 2**10  # guessed share of the 96 KiB of a core that rows and their table may take
_HEADER_BYTES, _ENTRY_BYTES, _SYNAPSE_BYTES = 12, 12, 2


@dataclass(frozen=True, eq=False, kw_only=True)
class SpiNNaker2Population:
    """A population on SpiNNaker2.

    Attributes:
        model: neuron program. params: its parameters, a number or [size] each; the reset rule as text.
        scale: weight units of a weight of one. largest: of the magnitudes of weights. atoms: neurons on a core.
    """

    model: str
    params: Mapping[str, Any]
    scale: float
    largest: int
    atoms: int


def check(plan: Plan) -> None:
    """Refuse what no program can do, by name."""
    for name, p in plan.populations.items():
        where, model = f"population {name!r}", p.model
        if not isinstance(model, (LIF, IntegrateAndFire, CurrentLIF)):
            raise UnsupportedError(
                "SpiNNaker2 has no program for this model",
                where=where,
                value=type(model).__name__,
                remedy="Use LIF, IntegrateAndFire or CurrentLIF",
            )
        if (
            model.reset is Reset.NONE
            or vars(model).get("reset_timing", ResetTiming.SAME_STEP) is not ResetTiming.SAME_STEP
        ):
            raise UnsupportedError(
                "neurons reset with the spike on SpiNNaker2",
                where=where,
                remedy="Use Reset.TO_VALUE or Reset.BY_SUBTRACTION, and ResetTiming.SAME_STEP",
            )
        if np.any(np.asarray(model.coefficients(plan.dt).get("refractory_steps", 0.0)) > 0):
            raise UnsupportedError(
                "a refractory period is not written: what the program does in it is not known",
                where=where,
                remedy="Set refractory to 0",
            )
        rest = {"v": model.coefficients(plan.dt).get("v_rest", 0.0)}
        if any(np.any(np.asarray(v) != rest.get(k, 0.0)) for k, v in model.initial(plan.dt).items()):
            raise UnsupportedError(
                "neurons start at rest on SpiNNaker2", where=where, remedy="Leave out v_init and i_init"
            )
    for q in plan.projections:
        if q.plasticity is not None:
            raise UnsupportedError("SpiNNaker2 scripts have no plasticity", where=f"projection {q.name!r}")
    if plan.drives:
        raise UnsupportedError("SpiNNaker2 scripts have no drives", where=f"drive {plan.drives[0].name!r}")


def population_of(plan: Plan, p: PlanPopulation, scale: float | None) -> SpiNNaker2Population:
    """Choose program, scale (None: the largest weight fills the program's range), parameters and neurons a core.

    Raises:
        CapacityError: a weight does not fit, or rows do not.
        UnsupportedError: delays that the program of current-based neurons does not hold.
    """
    incoming = [q for q in plan.projections if q.post == p.name and q.n_synapses]
    current_based = isinstance(p.model, CurrentLIF)
    delayed = any(q.max_delay > 1 for q in incoming)
    if delayed and current_based:
        raise UnsupportedError(
            "its program holds no delays beyond one step",
            where=f"population {p.name!r}",
            value=f"{max(q.max_delay for q in incoming)} steps, after retiming",
            remedy="Make all delays to it equal",
        )
    largest = LARGEST_WITH_DELAYS if delayed else LARGEST_WITHOUT
    model = "lif_curr_exp_no_delay" if current_based else "lif" if delayed else "lif_no_delay"
    strongest = max((float(np.abs(q.weight).max()) for q in incoming), default=1.0) or 1.0
    unit = largest / strongest if scale is None else scale
    if not (math.isfinite(unit) and unit > 0) or round(strongest * unit) > largest:
        raise CapacityError(
            "a weight does not fit the program",
            where=f"population {p.name!r}, scale {unit:g}",
            value=strongest * unit,
            limit=f"{largest} ({model})",
            remedy="Use a smaller scale",
        )
    return SpiNNaker2Population(
        model=model, params=_params(p, plan.dt, unit), scale=unit, largest=largest, atoms=_atoms(p, incoming)
    )


def _params(p: PlanPopulation, dt: float, unit: float) -> dict[str, Any]:
    """Parameters of the program, for V = (v - v_rest) * unit; of currents V = (v - v_rest) * unit / gain."""
    k = {name: np.asarray(value, np.float64) for name, value in p.model.coefficients(dt).items()}
    rest, volt = k.get("v_rest", np.zeros(())), unit / k.get("gain", np.ones(()))
    threshold = (k["threshold"] - rest) * volt
    if vars(p.model).get("spike_when") is SpikeWhen.REACHED:
        threshold = np.nextafter(threshold.astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    subtract = p.model.reset is Reset.BY_SUBTRACTION  # type: ignore[attr-defined]
    params: dict[str, Any] = {
        "threshold": threshold,
        "alpha_decay": k.get("decay", np.ones(())),
        "i_offset": k.get("drive", np.zeros(())) * volt,
        "v_reset": (k.get("v_reset", rest) - rest) * volt,
    }
    if isinstance(p.model, CurrentLIF):
        params |= {"exc_decay": k["decay_synapse"], "inh_decay": k["decay_synapse"], "t_refrac": np.zeros(())}
    params = {name: _number(value, p.size) for name, value in params.items()}
    return params | {"reset": "reset_by_subtraction" if subtract else "reset_to_v_reset"}


def _number(value: NDArray[np.float64], size: int) -> float | NDArray[np.float64]:
    """One number where all neurons share it, else [size]."""
    flat = np.broadcast_to(value.reshape(-1) if value.size > 1 else value, (size,))
    return float(flat[0]) if np.all(flat == flat[0]) else flat.copy()


def integer_weights(q: PlanProjection, post: SpiNNaker2Population) -> NDArray[np.int64]:
    """Weights as the program holds them."""
    return np.clip(np.rint(q.weight * post.scale), -post.largest, post.largest).astype(np.int64)


def _atoms(p: PlanPopulation, incoming: list[PlanProjection]) -> int:
    """Neurons on a core: at most 250, halved until rows and their table fit their share of its memory (an estimate).

    Raises:
        CapacityError: the rows of one neuron do not fit.
    """
    atoms = min(p.size, MOST_ATOMS)
    while True:
        need = np.zeros(-(-p.size // atoms))
        for q in incoming:
            core = q.target // atoms
            rows = np.unique(core.astype(np.int64) * q.n_pre + q.pre_index) // q.n_pre
            need += np.bincount(rows, minlength=len(need)) * (_HEADER_BYTES + _ENTRY_BYTES)
            need += np.bincount(core, minlength=len(need)) * _SYNAPSE_BYTES
        if need.max() <= _ROW_BYTES:
            return atoms
        if atoms == 1:
            raise CapacityError(
                "the synapses of one neuron do not fit a core",
                where=f"population {p.name!r}",
                value=f"{need.max():.0f} bytes",
                limit=f"{_ROW_BYTES} bytes",
                remedy="Use fewer synapses a neuron",
            )
        atoms = (atoms + 1) // 2


def count_cores(plan: Plan, populations: Mapping[str, SpiNNaker2Population]) -> None:
    """Refuse networks of more cores than a chip has."""
    need = {name: -(-plan.size_of(name) // p.atoms) for name, p in populations.items()}
    need |= {name: -(-math.prod(shape) // MOST_ATOMS) for name, shape in plan.inputs.items()}
    if sum(need.values()) > CORES:
        widest = max(need, key=lambda name: need[name])
        raise CapacityError(
            "the network needs more cores than a chip has",
            where=f"population {widest!r} ({need[widest]} cores)",
            value=f"{sum(need.values())} cores",
            limit=f"{CORES} cores",
            remedy="Use fewer neurons or synapses",
        )
