"""Maps against PyTorch's layers, compositions against the product of the layers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.connectivity import AllToAll, Convolution2d, Ends, OneToOne, Sparse
from neurosim.errors import ShapeError, UnsupportedError
from neurosim.interchange.linear_maps import Kernel, compose, convolution, dense, diagonal, identity, pooling

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def close(a, b):
    np.testing.assert_allclose(np.asarray(a).reshape(-1), np.asarray(b).reshape(-1), atol=1e-12)


@given(
    groups=st.sampled_from([1, 2]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_convolution_is_that_of_pytorch(groups, kernel, stride, padding, dilation, seed):
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=(4, 2, *kernel)), rng.normal(size=(2 * groups, 7, 8))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    expected = functional.conv2d(torch.tensor(x)[None], torch.tensor(w), **options)[0].numpy()
    made = convolution(w, x.shape, **options)
    assert made.post == expected.shape
    close(made(x), expected)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 3), (4, 4)])
def test_named_padding(padding, kernel):
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=(2, 3, *kernel)), rng.normal(size=(3, 6, 5))
    expected = functional.conv2d(torch.tensor(x)[None], torch.tensor(w), padding=padding)[0].numpy()
    made = convolution(w, x.shape, padding=padding)
    assert made.post == expected.shape
    close(made(x), expected)


def test_convolution_in_one_dimension():
    rng = np.random.default_rng(2)
    w, x = rng.normal(size=(4, 3, 3)), rng.normal(size=(3, 9))
    expected = functional.conv1d(torch.tensor(x)[None], torch.tensor(w), stride=2, padding=1)[0].numpy()
    made = convolution(w, x.shape, stride=2, padding=1)
    assert made.post == expected.shape
    close(made(x), expected)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), ((3, 2), (2, 1), (1, 1))])
def test_pooling(kernel, stride, padding):
    x = np.random.default_rng(3).normal(size=(3, 6, 7))
    average = functional.avg_pool2d(torch.tensor(x)[None], kernel, stride, padding)[0].numpy()
    made = pooling(x.shape, kernel, stride, padding, average=True)
    assert made.post == average.shape
    close(made(x), average)
    size = math.prod(np.broadcast_to(kernel, 2).tolist())
    close(pooling(x.shape, kernel, stride, padding, average=False)(x), average * size)


def every_kind(rng):
    """One map of each kind and of each pair in a row, on a signal of shape (2, 4, 4)."""
    shape = (2, 4, 4)
    return [
        identity(shape),
        diagonal(rng.normal(size=shape), shape),
        dense(rng.normal(size=(32, 32)), shape),
        convolution(rng.normal(size=(2, 2, 3, 3)), shape, padding=1),
        convolution(rng.normal(size=(2, 1, 3, 3)), shape, padding=1, groups=2),
    ]


def test_compositions_are_products_and_become_the_same_synapses():
    rng = np.random.default_rng(4)
    x = rng.normal(size=32)
    for a in every_kind(rng):
        for b in every_kind(rng):
            made = compose(a, b)
            close(made(x), b(a(x)))
            gain = rng.normal(size=32)
            scaled = made.scaled(gain)
            close(scaled(x), gain * made(x))
            for each in (made, scaled, made.scaled(2.0)):
                rule, weight = each.synapses()
                pre, post = rule.synapses(Ends(each.pre, each.post), 0)
                kernel = rule.kernel(Ends(each.pre, each.post))
                w = np.broadcast_to(np.asarray(weight, float).reshape(-1), pre.shape) * (
                    1.0 if kernel is None else kernel
                )
                close(np.bincount(post, w * x[pre], minlength=32), each(x))


def test_structure_is_kept():
    conv = convolution(np.ones((3, 2, 3, 3), np.float32), (2, 5, 5))
    assert isinstance(conv.synapses()[0], Convolution2d)
    assert conv.synapses()[0].weights.dtype == np.float32
    assert isinstance(compose(identity((2, 5, 5)), conv).synapses()[0], Convolution2d)
    assert isinstance(identity((3,)).synapses()[0], OneToOne)
    assert isinstance(dense(np.ones((2, 3))).synapses()[0], AllToAll)
    assert dense(np.ones((2, 3), np.float32)).synapses()[1].dtype == np.float32
    assert isinstance(pooling((1, 4, 4), 2, 2, 0, average=False).synapses()[0], Sparse)


def test_misfits_are_refused():
    with pytest.raises(ShapeError):
        dense(np.ones((2, 3)), (4,))
    with pytest.raises(UnsupportedError):
        dense(np.ones((2, 2, 3)))
    with pytest.raises(ShapeError, match="larger than its input"):
        convolution(np.ones((1, 1, 5, 5)), (1, 3, 3))
    with pytest.raises(ShapeError, match="channels"):
        convolution(np.ones((1, 2, 3, 3)), (3, 5, 5))
    with pytest.raises(ShapeError, match="stride"):
        convolution(np.ones((1, 1, 3, 3)), (1, 5, 5), stride=0)
    with pytest.raises(ShapeError):
        compose(identity((3,)), identity((4,)))


def test_a_gain_for_each_channel_keeps_a_convolution():
    rng = np.random.default_rng(0)
    kernel = convolution(rng.normal(size=(3, 2, 2, 2)), (2, 4, 5))
    each = np.repeat(rng.normal(size=3), 12)
    x = rng.normal(size=40)
    for made in (kernel.scaled(each), compose(kernel, diagonal(each.reshape(kernel.post), kernel.post))):
        assert isinstance(made.content, Kernel)
        np.testing.assert_allclose(made(x), each * kernel(x), rtol=1e-12)
    mixed = rng.normal(size=36)
    np.testing.assert_allclose(kernel.scaled(mixed)(x), mixed * kernel(x), rtol=1e-12)
