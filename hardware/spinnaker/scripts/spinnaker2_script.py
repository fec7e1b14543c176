"""A network as a py-spinnaker2 script for SpiNNaker2. UNVERIFIED: neither the chip nor its host software was at hand.

What the script relies on is what scripts of users and the published NIR comparison (Pedersen et al. 2024) show of
py-spinnaker2: the neuron programs ``lif`` (weights -15 to 15, delays 1 to 8 steps) and, where every delay is one step,
``lif_no_delay`` and ``lif_curr_exp_no_delay`` (weights -127 to 127), all in float32 with integer weights::

    V <- alpha_decay V + I + i_offset ;  spike if V > threshold ;  V <- v_reset, or V - threshold

A delay is written as its steps less one. There is no emulator of it here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection
from neurosim.errors import CapacityError, DescriptionError, UnsupportedError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.compiler.retime import retime
from neurosim.hardware.spinnaker.image.machine_image import write_arrays
from neurosim.hardware.target import Transport
from neurosim.loss_report import LossKind, LossReport
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, IntegrateAndFire, Reset, ResetTiming, SpikeWhen

__all__ = ["SpiNNaker2Population", "SpiNNaker2Script", "spinnaker2_script"]

MOST_ATOMS = 250
"""Neurons of ``lif`` on a core at most."""
CORES = 152
"""Cores of a chip."""
LARGEST_WITH_DELAYS, LARGEST_WITHOUT = 15, 127
_MOST_DELAY = 8
_ROW_BYTES = 64 * 2**10  # guessed share of the 96 KiB of a core that rows and their table may take
_HEADER_BYTES, _ENTRY_BYTES, _SYNAPSE_BYTES = 12, 12, 2

_HEAD = '''"""UNVERIFIED: run this network on SpiNNaker2 with py-spinnaker2:

    python run.py inputs.npz spikes.npz STEPS [ADDRESS OF THE CHIP]

inputs.npz holds an array [k, 2] of (step, channel) for each input, under its name; spikes.npz receives an array [k,
2] of (step, neuron) for each population. One step of the network is one tick of the chip. Written from what scripts of
users show; neither the chip nor its software was at hand.
"""

import sys
from pathlib import Path

import numpy as np
from spinnaker2 import hardware, snn

inputs, outputs, steps = np.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
net = np.load(Path(__file__).with_name("spinnaker2.npz"))
LAG = {lag!r}  # ticks by which parts are behind the network


def source(name, size):
    events = inputs[name] if name in inputs.files else np.zeros((0, 2), int)
    ticks = {{i: (events[events[:, 1] == i, 0] + LAG[name]).tolist() for i in range(size)}}
    return snn.Population(size=size, neuron_model="spike_list", params=ticks, name=name)


def population(name, size, model, atoms):
    params = {{}}
    for key in net.files:
        if key.startswith("params " + name + "/"):
            value = net[key]
            params[key.rpartition("/")[2]] = value.tolist() if value.ndim else value.item()
    made = snn.Population(size=size, neuron_model=model, params=params, name=name, record=["spikes"])
    made.set_max_atoms_per_core(atoms)
    return made


p = {{}}
projections = []
'''
_TAIL = """network = snn.Network("network")
network.add(*p.values(), *projections)
chip = hardware.SpiNNaker2Chip(eth_ip=sys.argv[4]) if len(sys.argv) > 4 else hardware.SpiNNaker2Chip()
chip.run(network, steps + max(LAG.values()))
spikes = {}
for name in recorded:
    rows = [(int(t) - LAG[name], i) for i, ticks in p[name].get_spikes().items() for t in ticks]
    spikes[name] = np.array(sorted(r for r in rows if 0 <= r[0] < steps), dtype=np.int64).reshape(-1, 2)
np.savez(outputs, **spikes)
"""


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


@dataclass(frozen=True, eq=False, kw_only=True)
class SpiNNaker2Script:
    """``files``: ``run.py`` and ``spinnaker2.npz``. ``populations``: what became of each. ``losses``: of rounding."""

    files: Mapping[str, bytes | str]
    populations: Mapping[str, SpiNNaker2Population]
    losses: LossReport

    def save(self, folder: str | Path) -> None:
        """Write the files into a folder, which is made."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (path / name).write_bytes(content.encode() if isinstance(content, str) else content)


def spinnaker2_script(
    net: Network,
    *,
    scale: Mapping[str, float] | None = None,
    allow: Collection[LossKind] = (LossKind.ROUNDED, LossKind.APPROXIMATED),
) -> SpiNNaker2Script:
    """A script for SpiNNaker2 (unverified, see this module) of a network of LIF, IntegrateAndFire and CurrentLIF.

    Args:
        scale: population -> weight units of a weight of one, in place of that which makes the largest weight as large
            as the program holds.
        allow: kinds of losses that are acceptable.

    Raises:
        UnsupportedError: a model, option or projection that the neuron programs have no counterpart for.
        CapacityError: a weight or delay is too large, or the network needs more cores than a chip has.
        LossError: a loss of a kind that was not allowed.
    """
    described = lower(net)
    _check(described)
    plan, lag, startup = retime(described, Transport(1, _MOST_DELAY))
    unknown = sorted(set(scale or {}) - set(plan.populations))
    if unknown:
        raise DescriptionError(
            "are not populations", where="scale", value=unknown, limit=list(plan.populations)
        )
    populations = {
        name: _population(plan, p, (scale or {}).get(name)) for name, p in plan.populations.items()
    }
    _count_cores(plan, populations)
    losses = list(startup)
    arrays: dict[str, NDArray[Any]] = {}
    lines = [_HEAD.format(lag=dict(lag))]
    for name, shape in plan.inputs.items():
        lines.append(f"p[{name!r}] = source({name!r}, {math.prod(shape)})\n")
    for name, made in populations.items():
        arrays |= {f"params {name}/{key}": np.asarray(value) for key, value in made.params.items()}
        lines.append(
            f"p[{name!r}] = population({name!r}, {plan.size_of(name)}, {made.model!r}, {made.atoms})\n"
        )
    for q in plan.projections:
        weight = _weights(q, populations[q.post])
        losses += rounding_loss(f"projection {q.name!r}", q.weight, weight / populations[q.post].scale)
        columns: list[NDArray[Any]] = [q.pre_index, q.target, weight, q.delay - 1]
        arrays[f"list {q.name}"] = np.stack(columns, axis=1).astype(np.int32)
        ends = f"pre=p[{q.pre!r}], post=p[{q.post!r}]"
        lines.append(
            f"projections.append(snn.Projection({ends}, connections=net[{'list ' + q.name!r}].tolist()))\n"
        )
    lines.append(f"recorded = {list(populations)!r}\n")
    report = LossReport(losses)
    report.require(allow)
    files: dict[str, bytes | str] = {
        "run.py": "".join([*lines, _TAIL]),
        "spinnaker2.npz": write_arrays(arrays),
    }
    return SpiNNaker2Script(files=files, populations=populations, losses=report)


def _check(plan: Plan) -> None:
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


def _population(plan: Plan, p: PlanPopulation, scale: float | None) -> SpiNNaker2Population:
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


def _weights(q: PlanProjection, post: SpiNNaker2Population) -> NDArray[np.int64]:
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


def _count_cores(plan: Plan, populations: Mapping[str, SpiNNaker2Population]) -> None:
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
