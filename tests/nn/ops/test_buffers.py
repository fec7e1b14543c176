from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import torch

from neurosim.nn.ops.buffers import SMALLEST, Buffers, buffer

LARGE = 3 * SMALLEST


@pytest.mark.parametrize("size", [0, 1, 100, SMALLEST - 1, SMALLEST, LARGE + 7])
def test_an_array_of_that_size_on_a_cache_line(size):
    whole = buffer(size)
    assert (whole.dtype, whole.shape) == (np.uint8, (size,))
    assert whole.ctypes.data % 64 == 0 or size == 0
    whole[:] = 7
    assert int(whole.sum(dtype=np.int64)) == 7 * size


def test_memory_is_used_again_once_nobody_looks_at_it():
    buffers = Buffers()
    first = buffers.take(LARGE)
    address = first.ctypes.data
    assert buffers.take(LARGE).ctypes.data != address  # given back at once
    assert buffers.idle > 0
    view = first.view(np.float32)[10:20]
    tensor = torch.from_numpy(view)
    del first, view
    tensor.fill_(3.0)
    others = [buffers.take(LARGE) for _ in range(2)]
    assert address not in {other.ctypes.data for other in others}
    for k in range(2):
        others[k][:] = 0
    assert tensor.tolist() == [3.0] * 10
    del tensor, others
    gc.collect()
    assert buffers.used == 0
    again = [buffers.take(LARGE) for _ in range(3)]
    assert address in {block.ctypes.data for block in again}


def test_idle_memory_is_bounded_by_what_was_in_use():
    buffers = Buffers()
    for size in range(LARGE, LARGE + 50 * 8192, 8192):
        buffers.take(size)
        assert buffers.idle <= buffers.most
    assert buffers.most < LARGE + 60 * 8192
    assert buffers.idle > 0
    buffers.release()
    assert buffers.idle == 0
    kept = buffers.take(LARGE)
    buffers.release()
    kept[:] = 1
    del kept
    assert buffers.used == 0


def test_threads_do_not_get_the_same_block():
    buffers, wrong = Buffers(), []

    def work(number: int) -> None:
        for _ in range(200):
            block = buffers.take(SMALLEST)
            block[:] = number
            if not (block == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert buffers.used == 0
