from __future__ import annotations

import math

import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError


def epochs(losses, accuracies=None):
    found = accuracies or [0.5] * len(losses)
    return tuple(
        nn.Epoch(
            epoch=k, loss=1.0, accuracy=0.5, spikes=(), seconds=0.0, validation_loss=v, validation_accuracy=a
        )
        for k, (v, a) in enumerate(zip(losses, found, strict=True))
    )


def test_the_best_epoch_is_the_first_of_several_and_better_by_enough():
    history = epochs([0.9, 0.5, 0.5, 0.47, 0.6], [0.1, 0.2, 0.4, 0.3, 0.4])
    assert nn.EarlyStopping().best(history).epoch == 3
    assert nn.EarlyStopping(least=0.1).best(history).epoch == 1
    assert nn.EarlyStopping(monitor=nn.Monitor.ACCURACY).best(history).epoch == 2
    assert nn.EarlyStopping().best(epochs([math.nan, 2.0])).epoch == 0
    assert nn.EarlyStopping().best(()) is None


def train(module, data, validation, **options):
    return nn.fit(module, *data, epochs=12, batch_size=10, rate=0.05, validation=validation, **options)


def test_training_stops_and_the_best_weights_are_kept(make_module, make_data):
    spikes, labels = make_data()
    held_out = (
        make_data(30, seed=1)[0],
        1 - make_data(30, seed=1)[1],
    )  # wrong labels: worse the more is learnt
    module = make_module()
    history = train(module, (spikes, labels), held_out, early_stopping=nn.EarlyStopping(patience=2))
    best = min(history, key=lambda e: e.validation_loss)
    assert len(history) == best.epoch + 3 < 12
    found = nn.evaluate(module, *held_out)
    assert (found.loss, found.accuracy) == (best.validation_loss, best.validation_accuracy)
    to_the_end = make_module()
    endless = nn.EarlyStopping(patience=math.inf)
    assert len(train(to_the_end, (spikes, labels), held_out, early_stopping=endless)) == 12
    again = nn.evaluate(to_the_end, *held_out)
    assert again.loss == min(e.validation_loss for e in train(make_module(), (spikes, labels), held_out))


def test_validation_changes_nothing_and_is_the_network_as_deployed(make_module, make_data):
    data, held_out = make_data(), make_data(30, seed=1)
    one, other = make_module(), make_module()
    with_it = train(one, data, held_out)
    train(other, data, None)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert with_it[-1].validation_accuracy == nn.accuracy(one, *held_out)


def test_with_rounding_the_weights_are_of_an_epoch_after_it(make_data):
    from neurosim import neurons

    model = neurons.LIF(tau_membrane=10e-3)
    module = nn.Sequential(nn.DelayLinear(6, 2, 5), nn.LIF(model, 2, dt=1e-3))
    spikes, labels = make_data()
    held_out = spikes, 1 - labels  # the first epochs are the best
    rule = nn.EarlyStopping(patience=2)
    history = train(module, (spikes, labels), held_out, early_stopping=rule, round_delays_after=3)
    assert len(history) >= 6
    assert torch.equal(module.layers[0].delay, module.layers[0].delay.round())


def test_it_needs_data_to_look_at(make_module, make_data):
    with pytest.raises(DescriptionError, match="validation data"):
        train(make_module(), make_data(), None, early_stopping=nn.EarlyStopping())
