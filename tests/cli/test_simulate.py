"""The options of ``neurosim simulate`` that say how a run goes."""

from __future__ import annotations

import json
import signal
import sys

import numpy as np
import pytest

from neurosim.cli import main
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.progress import RunProgress
from neurosim.engine.recording import State
from neurosim.engine.storage.recording_file import load_recording
from neurosim.network import Network
from neurosim.neurons.lif import LIF
from neurosim.spikes import Spikes
from neurosim.spikes_file import save_spikes


@pytest.fixture
def folder(tmp_path):
    net = Network(dt=1e-3)
    net.input("in", 4)
    net.population("p", 5, LIF(tau_membrane=10e-3))
    net.connect("in", "p", AllToAll(), weight=0.6, delay=2e-3)
    net.output("p")
    net.save(tmp_path / "net.h5")
    fired = np.random.default_rng(0).random((60, 2, 4)) < 0.3
    for name, part in (("all", fired), ("first", fired[:25]), ("second", fired[25:])):
        save_spikes({"in": Spikes.from_dense(part, dt=1e-3)}, tmp_path / f"{name}.npz")
    return tmp_path


def simulate(capsys, folder, spikes: str, *more: object) -> tuple[int, dict]:
    arguments = ["simulate", folder / "net.h5", "--input", folder / f"{spikes}.npz", "--record", "p:v", *more]
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out or "null")


def test_a_run_goes_on_from_a_state(folder, capsys) -> None:
    state = folder / "state.h5"
    assert simulate(capsys, folder, "all", "--out", folder / "all.h5")[0] == 0
    assert simulate(capsys, folder, "first", "--save-state", state)[0] == 0
    assert simulate(capsys, folder, "second", "--state", state, "--out", folder / "second.h5")[0] == 0
    whole, rest = (load_recording(folder / f"{name}.h5") for name in ("all", "second"))
    assert len(rest["p"].spikes) > 5
    assert whole.between(25, 60)["p"].spikes == rest["p"].spikes
    assert np.array_equal(whole["p"].v[25:], rest["p"].v)
    other = Network(dt=1e-3)
    other.population("p", 5, LIF(tau_membrane=11e-3))
    other.save(folder / "net.h5")
    assert main(["simulate", str(folder / "net.h5"), "--duration", "0.01", "--state", str(state)]) == 2
    assert "another network" in capsys.readouterr().err


def test_to_writes_the_recording_as_it_goes(folder, capsys) -> None:
    assert simulate(capsys, folder, "all", "--out", folder / "out.h5")[0] == 0
    code, result = simulate(capsys, folder, "all", "--to", folder / "to.h5", "--threads", 1)
    assert code == 0
    assert result["recording"] == str(folder / "to.h5")
    assert result["complete"]
    a, b = load_recording(folder / "out.h5"), load_recording(folder / "to.h5")
    assert a["p"].spikes == b["p"].spikes
    assert np.array_equal(a["p"].v, b["p"].v)
    assert result["populations"][0]["spikes_per_sample"] == len(a["p"].spikes) / 2
    assert not list(folder.glob("*.part"))
    assert simulate(capsys, folder, "all", "--record", "p:counts", "--out", folder / "counts.h5") == (
        0, {**result, "recording": str(folder / "counts.h5")}
    )  # fmt: skip
    counted = load_recording(folder / "counts.h5")["p"]
    assert counted.recorded == ("counts",)
    assert np.array_equal(counted.counts, a["p"].spikes.counts())
    both = ["simulate", str(folder / "net.h5"), "--duration", "0.01", "--out", "x.h5", "--to", "y.h5"]
    assert main(both) == 2
    assert "--out, --to" in capsys.readouterr().err


def test_single_precision_and_a_bar(folder, capsys) -> None:
    arguments = ["simulate", folder / "net.h5", "--input", folder / "all.npz", "--record", "p:v"]
    arguments += ["--precision", "single", "--progress", "--out", folder / "out.h5"]
    assert main([*map(str, arguments)]) == 0
    shown = capsys.readouterr()
    assert "100%|" in shown.err
    assert "%|" not in shown.out
    v = load_recording(folder / "out.h5")["p"].v
    assert np.array_equal(v, v.astype(np.float32))
    assert main(["simulate", str(folder / "net.h5"), "--duration", "0.01", "--no-progress"]) == 0
    assert "%|" not in capsys.readouterr().err


def test_an_interrupted_run_keeps_what_it_has(folder, capsys, monkeypatch) -> None:
    """Ctrl-C while a run of a hundred hours goes on."""
    module = sys.modules["neurosim.engine.simulate"]  # the package has the function under this name
    run = module.simulate

    def interrupt(done: RunProgress) -> None:
        if not seen:
            signal.raise_signal(signal.SIGINT)
        seen.append(done)

    seen: list[RunProgress] = []
    monkeypatch.setattr(module, "simulate", lambda *a, **o: run(*a, **o, progress=interrupt))
    arguments = ["simulate", str(folder / "net.h5"), "--duration", "360000", "--threads", "1"]
    arguments += ["--save-state", str(folder / "state.h5"), "--to", str(folder / "to.h5"), "--json"]
    assert main(arguments) == 130
    shown = capsys.readouterr()
    assert "interrupted; what was recorded is kept" in shown.err
    result = json.loads(shown.out)
    assert not result["complete"]
    assert 0 < result["steps"] < 360_000_000
    recording, state = load_recording(folder / "to.h5"), State.load(folder / "state.h5")
    assert recording.steps == state.step == result["steps"]


def test_what_the_options_refuse(folder, capsys) -> None:
    base = ["simulate", str(folder / "net.h5"), "--duration", "0.01"]
    for more in (["--threads=-1"], ["--backend", "abacus"], ["--state", str(folder / "all.npz")]):
        assert main([*base, *more]) == 2
    with pytest.raises(SystemExit) as left:
        main([*base, "--precision", "half"])
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
