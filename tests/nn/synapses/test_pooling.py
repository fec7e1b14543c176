from __future__ import annotations

import pytest
import torch

from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError

POOLS = {nn.SumPool: "sum", nn.AveragePool: "avg", nn.MaxPool: "max"}


@pytest.mark.parametrize("pool", POOLS, ids=POOLS.get)
@pytest.mark.parametrize(
    ("shape", "window", "stride"), [((3, 7), 2, None), ((2, 6, 5), (2, 3), (2, 1)), ((2, 7, 7), 3, 2)]
)
def test_pooling_is_pytorchs_in_every_step(pool, shape, window, stride):
    layer = pool(shape, window, stride)
    x = torch.rand(4, 2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y, state = layer(x.flatten(2))
    assert state is None
    assert torch.equal(layer(x)[0], y)
    functions = torch.nn.functional
    kind, axes = POOLS[pool], len(shape) - 1
    theirs = getattr(functions, f"{'max' if kind == 'max' else 'avg'}_pool{axes}d")
    factor = float(torch.tensor(layer.window).prod()) if kind == "sum" else 1.0
    for t in range(4):
        expected = theirs(x[t], window, stride) * factor
        assert expected.shape[1:] == layer.out_shape
        torch.testing.assert_close(y[t], expected.flatten(1), rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DescriptionError, match="larger"):
        nn.SumPool((2, 3, 3), 4)
    with pytest.raises(DescriptionError, match="axes"):
        nn.MaxPool((9,), 3)
    with pytest.raises(DescriptionError, match="window"):
        nn.AveragePool((2, 3, 3), 0)
    with pytest.raises(ShapeError, match="MaxPool"):
        nn.MaxPool((2, 4, 4), 2)(torch.zeros(5, 1, 31))
    with pytest.raises(DataError, match="MaxPool: is not a tensor"):
        nn.MaxPool((2, 4, 4), 2)(torch.zeros(5, 1, 32).numpy())
