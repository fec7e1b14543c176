from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError


def outputs():
    rng = np.random.default_rng(0)
    return [torch.tensor((rng.uniform(size=(20, 6, n)) < 0.3).astype(np.float64)) for n in (8, 4)]


def test_it_is_the_cross_entropy_of_spike_counts():
    _, out = outputs()
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    logits = 0.5 * out.sum(0).numpy()
    chosen = np.exp(logits)[np.arange(6), labels] / np.exp(logits).sum(1)
    assert nn.SpikeCountCrossEntropy(scale=0.5)(outputs(), labels).item() == pytest.approx(
        -np.log(chosen).mean()
    )


def test_the_penalty_is_the_squared_distance_of_hidden_counts_from_the_range():
    labels = torch.zeros(6, dtype=torch.int64)
    count = outputs()[0].sum(0).mean(0).numpy()
    low, high = np.quantile(count, [0.3, 0.7])
    outside = np.maximum(low - count, 0) + np.maximum(count - high, 0)
    free = nn.SpikeCountCrossEntropy()(outputs(), labels)
    held = nn.SpikeCountCrossEntropy(rate_weight=2.0, rate_low=low, rate_high=high)(outputs(), labels)
    assert (held - free).item() == pytest.approx(2.0 * (outside**2).mean())


def test_a_scale_of_zero_is_refused():
    with pytest.raises(DescriptionError, match="scale"):
        nn.SpikeCountCrossEntropy(scale=0.0)
