from __future__ import annotations

import numpy as np
import pytest
import torch

from neurosim.nn.ops.threads import for_range, one_torch_thread


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_every_index_is_visited_once(n, threads, monkeypatch):
    monkeypatch.setenv("NEUROSIM_THREADS", str(threads))
    seen = np.zeros(n, int)

    def kernel(first, last, out):
        out[first:last] += 1

    for_range(kernel, n, seen)
    assert (seen == 1).all()


def test_an_error_in_a_thread_comes_out(monkeypatch):
    monkeypatch.setenv("NEUROSIM_THREADS", "2")

    def kernel(first, last):
        if first:
            raise ArithmeticError("in the second part")

    with pytest.raises(ArithmeticError, match="second"):
        for_range(kernel, 10)


def test_torch_gets_its_threads_back():
    before = torch.get_num_threads()
    torch.set_num_threads(3)

    @one_torch_thread()
    def inside():
        raise KeyError(torch.get_num_threads())

    with pytest.raises(KeyError, match="1"):
        inside()
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)
