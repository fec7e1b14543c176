"""simulate, compile, emulate and compare, chained through files as a user would."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurosim.cli import main
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.simulate import simulate
from neurosim.engine.storage.recording_file import load_recording, save_recording
from neurosim.network import Network
from neurosim.neurons.lif import LIF
from neurosim.random import key, normal, uniform
from neurosim.spikes import Spikes
from neurosim.spikes_file import save_spikes

DT, STEPS = 1e-3, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pipeline")
    net = Network(dt=DT, seed=0)
    source = net.input("in", 8)
    hidden = net.population("hidden", 6, LIF(tau_membrane=10e-3, threshold=1.0))
    out = net.population("out", 3, LIF(tau_membrane=10e-3, threshold=1.0))
    k = key(0, "weight", "test")
    net.connect(source, hidden, AllToAll(), weight=normal(k, np.arange(48)).reshape(8, 6) * 0.6, delay=2e-3)
    net.connect(hidden, out, AllToAll(), weight=normal(k, np.arange(18), 1).reshape(6, 3) * 3 + 1, delay=1e-3)
    net.output(out)
    net.save(place / "net.h5")
    fired = uniform(key(0, "encode", "test"), np.arange(STEPS * 2 * 8)).reshape(STEPS, 2, 8) < 0.3
    save_spikes({"in": Spikes.from_dense(fired, dt=DT)}, place / "in.npz")
    return place


def run(capsys, *arguments: object) -> tuple[int, dict]:
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out or "null")


def test_simulate(folder, capsys) -> None:
    out = folder / "float.h5"
    arguments = ("simulate", folder / "net.h5", "--input", folder / "in.npz", "--out", out)
    code, result = run(capsys, *arguments, "--record", "hidden:v", "--record", "out")
    assert code == 0
    assert (result["steps"], result["samples"]) == (STEPS, 2)
    from neurosim.spikes_file import load_spikes

    net = Network.load(folder / "net.h5")
    expected = simulate(net, load_spikes(folder / "in.npz"), record={"hidden": "spikes", "out": "spikes"})
    read = load_recording(out)
    assert list(read["hidden"].variables) == ["v"]
    for name in ("hidden", "out"):
        assert read[name].spikes == expected[name].spikes
        assert len(expected[name].spikes) > 5


def test_simulate_refuses_what_does_not_fit(folder, tmp_path, capsys) -> None:
    wrong = tmp_path / "wrong.npz"
    save_spikes({"other": Spikes([], [], [], shape=8, dt=DT, steps=3)}, wrong)
    out = tmp_path / "out.h5"
    for bad in (wrong, folder / "net.h5", folder / "none.npz"):
        assert main(["simulate", str(folder / "net.h5"), "--input", str(bad), "--out", str(out)]) == 2
    assert main(["simulate", str(folder / "net.h5"), "--record", "nobody", "--duration", "0.01"]) == 2
    assert main(["simulate", str(folder / "in.npz"), "--duration", "0.01"]) == 2
    assert not out.exists()
    assert "Traceback" not in capsys.readouterr().err


def test_compare_passes_and_fails(folder, capsys) -> None:
    arguments = [
        "simulate",
        folder / "net.h5",
        "--input",
        folder / "in.npz",
        "--record",
        "hidden:v",
        "--record",
        "out",
    ]
    run(capsys, *arguments, "--out", folder / "a.h5")
    run(capsys, *arguments, "--out", folder / "b.h5")
    assert run(capsys, "compare", folder / "a.h5", folder / "b.h5")[0] == 0
    arguments = ["simulate", folder / "net.h5", "--record", "hidden:v", "--record", "out"]
    silent = folder / "silent.npz"
    save_spikes({"in": Spikes([], [], [], shape=8, dt=DT, steps=STEPS, samples=2)}, silent)
    run(capsys, *arguments, "--input", silent, "--out", folder / "b.h5")
    code, result = run(capsys, "compare", folder / "a.h5", folder / "b.h5")
    assert code == 1
    assert result["first"]["population"] == "hidden"
    assert result["passed"] is False
    assert run(capsys, "compare", folder / "a.h5", folder / "b.h5", "--tolerance", 1)[0] == 0
    assert main(["compare", str(folder / "a.h5"), str(folder / "net.h5")]) == 2


@pytest.mark.parametrize("target", ["loihi1", "loihi2", "spinnaker", "crossbar"])
def test_compile_and_emulate(target: str, folder, tmp_path, capsys) -> None:
    out = tmp_path / "build"
    arguments = [
        "compile",
        folder / "net.h5",
        "--target",
        target,
        "--out",
        out,
        "--calibration",
        folder / "in.npz",
    ]
    code, result = run(capsys, *arguments)
    assert code == 0
    assert (out / "manifest.json").is_file()
    assert result["folder"] == str(out)
    assert all((out / name).stat().st_size == size for name, size in result["files"].items())
    recording = tmp_path / "device.h5"
    arguments = ["emulate", out, "--input", folder / "in.npz", "--record", "hidden:v", "--record", "out"]
    code, result = run(capsys, *arguments, "--out", recording)
    assert code == 0
    assert (result["steps"], result["samples"]) == (STEPS, 2)
    arguments = ["simulate", folder / "net.h5", "--input", folder / "in.npz", "--record", "hidden:v"]
    run(capsys, *arguments, "--record", "out", "--out", tmp_path / "float.h5")
    code, result = run(capsys, "compare", tmp_path / "float.h5", recording, "--build", out)
    assert code == (0 if result["agree"] else 1)
    # few spikes near the threshold: a noisy device moves most of them, the digital ones and the ideal cells hardly any
    assert result["rate"] < (1.0 if target == "crossbar" else 0.1)
    if not result["agree"]:
        assert result["first"]["cause"]["kind"] != "unknown"


def test_a_report_is_written_on_request(folder, tmp_path, capsys) -> None:
    pytest.importorskip("matplotlib")
    base = ["compile", folder / "net.h5", "--target", "spinnaker", "--out", tmp_path / "build"]
    code, result = run(capsys, *base, "--report", tmp_path / "report")
    assert code == 0
    assert result["report"] == [str(tmp_path / "report" / name) for name in ("report.html", "report.json")]
    assert "<h2>Saturation</h2>" in (tmp_path / "report" / "report.html").read_text()
    assert run(capsys, *base)[1]["report"] == []


def test_options_of_a_target(folder, tmp_path, capsys) -> None:
    base = ["compile", folder / "net.h5", "--out", tmp_path / "build", "--target", "crossbar"]
    code, result = run(capsys, *base, "--set", "profile=ideal", "--set", "rows=16", "--set", "adc_bits=24")
    assert code == 0
    assert result["profile"] == "ideal"
    for verb in (["simulate", folder / "net.h5"], ["emulate", tmp_path / "build"]):
        run(capsys, *verb, "--input", folder / "in.npz", "--out", tmp_path / f"{verb[0]}.h5")
    arguments = [
        "compare",
        tmp_path / "simulate.h5",
        tmp_path / "emulate.h5",
    ]  # converters finer than the weights
    assert run(capsys, *arguments)[0] == 0
    for bad in ("rows", "nothing=3", "rows=-1", "profile=none-such"):
        assert main([*map(str, base), "--set", bad]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_overflow_can_be_an_error(folder, tmp_path, capsys) -> None:
    """A hidden neuron of this network is driven far below the range of Loihi 2's state register."""
    out = tmp_path / "build"
    assert run(capsys, "compile", folder / "net.h5", "--target", "loihi2", "--out", out)[0] == 0
    code, result = run(capsys, "emulate", out, "--input", folder / "in.npz")
    assert (code, result["events"].keys()) == (0, {"saturation"})
    assert main(["emulate", str(out), "--input", str(folder / "in.npz"), "--overflow", "raise"]) == 2


