from __future__ import annotations

import numpy as np
import torch

from benchmarks.accuracy.shift import Shift


def test_moves_whole_samples_and_loses_what_leaves() -> None:
    x = torch.zeros(9, 200, 2 * 7)
    x[4, :, 3] = 1.0  # row 0, channel 3
    x[4, :, 7 + 3] = 2.0
    layer = Shift(2, 7, steps=2, by=4, seed=1)
    y = layer(x)[0]
    seen = set()
    for b in range(200):
        at = np.argwhere(y[:, b].numpy() == 1.0)
        if len(at):
            (step, channel) = at[0]
            seen.add((int(step) - 4, int(channel) - 3))
            assert y[step, b, 7 + channel] == 2.0
            assert y[:, b].sum() == 3.0
        else:
            assert y[:, b].sum() == 0.0
    assert {s for s, _ in seen} == {-2, -1, 0, 1, 2}
    assert {c for _, c in seen} == {-3, -2, -1, 0, 1, 2, 3}  # shifts by 4 leave
    again = Shift(2, 7, steps=2, by=4, seed=1)
    assert torch.equal(again(x)[0], y)
    assert not torch.equal(again(x)[0], y)  # drawn anew
    assert layer.eval()(x)[0] is x
