import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.signal import correlate

import neurosim as ns
from neurosim.connectivity import Convolution2d, Ends
from neurosim.engine import lower
from neurosim.errors import ShapeError


def dense(rule: Convolution2d, shape: tuple[int, ...]) -> np.ndarray:
    """The summed weights [n_pre, n_post] of a plan."""
    net = ns.Network(dt=1e-3)
    net.input("a", shape)
    net.population("b", rule.output_shape(shape), ns.LIF())
    net.connect("a", "b", rule)
    p = lower(net).projections[0]
    matrix = np.zeros((p.n_pre, p.n_post))
    np.add.at(matrix, (p.pre_index, p.target), p.weight)
    return matrix


@given(
    channels=st.integers(1, 3), out=st.integers(1, 3), size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), stride=st.integers(1, 3), padding=st.integers(0,
    2), seed=st.integers(0, 9),
)  # fmt: skip
def test_convolution_is_scipys_correlation(
    channels: int,
    out: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    rule = Convolution2d(rng.integers(-4, 5, (out, channels, *kernel)) + 0.5, stride=stride, padding=padding)
    shape = (channels, *size)
    w = dense(rule, shape)
    image = rng.normal(size=shape)
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    expected = [correlate(padded, k, mode="valid")[0, ::stride, ::stride] for k in rule.weights]
    assert np.allclose((image.reshape(-1) @ w).reshape(rule.output_shape(shape)), expected, atol=1e-12)


def test_convolution_refuses_shapes_that_do_not_fit() -> None:
    rule = Convolution2d(np.ones((2, 1, 3, 3)))
    with pytest.raises(ShapeError, match="kernel"):
        rule.check(Ends((2, 5, 5), (2, 3, 3)), "here")
    with pytest.raises(ShapeError, match=r"\(2, 3, 3\)"):
        rule.check(Ends((1, 5, 5), (2, 5, 5)), "here")
