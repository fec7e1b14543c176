from __future__ import annotations

import numpy as np
import pytest
import torch

import neurosim as ns
from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.ops.events import events_of
from neurosim.nn.training.batches import BatchSource


def data(most=1, samples=23, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, most + 1, (9, samples, 2, 5)) * (rng.uniform(size=(9, samples, 2, 5)) < 0.2)
    return ns.Spikes.from_dense(x, dt=1e-3), rng.integers(0, 3, samples)


@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_is_the_dense_view_of_its_samples_and_carries_its_spikes(most, dtype):
    spikes, _ = data(most)
    dense = spikes.dense().reshape(9, 23, 10)
    source = BatchSource(spikes, dtype)
    for chosen in ([3, 3, 0, 22], [7, 1, 5, 2], [4], [], [9, 8, 7, 6]):  # written over each other
        x = source.take(np.array(chosen, int), reuse=True)
        assert x.dtype == dtype
        assert np.array_equal(x.numpy(), dense[:, chosen])
        assert x.transpose(0, 1).is_contiguous()
        mine, scanned = events_of(x), events_of(x.clone())
        assert mine.shape == scanned.shape
        assert np.array_equal(mine.row, scanned.row)
        assert np.array_equal(mine.neuron, scanned.neuron)
        assert np.array_equal(mine.arrays(np.float64)[2], scanned.arrays(np.float64)[2])


def test_an_epoch_holds_every_sample_once_in_an_order_of_its_own():
    spikes, labels = data()
    whole = nn.batch_tensor(spikes)
    orders = []
    for epoch in (0, 1, 0):
        order = list(nn.batch_order(23, 5, seed=3, epoch=epoch))
        taken = list(nn.batches(spikes, labels, 5, seed=3, epoch=epoch))
        assert [len(y) for _, y in taken] == [5, 5, 5, 5, 3]
        for chosen, (x, y) in zip(order, taken, strict=True):
            assert torch.equal(x, whole[:, chosen])
            assert np.array_equal(y, labels[chosen])
        orders.append(np.concatenate(order).tolist())
    assert sorted(orders[0]) == list(range(23))
    assert orders[0] == orders[2] != orders[1]
    with pytest.raises(ShapeError, match="one label a sample"):
        next(nn.batches(spikes, labels[1:], 5))


def test_a_loader_goes_on_with_the_next_epoch():
    spikes, labels = data()
    loader = nn.BatchLoader(spikes, labels, 5, seed=3)
    assert len(loader) == 5
    for epoch in (0, 1):
        order = nn.batch_order(23, 5, seed=3, epoch=epoch)
        assert [y.tolist() for _, y in loader] == [labels[chosen].tolist() for chosen in order]
    assert [len(nn.BatchLoader(spikes, labels, n, world=2)) for n in (11, 21, 23, 24)] == [2, 2, 1, 1]


def test_processes_share_every_batch():
    spikes, labels = data()
    whole = list(nn.batches(spikes, labels, 11))
    parts = [list(nn.batches(spikes, labels, 11, rank=r, world=2)) for r in range(2)]
    for (x, y), *shares in zip(whole[:-1], *(p[:2] for p in parts), strict=True):
        for r, (mine, classes) in enumerate(shares):
            assert torch.equal(mine, x[:, r::2])
            assert torch.equal(classes, y[r::2])
    assert [len(p) for p in parts] == [2, 2]  # the last batch of one sample is left out


def test_every_class_gives_its_share():
    spikes, _ = data(samples=60)
    labels = np.repeat([0, 1, 2], [10, 20, 30])
    split = nn.hold_out(spikes, labels, 0.2, seed=1)
    assert np.bincount(split.held_out_labels).tolist() == [2, 4, 6]
    assert sorted([*split.index, *split.held_out_index]) == list(range(60))
    assert split.spikes == spikes.select(split.index)
    held_out, classes = split.validation
    assert held_out == spikes.select(split.held_out_index)
    assert np.array_equal(classes, labels[split.held_out_index])
    again, other = nn.hold_out(spikes, labels, 0.2, seed=1), nn.hold_out(spikes, labels, 0.2, seed=2)
    assert np.array_equal(again.index, split.index)
    assert not np.array_equal(other.index, split.index)


def test_groups_are_not_divided():
    spikes, labels = data(samples=60)
    speaker = np.repeat(np.arange(6), 10)
    split = nn.hold_out(spikes, labels, 0.3, groups=speaker)
    assert len(split.held_out_index) == 20
    assert not {*speaker[split.index]} & {*speaker[split.held_out_index]}
    with pytest.raises(DataError, match=r"\b60 samples|\b0 samples"):
        nn.hold_out(spikes, labels, 0.3, groups=np.zeros(60))
    with pytest.raises(DescriptionError, match="between 0 and 1"):
        nn.hold_out(spikes, labels, 1.0)
