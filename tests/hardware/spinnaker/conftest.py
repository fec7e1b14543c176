"""Reading the reference networks: populations, connection lists and what the firmware did with them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.spinnaker.image.machine_image import VertexKind
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS
from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, derive
from neurosim.hardware.spinnaker.numerics.ring_buffer import slots_for
from neurosim.hardware.spinnaker.pynn.conversion import (
    CONDUCTANCE_SCALE,
    delay_steps,
    raw_weights,
    spike_steps,
    weight_scale,
)
from neurosim.hardware.spinnaker.pynn.left_shift import ProjectionStatistics

MODELS = {
    "IFCurrExpBase": CoreModel.IF_CURR_EXP,
    "IFCurrDelta": CoreModel.IF_CURR_DELTA,
    "IFCondExpBase": CoreModel.IF_COND_EXP,
}
DEFAULTS = {
    "cm": 1.0, "tau_m": 20.0, "tau_refrac": 0.1, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "i_offset": 0.0,
    "tau_syn_E": 5.0, "tau_syn_I": 5.0, "e_rev_E": 0.0, "e_rev_I": -70.0, "v": -65.0,
}  # fmt: skip


@dataclass
class ReferencePopulation:
    """A population of a reference network; ``atoms`` is min(size, atoms per core)."""

    name: str
    size: int
    model: CoreModel | None
    parameters: dict
    spike_steps: list | None
    synapse_params: np.ndarray | None = None
    slices: list = field(default_factory=list)

    @property
    def atoms(self):
        if self.synapse_params is not None:
            return int(self.synapse_params[0])
        return max((hi - lo for lo, hi in self.slices), default=self.size)

    @property
    def shifts(self):
        return tuple(int(s) for s in self.synapse_params[7:9])

    @property
    def slots(self):
        return slots_for(self.atoms)

    @property
    def global_scale(self):
        return CONDUCTANCE_SCALE if self.model is CoreModel.IF_COND_EXP else 1.0

    def words(self, dt):
        """Parameter words of all neurons, as `derive` takes them."""

        def column(value):
            return np.broadcast_to(accum(value), (self.size,))

        p = self.parameters
        neuron = [
            p["v"],
            p["v_rest"],
            p["cm"],
            p["tau_m"],
            p["i_offset"],
            p["v_reset"],
            p["tau_refrac"],
            0.0,
            dt,
        ]
        inputs = {CoreModel.IF_CURR_EXP: [], CoreModel.IF_CURR_DELTA: [dt]}.get(
            self.model, [p["e_rev_E"], p["e_rev_I"]]
        )
        synapse = (
            [0.0, 0.0]
            if self.model is CoreModel.IF_CURR_DELTA
            else [p["tau_syn_E"], 0, p["tau_syn_I"], 0, dt]
        )
        stack = [np.stack([column(v) for v in group], 1) if group else np.zeros((self.size, 0), np.int64)
                 for group in (neuron, inputs, synapse)]  # fmt: skip
        return stack[0], stack[1], column(p["v_thresh"]), stack[2]

    def derived(self, dt):
        return derive(self.model, *self.words(dt))


@dataclass
class ReferenceProjection:
    """A connection list: source, target, weight and delay of each synapse as given to the host."""

    name: str
    pre: str
    post: str
    receptor: int
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray

    def statistics(self):
        fan_in = int(np.bincount(self.target).max(initial=0))
        w = np.abs(self.weight)
        return ProjectionStatistics(
            fan_in=fan_in, mean=w.mean(), variance=w.var(), largest=w.max(), delay_variance=self.delay.var()
        )


@dataclass
class ReferenceNetwork:
    name: str
    dt: float
    steps: int
    populations: dict
    projections: list
    description: dict

    @property
    def plastic(self):
        return "stdp" in self.description

    def raw(self, projection):
        """Raw weights and delays in steps, as the host sends them."""
        post = self.populations[projection.post]
        raw = raw_weights(projection.weight, post.shifts[projection.receptor], post.global_scale)
        return raw, delay_steps(projection.delay, round(self.dt * 1000))

    def stages(self, projection):
        """Stages of the delay extension that a projection goes through; its source population has one for all."""
        slots = self.populations[projection.post].slots
        longest = {q.post: 0 for q in self.projections if q.pre == projection.pre}
        for q in self.projections:
            if q.pre == projection.pre:
                longest[q.post] = max(longest[q.post], int(self.raw(q)[1].max()))
        if longest[projection.post] <= slots:
            return 0
        return max(-(-d // self.populations[post].slots) for post, d in longest.items()) - 1

    def rows(self, projection):
        """Source, target, raw weight and delay that really act, the delay extension of the host included.

        Delays beyond the slots of the target go through rows that the host places with the atoms per core of the
        TARGET population, while the delay cores read them with those of the SOURCE. Where the two differ, synapses
        act from another source or delay, or not at all.
        """
        raw, delay = self.raw(projection)
        pre, post = self.populations[projection.pre], self.populations[projection.post]
        slots, atoms = post.slots, post.atoms
        stages = self.stages(projection)
        if stages == 0:
            return projection.source, projection.target, raw, delay
        reader = {}  # what a delay core sends for a row: the source neuron and the stage
        for i in range(pre.size):
            core, local = divmod(i, pre.atoms)
            on_core = min(pre.atoms, pre.size - core * pre.atoms)
            for s in range(1, stages + 1):
                reader[core * stages * pre.atoms + (s - 1) * on_core + local] = (i, s)
        out = []
        for i, j, w, d in zip(projection.source, projection.target, raw, delay, strict=True):
            stage = (int(d) - 1) // slots
            if stage == 0:
                out.append((i, j, w, d))
                continue
            core, local = divmod(int(i), atoms)
            row = core * atoms * stages + (stage - 1) * atoms + local
            if row < pre.size * stages and row in reader:
                source, s = reader[row]
                out.append((source, j, w, d - slots * stage + slots * s))
        return tuple(np.array(c, dtype=np.int64) for c in zip(*out, strict=True))


def _source_slices(path, populations):
    """Cores of the spike sources, from the image of the same network if there is one (else one core each)."""
    image = path.with_name(path.name.replace("net_", "image_"))
    if not image.is_file():
        return
    with np.load(image) as file:
        labels = [label for *_, label in json.loads(str(file["placements"]))]
    for label in labels:
        match = re.fullmatch(r"(\w+)\((\d+):(\d+)\)", label)
        if match and match[1] in populations and populations[match[1]].model is None:
            yield match[1], int(match[2]), int(match[3]) + 1


def read_network(path: Path) -> ReferenceNetwork:
    with np.load(path) as file:
        description = json.loads(str(file["net"]))
        dt = float(file["dt"])
        populations = {}
        for name, p in description["pops"].items():
            times = p.get("spike_times")
            steps = None if times is None else [spike_steps(t, round(dt * 1000)) for t in times]
            model = None if times is not None else MODELS[p["model"]]
            given = p.get("params", {})
            parameters = {**DEFAULTS, **given}
            if model is not None and "v" not in given:
                parameters["v"] = DEFAULTS["v"]
            populations[name] = ReferencePopulation(name, int(p["n"]), model, parameters, steps)
        for key in file.files:
            if key.startswith("synparams_"):
                name, _, part = key.removeprefix("synparams_").rpartition("(")
                lo, hi = (int(x) for x in part.rstrip(")").split(":"))
                populations[name].synapse_params = file[key].astype(np.int64)
                populations[name].slices.append((lo, hi + 1))
        for name, lo, hi in _source_slices(path, populations):
            populations[name].slices.append((lo, hi))
        for p in populations.values():
            p.slices.sort()
        projections = []
        for key in file.files:
            if key.startswith("conn_"):
                name = key.removeprefix("conn_")
                pre, post, receptor = (str(x) for x in file[f"conninfo_{name}"])
                list_ = file[key]
                projections.append(
                    ReferenceProjection(
                        name, pre, post, ["excitatory", "inhibitory"].index(receptor),
                        list_[:, 0].astype(np.int64), list_[:, 1].astype(np.int64), list_[:, 2], list_[:, 3],
                    )
                )  # fmt: skip
    return ReferenceNetwork(
        description["name"], dt, int(description["T"]), populations, projections, description
    )


@pytest.fixture(scope="session")
def reference_network():
    """A function from the path of a ``net_*.npz`` to its network."""
    return read_network


@pytest.fixture(scope="session")
def raw_weight_scale():
    return weight_scale


@pytest.fixture(scope="session")
def small_network():
    """A function that makes a recurrent network of two populations with mixed delays, and its input.

    Weights are multiples of 2**-10, which the machine holds exactly in populations of delta synapses.
    """
    from neurosim.connectivity.rules import AllToAll
    from neurosim.network import Network
    from neurosim.spikes import Spikes

    def make(model, size=100, samples=2, steps=200, longest=8, dt=1e-3):
        rng = np.random.default_rng(7)
        net = Network(dt=dt, seed=1)
        net.input("in", (2, 20))
        for name in ("a", "b"):
            net.population(name, size, model)

        def weights(n_pre, mean, spread):
            w = rng.normal(mean, spread, (n_pre, size)) * (rng.random((n_pre, size)) < 0.2)
            return np.rint(w * 1024) / 1024

        def delays(n_pre):
            return rng.integers(1, longest + 1, (n_pre, size)) * dt

        net.connect("in", "a", AllToAll(), weight=weights(40, 0.3, 0.2), delay=delays(40))
        net.connect("a", "b", AllToAll(), weight=weights(size, 0.15, 0.2), delay=0.0)
        net.connect("b", "a", AllToAll(), weight=weights(size, -0.1, 0.1), delay=delays(size) + dt)
        net.connect("b", "b", AllToAll(), weight=weights(size, 0.02, 0.1), delay=delays(size))
        net.output("a")
        net.output("b")
        events = (rng.random((steps, samples, 2, 20)) < 0.06).astype(np.float32)
        return net, {"in": Spikes.from_dense(events, dt=dt)}

    return make


CONFIGURATION = """\
[Machine]
virtual_board = True
version = 5
[Reports]
write_network_graph = False
keep_dataspec_database = True
keep_json_files = True
write_json_placements = True
write_json_routing_tables = True
"""
SHARED_OPTIONS = ("max_expected_summed_weight", "ring_buffer_sigma", "spikes_per_second")


@pytest.fixture(scope="session")
def spynnaker(tmp_path_factory):
    """A function that runs a script with sPyNNaker on a virtual board, in a home of its own; returns the home."""

    def run(script, *arguments):
        home = tmp_path_factory.mktemp("home")
        (home / ".spynnaker.cfg").write_text(CONFIGURATION)
        done = subprocess.run(
            [sys.executable, script, *arguments], cwd=home, env={**os.environ, "HOME": str(home)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return home

    return run


@pytest.fixture(scope="session")
def host_image(spynnaker, tmp_path_factory):
    """A function from a network to the image that sPyNNaker's host makes of it, as in the reference images."""

    def image_of(network):
        arrays, populations = {}, []
        for p in network.populations:
            parameters = () if p.is_source else p.parameters
            arrays |= {f"{p.name} {key}": p.value(key) for key in parameters}
            arrays |= {f"{p.name} initial {key}": p.value(key) for key in p.initial_values}
            options = {} if p.is_source else {key: getattr(p, key) for key in SHARED_OPTIONS}
            populations.append(
                {
                    "name": p.name, "size": p.size, "cell": p.cell, "atoms": p.atoms_per_core, "options": options,
                    "parameters": list(parameters), "initial_values": list(p.initial_values),
                }
            )  # fmt: skip
        projections = []
        for k, p in enumerate(network.projections):
            arrays[f"list {k}"] = p.table
            stdp = None if p.stdp is None else asdict(p.stdp)
            if stdp is not None:
                stdp |= {"dependence": p.stdp.dependence.name, "pairing": p.stdp.pairing.name}
            projections.append({"pre": p.pre, "post": p.post, "receptor": p.receptor, "stdp": stdp})
        described = {"timestep": network.timestep, "populations": populations, "projections": projections}
        arrays["network"] = np.array(json.dumps(described))
        folder = tmp_path_factory.mktemp("host")
        np.savez(folder / "network.npz", **arrays)
        script = Path(__file__).parent / "spynnaker_host.py"
        spynnaker(script, folder / "network.npz", folder / "image.npz")
        with np.load(folder / "image.npz") as file:
            return dict(file)

    return image_of


