"""Two processes, as torchrun starts them, train what one process trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from neurosim import nn

TRAINING = """
import os, sys
import numpy as np
import torch
import neurosim as ns
from neurosim import neurons, nn
from neurosim.processors import processors

def data(seed, samples):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, samples)
    x = rng.uniform(size=(12, samples, 6)) < np.where((np.arange(6) < 3) == y[:, None], 0.3, 0.1)
    return ns.Spikes.from_dense(x, dt=1e-3), y

def noise(weight, *, seed, index):
    rng = np.random.default_rng(index)
    return weight * torch.tensor(1 + 0.1 * rng.normal(size=tuple(weight.shape)), dtype=weight.dtype)

def train(folder, seed):
    model = neurons.LIF(tau_membrane=10e-3)
    module = nn.Sequential(
        nn.DelayLinear(6, 8, 4, seed=seed, gain=2.0, noise=noise, dtype=torch.float64), nn.LIF(model, 8, dt=1e-3),
        nn.Linear(8, 2, seed=seed + 1, dtype=torch.float64), nn.LIF(model, 2, dt=1e-3),
    )
    # five batches of 8 and one of a single sample, where one of two processes has nothing to do
    history = nn.fit(
        module, *data(0, 41), epochs=2, batch_size=8, rate=0.01, clip=1.0, validation=data(1, 13),
        early_stopping=nn.EarlyStopping(patience=5), checkpoint=os.path.join(folder, "training.npz"),
        run=os.path.join(folder, "run.json"),
    )
    return module, history

if __name__ == "__main__":
    with nn.data_parallel() as here:
        module, history = train(sys.argv[1], seed=10 * here.rank)  # the first process's weights go to all
        weights = {name: value.numpy() for name, value in module.state_dict().items()}
        np.savez(os.path.join(sys.argv[1], f"rank{here.rank}.npz"), **weights)
        draws = nn.Dropout(0.5)
        nn.before_update(draws, 4, rank=here.rank, world=here.world)
        assert int(draws.draws) == 8 + here.rank
        assert int(os.environ["NEUROSIM_THREADS"]) == max(1, processors() // 2)
    assert "NEUROSIM_THREADS" not in os.environ
    assert nn.ranks() == nn.Ranks(0, 1)
    os._exit(0)  # now and then a thread of PyTorch aborts a process that ends, after all of the above
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_train_what_one_does(tmp_path):
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    several, alone = tmp_path / "several", tmp_path / "alone"
    several.mkdir()
    alone.mkdir()
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {k: v for k, v in os.environ.items() if k != "NEUROSIM_THREADS"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launch, str(script), str(several)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr

    namespace: dict[str, Any] = {"__name__": "here"}
    exec(TRAINING, namespace)
    module, history = namespace["train"](alone, seed=0)
    weights = [np.load(several / f"rank{rank}.npz") for rank in range(2)]
    for name, value in module.state_dict().items():
        assert np.array_equal(weights[0][name], weights[1][name])
        np.testing.assert_allclose(weights[0][name], value, rtol=1e-9, atol=1e-12)  # sums in another order
    assert sorted(p.name for p in several.iterdir()) == ["rank0.npz", "rank1.npz", "run.json", "training.npz"]
    record = json.loads((several / "run.json").read_text())
    assert record["host"]["processes"] == 2
    for mine, epoch in zip(record["history"], history, strict=True):
        for key in ("loss", "accuracy", "gradient", "validation_loss", "validation_accuracy", "spikes"):
            assert mine[key] == pytest.approx(epoch.to_json()[key], rel=1e-9), key


def test_one_process_needs_no_group(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with nn.data_parallel() as here:
        assert here == nn.Ranks(0, 1)
        assert here.first
    tensor = torch.ones(3)
    here.add_up([tensor])
    assert torch.equal(tensor, torch.ones(3))
