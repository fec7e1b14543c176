"""The same build as a PyNN script for sPyNNaker: ``run.py`` and the arrays it reads.

Weights are given as the values of the raw weights, parameters as the values of their words, and the largest sums so
that the host chooses the shifts of this build; then the board computes what the emulator computes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.manifest import FileContent
from neurosim.hardware.spinnaker.delay_extension import extensions, stage_of
from neurosim.hardware.spinnaker.device_network import (
    RECEPTORS,
    DeviceNetwork,
    DevicePopulation,
    DeviceProjection,
)
from neurosim.hardware.spinnaker.image.array_archive import write_archive
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows, delayed_rows
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.pynn.conversion import CONDUCTANCE_SCALE, weight_of
from neurosim.hardware.spinnaker.scripts.stdp_terms import mechanism

__all__ = ["misplaced", "write_script"]

_HEAD = '''"""Run this build with sPyNNaker: python run.py inputs.npz spikes.npz STEPS

inputs.npz holds an array [k, 2] of (step, channel) for each input, under its name; spikes.npz receives an array [k,
2] of (step, neuron) for each population. A machine step is {step} ms.
{warning}"""

import sys
from pathlib import Path

import numpy as np
import pyNN.spiNNaker as sim

STEP = {step}
STATE = ("v", "refract_timer", "isyn_exc", "isyn_inh")
inputs, outputs, steps = np.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
net = np.load(Path(__file__).with_name("pynn.npz"))


def source(name, size, atoms):
    events = inputs[name] if name in inputs.files else np.zeros((0, 2))
    times = [(events[events[:, 1] == i, 0] * STEP).tolist() for i in range(size)]
    made = sim.Population(size, sim.SpikeSourceArray(times if any(times) else []), label=name)
    if atoms < size:
        made.set_max_atoms_per_core(atoms)
    return made


def population(name, size, model, names, atoms, sums):
    values = net["cells " + name]
    cell = model(**{{parameter: values[:, k].tolist() for k, parameter in enumerate(names)}})
    state = {{variable: net["state " + name][:, k].tolist() for k, variable in enumerate(STATE)}}
    made = sim.Population(
        size, cell, label=name, max_expected_summed_weight=sums, initial_values=state, n_synapse_cores=0
    )
    made.set_max_atoms_per_core(atoms)
    made.record("spikes")
    return made


def connect(name, pre, post, receptor, synapse=None):
    synapses = net[name].astype(float)  # source, target, weight, delay in steps
    synapses[:, 3] *= STEP
    sim.Projection(
        pre, post, sim.FromListConnector(synapses), synapse_type=synapse, receptor_type=receptor, label=name
    )


sim.setup(timestep=STEP, time_scale_factor={slower})
p = {{}}
'''
_WARNING = """
On sPyNNaker 7.4.1 this script does NOT give what the emulator gives: the host puts rows behind a delay extension where
its delay cores do not look for them, in: {names}.
Give source and target as many atoms per core, a divisor of the size of the source; or shorten these delays.
"""
_TAIL = """sim.run(steps * STEP)
spikes = {}
for name in recorded:
    trains = p[name].get_data("spikes").segments[0].spiketrains
    rows = [(round(float(t) / STEP), i) for i, train in enumerate(trains) for t in train.magnitude]
    spikes[name] = np.array(sorted(rows), dtype=np.int64).reshape(-1, 2)
