from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.ops.delays import delayed_linear
from neurosim.nn.ops.sparse_delays import SynapseList, sparse_delayed_linear


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("density", [0.01, 0.3])  # one spike after the other; tiles of samples
def test_a_list_of_synapses_is_the_matrix_with_zeros(density, whole):
    rng = np.random.default_rng(0)
    steps, samples, n_pre, n_post, longest, skip = 21, 18, 70, 67, 6, 3
    mask = rng.random((n_post, n_pre)) < 0.2
    mask[3] = mask[:, 5] = False  # a neuron without synapses on either side
    pairs = SynapseList(mask)
    assert len(pairs.pre) == mask.sum()
    spikes = (rng.random((samples, steps, n_pre)) < density) * rng.integers(1, 3, (samples, steps, n_pre))
    x = torch.tensor(spikes.astype(np.float64)).transpose(0, 1)
    weight, delay = (
        torch.tensor(rng.uniform(low, high, mask.shape)) for low, high in ((-1, 1), (-0.5, longest + 0.5))
    )
    out_gradient = torch.tensor(rng.normal(size=(steps - skip, samples, n_post)))
    found = []
    for sparse in (True, False):
        leaves = [a.clone().requires_grad_() for a in (x, weight, delay)]
        a, w, d = leaves
        options = {"skip": skip, "whole": whole}
        if sparse:
            w, d = (parameter.reshape(-1)[pairs.place] for parameter in (w, d))
            y = sparse_delayed_linear(a, w, d, pairs, longest, **options)
        else:
            y = delayed_linear(a, w * torch.tensor(mask), d, longest, **options)
        found.append((y.detach(), *torch.autograd.grad(y, leaves, out_gradient)))
    # other orders of sums: 1e-12 of numbers of the order of ten; delays have a gradient where there is a synapse
    for mine, dense in zip(*found, strict=True):
        torch.testing.assert_close(mine, dense, rtol=1e-11, atol=1e-12)


def test_nothing_but_pairs_that_exist():
    pairs = SynapseList(np.zeros((4, 3), np.bool_))
    x = torch.ones(5, 2, 3, requires_grad=True)
    y = sparse_delayed_linear(x, torch.zeros(0), torch.zeros(0), pairs, 2)
    assert y.shape == (5, 2, 4)
    y.sum().backward()
    assert not y.any()
    assert not x.grad.any()
