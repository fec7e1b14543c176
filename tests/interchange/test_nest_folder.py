"""The hand-over to NEST under MPI: the script of the folder, and what is made of the files of its processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import Record, Recording
from neurosim.errors import DescriptionError, FileFormatError, UnsupportedError
from neurosim.interchange.nest_folder import merge_ranks, run_rank, write_script
from neurosim.plasticity.options import DelaySite, Delivered, SameStep, WeightUpdate

nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")

RECORD = {"a": Record("counts", "spikes", "v"), "b": Record("counts", "v", "i", every=2e-3, neurons=(3, 1))}


def network() -> tuple[ns.Network, dict[str, Any]]:
    net = ns.Network(dt=1e-3, seed=1)
    net.input("x", 8)
    net.input("noise", 4, source=ns.RegularSource(interval=10e-3))
    net.population("a", 6, ns.LIF(threshold=0.5))
    net.population("b", 6, ns.CurrentLIF())
    rule = ns.STDP(
        delay_site=DelaySite.DENDRITIC, same_step=SameStep.IGNORED, delivered=Delivered.AFTER,
        weight_update=WeightUpdate.AT_PRESYNAPTIC, w_min=0.0, w_max=1.0,
    )  # fmt: skip
    net.connect("x", "a", ns.AllToAll(), weight=ns.Uniform(0, 0.3))
    net.connect("noise", "a", ns.AllToAll(), weight=0.2, delay=2e-3, plasticity=rule)
    net.connect("a", "b", ns.AllToAll(), weight=ns.Normal(0, 0.5), delay=ns.Uniform(2e-3, 5e-3))
    return net, {"x": np.random.default_rng(0).poisson(0.1, (60, 2, 8))}


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Path, Recording]:
    """A folder that was run by one process, and what `simulate` gives."""
    net, inputs = network()
    write_script(net, tmp_path / "run", inputs, record=RECORD, seed=3)
    assert run_rank(tmp_path / "run").name == "rank-0-of-1.npz"
    return tmp_path / "run", ns.simulate(net, inputs, record=RECORD, backend="nest", threads=1, seed=3)


def assert_equal(one: Recording, other: Recording) -> None:
    assert list(one) == list(other)
    for name in one:
        assert one[name].spikes == other[name].spikes
        assert np.array_equal(one[name].counts, other[name].counts)
        for variable, values in one[name].variables.items():
            assert np.array_equal(values, other[name].variables[variable])
    assert list(one.weights) == list(other.weights)
    for name, weights in one.weights.items():
        assert np.array_equal(weights, other.weights[name])


def test_the_folder_gives_what_simulate_gives(finished: tuple[Path, Recording]) -> None:
    folder, direct = finished
    assert_equal(merge_ranks(folder), direct)
    assert len(direct["a"].spikes) > 50
    assert np.ptp(direct.weights["noise->a"]) > 0.01


def split(folder: Path, ranks: int) -> None:
    """What this many processes would have written: neurons lie in turn in one after the other."""
    whole = folder / "rank-0-of-1.npz"
    with np.load(whole) as archive:
        arrays = dict(archive)
    whole.unlink()
    header = json.loads(arrays.pop("header").tobytes())
    target = np.repeat(np.arange(6)[None], 4, axis=0).reshape(-1)  # of the plastic projection
    tables = {name.rpartition(".")[0] for name in arrays}
    for rank in range(ranks):
        part = {}
        for table in tables:
            columns = {name: a for name, a in arrays.items() if name.rpartition(".")[0] == table}
            neurons = (
                target[columns[f"{table}.synapse"]] if ".weights." in table else columns[f"{table}.neuron"]
            )
            part |= {name: a[neurons % ranks == rank] for name, a in columns.items()}
        text = json.dumps({**header, "rank": rank, "ranks": ranks})
        part["header"] = np.frombuffer(text.encode(), np.uint8)
        np.savez(folder / f"rank-{rank}-of-{ranks}.npz", **part)


def test_the_files_of_three_processes_are_put_together(finished: tuple[Path, Recording]) -> None:
    folder, direct = finished
    split(folder, 3)
    assert_equal(merge_ranks(folder), direct)
    (folder / "rank-1-of-3.npz").unlink()
    with pytest.raises(FileFormatError, match="all processes"):
        merge_ranks(folder)


def test_files_that_are_damaged_or_of_another_run_are_refused(finished: tuple[Path, Recording]) -> None:
    folder, _ = finished
    path = folder / "rank-0-of-1.npz"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match="NEST process"):
        merge_ranks(folder)
    path.write_bytes(content)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["0.0.0.neuron"] = arrays["0.0.0.neuron"] + 6
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match="out of range"):
        merge_ranks(folder)
    path.write_bytes(content)
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "seed": 4}))
    with pytest.raises(FileFormatError, match="another run"):
        merge_ranks(folder)
    (folder / "run.json").write_text(json.dumps({**run, "version": 99}))
    with pytest.raises(FileFormatError, match="not a run for NEST"):
        merge_ranks(folder)


def test_a_folder_is_checked_before_it_is_written(tmp_path: Path) -> None:
    net, inputs = network()
    with pytest.raises(DescriptionError, match="not a population"):
        write_script(net, tmp_path / "one", inputs, record={"c": "spikes"})
    with pytest.raises(DescriptionError, match="number of threads"):
        write_script(net, tmp_path / "two", inputs, threads=0)
    net.population("adaptive", 1, ns.AdaptiveLIF())
    with pytest.raises(UnsupportedError, match="this model"):
        write_script(net, tmp_path / "three", inputs)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(DescriptionError, match="not empty"):
        write_script(network()[0], tmp_path, inputs)


@pytest.mark.parametrize("ranks", [1, 3])
def test_the_script_as_users_run_it(tmp_path: Path, ranks: int) -> None:
    """One process; under MPI, three."""
    command = [sys.executable]
    if ranks > 1:
        mpirun = shutil.which("mpirun")
        if mpirun is None:
            pytest.skip("mpirun is not installed")
        if not nest.build_info["have_mpi"]:
            pytest.skip("this NEST was built without MPI")
        command = [mpirun, "-n", str(ranks), *command]
    net, inputs = network()
    write_script(net, tmp_path / "run", inputs, record=RECORD, seed=3)
    done = subprocess.run(
        [*command, str(tmp_path / "run" / "run_nest.py")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "N E S T" not in done.stdout
    merged = merge_ranks(tmp_path / "run")
    direct = ns.simulate(net, inputs, record=RECORD, backend="nest", threads=1, seed=3)
    if ranks == 1:
        assert_equal(merged, direct)
    # several processes add up weights in another order
    for name in RECORD:
        assert merged[name].spikes == direct[name].spikes
        for variable, values in direct[name].variables.items():
            np.testing.assert_allclose(merged[name].variables[variable], values, rtol=0, atol=1e-12)
    for name, weights in direct.weights.items():
        np.testing.assert_allclose(merged.weights[name], weights, rtol=0, atol=1e-12)
