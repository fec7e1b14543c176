"""Writing plastic rows: the kernel against NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.image.plastic_kernels import fill_plastic_rows, plain_fill_plastic
from neurosim.hardware.spinnaker.image.plastic_rows import plastic_words
from neurosim.hardware.spinnaker.image.row_kernels import Lanes, plain_count


@settings(max_examples=50)
@given(
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(0, 200)),
    atoms=st.integers(1, 30),
    longest=st.sampled_from([1, 8, 24]),
    header=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**16),
)
def test_kernel_and_numpy_agree(sizes, atoms, longest, header, seed):
    n_pre, n_post, k = sizes
    slots, stages = 8, 2
    rng = np.random.default_rng(seed)
    source = np.sort(rng.integers(0, n_pre, k))
    row_start = np.searchsorted(source, np.arange(n_pre + 1)).astype(np.int64)
    target = rng.integers(0, n_post, k).astype(np.int32)
    raw, delay = (
        rng.integers(0, 65536, k).astype(np.uint16),
        rng.integers(1, longest + 1, k).astype(np.uint16),
    )
    cores = -(-n_post // atoms)
    spread = plain_count(row_start, target, delay, n_pre, atoms, cores, slots)
    direct, late = (plastic_words(n, header) for n in (spread.direct, spread.late))
    strides = [length + 3 if length else 0 for length in (direct, late)]
    behind = n_pre * strides[0] + 5
    lanes = Lanes(
        atoms=atoms, type_word=1 << 5, delay_shift=6, slots=slots, start=0, stride=strides[0],
        late_start=behind, late_stride=strides[1], late_rows=n_pre * stages, most=spread.direct - k % 2,
        late_most=spread.late,
    )  # fmt: skip
    memories = [np.zeros((cores, behind + n_pre * stages * strides[1]), np.uint32) for _ in range(2)]
    place = (np.arange(n_pre), np.full(n_pre, n_pre))
    for write, memory in zip((fill_plastic_rows, plain_fill_plastic), memories, strict=True):
        half = cores // 2  # as two batches of cores
        for part, first in ((memory[:half], 0), (memory[half:], half)):
            write(part, first, row_start, target, raw, delay, lanes, *place, header)
    np.testing.assert_array_equal(*memories)
    if k:
        assert memories[0].any()