@pytest.fixture(scope="session")
def script_image(spynnaker, tmp_path_factory):
    """A function from a build folder to the image that sPyNNaker's host makes of its ``run.py``."""

    def image_of(folder):
        work = tmp_path_factory.mktemp("script")
        np.savez(work / "inputs.npz", none=np.zeros((0, 2)))
        home = spynnaker(folder / "run.py", work / "inputs.npz", work / "spikes.npz", "20")
        spynnaker(Path(__file__).parent / "spynnaker_host.py", home, work / "image.npz")
        with np.load(work / "image.npz") as file:
            return dict(file)

    return image_of


SOURCE_KEY, SOURCE_MASK = 5, 6  # words of region 1 of a spike source


def ordered(words, table):
    """Rows with the synapses of each in a defined order; where they are the population table says."""
    words = words.copy()
    blocks = sorted(block for entry in decode_table(table, "test") for block in entry.blocks)
    ends = [*(start // 4 for start, _ in blocks), len(words)][1:]
    for (start, length), end in zip(blocks, ends, strict=True):
        stride = HEADER_WORDS + length
        rows = (end - start // 4) // stride
        for row in words[start // 4 :][: rows * stride].reshape(rows, stride):
            if row[0]:
                order_plastic(row)
            else:
                row[HEADER_WORDS:].sort()
    return words


def order_plastic(row):
    """[P] time, trace if any, weights [0] [C] controls: weights and controls together, in place."""
    p = int(row[0])
    n = int(row[p + 2])
    weights, controls = (
        row[1 + p - (n + 1) // 2 : 1 + p].view(np.uint16)[:n],
        row[p + 3 :].view(np.uint16)[:n],
    )
    order = np.lexsort((weights, controls))
    weights[:], controls[:] = weights[order], controls[order]


@pytest.fixture(scope="session")
def same_words():
    """A function that compares every word of an image of sPyNNaker's host with a `MachineImage` of ours; it returns the
    number of words. Within a row the order is not defined (the host sorts with an unstable sort): rows are multisets.
    """

    def same(image, ours):
        vertices = {v.label: v for v in ours.vertices}
        delays = {}
        compared, seen = 0, set()
        for x, y, p, label in json.loads(str(image["placements"])):
            if label.startswith("SYSTEM:"):
                continue
            vertex = vertices.get(label)
            if late := re.match(r"Delay extension for (\w+)", label):
                here = [v for v in ours.vertices if (v.kind, v.population) == (VertexKind.DELAY, late[1])]
                vertex = here[delays.setdefault(late[1], 0)]
                delays[late[1]] += 1
            seen.add(vertex.label)
            if vertex.kind is VertexKind.SOURCE:
                theirs = image[f"r_{x}_{y}_{p}_1"]
                assert (vertex.key, vertex.mask) == (theirs[SOURCE_KEY], theirs[SOURCE_MASK]), label
                continue
            regions = ours.regions[vertex.place]
            for region, words in regions.items():
                name = f"r_{x}_{y}_{p}_{int(region)}"
                if (vertex.kind, region) == (VertexKind.NEURONS, Region.PARAMETERS) and name not in image:
                    continue  # the board writes it from region 13
                theirs = image.get(name, np.zeros(0, np.uint32))
                if (vertex.kind, region) == (VertexKind.NEURONS, Region.SYNAPTIC_ROWS):
                    assert len(words) == len(theirs), (label, region)
                    table = regions[Region.POPULATION_TABLE]
                    words, theirs = ordered(words, table), ordered(theirs, table)
                assert len(words) == len(theirs), (label, region)
                assert int((words != theirs).sum()) == 0, (label, region)
                compared += len(words)
        assert seen == set(vertices)
        senders = [(v.key, v.mask) for v in ours.vertices if v.key is not None]
        for _, _, key, mask, _ in image["routing"].tolist():  # each is for one of our cores or for several
            assert any(core & mask == key and mask & ~own == 0 for core, own in senders), hex(key)
        return compared

    return same
