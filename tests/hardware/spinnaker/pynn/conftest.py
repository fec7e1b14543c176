"""Reference networks as a PyNN script describes them, and sPyNNaker's host as an oracle for networks of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP

CELLS = {"IFCurrExpBase": "IF_curr_exp", "IFCurrDelta": "IF_curr_delta", "IFCondExpBase": "IF_cond_exp"}
SHARED_OPTIONS = ("max_expected_summed_weight", "ring_buffer_sigma", "spikes_per_second")
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


@dataclass
class Reference:
    """A reference network. ``folder``: where its file lies; ``name``: of the network; ``steps``: of its run."""

    name: str
    folder: Path
    network: PyNNNetwork
    steps: int


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
    return Reference(described["name"], path.parent, network, int(described["T"]))


@pytest.fixture(scope="session")
def pynn_reference():
    """A function from the path of a ``net_*.npz`` to its `Reference`."""
    return read_reference


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
        script = Path(__file__).parent.parent / "spynnaker_host.py"
        spynnaker(script, folder / "network.npz", folder / "image.npz")
        with np.load(folder / "image.npz") as file:
            return dict(file)

    return image_of
