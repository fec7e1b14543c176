"""The same network as a script for Lava: ``lava_network.py``, and the arrays it reads.

Lava (lava-nc 0.10) builds networks from processes in Python and has no safe file for them; the script builds them and
runs its bit-accurate models, step for step and bit for bit as the emulator does: a spike of step t over a synapse of
delay register d arrives in step t + 1 + d of both.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.lava.processes import (
    MAX_PROCESSES,
    Connection,
    Matrix,
    Neurons,
    connections_of,
    neurons_of,
)
from neurosim.hardware.loihi.numerics.profiles import LAVA, Numerics
from neurosim.hardware.manifest import FileContent

__all__ = ["MAX_SYNAPSES", "lava_files", "lava_script"]

Ints = NDArray[np.int64]

MAX_SYNAPSES = 1 << 22
"""Lava multiplies whole matrices in every step."""
_NAME = "lava_network"

_HEAD = '''"""This network in Lava: python lava_network.py inputs.npz outputs.npz STEPS [u] [v]

inputs.npz holds an array [k, 2] of (step, channel) for each input, under its name; a row twice means two spikes.
outputs.npz receives an array [k, 2] of (step, neuron) for each population, and with u or v the state of its neurons
after each step, [STEPS, size], under "NAME u" and "NAME v". Of ternary neurons there is a third column, the sign.
Steps count from 0 and are the chip's: a population is behind network time by its lag in manifest.json.

