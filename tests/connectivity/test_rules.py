import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.signal import correlate

import neurosim as ns
from neurosim.connectivity import Convolution2d
from neurosim.engine import lower
from neurosim.errors import DescriptionError, ShapeError


def lowered(
    rule: object, pre: object, post: object, seed: int = 0, **values: object
) -> tuple[object, np.ndarray]:
    """The projection, and its summed weights as a dense matrix [n_pre, n_post]."""
    net = ns.Network(dt=1e-3, seed=seed)
    net.input("a", pre)  # type: ignore[arg-type]
    net.population("b", post, ns.LIF())  # type: ignore[arg-type]
    net.connect("a", "b", rule, **values)  # type: ignore[arg-type]
    p = lower(net).projections[0]
    matrix = np.zeros((p.n_pre, p.n_post))
    np.add.at(matrix, (p.pre_index, p.target), p.weight)
    return p, matrix


def test_all_to_all_keeps_the_array() -> None:
    w = np.random.default_rng(0).normal(size=(6, 4))
    assert np.array_equal(lowered(ns.AllToAll(), 6, (2, 2), weight=w)[1], w)


def test_one_to_one() -> None:
    assert np.array_equal(
        lowered(ns.OneToOne(), 4, (2, 2), weight=np.arange(1.0, 5))[1], np.diag([1.0, 2, 3, 4])
    )


def test_sparse_keeps_parallel_synapses() -> None:
    p, w = lowered(ns.Sparse([0, 0, 2], [1, 1, 0]), 3, 2, weight=[1.0, 2.0, 3.0], delay=[2e-3, 1e-3, 0])
    assert w.tolist() == [[0, 3], [0, 0], [3, 0]]
    assert p.n_synapses == 3  # type: ignore[attr-defined]
    assert p.delay.tolist() == [1, 2, 0]  # type: ignore[attr-defined]


def test_static_synapses_of_weight_zero_are_left_out() -> None:
    assert lowered(ns.AllToAll(), 2, 2, weight=np.eye(2))[0].n_synapses == 2  # type: ignore[attr-defined]
    p = lowered(ns.AllToAll(), 2, 2, weight=np.eye(2), plasticity=ns.STDP())[0]
    assert p.n_synapses == 4  # type: ignore[attr-defined]


def test_fixed_probability_draws_each_pair_once() -> None:
    p, w = lowered(ns.FixedProbability(0.1), 300, 200)
    assert w.max() == 1
    # binomial of 60,000 pairs: five standard deviations
    assert abs(p.n_synapses - 6000) < 5 * np.sqrt(60_000 * 0.09)  # type: ignore[attr-defined]
    assert lowered(ns.FixedProbability(0.0), 30, 20)[0].n_synapses == 0  # type: ignore[attr-defined]
    assert lowered(ns.FixedProbability(1.0), 30, 20)[0].n_synapses == 600  # type: ignore[attr-defined]
    with pytest.raises(DescriptionError, match="<= 1"):
        ns.FixedProbability(1.5)


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
    _, w = lowered(rule, shape, rule.output_shape(shape))
    image = rng.normal(size=shape)
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    expected = [correlate(padded, k, mode="valid")[0, ::stride, ::stride] for k in rule.weights]
    assert np.allclose((image.reshape(-1) @ w).reshape(rule.output_shape(shape)), expected, atol=1e-12)


def test_convolution_refuses_shapes_that_do_not_fit() -> None:
    rule = Convolution2d(np.ones((2, 1, 3, 3)))
    with pytest.raises(ShapeError, match="kernel"):
        lowered(rule, (2, 5, 5), (2, 3, 3))
    with pytest.raises(ShapeError, match=r"\(2, 3, 3\)"):
        lowered(rule, (1, 5, 5), (2, 5, 5))


def test_synapses_are_sorted_by_presynaptic_neuron_delay_and_target() -> None:
    p, _ = lowered(ns.FixedProbability(0.4), 20, 30, delay=ns.Uniform(0, 9e-3), weight=ns.Normal(0, 1))
    keys = np.stack([p.target, p.delay, p.pre_index])  # type: ignore[attr-defined]
    assert np.array_equal(np.lexsort(keys), np.arange(p.n_synapses))  # type: ignore[attr-defined]
    assert np.array_equal(np.diff(p.row_start), np.bincount(p.pre_index, minlength=20))  # type: ignore[attr-defined]


@pytest.mark.parametrize("index", [-1, 2**31, 2**32, 2**63])
def test_a_list_of_synapses_refuses_indices_that_no_population_has(index: int) -> None:
    with pytest.raises(DescriptionError, match=str(index)):
        ns.Sparse(np.array([index], np.uint64 if index > 0 else np.int64), [0])