def test_what_is_refused_leaves_nothing_behind(folder, tmp_path, capsys) -> None:
    out = tmp_path / "build"
    base = ["compile", str(folder / "net.h5"), "--out", str(out)]
    assert main([*base, "--target", "abacus"]) == 2
    assert "loihi1" in capsys.readouterr().err  # names what there is
    assert main([*base, "--target", "crossbar", "--allow", ""]) == 2
    assert "allow" in capsys.readouterr().err
    assert main([*base, "--target", "crossbar", "--allow", "everything"]) == 2
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    assert main([*base, "--target", "crossbar"]) == 2
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


def test_a_damaged_build_is_refused(folder, tmp_path, capsys) -> None:
    out = tmp_path / "build"
    assert main(["compile", str(folder / "net.h5"), "--target", "loihi1", "--out", str(out)]) == 0
    victim = next(p for p in sorted(out.iterdir()) if p.name != "manifest.json")
    victim.write_bytes(victim.read_bytes()[:-1])
    capsys.readouterr()
    assert main(["emulate", str(out), "--input", str(folder / "in.npz")]) == 2
    assert victim.name in capsys.readouterr().err


def test_a_run_without_input_needs_a_duration(folder, capsys) -> None:
    for verb in (["simulate", str(folder / "net.h5")], ["emulate", str(folder)]):
        assert main(verb) == 2
        assert "--input FILE, or --duration" in capsys.readouterr().err


def test_comparison_names_the_files_and_the_tolerance(folder, capsys) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        net = Network.load(folder / "net.h5")
        x = uniform(key(seed, "encode", "test"), np.arange(STEPS * 8)).reshape(STEPS, 1, 8) < 0.3
        save_recording(simulate(net, {"in": Spikes.from_dense(x, dt=DT)}), folder / f"{name}.h5")
    assert main(["compare", str(folder / "one.h5"), str(folder / "two.h5")]) == 1
    said = capsys.readouterr().out
    assert "in one and" in said
    assert "FAILED" in said
    assert main(["compare", str(folder / "one.h5"), str(folder / "one.h5")]) == 0
    assert "passed" in capsys.readouterr().out