Needs lava-nc 0.10 (Python 3.10). ``build`` makes the processes, ``run`` runs them; both may be imported.
"""
{notes}
import sys
from pathlib import Path

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
{imports}
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.monitor.process import Monitor
from lava.utils.weightutils import SignMode
{scipy}
with np.load(Path(__file__).with_name("lava_network.npz")) as arrays:
    NET = dict(arrays)
INPUTS = {inputs!r}  # channels
POPULATIONS = {populations!r}  # neurons
SIGNED = {signed!r}  # ternary populations
# process: its population, and which neurons of it the process holds (None: all)
PARTS = {{
{parts}}}


{matrices}def message_bits(spikes):
    """0 for spikes; more if a channel spikes several times in a step."""
    most = int(spikes.max(initial=0))
    return most.bit_length() if most > 1 else 0


def build(spikes):
    """The processes by name; ``spikes``: counts [channels, steps] of each input."""
    p = {{}}
'''

_DENSE = '''def matrix(name, shape, column=2):
    """Weights (column 2) or delays (column 3) of the synapses, as [target, source]."""
    synapses = NET[name].astype(int)
    values = np.zeros(shape, dtype=int)
    values[synapses[:, 0], synapses[:, 1]] = synapses[:, column]
    return values


'''
_SPARSE = '''def sparse_matrix(name, shape, column=2):
    """Weights (column 2) or delays (column 3) of the synapses, as [target, source]."""
    synapses = NET[name].astype(int)
    return csr_matrix((synapses[:, column], (synapses[:, 0], synapses[:, 1])), shape=shape)


'''

_TAIL = '''
    return p


def run(inputs, steps, states=()):
    """Spikes [k, 2] of each population by name, and its ``states`` ("u", "v") [steps, size] under "NAME u".

    ``inputs``: arrays [k, 2] of (step, channel) by name.
    """
    spikes = {name: np.zeros((size, steps), dtype=np.int32) for name, size in INPUTS.items()}
    for name, counts in spikes.items():
        events = np.asarray(inputs.get(name, ()), dtype=int).reshape(-1, 2)
        np.add.at(counts, (events[:, 1], events[:, 0]), 1)
    p = build(spikes)
    sinks, monitors = {}, {}
    for name in PARTS:
        sinks[name] = Sink(shape=p[name].s_out.shape, buffer=steps)
        p[name].s_out.connect(sinks[name].a_in)
        for state in states:
            monitors[name, state] = Monitor()
            monitors[name, state].probe(getattr(p[name], state), steps)
    for name in PARTS:  # what is connected with a process runs with it
        if p[name].runtime is None:
            p[name].run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))

    values = {name: np.zeros((steps, size), dtype=int) for name, size in POPULATIONS.items()}
    for state in states:
        values |= {f"{name} {state}": np.zeros((steps, size), dtype=int) for name, size in POPULATIONS.items()}
    for name, (population, neurons) in PARTS.items():
        where = slice(None) if neurons is None else NET[neurons]
        values[population][:, where] = sinks[name].data.get().T
        for state in states:
            ((recorded,),) = [process.values() for process in monitors[name, state].get_data().values()]
            values[f"{population} {state}"][:, where] = recorded
    for runtime in {id(p[name].runtime): p[name].runtime for name in PARTS}.values():
        runtime.stop()
    for population in POPULATIONS:
        step, neuron = np.nonzero(values[population])
        signs = [values[population][step, neuron]] if population in SIGNED else []
        values[population] = np.stack([step, neuron, *signs], axis=1)
    return values


if __name__ == "__main__":
    with np.load(sys.argv[1]) as events:
        found = run(dict(events), int(sys.argv[3]), sys.argv[4:])
    np.savez(sys.argv[2], **found)
'''


def lava_files(network: DeviceNetwork, numerics: Numerics = LAVA) -> tuple[dict[str, FileContent], str]:
    """The files of `lava_script` and a line for the report; no files and the reason where Lava cannot express it."""
    try:
        return lava_script(network, numerics), f"{_NAME}.py: the same network for Lava (lava-nc)"
    except UnsupportedError as error:
        return {}, f"no {_NAME}.py for Lava: {error}"


def lava_script(network: DeviceNetwork, numerics: Numerics = LAVA) -> dict[str, FileContent]:
    """``lava_network.py`` and ``lava_network.npz``, which it reads.

    Args:
        numerics: the arithmetic of the chip; the script says where Lava's differs.

    Raises:
        UnsupportedError: what Lava's fixed-point processes cannot express; names population or projection.
    """
    if (synapses := sum(len(p.target) for p in network.projections)) > MAX_SYNAPSES:
        raise UnsupportedError("has more synapses than Lava's models run", value=synapses, limit=MAX_SYNAPSES)
    neurons = {name: neurons_of(p) for name, p in network.populations.items()}
    parts = [part for found in neurons.values() for part in found]
    names = [*network.inputs, *(part.name for part in parts)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UnsupportedError("two processes would have one name", value=repeated, remedy="Rename one")
    connections = connections_of(network, neurons)
    total = len(network.inputs) + 2 * len(parts) + len(connections)  # each part has a sink
    if total > MAX_PROCESSES:
        raise UnsupportedError(
            "needs too many of Lava's processes, each a process of the system",
            value=total,
            limit=MAX_PROCESSES,
            remedy="Use fewer different decays and thresholds within a population, or fewer projections",
        )
    arrays: dict[str, Ints] = {}
    body = [_input(name) for name in network.inputs]
    body += [_neurons(part, arrays) for part in parts]
    body += [_connection(c, arrays) for c in connections]
    text = _HEAD.format(
        notes=_notes(network, numerics),
        imports=_imports(parts, connections),
        scipy=_SCIPY if _uses(connections, Matrix.SPARSE, Matrix.DELAY_SPARSE) else "",
        inputs=dict(network.inputs),
        populations={name: p.size for name, p in network.populations.items()},
        signed=sorted({part.population for part in parts if part.kind == "TernaryLIF"}),
        parts="".join(_part(part, len(neurons[part.population]) == 1, arrays) for part in parts),
        matrices=(_DENSE if _uses(connections, Matrix.DENSE, Matrix.DELAY_DENSE) else "")
        + (_SPARSE if _uses(connections, Matrix.SPARSE, Matrix.DELAY_SPARSE) else ""),
    )
    return {f"{_NAME}.py": text + "".join(body) + _TAIL, f"{_NAME}.npz": partial(_write_arrays, arrays)}


_SCIPY = "from scipy.sparse import csr_matrix\n"


def _notes(network: DeviceNetwork, numerics: Numerics) -> str:
    lines = []
    if numerics is not LAVA:
        lines += [
            f"Registers of Lava overflow in another way than those of {numerics.name}: results are those of the",
            "emulator as long as it reports no overflow.",
        ]
    if readouts := sorted(name for name, p in network.populations.items() if not p.spiking):
        lines += [
            "On the chip potentials saturate at 2^21 - 1, below the threshold, and in Lava at 2^23 - 1, in:",
            *(f"    {name!r}" for name in readouts),
        ]
    return "".join(f"# {line}\n" for line in lines)


def _uses(connections: Sequence[Connection], *matrices: Matrix) -> bool:
    return any(c.matrix in matrices for c in connections)


def _imports(parts: Sequence[Neurons], connections: Sequence[Connection]) -> str:
    kinds = {
        "lava.proc.dense.process": {c.matrix.value for c in connections if "Dense" in c.matrix.value},
        "lava.proc.lif.process": {part.kind for part in parts},
        "lava.proc.sparse.process": {c.matrix.value for c in connections if "Sparse" in c.matrix.value},
    }
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in kinds.items() if names]
    return "\n".join(lines)


def _part(part: Neurons, alone: bool, arrays: dict[str, Ints]) -> str:
    key = None if alone else f"{part.name} neurons"
    if key is not None:
        _put(arrays, key, part.index)
    return f"    {part.name!r}: ({part.population!r}, {key!r}),\n"


def _input(name: str) -> str:
    return f"    p[{name!r}] = Source(data=spikes[{name!r}])\n"


def _neurons(part: Neurons, arrays: dict[str, Ints]) -> str:
    shared = [f"shape=({len(part.index)},)", *(f"{name}={value}" for name, value in part.shared.items())]
    values = []
    for name, numbers in part.values.items():
        if np.all(numbers == numbers[0]):
            values.append(f"{name}={int(numbers[0])}")
        else:
            _put(arrays, f"{part.name} {name}", numbers)
            values.append(f"{name}=NET[{f'{part.name} {name}'!r}]")
    lines = ",\n        ".join([", ".join(shared), *values])
    return f"\n    p[{part.name!r}] = {part.kind}(\n        {lines},\n    )\n"


def _connection(c: Connection, arrays: dict[str, Ints]) -> str:
    key = f"{c.name} synapses"
    _put(arrays, key, np.stack([c.target, c.source, c.weight, c.delay], axis=1))
    function = "sparse_matrix" if c.matrix in (Matrix.SPARSE, Matrix.DELAY_SPARSE) else "matrix"
    lines = [
        f"weights={function}({key!r}, {c.shape})",
        f"weight_exp={c.exponent}, num_weight_bits={c.weight_bits}, sign_mode=SignMode.{c.mode.name}",
    ]
    if c.matrix in (Matrix.DELAY_DENSE, Matrix.DELAY_SPARSE):
        lines.append(f"delays={function}({key!r}, {c.shape}, 3)")
    if c.signed:
        lines.append("num_message_bits=2")
    elif c.from_input:
        lines.append(f"num_message_bits=message_bits(spikes[{c.pre!r}])")
    arguments = ",\n        ".join(lines)
    return (
        f"\n    # {c.name!r}: {len(c.target)} synapses\n"
        f"    c = {c.matrix.value}(\n        {arguments},\n    )\n"
        f"    p[{c.pre!r}].s_out.connect(c.s_in)\n"
        f"    c.a_out.connect(p[{c.post!r}].a_in)\n"
    )


def _put(arrays: dict[str, Ints], key: str, values: Ints) -> None:
    if key in arrays:
        raise UnsupportedError(
            "two parts of the network have one name in the script", where=key, remedy="Rename one"
        )
    arrays[key] = values


def _write_arrays(arrays: dict[str, Ints], path: Path) -> None:
    """An NPZ file; equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            small = array.astype(np.int32)
            with archive.open(f"{name}.npy", "w", force_zip64=small.nbytes > 2**30) as member:
                np.lib.format.write_array(member, small, allow_pickle=False)  # type: ignore[no-untyped-call]
