"""The PyNN script: its arrays encode to the words of the build, and sPyNNaker itself makes the same memory of them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from neurosim import hardware
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, read_image
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.mapping.routes import Entry
from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.hardware.spinnaker.pynn.conversion import raw_weights
from neurosim.hardware.spinnaker.pynn.left_shift import shift_for
from neurosim.loss_report import LossKind
from neurosim.neurons import LIF, CurrentLIF

MODELS = [
    LIF(refractory=2e-3, current=0.1),
    CurrentLIF(tau_synapse=np.linspace(2e-3, 9e-3, 150), v_init=0.2, i_init=-0.1),
]


@pytest.fixture(params=MODELS, ids=lambda m: type(m).__name__)
def folder(request, small_network, tmp_path):
    net, _ = small_network(request.param, size=150, steps=10)
    build = hardware.compile(net, hardware.SpiNNaker(atoms_per_core=64), allow=tuple(LossKind))
    build.save(tmp_path / "b")
    return tmp_path / "b"


def test_the_script_holds_what_the_build_holds(folder):
    """Weights, parameters and sums, encoded as the host does, are the raw weights, words and shifts of the build."""
    script = (folder / "run.py").read_text()
    compile(script, "run.py", "exec")
    shifts = json.loads((folder / "manifest.json").read_text())["settings"]["left_shift"]
    calls = re.findall(r"population\('(\w)'.*(\[[\d., ]+\])\)", script)
    assert [name for name, _ in calls] == ["a", "b"]
    for name, sums in calls:
        assert [shift_for(s) for s in json.loads(sums)] == shifts[name]
    image = read_image(folder)
    started = start(image, read_machine())
    with np.load(folder / "pynn.npz") as arrays:
        lists = [n for n in arrays.files if n.endswith(("excitatory", "inhibitory"))]
        raw = []
        for name in lists:
            shift = shifts[name[name.index(">") + 1]][name.endswith("inhibitory")]
            raw.append(raw_weights(arrays[name][:, 2], shift))
        np.testing.assert_array_equal(np.sort(np.concatenate(raw)), np.sort(started.synapses.weight))
        for name in "ab":
            where = slice(started.first[name], started.first[name] + 150)
            cells = accum(arrays[f"cells {name}"])
            np.testing.assert_array_equal(cells[:, 6], started.constants.threshold[where])
            np.testing.assert_array_equal(accum(arrays[f"state {name}"][:, 0]), started.state.v[where])


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_spynnaker_writes_the_same_memory(folder, tmp_path):
    """sPyNNaker runs the script on its virtual board; regions 1, 2 and 4 are equal word by word, and its own rows,
    tables, keys and routes, read by our start-up, make the same synapses."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".spynnaker.cfg").write_text(
        "[Machine]\nvirtual_board = True\nversion = 5\n[Reports]\nwrite_network_graph = False\n"
        "keep_dataspec_database = True\nkeep_json_files = True\n"
        "write_json_placements = True\nwrite_json_routing_tables = True\n"
    )
    np.savez(tmp_path / "inputs.npz", **{"in": np.array([[1, 0], [2, 5]])})
    run = subprocess.run(
        [sys.executable, folder / "run.py", tmp_path / "inputs.npz", tmp_path / "spikes.npz", "20"],
        cwd=home, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    (report,) = home.glob("reports/*/run_1")
    database = sqlite3.connect(report / "ds.sqlite3")
    rows = database.execute(
        "SELECT x, y, p, region_num, content FROM region WHERE content IS NOT NULL"
    ).fetchall()
    database.close()
    memory = {}
    for x, y, p, region, content in rows:
        memory.setdefault((x, y, p), {})[region] = np.frombuffer(content, np.uint32)
    tables = {
        (t["x"], t["y"]): [Entry(e["key"], e["mask"], e["spinnaker_route"]) for e in t["entries"]]
        for t in json.loads((report / "json_files" / "routing_tables.json").read_text())
    }
    places = {
        p["vertex_label"]: (p["x"], p["y"], p["p"])
        for p in json.loads((report / "json_files" / "placements.json").read_text())
    }
    ours = read_image(folder)
    theirs = []
    for v in ours.vertices:
        x, y, p = places[v.label]
        theirs.append(replace(v, x=x, y=y, p=p))
        if v.model is not None:
            for region in (Region.CORE, Region.PARAMETERS, Region.SYNAPSE_PARAMETERS):
                words = ours.regions[v.place][int(region)]
                np.testing.assert_array_equal(
                    words, memory[x, y, p][int(region)], err_msg=f"{v.label} {region.name}"
                )
    machine = read_machine()
    started = [start(image, machine) for image in (ours, MachineImage(tuple(theirs), memory, tables))]
    synapses = []
    for s in (s.synapses for s in started):
        source = np.repeat(np.arange(len(s.row_start) - 1), np.diff(s.row_start))
        columns = np.stack([source, s.target, s.receptor, s.delay, s.weight])
        synapses.append(columns[:, np.lexsort(columns)])
    np.testing.assert_array_equal(*synapses)
