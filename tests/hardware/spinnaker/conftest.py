"""Reference networks, a network of our own, and sPyNNaker's host as an oracle."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION
from neurosim.hardware.spinnaker.image.machine_image import VertexKind
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS
from neurosim.hardware.spinnaker.pynn.host_network import device_network
from neurosim.hardware.spinnaker.routing.chip_graph import graph_of, spanning_tree

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
HOST = Path(__file__).with_name("spynnaker_host.py")
SHARED_OPTIONS = ("max_expected_summed_weight", "ring_buffer_sigma", "spikes_per_second")
CELLS = {"IFCurrExpBase": "IF_curr_exp", "IFCurrDelta": "IF_curr_delta", "IFCondExpBase": "IF_cond_exp"}


@dataclass
class Reference:
    """A reference network as a PyNN script describes it. ``steps``: of its run."""

    name: str
    network: PyNNNetwork
    steps: int

    @property
    def device(self):
        """The network in device numbers."""
        return device_network(self.network)

    @property
    def plastic(self):
        return any(p.stdp for p in self.network.projections)


def flattened(options):
    """Options of a population, those in nested groups too."""
    nested = [flattened(v) for v in options.values() if isinstance(v, dict)]
    return {k: v for group in (options, *nested) for k, v in group.items()}


def atoms_per_core(file, image):
    """Atoms of a full core: of neurons from the words of the run, of sources from the image of the network, if any."""
    atoms = {}
    for key in file.files:
        if key.startswith("synparams_"):
            atoms[key.removeprefix("synparams_").rpartition("(")[0]] = int(file[key][0])
    if image.is_file():
        with np.load(image) as words:
            labels = [label for *_, label in json.loads(str(words["placements"]))]
        for label in labels:
            if match := re.fullmatch(r"(\w+)\((\d+):(\d+)\)", label):
                n = int(match[3]) - int(match[2]) + 1
                atoms[match[1]] = max(atoms.get(match[1], 0), n)
    return atoms


def population(name, described, atoms):
    if "spike_times" in described:
        times = {"spike_times": described["spike_times"]}
        return PyNNPopulation(
            name=name, size=described["n"], cell="SpikeSourceArray", parameters=times, atoms_per_core=atoms
        )
    found = flattened(described)
    options = {key: found[key] for key in SHARED_OPTIONS if found.get(key) is not None}
    if "max_expected_summed_weight" in options:
        options["max_expected_summed_weight"] = tuple(options["max_expected_summed_weight"])
    return PyNNPopulation(
        name=name, size=described["n"], cell=CELLS[described["model"]], parameters=described.get("params", {}),
        atoms_per_core=atoms, **options,
    )  # fmt: skip


def read_reference(path):
    image = path.with_name(path.name.replace("net_", "image_"))
    with np.load(path) as file:
        described = json.loads(str(file["net"]))
        atoms = atoms_per_core(file, image)
        stdp = {k: v for k, v in described.get("stdp", {}).items() if k != "rule"}
        projections = []
        for key in file.files:
            if key.startswith("conn_"):
                name = key.removeprefix("conn_")
                pre, post, receptor = (str(x) for x in file[f"conninfo_{name}"])
                projections.append(
                    PyNNProjection(
                        pre=pre, post=post, receptor=receptor, name=name, connections=file[key],
                        stdp=PyNNSTDP(**stdp) if stdp else None,
                    )
                )  # fmt: skip
        populations = [population(name, p, atoms.get(name)) for name, p in described["pops"].items()]
        network = PyNNNetwork(populations=populations, projections=projections, timestep=float(file["dt"]))
    return Reference(described["name"], network, int(described["T"]))


@pytest.fixture(scope="session")
def reference_network():
    """A function from the path of a ``net_*.npz`` to its `Reference`."""
    return read_reference


@pytest.fixture(scope="session")
def network_of_image():
    """A function from the path of an ``image_*.npz`` to the `Reference` it was made from; skips where it is missing."""

    def reference_of(path):
        partner = path.with_name(path.name.replace("image_", "net_"))
        if not partner.is_file():
            pytest.skip(f"no {partner.name} beside it")
        return read_reference(partner)

    return reference_of


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


@pytest.fixture(scope="session")
def spynnaker_host():
    """A process that has imported sPyNNaker: see the script."""
    command = [sys.executable, str(HOST)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.fixture(scope="session")
def spynnaker(spynnaker_host, tmp_path_factory):
    """A function that runs a script with sPyNNaker on a virtual board, in a home of its own; returns the home."""

    def run(script, *arguments):
        home = tmp_path_factory.mktemp("home")
        (home / ".spynnaker.cfg").write_text(CONFIGURATION)
        print(json.dumps([str(x) for x in (home, script, *arguments)]), file=spynnaker_host.stdin, flush=True)
        assert spynnaker_host.stdout.readline() == "0\n", (home / "log").read_text()[-2000:]
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
        spynnaker(HOST, folder / "network.npz", folder / "image.npz")
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
        spynnaker(HOST, home, work / "image.npz")
        with np.load(work / "image.npz") as file:
            return dict(file)

    return image_of


SOURCE_KEY, SOURCE_MASK = 5, 6  # words of region 1 of a spike source
INCOMING_KEY, DELAY_WORDS = 2, 9  # of region 1 of a delay core


def cores_of(image, ours):
    """The places of an image of the host with the vertex of a `MachineImage` of ours that belongs there."""
    vertices = {v.label: v for v in ours.vertices}
    delays = {
        int(ours.regions[v.place][DELAY_REGION][INCOMING_KEY]): v
        for v in ours.vertices
        if v.kind is VertexKind.DELAY
    }
    found = []
    for x, y, p, label in json.loads(str(image["placements"])):
        if label.startswith("SYSTEM:"):
            continue
        vertex = vertices.get(label)
        if vertex is None:  # the label of a delay core does not say which it is
            words = image[f"r_{x}_{y}_{p}_1"]
            assert len(words) == DELAY_WORDS, label
            vertex = delays[int(words[INCOMING_KEY])]
        found.append(((x, y, p), vertex))
    assert {v.label for _, v in found} == set(vertices)
    return found


@pytest.fixture(scope="session")
def host_cores():
    """`cores_of`."""
    return cores_of


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
        compared = 0
        for (x, y, p), vertex in cores_of(image, ours):
            if vertex.kind is VertexKind.SOURCE:
                theirs = image[f"r_{x}_{y}_{p}_1"]
                assert (vertex.key, vertex.mask) == (theirs[SOURCE_KEY], theirs[SOURCE_MASK]), vertex.label
                continue
            regions = ours.regions[vertex.place]
            for region, words in regions.items():
                name, where = f"r_{x}_{y}_{p}_{int(region)}", (vertex.label, region)
                if (vertex.kind, region) == (VertexKind.NEURONS, Region.PARAMETERS) and name not in image:
                    continue  # the board writes it from region 13
                theirs = image.get(name, np.zeros(0, np.uint32))
                assert len(words) == len(theirs), where
                if (vertex.kind, region) == (VertexKind.NEURONS, Region.SYNAPTIC_ROWS):
                    table = regions[Region.POPULATION_TABLE]
                    words, theirs = ordered(words, table), ordered(theirs, table)
                assert int((words != theirs).sum()) == 0, where
                compared += len(words)
        senders = [(v.key, v.mask) for v in ours.vertices if v.key is not None]
        for _, _, key, mask, _ in image["routing"].tolist():  # each is for one of our cores or for several
            assert any(core & mask == key and mask & ~own == 0 for core, own in senders), hex(key)
        return compared

    return same


@pytest.fixture(scope="session")
def paths_from():
    """(machine, chip) -> shortest paths to all others, nearest first: chip -> (chip before, link out of that)."""

    @cache
    def paths(machine, source):
        graph = graph_of(machine)
        even = np.full(graph.beyond.shape, 64)
        before = spanning_tree(graph.beyond, graph.number[source], np.arange(6), even)
        after = {k: np.flatnonzero(before[:, 0] == k).tolist() for k in range(len(graph.chips))}
        found, queue = {}, [graph.number[source]]
        for k in queue:
            queue += after[k]
            found |= {graph.chips[j]: (graph.chips[k], int(before[j, 1])) for j in after[k]}
        return found

    return paths
