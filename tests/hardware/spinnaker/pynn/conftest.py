"""Reference networks as a PyNN script describes them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP

CELLS = {"IFCurrExpBase": "IF_curr_exp", "IFCurrDelta": "IF_curr_delta", "IFCondExpBase": "IF_cond_exp"}
SHARED_OPTIONS = ("max_expected_summed_weight", "ring_buffer_sigma", "spikes_per_second")


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
