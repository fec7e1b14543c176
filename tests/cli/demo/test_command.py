"""The demo and the train verb, quick: every row, every panel, every file; and what happens without the data."""

from __future__ import annotations

import json
import sys

import pytest

from neurosim.analysis.report import PANELS
from neurosim.cli import main

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def out(tmp_path_factory, capfd_module):
    folder = tmp_path_factory.mktemp("demo") / "new"
    assert main(["demo", "--quick", "--json", "--out", str(folder)]) == 0
    return folder, *capfd_module()


@pytest.fixture(scope="module")
def capfd_module():
    """What the command wrote to stdout and stderr, once for the module."""
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield lambda: (out.getvalue(), err.getvalue())


def test_stdout_is_one_json_document_and_progress_goes_to_stderr(out) -> None:
    _, stdout, stderr = out
    result = json.loads(stdout)
    assert [(row["target"], row["run"]) for row in result["table"]] == [
        ("engine", "float"),
        ("spinnaker", "quantised"),
        ("spinnaker", "emulated"),
        ("loihi", "quantised"),
        ("loihi", "emulated"),
        ("crossbar", "quantised"),
        ("crossbar", "emulated"),
        ("crossbar", "emulated on 3 noisy devices"),
    ]
    assert "train     done in" in stderr


def test_accuracies_hang_together(out) -> None:
    """120 held-out digits after 8 epochs on 600: far above chance, and the targets close to the float network."""
    rows = {(r["target"], r["run"]): r for r in json.loads(out[1])["table"]}
    float_row = rows["engine", "float"]
    assert float_row["accuracy"] > 0.8
    for (target, run), row in rows.items():
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert abs(row["difference"]) <= (0.1 if target == "crossbar" else 0.05), (target, run)
        assert row["spikes_per_sample"] > 10
    assert float_row["as_float"] == 1


def test_files_are_there_and_the_report_is_complete(out) -> None:
    folder = out[0]
    page = (folder / "report.html").read_text()
    assert all(f"<h2>{name}</h2>" in page for name in PANELS)
    assert "Not part of this run" not in page
    numbers = json.loads((folder / "report.json").read_text())
    assert numbers["provenance"]["seed"] == 0
    assert set(numbers["divergence"]) == {"spinnaker", "loihi", "crossbar"}
    for name in numbers["divergence"]:
        assert (folder / "builds" / name / "manifest.json").is_file()
    assert (folder / "network.h5").is_file()


def test_builds_emulate_from_the_command_line(out, capsys) -> None:
    assert main(["info", str(out[0] / "builds" / "loihi")]) == 0
    assert main(["emulate", str(out[0] / "builds" / "loihi"), "--duration", "0.05", "--json"]) == 0
    assert '"populations"' in capsys.readouterr().out


def test_missing_data_and_missing_files_are_said_before_anything_is_written(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    assert main(["demo", "--data", "nmnist", "--out", str(tmp_path / "nothing")]) == 2
    assert "NEUROSIM_DATA" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(("package", "extra"), [("matplotlib.figure", "viz"), ("sklearn.datasets", "liquid")])
def test_a_missing_extra_is_named_at_once(package: str, extra: str, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["demo", "--quick", "--out", str(tmp_path / "nothing")]) == 2
    text = capsys.readouterr().err
    assert f"neurosim-toolkit[{extra}]" in text
    assert "train" not in text  # nothing was trained
    assert not (tmp_path / "nothing").exists()


def test_train_writes_a_network_and_goes_on_from_a_checkpoint(tmp_path, capsys) -> None:
    arguments = [
        "train",
        "--quick",
        "--epochs",
        "2",
        "--hidden",
        "16",
        "--json",
        "--out",
        str(tmp_path / "net.h5"),
    ]
    arguments += ["--checkpoint", str(tmp_path / "half.npz"), "--validation", "0.2", "--patience", "5"]
    arguments += ["--schedule", "one-cycle", "--clip", "1", "--curves", str(tmp_path / "curves.svg")]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(first["epochs"]) == 2
    assert all(0 <= epoch["validation_accuracy"] <= 1 for epoch in first["epochs"])
    record = json.loads((tmp_path / "net.run.json").read_text())
    assert record["history"] == first["epochs"]
    assert record["settings"]["samples"] == 480  # the test samples have no part in it
    assert "OneCycle" in record["settings"]["schedule"]
    assert str(tmp_path) not in json.dumps(record)
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")
    assert main(arguments) == 0  # finished already: nothing is trained again
    again = json.loads(capsys.readouterr().out)
    assert again["hash"] == first["hash"]
