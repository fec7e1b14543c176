from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import DataError, NumericsError, ShapeError

STEPS, CHANNELS = 24, 6


def order_task(samples=240, seed=0):
    """Which of two groups of channels fires first, eight steps before the other: counts alone tell nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    x = np.zeros((STEPS, samples, CHANNELS), np.int64)
    start = rng.integers(0, 6, samples)
    for b in range(samples):
        first, second = (slice(0, 3), slice(3, 6)) if labels[b] == 0 else (slice(3, 6), slice(0, 3))
        x[start[b], b, first] = 1
        x[start[b] + 8, b, second] = 1
    return ns.Spikes.from_dense(x, dt=1e-3), labels


def make(longest=12, seed=0):
    fast = neurons.LIF(
        tau_membrane=1e-3
    )  # e^-8 is left after eight steps: only delays bring the groups together
    return nn.Sequential(
        nn.DelayLinear(CHANNELS, 16, longest, seed=2 * seed, gain=1.5),
        nn.LIF(fast, 16, dt=1e-3),
        nn.Linear(16, 2, seed=2 * seed + 1),
        nn.LIF(fast, 2, dt=1e-3),
    )


def accuracy(net, spikes, labels):
    return (nn.spike_counts(net, spikes).argmax(1) == labels).mean()


def weights(net):
    return [p.detach().clone() for p in net.parameters()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_delays_make_a_task_of_order_learnable():
    spikes, labels = order_task()
    test = order_task(seed=1)
    net = make()
    history = nn.fit(net, spikes, labels, epochs=20, rate=0.02, delay_rate=0.2, round_delays_after=15)
    assert history[-1].loss < 0.5 * history[0].loss
    assert accuracy(net, *test) >= 0.95
    assert torch.equal(net.layers[0].delay, net.layers[0].delay.round())
    blind = make(longest=0)
    nn.fit(blind, spikes, labels, epochs=20, rate=0.02)
    assert accuracy(blind, *test) < 0.6
    network, losses = nn.to_network(net)
    assert not losses
    out = ns.simulate(network, {"input": test[0]})["output"].spikes
    assert np.array_equal(out.counts(), nn.spike_counts(net, test[0]))


def test_the_seed_decides_and_threads_do_not(monkeypatch):
    spikes, labels = order_task(60)
    trained = {}
    for seed, threads in ((0, 1), (0, 2), (1, 2)):
        monkeypatch.setenv("NEUROSIM_THREADS", str(threads))
        net = make()
        nn.fit(net, spikes, labels, epochs=2, batch_size=16, seed=seed)
        trained[seed, threads] = weights(net)
    assert same(trained[0, 1], trained[0, 2])
    assert not same(trained[0, 2], trained[1, 2])


def test_a_training_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    spikes, labels = order_task(60)
    whole = make()
    expected = nn.fit(whole, spikes, labels, epochs=4, batch_size=16, round_delays_after=3)
    path = tmp_path / "training.npz"

    class Stop(Exception):
        pass

    def stop(epoch):
        if epoch.epoch == 1:
            raise Stop

    settings = {"epochs": 4, "batch_size": 16, "round_delays_after": 3, "checkpoint": path}
    with pytest.raises(Stop):
        nn.fit(make(), spikes, labels, on_epoch=stop, **settings)
    again, seen = make(seed=5), []  # whatever it starts from, the checkpoint replaces
    history = nn.fit(again, spikes, labels, on_epoch=lambda e: seen.append(e.epoch), **settings)
    assert seen == [2, 3]
    assert same(weights(again), weights(whole))
    assert [(e.epoch, e.loss, e.accuracy, e.spikes) for e in history] == [
        (e.epoch, e.loss, e.accuracy, e.spikes) for e in expected
    ]
    finished = make()
    assert nn.fit(finished, spikes, labels, **settings) == history
    assert same(weights(finished), weights(whole))


def test_the_progress_names_epoch_loss_accuracy_and_spikes():
    spikes, labels = order_task(40)
    seen = []
    history = nn.fit(make(), spikes, labels, epochs=2, rate=0.0, delay_rate=0.0, on_epoch=seen.append)
    assert tuple(seen) == history
    assert [e.epoch for e in history] == [0, 1]
    net = make()  # nothing was learnt, so the untrained network tells what must come out
    counts = nn.spike_counts(net, spikes)
    assert history[1].accuracy == pytest.approx((counts.argmax(1) == labels).mean())
    assert history[1].spikes[-1] == pytest.approx(counts.sum() / 40)
    loss = torch.nn.functional.cross_entropy(torch.tensor(counts).float(), torch.tensor(labels)).item()
    assert history[1].loss == pytest.approx(loss, rel=1e-5)


def test_the_rate_penalty_lowers_the_rate():
    spikes, labels = order_task(60)
    rates = []
    for weight in (0.0, 1.0):
        net = make()
        loss = nn.SpikeCountCrossEntropy(rate_weight=weight, rate_high=0.2)
        rates.append(nn.fit(net, spikes, labels, epochs=6, rate=0.02, loss=loss)[-1].spikes[0])
    assert rates[1] < 0.7 * rates[0]


def test_noise_differs_from_update_to_update():
    spikes, labels = order_task(40)
    drawn = []

    def noise(weight, *, seed, index):
        drawn.append((seed, index))
        return weight

    net = nn.Sequential(nn.Linear(CHANNELS, 2, noise=noise, seed=3), nn.LIF(neurons.LIF(), 2, dt=1e-3))
    nn.fit(net, spikes, labels, epochs=2, batch_size=20)
    nn.spike_counts(net, spikes)
    assert drawn == [(3, 0), (3, 1), (3, 2), (3, 3)]


def test_batches_are_laid_out_by_sample():
    spikes, _ = order_task(7)
    x = nn.batch_tensor(spikes)
    assert np.array_equal(x.numpy(), spikes.dense())
    assert x.transpose(0, 1).is_contiguous()


def test_a_cosine_ends_at_zero():
    assert [nn.Schedule.COSINE.factor(x) for x in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])
    assert nn.Schedule.CONSTANT.factor(0.9) == 1.0


def test_data_that_do_not_fit_are_refused():
    spikes, labels = order_task(10)
    wrong = nn.Sequential(nn.Linear(5, 2), nn.LIF(neurons.LIF(), 2, dt=1e-3))
    with pytest.raises(DataError, match="from_dense"):
        nn.fit(make(), spikes.dense(), labels, epochs=1)
    with pytest.raises(ShapeError, match="first layer"):
        nn.fit(wrong, spikes, labels, epochs=1)
    with pytest.raises(DataError, match="time step"):
        nn.fit(make(), ns.Spikes.from_dense(spikes.dense(), dt=2e-3), labels, epochs=1)
    with pytest.raises(ShapeError, match="one whole number a sample"):
        nn.fit(make(), spikes, labels[:-1], epochs=1)
    with pytest.raises(ShapeError, match="one whole number a sample"):
        nn.fit(make(), spikes, labels.astype(float), epochs=1)
    with pytest.raises(DataError, match=r"no output neuron.*got 2; allowed: 0 to 1"):
        nn.fit(make(), spikes, labels + 1, epochs=1)


def test_a_loss_that_is_not_finite_is_refused():
    spikes, labels = order_task(10)

    def loss(outputs, labels):
        return outputs[-1].sum() * float("nan")

    with pytest.raises(NumericsError, match="update 0"):
        nn.fit(make(), spikes, labels, epochs=1, loss=loss)
