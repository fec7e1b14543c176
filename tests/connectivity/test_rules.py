import numpy as np
import pytest

import neurosim as ns
from neurosim.connectivity import Ends, Rule
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


def test_all_to_all_without_autapses() -> None:
    """Left out within a population only; the array still has every pair."""
    w = np.arange(1.0, 10).reshape(3, 3)
    rule = ns.AllToAll(autapses=ns.Autapses.FORBIDDEN)
    assert np.array_equal(lowered(rule, 3, 3, weight=w)[1], w)
    net = ns.Network(dt=1e-3)
    net.population("a", 3, ns.LIF())
    net.connect("a", "a", rule, weight=w, delay=1e-3)
    p = lower(net).projections[0]
    assert p.pre_index.tolist() == [0, 0, 1, 1, 2, 2]
    assert p.target.tolist() == [1, 2, 0, 2, 0, 1]
    assert p.weight.tolist() == [2, 3, 4, 6, 7, 8]


def test_an_axis_of_one_stands_for_all() -> None:
    rows, columns = np.array([[1.0], [2], [3]]), np.array([[5.0, 6]])
    assert lowered(ns.AllToAll(), 3, 2, weight=rows)[1].tolist() == [[1, 1], [2, 2], [3, 3]]
    assert lowered(ns.FixedProbability(1.0), 3, 2, weight=columns)[1].tolist() == [[5, 6], [5, 6], [5, 6]]
    with pytest.raises(ShapeError, match=r"\(2, 1\).*\(3, 2\)"):
        lowered(ns.AllToAll(), 3, 2, weight=np.ones((2, 1)))


class EveryOther(Rule):
    """A user's rule: two functions of the ends."""

    def synapses(self, ends: Ends, key: int) -> tuple[np.ndarray, np.ndarray]:
        post = np.arange(0, ends.n_post, 2)
        return np.full(len(post), ends.n_pre - 1), post


def test_a_rule_of_ones_own() -> None:
    assert lowered(EveryOther(), 2, (5,), weight=3.0)[1].tolist() == [[0] * 5, [3, 0, 3, 0, 3]]


def test_synapses_are_sorted_by_presynaptic_neuron_delay_and_target() -> None:
    p, _ = lowered(ns.FixedProbability(0.4), 20, 30, delay=ns.Uniform(0, 9e-3), weight=ns.Normal(0, 1))
    keys = np.stack([p.target, p.delay, p.pre_index])  # type: ignore[attr-defined]
    assert np.array_equal(np.lexsort(keys), np.arange(p.n_synapses))  # type: ignore[attr-defined]
    assert np.array_equal(np.diff(p.row_start), np.bincount(p.pre_index, minlength=20))  # type: ignore[attr-defined]


@pytest.mark.parametrize("index", [-1, 2**31, 2**32, 2**63])
def test_a_list_of_synapses_refuses_indices_that_no_population_has(index: int) -> None:
    with pytest.raises(DescriptionError, match=str(index)):
        ns.Sparse(np.array([index], np.uint64 if index > 0 else np.int64), [0])
