from __future__ import annotations

import numpy as np

from neurosim.nn.cpu.membrane import backward_row, forward_row

LANES, N = 4, 5


def made(rng):
    return rng.normal(size=(LANES, N))


def test_rows_of_interleaved_samples_are_the_rows_of_each():
    rng = np.random.default_rng(0)
    table = np.abs(rng.normal(size=(7, N)))
    refractory = rng.integers(0, 3, N).astype(np.int32)
    x, v, i, grad_out, pseudo, grad_v, grad_i = (made(rng) for _ in range(7))
    held = rng.integers(0, 2, (LANES, N)).astype(np.int32)

    def step(table, refractory, x, v, i, held, grad_out, pseudo, grad_v, grad_i):
        before, spikes, grad_x = (np.empty_like(x) for _ in range(3))
        phase = np.empty(x.size, np.uint8)
        forward_row(x, v, i, held, table, refractory, False, False, 0, before, phase, spikes)
        backward_row(grad_out, pseudo, before, phase, table, False, False, 0, True, grad_v, grad_i, grad_x)
        return [a.copy() for a in (v, i, held, before, phase, spikes, grad_v, grad_i, grad_x)]

    arrays = (x, v, i, held, grad_out, pseudo, grad_v, grad_i)
    apart = [step(table, refractory, *(a[k].copy() for a in arrays)) for k in range(LANES)]
    woven = step(
        np.repeat(table, LANES, axis=1),
        np.repeat(refractory, LANES),
        *(a.T.reshape(-1).copy() for a in arrays),
    )
    assert 0 < woven[5].sum() < woven[5].size
    for k, one in enumerate(apart):
        for mine, theirs in zip(one, woven, strict=True):
            assert np.array_equal(mine, theirs.reshape(N, LANES)[:, k])
