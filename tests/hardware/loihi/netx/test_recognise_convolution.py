from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from neurosim.hardware.loihi.netx.recognise_convolution import recognise_convolution


def synapses(kernel, stride, padding, dilation, groups, pre):
    """One by one, from the definition: output (o, i, j) sees input stride * i - padding + dilation * k."""
    channels, *size = pre
    out, per_group, *taps = kernel.shape
    post = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, taps, stride, padding, dilation, strict=True)
    )
    found = []
    for o, i, j, c, a, b in np.ndindex(out, *post, per_group, *taps):
        y, x = stride[0] * i - padding[0] + dilation[0] * a, stride[1] * j - padding[1] + dilation[1] * b
        channel = c + o // (out // groups) * (channels // groups)
        if 0 <= y < size[0] and 0 <= x < size[1]:
            source = (channel * size[0] + y) * size[1] + x
            found.append((source, (o * post[0] + i) * post[1] + j, kernel[o, c, a, b]))
    return np.array(found, dtype=np.int64).reshape(-1, 3), (out, *post)


two = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(2, 8), st.integers(2, 8)),
    taps=two,
    stride=two,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=two,
    groups=st.integers(1, 3),
    channels=two,
)
def test_what_is_found_is_the_same_synapses(seed, size, taps, stride, padding, dilation, groups, channels):
    """Not always the kernel that made them (borders hide some of it), but always one that makes the same."""
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, taps, strict=True)]
    assume(all(n + 2 * p >= r for n, p, r in zip(size, padding, reach, strict=True)))
    rng = np.random.default_rng(seed)
    pre = (channels[0] * groups, *size)
    kernel = rng.integers(-3, 4, (channels[1] * groups, channels[0], *taps))
    rows, post = synapses(kernel, stride, padding, dilation, groups, pre)
    present = rows[rows[:, 2] != 0]
    assume(len(present))
    found = recognise_convolution(*rows[rng.permutation(len(rows))].T, pre, post)
    if found is None:
        assert kernel.size >= len(present)
        return
    again, shape = synapses(found.kernel, found.stride, found.padding, found.dilation, found.groups, pre)
    assert shape == post
    assert sorted(map(tuple, again[again[:, 2] != 0])) == sorted(map(tuple, present))


def test_the_kernel_itself():
    rng = np.random.default_rng(0)
    kernel = rng.integers(1, 100, (4, 3, 3, 5))
    rows, post = synapses(kernel, (2, 1), (1, 2), (1, 1), 1, (3, 9, 8))
    found = recognise_convolution(*rows.T, (3, 9, 8), post)
    assert np.array_equal(found.kernel, kernel)
    assert (found.stride, found.padding, found.dilation, found.groups) == ((2, 1), (1, 2), (1, 1), 1)


@pytest.mark.parametrize("change", ["weight", "missing", "other", "twice"])
def test_one_synapse_that_differs(change):
    rows, post = synapses(np.arange(1, 19).reshape(2, 1, 3, 3), (1, 1), (1, 1), (1, 1), 1, (1, 5, 5))
    rows = {
        "weight": lambda r: np.concatenate([r[:20], [[r[20, 0], r[20, 1], r[20, 2] + 1]], r[21:]]),
        "missing": lambda r: np.delete(r, 20, axis=0),
        "other": lambda r: np.concatenate([r, [[0, 24, 7]]]),
        "twice": lambda r: np.concatenate([r, r[20:21]]),
    }[change](rows)
    found = recognise_convolution(*rows.T, (1, 5, 5), post)
    if change != "other":
        assert found is None
    else:  # a corner to the other: a tap far out that all but one output miss
        assert found.kernel.shape == (2, 1, 9, 9)
        again, _ = synapses(
            found.kernel, found.stride, found.padding, found.dilation, found.groups, (1, 5, 5)
        )
        assert sorted(map(tuple, again[again[:, 2] != 0])) == sorted(map(tuple, rows))


def test_a_matrix_is_no_convolution():
    rng = np.random.default_rng(1)
    source, target = (a.reshape(-1) for a in np.meshgrid(np.arange(32), np.arange(48)))
    weight = rng.integers(1, 255, 32 * 48)
    assert recognise_convolution(source, target, weight, (2, 4, 4), (3, 4, 4)) is None


def test_shapes_without_rows_and_columns():
    one = np.array([0])
    assert recognise_convolution(one, one, one + 1, (4,), (4,)) is None
    assert recognise_convolution(one, one, one * 0, (1, 1, 1), (1, 1, 1)) is None
