import numpy as np
import pytest
from scipy import sparse

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.errors import ShapeError


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_the_plan_holds_the_matrix(form: str, dtype: type) -> None:
    matrix = (
        (10 * sparse.random_array((30, 20), density=0.2, rng=np.random.default_rng(0)))
        .astype(dtype)
        .asformat(form)
    )
    rule, weight = ns.from_scipy(matrix)
    assert weight.dtype == (np.float32 if dtype is np.float32 else np.float64)
    net = ns.Network(dt=1e-3)
    net.input("a", 30)
    net.population("b", 20, ns.LIF())
    net.connect("a", "b", rule, weight=weight)
    p = lower(net).projections[0]
    again = sparse.csr_array((p.weight, p.target, p.row_start), (30, 20))
    assert (again != matrix.tocsr()).nnz == 0
    assert p.n_synapses == np.count_nonzero(matrix.toarray())


def test_entries_that_are_stored_are_synapses() -> None:
    """Twice the same pair, and an explicit zero."""
    matrix = sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), (2, 2))
    rule, weight = ns.from_scipy(matrix)
    net = ns.Network(dt=1e-3)
    net.population("a", 2, ns.LIF())
    net.connect("a", "a", rule, weight=weight, delay=1e-3)
    net.connect("a", "a", rule, weight=weight, delay=1e-3, plasticity=ns.STDP())
    static, plastic = lower(net).projections
    assert static.weight.tolist() == [1.0, 2.0]
    assert plastic.weight.tolist() == [1.0, 2.0, 0.0]


def test_other_things_are_refused() -> None:
    with pytest.raises(ShapeError, match="sparse"):
        ns.from_scipy(np.eye(3))