sim.end()
np.savez(outputs, **spikes)
"""
_CELLS = {
    CoreModel.IF_CURR_EXP: "sim.IF_curr_exp",
    CoreModel.IF_CURR_DELTA: "sim.IF_curr_delta",
    CoreModel.IF_COND_EXP: "sim.IF_cond_exp",
}
_MEMBRANE = ("v_rest", "cm", "tau_m", "i_offset", "v_reset", "tau_refrac")


def write_script(
    network: DeviceNetwork, time_scale_factor: int, delayed: DelayedRows = DelayedRows.READ
) -> dict[str, FileContent]:
    """``run.py`` and ``pynn.npz``.

    Args:
        delayed: where the build has its rows behind delay extensions; if the host puts them elsewhere, the script says
            so in its first lines. Where a script cannot ask for the plasticity rule of a population, it says that, and
        stops.
    """
    try:
        return _script(network, time_scale_factor, delayed)
    except UnsupportedError as error:
        return {"run.py": f'"""There is no script of this build."""\n\nraise SystemExit({str(error)!r})\n'}


def _script(network: DeviceNetwork, time_scale_factor: int, delayed: DelayedRows) -> dict[str, FileContent]:
    step = network.timestep / 1000
    arrays: dict[str, NDArray[np.float64] | NDArray[np.float32]] = {}
    found = [] if delayed is DelayedRows.HOST else misplaced(network)
    warning = _WARNING.format(names=", ".join(found)) if found else ""
    lines = [_HEAD.format(step=step, slower=time_scale_factor, warning=warning)]
    for name, p in network.populations.items():
        if p.model is None:
            lines.append(f"p[{name!r}] = source({name!r}, {p.size}, {p.atoms})\n")
            continue
        cell = _cell(p)
        arrays[f"cells {name}"] = to_float(np.stack(list(cell.values()), axis=1))
        arrays[f"state {name}"] = _state(p)
        sums = [0.75 * 2.0**shift / _scale(p) for shift in p.shifts]
        lines.append(
            f"p[{name!r}] = population({name!r}, {p.size}, {_CELLS[p.model]}, {list(cell)!r}, {p.atoms}, {sums!r})\n"
        )
    for q in network.projections:
        post = network.populations[q.post]
        synapse = f", {_plasticity(network, post, step)}" if q.plastic else ""
        ends = f"p[{q.pre!r}], p[{q.post!r}]"
        lines.append(f"connect({q.name!r}, {ends}, {RECEPTORS[q.receptor]!r}{synapse})\n")
    recorded = [name for name, p in network.populations.items() if p.model is not None]
    lines.append(f"recorded = {recorded!r}\n")
    return {"run.py": "".join([*lines, _TAIL]), "pynn.npz": partial(_write_arrays, network, arrays)}


def _write_arrays(network: DeviceNetwork, arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays, then the synapses of all projections, one after the other."""
    synapses = ((q.name, _synapses(network, q)) for q in network.projections)
    write_archive(path, itertools.chain(arrays.items(), synapses))


def _synapses(network: DeviceNetwork, q: DeviceProjection) -> NDArray[np.float32]:
    """[k, 4] source, target, weight, delay in steps; exact, with 16 bits and fewer than 2**24 neurons."""
    post = network.populations[q.post]
    weight = weight_of(q.raw, post.shifts[q.receptor], _scale(post))
    columns: list[NDArray[Any]] = [q.sources(), q.target, weight, q.delay]
    return np.stack([c.astype(np.float32) for c in columns], axis=1)


def _scale(p: DevicePopulation) -> float:
    return CONDUCTANCE_SCALE if p.model is CoreModel.IF_COND_EXP else 1.0


def _cell(p: DevicePopulation) -> Mapping[str, NDArray[np.int64]]:
    """Parameters of the cell by name, as words."""
    cell = dict(zip(_MEMBRANE, p.neuron[:, 1:7].T, strict=True)) | {"v_thresh": p.threshold}
    if p.model is not CoreModel.IF_CURR_DELTA:
        cell |= {"tau_syn_E": p.synapse[:, 0], "tau_syn_I": p.synapse[:, 2]}
    if p.model is CoreModel.IF_COND_EXP:
        cell |= {"e_rev_E": p.inputs[:, 0], "e_rev_I": p.inputs[:, 1]}
    return cell


def _state(p: DevicePopulation) -> NDArray[np.float64]:
    """Initial values of ``STATE``, [size, 4]; the timer is an integer, not s16.15."""
    values = (0, 1) if p.model is CoreModel.IF_CURR_DELTA else (1, 3)
    exc, inh = (to_float(p.synapse[:, k]) for k in values)
    return np.stack([to_float(p.neuron[:, 0]), p.neuron[:, 7].astype(np.float64), exc, inh], axis=1)


def _plasticity(network: DeviceNetwork, post: DevicePopulation, step: float) -> str:
    receptors = {q.receptor for q in network.incoming(post.name) if q.plastic}
    if post.rule is None or (len(receptors) > 1 and np.any(post.rule.words[0] != post.rule.words[1])):
        raise UnsupportedError(
            "a script cannot give the receptors of a population different bounds or amplitudes",
            where=f"population {post.name!r}",
            remedy="Let plastic projections to it use one receptor, or weights in one range",
        )
    return mechanism(post.rule, receptors.pop(), step, _scale(post))


def misplaced(network: DeviceNetwork) -> list[str]:
    """Projections whose synapses behind a delay extension sPyNNaker 7.4.1 puts where its delay cores do not look.

    The host counts rows in atoms of the target's cores, the delay cores in atoms of the source's, those that are there.
    """
    found = extensions(network)
    names = []
    for q in network.projections:
        pre, post = network.populations[q.pre], network.populations[q.post]
        stage = stage_of(q.delay.astype(np.int64), post.slots)
        late = np.flatnonzero(stage > 0)
        if len(late):
            source, s = q.sources()[late], stage[late] - 1
            rows = [
                first[source] + s * between[source]
                for first, between in (
                    delayed_rows(pre, post, found[q.pre].stages, rule) for rule in DelayedRows
                )
            ]
            if np.any(rows[0] != rows[1]):
                names.append(q.name)
    return names
