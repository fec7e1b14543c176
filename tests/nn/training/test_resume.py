"""A training that is killed goes on from its checkpoint as if nothing had happened."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import FileFormatError

# Run here, and in a process that kills itself before update KILL: noise is drawn anew in every update.
TRAINING = """
import os, signal, sys
import numpy as np
import torch
import neurosim as ns
from neurosim import neurons, nn

KILL = int(sys.argv[2]) if __name__ == "__main__" else None

def noise(weight, *, seed, index):
    if index == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    rng = np.random.default_rng(index)
    return weight * torch.tensor(1 + 0.1 * rng.normal(size=tuple(weight.shape)), dtype=weight.dtype)

class TorchDropout(nn.Transform):
    # draws from PyTorch's own generator
    def forward(self, x, state=None):
        return torch.nn.functional.dropout(x, 0.2, self.training), None

def make():
    model = neurons.LIF(tau_membrane=10e-3)
    return nn.Sequential(
        nn.DelayLinear(6, 8, 4, seed=1, gain=2.0), nn.BatchNorm(8), nn.LIF(model, 8, dt=1e-3),
        TorchDropout(), nn.Dropout(0.2), nn.Linear(8, 2, noise=noise, seed=2), nn.LIF(model, 2, dt=1e-3),
    )

def data(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 30)
    x = rng.uniform(size=(12, 30, 6)) < np.where((np.arange(6) < 3) == y[:, None], 0.3, 0.1)
    return ns.Spikes.from_dense(x, dt=1e-3), y

def train(checkpoint, **options):
    module = make()
    settings = dict(
        epochs=4, batch_size=8, rate=0.02, weight_decay=0.01, clip=1.0, schedule=nn.OneCycle(), checkpoint_every=3,
        round_delays_after=3, validation=data(1), early_stopping=nn.EarlyStopping(patience=2),
    )
    return nn.fit(module, *data(0), checkpoint=checkpoint, **(settings | options)), module

if __name__ == "__main__":
    train(sys.argv[1])
"""


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "here"}
    exec(TRAINING, namespace)
    return namespace


@pytest.fixture(scope="module")
def whole(here, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return *here["train"](folder / "training.npz"), folder / "training.npz"


def timeless(history):
    return [dataclasses.replace(epoch, seconds=0.0) for epoch in history]


def assert_same(found, wanted):
    assert timeless(found[0]) == timeless(wanted[0])
    mine, theirs = found[1].state_dict(), wanted[1].state_dict()
    assert list(mine) == list(theirs)
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


def test_a_training_that_was_killed_ends_bit_for_bit_where_it_would_have_ended(here, whole, tmp_path):
    path = tmp_path / "training.npz"
    script = [
        sys.executable,
        "-c",
        TRAINING,
        str(path),
        "10",
    ]  # in its third epoch, a batch after a checkpoint
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["training.npz"]
    left = nn.training.checkpoint.load_checkpoint(path, settings_of(path))
    assert (left["epoch"], left["batch"]) == (2, 1)
    assert_same(here["train"](path), whole)
    assert whole[0][-1].epoch == 3
    assert min(e.gradient for e in whole[0]) > 0


def settings_of(path):
    with np.load(path) as archive:
        import json

        return json.loads(archive["header"].tobytes())["settings"]


def test_a_finished_training_is_only_read(here, whole, tmp_path):
    before = whole[2].read_bytes()
    assert_same(here["train"](whole[2]), whole)
    assert whole[2].read_bytes() == before


def test_checkpoints_change_nothing(here, whole):
    assert_same(here["train"](None), whole)


def test_another_training_is_refused_and_the_module_left_alone(here, whole):
    before = whole[2].read_bytes()
    for options in ({"rate": 0.01}, {"validation": here["data"](2)}, {"epochs": 5}, {"seed": 1}):
        with pytest.raises(FileFormatError, match="other settings"):
            here["train"](whole[2], **options)
    module = nn.Sequential(nn.Linear(6, 2), nn.LIF(here["neurons"].LIF(), 2, dt=1e-3))
    first = module.layers[0].weight.detach().clone()
    with pytest.raises(FileFormatError, match="other settings"):
        nn.fit(module, *here["data"](0), epochs=4, checkpoint=whole[2])
    assert torch.equal(module.layers[0].weight, first)
    assert whole[2].read_bytes() == before


def test_a_state_that_does_not_fit_changes_nothing(here, whole, tmp_path):
    from neurosim.nn.training.checkpoint import load_checkpoint, save_checkpoint

    settings = settings_of(whole[2])
    state = load_checkpoint(whole[2], settings)
    path = tmp_path / "training.npz"
    damaged = [
        {"module": {**state["module"], "layers.0.weight": torch.zeros(2)}},
        {"module": {k: v for k, v in state["module"].items() if "delay" not in k}},
        {"best": {}},
        {"optimiser": {"state": {}, "param_groups": []}},
        {"optimiser": 3},
        {"history": [{"epoch": 1}]},
        {"unknown": 1},
    ]
    for change in damaged:
        save_checkpoint(path, {**state, **change}, settings)
        module = here["make"]()
        here["make"], made = (lambda module=module: module), here["make"]
        try:
            with pytest.raises(FileFormatError, match="not a checkpoint of this training"):
                here["train"](path)
        finally:
            here["make"] = made
        fresh = made().state_dict()
        assert all(torch.equal(v, fresh[k]) for k, v in module.state_dict().items()), change
