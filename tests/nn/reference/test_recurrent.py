from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.reference.recurrent import dense_kernel, recurrent


def test_a_spike_arrives_after_its_delay_in_two_parts():
    weight = torch.tensor([[0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)  # from neuron 1 to neuron 0
    delay = torch.tensor([[1.0, 2.25], [1.0, 1.0]], dtype=torch.float64)
    x = torch.zeros(6, 1, 2, dtype=torch.float64)
    x[1, 0, 1] = 1.0
    seen = []

    def relay(arrivals, state):
        seen.append(arrivals[0, 0, 0].item())
        return (arrivals >= 1).to(arrivals.dtype), state

    pending = torch.zeros(4, 1, 2, dtype=torch.float64)
    spikes, rest, _ = recurrent(x, pending, weight, delay, relay, None)
    assert seen == [0, 0, 0, 1.5, 0.5, 0]
    assert spikes[:, 0].nonzero().tolist() == [[1, 1], [3, 0]]
    assert not rest.any()
    _, rest, _ = recurrent(x[:2], pending, weight, delay, relay, None)
    assert rest[:, 0, 0].tolist() == [0, 1.5, 0.5, 0]


def test_a_run_in_two_parts_is_the_run():
    rng = np.random.default_rng(0)
    weight, x = torch.tensor(rng.normal(size=(5, 5))), torch.tensor(rng.normal(size=(12, 2, 5)))
    pending = torch.zeros(3, 2, 5, dtype=torch.float64)

    def leaky(arrivals, v):
        u = 0.8 * v + arrivals[0]
        return (u >= 1).to(u.dtype)[None], torch.where(u >= 1, 0.0, u)

    for delay in (None, torch.tensor(rng.uniform(1, 3, (5, 5)))):
        whole = recurrent(x, pending, weight, delay, leaky, torch.zeros(2, 5, dtype=torch.float64))
        head = recurrent(x[:4], pending, weight, delay, leaky, torch.zeros(2, 5, dtype=torch.float64))
        tail = recurrent(x[4:], head[1], weight, delay, leaky, head[2])
        assert 0.05 < whole[0].mean() < 0.6
        assert torch.equal(torch.cat([head[0], tail[0]]), whole[0])
        assert torch.equal(tail[1], whole[1])


def test_the_kernel_shares_a_weight_between_two_steps():
    kernel = dense_kernel(torch.tensor([[3.0]]), torch.tensor([[2.75]]), 4)
    assert kernel.flatten().tolist() == [0, 0.75, 2.25, 0]
    assert dense_kernel(torch.tensor([[3.0]]), None, 2).flatten().tolist() == [3, 0]


@pytest.mark.parametrize("delayed", [True, False])
def test_the_kernel_is_where_its_weights_are(delayed):
    weight = torch.zeros(2, 2, device="meta")  # stands for a GPU
    assert dense_kernel(weight, weight if delayed else None, 3).device.type == "meta"
