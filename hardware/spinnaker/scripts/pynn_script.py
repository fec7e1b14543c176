"""The same build as a PyNN script for sPyNNaker: ``run.py`` and the arrays it reads.

Weights are given as the values of the raw weights, parameters as the values of their words, and the largest sums so
that the host chooses the shifts of this build; then the board computes what the emulator computes.
"""

from __future__ import annotations

import numpy as np

from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.image.machine_image import write_arrays
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.pynn.conversion import weight_of

__all__ = ["write_script"]

_HEAD = '''"""Run this build with sPyNNaker: python run.py inputs.npz spikes.npz STEPS

inputs.npz holds an array [k, 2] of (step, channel) for each input, under its name; spikes.npz receives an array [k,
2] of (step, neuron) for each population. One step of the network is one machine step of 1 ms.
"""

import sys
from pathlib import Path

import numpy as np
import pyNN.spiNNaker as sim

inputs, outputs, steps = np.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
net = np.load(Path(__file__).with_name("pynn.npz"))
STATE = ("v", "refract_timer", "isyn_exc", "isyn_inh")


def source(name, size):
    events = inputs[name] if name in inputs.files else np.zeros((0, 2))
    times = [events[events[:, 1] == i, 0].astype(float).tolist() for i in range(size)]
    return sim.Population(size, sim.SpikeSourceArray(times), label=name)


def population(name, size, model, names, atoms, sums):
    values = net["cells " + name]
    cell = model(**{parameter: values[:, k].tolist() for k, parameter in enumerate(names)})
    state = {variable: net["state " + name][:, k].tolist() for k, variable in enumerate(STATE)}
    made = sim.Population(size, cell, label=name, max_expected_summed_weight=sums, initial_values=state)
    made.set_max_atoms_per_core(atoms)
    made.record("spikes")
    return made


def connect(name, pre, post, receptor):
    synapses = [(int(i), int(j), float(w), float(d)) for i, j, w, d in net[name]]
    sim.Projection(pre, post, sim.FromListConnector(synapses), receptor_type=receptor, label=name)


sim.setup(timestep=1.0, time_scale_factor=%d)
p = {}
'''
_TAIL = """sim.run(steps)
spikes = {}
for name in recorded:
    trains = p[name].get_data("spikes").segments[0].spiketrains
    rows = [(round(float(t)), i) for i, train in enumerate(trains) for t in train.magnitude]
    spikes[name] = np.array(sorted(rows), dtype=np.int64).reshape(-1, 2)
sim.end()
np.savez(outputs, **spikes)
"""
_RECEPTORS = ("excitatory", "inhibitory")


def write_script(network: DeviceNetwork, time_scale_factor: int) -> dict[str, bytes | str]:
    """``run.py`` and ``pynn.npz``."""
    arrays = {}
    lines = [_HEAD % time_scale_factor]
    for name, p in network.populations.items():
        if p.model is None:
            lines.append(f"p[{name!r}] = source({name!r}, {p.size})\n")
            continue
        names = ["v_rest", "cm", "tau_m", "i_offset", "v_reset", "tau_refrac", "v_thresh"]
        words = [*p.neuron[:, 1:7].T, p.threshold]
        model = "sim.IF_curr_delta"
        if p.model is CoreModel.IF_CURR_EXP:
            model = "sim.IF_curr_exp"
            names += ["tau_syn_E", "tau_syn_I"]
            words += [p.synapse[:, 0], p.synapse[:, 2]]
        arrays[f"cells {name}"] = to_float(np.stack(words, axis=1))
        timer = p.neuron[:, 7] << 15  # an integer, not s16.15
        exc, inh = (p.synapse[:, k] for k in ((1, 3) if p.model is CoreModel.IF_CURR_EXP else (0, 1)))
        arrays[f"state {name}"] = to_float(np.stack([p.neuron[:, 0], timer, exc, inh], axis=1))
        sums = [0.75 * 2.0**shift for shift in p.shifts]
        lines.append(
            f"p[{name!r}] = population({name!r}, {p.size}, {model}, {names!r}, {p.atoms}, {sums!r})\n"
        )
    for q in network.projections:
        weight = weight_of(q.raw.astype(np.int64), network.populations[q.post].shifts[q.receptor])
        columns = [q.sources(), q.target, weight, q.delay]
        arrays[q.name] = np.stack(columns, axis=1).astype(np.float32)  # exact: 16 bits, fewer than 2**24
        lines.append(f"connect({q.name!r}, p[{q.pre!r}], p[{q.post!r}], {_RECEPTORS[q.receptor]!r})\n")
    recorded = [name for name, p in network.populations.items() if p.model is not None]
    lines.append(f"recorded = {recorded!r}\n")
    return {"run.py": "".join([*lines, _TAIL]), "pynn.npz": write_arrays(arrays)}
