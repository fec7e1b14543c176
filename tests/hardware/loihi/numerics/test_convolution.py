from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.signal import convolve as scipy_convolve

from neurosim.errors import ShapeError
from neurosim.hardware.loihi.numerics.convolution import convolve
from neurosim.hardware.loihi.numerics.messages import received


@pytest.mark.reference("loihi/conv_*.npz")
def test_matches_lava(reference_file):
    with np.load(reference_file) as f:
        x = received(f["x"], int(f["num_message_bits"]))
        options = {name: f[name].tolist() for name in ("stride", "padding", "dilation")}
        out = convolve(x, f["w"], **options, groups=int(f["groups"]))
        assert not f["a_out"][..., 0].any()  # a connection takes one step
        assert np.array_equal(out[..., :-1], f["a_out"][..., 1:])


def test_is_a_true_convolution():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 9, (7, 6, 3)), rng.integers(-9, 9, (2, 3, 2, 3))
    expected = [sum(scipy_convolve(x[:, :, c], w[o, :, :, c], "valid") for c in range(3)) for o in range(2)]
    assert np.array_equal(convolve(x, w), np.stack(expected, axis=2))


PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40)
@given(
    st.integers(0, 2**32),
    PAIR,
    PAIR,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    PAIR,
    st.integers(1, 2),
)
def test_every_output_is_the_sum_of_its_inputs(seed, kernel, stride, padding, dilation, groups):
    rng = np.random.default_rng(seed)
    x, w = rng.integers(-9, 9, (8, 7, 4)), rng.integers(-9, 9, (4, *kernel, 4 // groups))
    found = convolve(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(x.shape, padding, dilation, kernel, stride, strict=False)
    ]
    assert found.shape == (*size, 4)
    for i, j, o in np.ndindex(found.shape):
        total = 0
        for a, b, c in np.ndindex(*kernel, 4 // groups):
            at = i * stride[0] + a * dilation[0] - padding[0], j * stride[1] + b * dilation[1] - padding[1]
            if 0 <= at[0] < 8 and 0 <= at[1] < 7:
                channel = o // (4 // groups) * (4 // groups) + c
                total += int(x[*at, channel] * w[o, kernel[0] - 1 - a, kernel[1] - 1 - b, c])
        assert found[i, j, o] == total


def test_sums_wrap_at_24_bits():
    assert convolve(np.full((1, 1, 1), 2**22), np.full((1, 1, 1, 1), 2)).item() == -(2**23)


@pytest.mark.parametrize(
    ("x", "w", "groups"),
    [
        ((4, 4, 3), (2, 2, 2, 3), 2),
        ((4, 4, 4), (3, 2, 2, 2), 2),
        ((4, 4, 4), (2, 2, 2, 3), 1),
        ((2, 2, 1), (1, 3, 3, 1), 1),
        ((4, 2, 1), (1, 3, 3, 1), 1),
    ],
)
def test_shapes_that_do_not_fit(x, w, groups):
    with pytest.raises(ShapeError):
        convolve(np.zeros(x, dtype=int), np.zeros(w, dtype=int), groups=groups)
