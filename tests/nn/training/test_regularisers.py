from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim import nn

NOTHING = torch.zeros(6, dtype=torch.int64)


def outputs():
    rng = np.random.default_rng(0)
    return [torch.tensor((rng.uniform(size=(20, 6, n)) < 0.3).astype(np.float64)) for n in (8, 5, 4)]


@pytest.mark.parametrize(("kind", "sign"), [(nn.LowerRate, -1), (nn.UpperRate, 1)])
def test_rates_outside_are_squared_in_every_population_but_the_last(kind, sign):
    counts = [o.sum(0).mean(0).numpy() for o in outputs()[:2]]
    wanted = sum((np.maximum(sign * (c - 6.0), 0) ** 2).mean() for c in counts)
    assert kind(weight=0.5, limit=6.0)(outputs(), NOTHING).item() == pytest.approx(0.5 * wanted)


def test_every_spike_beyond_the_limit_costs_the_same():
    totals = sum(o.sum((0, 2)).numpy() for o in outputs()[:2])
    wanted = np.maximum(totals - 75.0, 0).mean()
    assert 0 < wanted < totals.mean() - 75.0 + 10
    assert nn.TotalSpikes(weight=0.1, limit=75.0)(outputs(), NOTHING).item() == pytest.approx(0.1 * wanted)


def test_a_readout_alone_is_looked_at():
    only = outputs()[2:]
    assert nn.TotalSpikes(weight=1.0)(only, NOTHING).item() == pytest.approx(only[0].sum().item() / 6)
