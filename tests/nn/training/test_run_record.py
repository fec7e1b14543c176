from __future__ import annotations

import json

import numpy as np
import torch

import neurosim as ns
from neurosim import nn
from neurosim.nn.training.run_record import run_record, write_run


def test_equal_data_have_equal_fingerprints(make_data):
    spikes, labels = make_data()
    parts = [
        spikes.sample.astype(np.int64), spikes.step.astype(np.int64), spikes.neuron.astype(np.int64),
    ]  # fmt: skip
    frame = {"shape": spikes.shape, "dt": spikes.dt, "steps": spikes.steps, "samples": spikes.samples}
    known = nn.fingerprint(spikes, labels)
    assert nn.fingerprint(ns.Spikes(*parts, **frame), labels.tolist()) == known
    assert len(known) == 64
    changed = [
        nn.fingerprint(spikes), nn.fingerprint(spikes, 1 - labels), nn.fingerprint(spikes.shift(1), labels),
        nn.fingerprint(ns.Spikes(*parts, **{**frame, "steps": 16}), labels),
        nn.fingerprint(ns.Spikes(*parts, np.full(len(spikes), 2), **frame), labels),
    ]  # fmt: skip
    assert len({known, *changed}) == 6


def test_a_training_tells_all_it_takes_to_repeat_it(make_module, make_data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["/home/someone/bin/neurosim", "train", "--out=/home/someone/net.h5", "a/b"]
    )
    spikes, labels = make_data()
    module = make_module()
    history = nn.fit(module, spikes, labels, epochs=2, seed=7, clip=0.5, run=tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    record = json.loads(text)
    assert record["command"] == ["neurosim", "train", "--out=net.h5", "a/b"]
    assert record["versions"]["torch"] == torch.__version__
    assert {"neurosim", "python", "numpy", "numba"} <= set(record["versions"])
    settings = record["settings"]
    assert (settings["seed"], settings["epochs"], settings["clip"]) == (7, 2, 0.5)
    assert settings["data"] == nn.fingerprint(spikes, labels)
    assert "Adam" in settings["optimiser"]
    assert "betas" in settings["optimiser"]
    assert record["module"]["parameters"] == 6 * 8 + 8 * 2
    assert record["module"]["text"] == repr(module)
    assert record["host"]["precision"] == "float32"
    assert [nn.Epoch.from_json(e) for e in record["history"]] == list(history)
    assert "/home" not in text
    assert str(tmp_path) not in text


def test_what_is_not_finite_is_null(make_module, tmp_path):
    epoch = nn.Epoch(epoch=0, loss=float("nan"), accuracy=0.5, spikes=(), seconds=1.0)
    record = run_record(make_module(), {"limit": float("inf")}, [epoch], extra={"note": "mine"})
    write_run(tmp_path / "run.json", record)
    found = json.loads((tmp_path / "run.json").read_text())
    assert found["settings"] == {"limit": None}
    assert found["history"][0]["loss"] is None
    assert found["note"] == "mine"
