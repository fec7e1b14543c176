"""The rule that turns spikes into a class, and training on a task that is easy to tell apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.cli.demo.classifier import decode, train
from neurosim.cli.demo.deployment import quantised, run_engine, units
from neurosim.cli.demo.noise_sweep import scaled
from neurosim.cli.demo.recipe import Recipe
from neurosim.random import key, uniform
from neurosim.spikes import Spikes

DT, STEPS = 5e-3, 20


def test_most_spikes_win_and_the_first_of_several() -> None:
    counts = np.zeros((STEPS, 4, 3), int)
    counts[:5, 0, 2] = 1
    counts[:3, 1, 1:] = 1  # a tie of 1 and 2
    counts[0, 2, 1], counts[:2, 2, 2] = 3, 1  # three spikes in one step beat two
    assert decode(Spikes.from_dense(counts, dt=DT)).tolist() == [2, 1, 1, 0]


@pytest.fixture(scope="module")
def stripes() -> tuple[Spikes, np.ndarray]:
    """Two classes: the upper or the lower half of 12 channels is busy."""
    labels = np.arange(60) % 2
    busy = (np.arange(12)[None] // 6) == labels[:, None]
    draw = uniform(key(0, "encode", "stripes"), np.arange(STEPS * 60 * 12)).reshape(STEPS, 60, 12)
    return Spikes.from_dense(draw < np.where(busy, 0.4, 0.05), dt=DT), labels


def test_training_learns_and_the_network_runs_on_a_target(stripes, tmp_path) -> None:
    pytest.importorskip("torch")
    from neurosim import hardware
    from neurosim.cli.demo.deployment import deploy, run_devices

    spikes, labels = stripes
    recipe = Recipe(hidden=16, max_delay=3, epochs=20, batch_size=10, noise=0.5)
    trained = train(spikes, labels, 2, recipe)
    assert [e.epoch for e in trained.history] == list(range(20))
    assert np.ptp(trained.delays["input->hidden"]["after training"] % 1) == 0  # whole steps
    reference = run_engine(trained.network, spikes)
    assert (reference.predicted[0] == labels).mean() > 0.95
    deployment = deploy("loihi", trained.network, hardware.Loihi1(), spikes, tmp_path / "loihi")
    assert (run_devices(deployment, spikes, [0]).predicted == labels).mean() > 0.9
    held = deployment.build.weights
    exact = {p.name: p.weight for p in trained.network.projections.values()}
    for name, weight in held.items():
        assert (
            0
            < np.abs(np.sort(weight) - np.sort(exact[name].reshape(-1))).max()
            < np.abs(exact[name]).max() / 100
        )
    assert quantised(trained.network, deployment.build, spikes).predicted.shape == (1, 60)
    assert units(deployment.build) == "1 core"


def test_training_repeats_with_the_same_seed(stripes) -> None:
    pytest.importorskip("torch")
    spikes, labels = stripes
    recipe = Recipe(hidden=4, max_delay=2, epochs=2)
    one, two, other = (train(spikes, labels, 2, recipe, seed=seed).network for seed in (1, 1, 2))
    assert one == two
    assert one != other
    assert train(spikes, labels, 2, replace(recipe, noise=0.0), seed=1).network != one
    dropped = train(spikes, labels, 2, replace(recipe, dropout=0.5), seed=1)
    assert dropped.network != one
    assert set(dropped.weights) == set(dropped.network.projections)  # dropout leaves nothing in the network


def test_scaled_noise() -> None:
    from neurosim.hardware.crossbar import read_profile

    cell = read_profile("rram-wan-1d")
    twice = scaled(cell, 2.0)
    assert twice.programming.sigma == tuple(2 * c for c in cell.programming.sigma)
    assert twice.read_noise.additive == 2 * cell.read_noise.additive
    assert scaled(cell, 1.0).programming == cell.programming
