"""Run as a script: sPyNNaker on a virtual board makes the memory of a network, which is written to one NPZ file.

    python spynnaker_host.py network.npz image.npz
    python spynnaker_host.py home image.npz         only gathers what another script has made in its home folder
    python spynnaker_host.py                        runs the scripts that it reads of, one after the other

``network.npz`` is what `host_image` in conftest.py writes; ``image.npz`` has the keys of the reference images
(placements, routing, regions, r_x_y_p_region). Without arguments each line of input is a list in JSON, a home folder
and a script with its arguments; the line that answers is the script's exit status, and ``home/log`` has what it
printed. Each runs in a process of its own that begins where sPyNNaker is imported, which takes ten times as long as a
small network.
"""

import json
import os
import runpy
import sqlite3
import sys
from pathlib import Path

import numpy as np


def build(net):
    import pyNN.spiNNaker as sim

    described = json.loads(str(net["network"]))
    sim.setup(timestep=described["timestep"])
    made = {}
    for p in described["populations"]:
        parameters = {key: net[f"{p['name']} {key}"] for key in p["parameters"]}
        if p["cell"] == "SpikeSourceArray":
            made[p["name"]] = sim.Population(
                p["size"], sim.SpikeSourceArray([[1.0]] * p["size"]), label=p["name"]
            )
        else:
            values = {key: v.tolist() for key, v in parameters.items()}
            state = {key: net[f"{p['name']} initial {key}"].tolist() for key in p["initial_values"]}
            made[p["name"]] = sim.Population(
                p["size"], getattr(sim, p["cell"])(**values), label=p["name"], initial_values=state,
                n_synapse_cores=0, **p["options"],
            )  # fmt: skip
        if p["atoms"] is not None:
            made[p["name"]].set_max_atoms_per_core(p["atoms"])
    for k, p in enumerate(described["projections"]):
        synapse = sim.StaticSynapse()
        if p["stdp"] is not None:
            rule = dict(p["stdp"])
            dependence = {
                "ADDITIVE": sim.AdditiveWeightDependence,
                "MULTIPLICATIVE": sim.MultiplicativeWeightDependence,
            }
            timing = {"ALL": sim.SpikePairRule, "NEAREST": sim.extra_models.SpikeNearestPairRule}[
                rule.pop("pairing")
            ]
            weights = dependence[rule.pop("dependence")](w_min=rule.pop("w_min"), w_max=rule.pop("w_max"))
            synapse = sim.STDPMechanism(timing_dependence=timing(**rule), weight_dependence=weights)
        connector = sim.FromListConnector(net[f"list {k}"])
        sim.Projection(
            made[p["pre"]], made[p["post"]], connector, synapse_type=synapse, receptor_type=p["receptor"]
        )
    sim.run(10)
    sim.end()


def collect(report):
    """The image of the last run: see the reference images."""
    database = sqlite3.connect(report / "ds.sqlite3")
    rows = database.execute("SELECT x, y, p, region_num, region_label, size, content FROM region").fetchall()
    database.close()
    image = {
        f"r_{x}_{y}_{p}_{r}": np.frombuffer(words, np.uint32) for x, y, p, r, _, _, words in rows if words
    }
    image["regions"] = np.array(json.dumps([row[:6] for row in rows]))
    tables = json.loads((report / "json_files" / "routing_tables.json").read_text())
    entries = [
        (t["x"], t["y"], e["key"], e["mask"], e["spinnaker_route"]) for t in tables for e in t["entries"]
    ]
    image["routing"] = np.array(entries, np.int64).reshape(-1, 5)
    places = json.loads((report / "json_files" / "placements.json").read_text())
    image["placements"] = np.array(json.dumps([[p["x"], p["y"], p["p"], p["vertex_label"]] for p in places]))
    return image


def become(home, script, *arguments):
    """Run a script in this process, as Python does with a home of its own."""
    log = os.open(Path(home, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["HOME"] = home
    os.chdir(home)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


def serve():
    import pyNN.spiNNaker  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            return become(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def main(home, made):
    home = Path(home)
    if home.is_file():
        with np.load(home) as net:
            build(net)
        home = Path.home()
    (report,) = home.glob("reports/*/run_1")
    np.savez(made, **collect(report))


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[1:] else serve()
