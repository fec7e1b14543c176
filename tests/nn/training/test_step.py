"""The parts of the loop, in a loop of one's own, and the options of `fit`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.training.step import spike_total


def test_a_loop_of_ones_own_trains_what_fit_trains(make_module, make_data):
    spikes, labels = make_data()
    theirs, mine, loss = make_module(), make_module(), nn.SpikeCountCrossEntropy(scale=0.5)
    nn.fit(theirs, spikes, labels, epochs=2, rate=0.02, batch_size=10, loss=loss, schedule=nn.Constant())
    optimiser = nn.adam(nn.parameter_groups(mine, rate=0.02))
    update = 0
    for epoch in range(2):
        for x, y in nn.batches(spikes, labels, 10, epoch=epoch):
            nn.before_update(mine, update)
            value, outputs = nn.training_step(mine, loss, x, y)
            assert [tuple(o.shape) for o in outputs] == [(15, 10, 8), (15, 10, 2)]
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            nn.after_update(mine)
            update += 1
    for a, b in zip(theirs.parameters(), mine.parameters(), strict=True):
        torch.testing.assert_close(
            a, b, rtol=1e-5, atol=1e-6
        )  # PyTorch's products on another number of threads


def test_parameters_come_back_into_their_range():
    class Root(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.DelayLinear(2, 2, 4)

    module = Root()
    with torch.no_grad():
        module.inner.delay.add_(100.0)
    nn.after_update(module)
    assert (module.inner.delay == 4).all()


def test_any_optimiser_of_pytorch_will_do(make_module, make_data):
    module = make_module()
    made = []

    def momentum(groups):
        made.append(torch.optim.SGD(groups, momentum=0.9))
        return made[0]

    before = nn.evaluate(module, *make_data()).loss
    nn.fit(module, *make_data(), epochs=10, rate=0.05, optimiser=momentum)
    assert nn.evaluate(module, *make_data()).loss < before
    assert [g["kind"] for g in made[0].param_groups] == ["weight"]


def test_schedules_rates_and_hooks_go_by_the_share_that_is_done(make_module, make_data):
    seen = []
    history = nn.fit(
        make_module(), *make_data(), epochs=2, batch_size=20, rate=0.1, schedule=lambda done: 1 - done,
        anneal=lambda module, done: seen.append(done),
    )  # fmt: skip
    assert seen == [0.0, 0.0, 0.25, 0.5, 0.75]
    assert [e.rates for e in history] == [{"weight": pytest.approx(0.075)}, {"weight": pytest.approx(0.025)}]


def test_delays_have_a_schedule_of_their_own(make_data):
    from neurosim import neurons

    module = nn.Sequential(nn.DelayLinear(6, 2, 5), nn.LIF(neurons.LIF(), 2, dt=1e-3))
    first = module.layers[0].delay.detach().clone()
    history = nn.fit(
        module,
        *make_data(),
        epochs=2,
        schedule=nn.Constant(),
        delay_schedule=lambda done: 0.0,
        delay_rate=5.0,
    )
    assert torch.equal(module.layers[0].delay, first)
    assert history[-1].rates == {"weight": 2e-3, "delay": 0.0}


def test_gradients_are_clipped(make_module, make_data):
    moved, norms = [], []
    for clip in (1e-3, 1e3):
        module = make_module()
        before = [p.detach().clone() for p in module.parameters()]
        history = nn.fit(
            module, *make_data(), epochs=1, batch_size=40, rate=1.0, clip=clip, optimiser=torch.optim.SGD,
            schedule=nn.Constant(),
        )  # fmt: skip
        squares = [(p - q).square().sum() for p, q in zip(module.parameters(), before, strict=True)]
        moved.append(float(torch.stack(squares).sum().sqrt().detach()))
        norms.append(history[0].gradient)
    assert norms == [pytest.approx(moved[1], rel=1e-3)] * 2  # before clipping
    assert moved[0] == pytest.approx(1e-3, rel=1e-3)
    assert moved[1] > 0.01
    with pytest.raises(DescriptionError, match="clip"):
        nn.fit(make_module(), *make_data(), epochs=1, clip=0.0)


def test_long_sequences_are_cut(make_module, make_data):
    trained = []
    for chunks in (None, nn.Chunks(steps=4, borders=nn.Borders.CARRY), nn.Chunks(steps=4)):
        module = make_module()
        history = nn.fit(module, *make_data(), epochs=1, chunks=chunks)
        trained.append((module.layers[0].weight.detach(), history[0].loss, *history[0].spikes))
    torch.testing.assert_close(trained[0][0], trained[1][0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(trained[0][0], trained[2][0], rtol=1e-4, atol=1e-5)
    assert trained[1][1:] == pytest.approx(trained[0][1:], rel=1e-5)


def test_pytorchs_own_draws_go_by_the_seed_and_leave_no_trace(make_data):
    from neurosim import neurons

    class Noisy(nn.Linear):
        def forward(self, x, state=None):
            return super().forward(x + torch.rand_like(x), state)

    def train(seed):
        module = nn.Sequential(Noisy(6, 2), nn.LIF(neurons.LIF(), 2, dt=1e-3))
        nn.fit(module, *make_data(), epochs=2, seed=seed)
        return module.layers[0].weight.detach()

    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = train(0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(train(0), first)
    assert not torch.equal(train(1), first)


def test_evaluating_counts_as_the_loss_names(make_module, make_data):
    module, (spikes, labels) = make_module(), make_data(23)
    loss = nn.FirstSpikeCrossEntropy()
    with torch.no_grad():
        outputs, _ = module.eval().trace(nn.batch_tensor(spikes))
        wanted = loss(outputs, torch.from_numpy(labels)).item()
        share = (loss.latency(outputs[-1]).argmin(1).numpy() == labels).mean()
    found = nn.evaluate(module, spikes, labels, loss=loss, batch_size=7)
    assert found.loss == pytest.approx(wanted, rel=1e-5)
    assert found.accuracy == pytest.approx(share)
    assert found.spikes == pytest.approx([float(o.sum()) / 23 for o in outputs])
    assert nn.accuracy(module, spikes, labels, loss=loss) == found.accuracy
    with pytest.raises(ShapeError, match="one label a sample"):
        nn.evaluate(module, spikes, labels[1:])
    with pytest.raises(DataError, match="nothing to evaluate"):
        nn.evaluate(module, spikes.select([]), labels[:0])


def test_spikes_are_counted_from_their_list_unless_the_tensor_changed(make_data):
    x = nn.batch_tensor(make_data()[0])
    total = float(x.sum())
    assert spike_total(x) == total
    x.mul_(2.0)
    assert spike_total(x) == 2 * total
    assert spike_total(torch.full((2, 3), 0.5)) == 3.0


def test_options_that_cannot_be_are_refused(make_module, make_data):
    for options in ({"epochs": 0}, {"epochs": 1, "batch_size": 0}, {"epochs": 1, "checkpoint_every": 0}):
        with pytest.raises(DescriptionError, match="must be positive"):
            nn.fit(make_module(), *make_data(), **options)
    spikes, labels = make_data()
    with pytest.raises(DataError, match="validation labels"):
        nn.fit(make_module(), spikes, labels, epochs=1, validation=(spikes, labels + np.int64(1)))
