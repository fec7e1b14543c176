"""Memory that is used again: the arrays of one training step lie where those of the step before lay.

The system hands out new memory page by page, each cleared when it is first written, and the C library gives large
blocks back as soon as they are free. For arrays with an entry for each step, sample and neuron that takes as long as
some kernels take to fill them.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMALLEST", "Buffers", "buffer", "release"]

SMALLEST = 2**17
"""Bytes; smaller ones are left to NumPy."""
LINE, PAGE = 64, 4096


class _Lease:
    """Owner of an array's memory. It is gone with the last array (or tensor) that looks at it."""

    def __init__(self, buffers: Buffers, block: NDArray[np.uint8], size: int) -> None:
        self.buffers, self.block = buffers, block
        start = block.ctypes.data
        self.__array_interface__ = {
            "data": (start + -start % LINE, False), "shape": (size,), "typestr": "|u1", "version": 3,
        }  # fmt: skip

    def __del__(self) -> None:
        self.buffers.take_back(self.block)


class Buffers:
    """Blocks of memory, in use or idle. At most as much is idle as was ever in use at a time.

    Attributes:
        used, idle, most: bytes in use, bytes idle, and the most in use until now.
    """

    def __init__(self) -> None:
        self.used = self.idle = self.most = 0
        self._blocks: dict[int, list[NDArray[np.uint8]]] = {}
        # collecting garbage, which may happen anywhere in here, can hand back blocks
        self._lock = threading.RLock()

    def take(self, size: int) -> NDArray[np.uint8]:
        """An array of ``size`` bytes that begins on a cache line; what it holds is undefined."""
        whole = -(-(size + LINE) // PAGE) * PAGE
        with self._lock:
            blocks = self._blocks.get(whole)
            block = blocks.pop() if blocks else None
            if block is not None:
                self.idle -= whole
            self.used += whole
            self.most = max(self.most, self.used)
        lease: Any = _Lease(self, np.empty(whole, np.uint8) if block is None else block, size)
        return np.asarray(lease)

    def take_back(self, block: NDArray[np.uint8]) -> None:
        """Keep a block for the next who asks for one of its size; the sizes that were idle longest make room."""
        whole = block.size
        with self._lock:
            self.used -= whole
            blocks = self._blocks.pop(whole, [])
            for other in list(self._blocks):
                while self.idle + whole > self.most and self._blocks.get(other):
                    self._blocks[other].pop()
                    self.idle -= other
                if not self._blocks.get(other):
                    self._blocks.pop(other, None)
            if self.idle + whole <= self.most:
                blocks.append(block)
                self.idle += whole
            if blocks:
                self._blocks[whole] = blocks

    def release(self) -> None:
        """Give all idle memory back to the system."""
        with self._lock:
            self._blocks.clear()
            self.idle = 0
            self.most = self.used


_BUFFERS = Buffers()


def buffer(size: int) -> NDArray[np.uint8]:
    """An array of ``size`` bytes that begins on a cache line, of memory that may have been used before."""
    if size < SMALLEST:
        whole = np.empty(size + LINE, np.uint8)
        start = -whole.ctypes.data % LINE
        return whole[start : start + size]
    return _BUFFERS.take(size)


def release() -> None:
    """Give the memory that layers keep for their next step back to the system."""
    _BUFFERS.release()
