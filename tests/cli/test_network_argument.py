"""Network files and .nir files on the command line."""

import json

import nir
import numpy as np
import pytest

import neurosim as ns
from neurosim.cli import main
from neurosim.interchange.nir import write_nir


@pytest.fixture
def net():
    net = ns.Network(dt=1e-3)
    net.output(net.population("n", 3, ns.LIF(current=1.5, refractory=2e-3)))
    return net


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out or "null"), printed.err


def test_both_kinds_of_file_hold_the_same_network(net, tmp_path, capsys):
    net.save(tmp_path / "net.h5")
    write_nir(net, tmp_path / "net.nir")
    results = []
    for name in ("net.h5", "net.nir"):
        code, result, _ = run(capsys, "simulate", tmp_path / name, "--duration", "0.2")
        assert code == 0
        results.append(result)
        code, facts, _ = run(capsys, "info", tmp_path / name)
        assert code == 0
        assert facts["populations"] == {"n": {"model": "LIF", "shape": [3]}}
    assert results[0] == results[1]


def test_a_plain_nir_file_needs_dt_and_dialect(tmp_path, capsys):
    path = tmp_path / "plain.nir"
    parameters = {
        name: np.array([v]) for name, v in {"tau": 1e-2, "r": 1.0, "v_leak": 2.0, "v_threshold": 1.0}.items()
    }
    nir.write(path, nir.NIRGraph.from_list(nir.LIF(**parameters)))
    code, _, said = run(capsys, "simulate", path, "--duration", "0.1")
    assert code == 2
    assert "--dt" in said
    code, _, said = run(capsys, "simulate", path, "--duration", "0.1", "--dt", "1e-3")
    assert code == 2
    assert "--dialect NAME, one of continuous, lava" in said
    code, result, said = run(
        capsys, "simulate", path, "--duration", "0.1", "--dt", "1e-3", "--dialect", "norse"
    )
    assert code == 0
    assert result["steps"] == 100
    assert "NIR states no time step" in said
    code, facts, _ = run(capsys, "info", path)
    assert code == 0
    assert facts["kind"] == "plain NIR"
    assert "LIF" in facts["nodes"].values()
