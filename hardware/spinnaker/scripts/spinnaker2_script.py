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
from neurosim.errors import DescriptionError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.compiler.retime import retime
from neurosim.hardware.spinnaker.image.array_archive import write_arrays
from neurosim.hardware.spinnaker.scripts.spinnaker2_population import (
    MOST_DELAY,
    SpiNNaker2Population,
    check,
    count_cores,
    integer_weights,
    population_of,
)
from neurosim.hardware.target import Transport
from neurosim.loss_report import LossKind, LossReport
from neurosim.network import Network

__all__ = ["SpiNNaker2Script", "spinnaker2_script"]

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
    check(described)
    plan, lag, startup = retime(described, Transport(1, MOST_DELAY))
    unknown = sorted(set(scale or {}) - set(plan.populations))
    if unknown:
        raise DescriptionError(
            "are not populations", where="scale", value=unknown, limit=list(plan.populations)
        )
    populations = {
        name: population_of(plan, p, (scale or {}).get(name)) for name, p in plan.populations.items()
    }
    count_cores(plan, populations)
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
        weight = integer_weights(q, populations[q.post])
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
