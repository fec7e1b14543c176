from __future__ import annotations

import json

import numpy as np
import pytest

from neurosim.cli import main
from neurosim.connectivity.rules import AllToAll
from neurosim.network import Network
from neurosim.neurons.lif import LIF
from neurosim.spikes import Spikes
from neurosim.spikes_file import save_spikes


def test_installation_as_json(capsys) -> None:
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["packages"]["core"]["numpy"] == np.__version__
    assert set(facts["targets"]) >= {"loihi1", "loihi2", "spinnaker", "crossbar"}
    assert facts["kernel cache"]


def test_installation_as_text(capsys) -> None:
    assert main(["info"]) == 0
    assert "kernel cache" in capsys.readouterr().out


def test_network_and_spikes_files(tmp_path, capsys) -> None:
    net = Network(dt=1e-3, seed=3)
    source, out = net.input("in", 3), net.population("out", 2, LIF(tau_membrane=10e-3))
    net.connect(source, out, AllToAll())
    net.output(out)
    net.save(tmp_path / "net.h5")
    assert main(["info", str(tmp_path / "net.h5"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["populations"] == {"out": {"model": "LIF", "shape": [2]}}
    assert facts["projections"] == {"in->out": "AllToAll"}
    save_spikes({"in": Spikes([0], [1], [2], shape=3, dt=1e-3, steps=5)}, tmp_path / "in.npz")
    assert main(["info", str(tmp_path / "in.npz")]) == 0
    assert "1 spikes" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["none", "foreign.h5", "foreign.npz", "folder"])
def test_files_of_no_known_kind(name: str, tmp_path, capsys) -> None:
    if name.startswith("foreign"):
        (tmp_path / name).write_text("something else")
    elif name == "folder":
        (tmp_path / name).mkdir()
    assert main(["info", str(tmp_path / name)]) == 2
    assert "neurosim: error:" in capsys.readouterr().err
