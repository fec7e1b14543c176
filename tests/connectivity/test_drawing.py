"""From a projection to its rows: against a plain construction, and what a synapse costs."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim import random
from neurosim.connectivity import Ends, Rule, drawing
from neurosim.connectivity.row_kernels import sort_rows
from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.lower import lower
from neurosim.engine.plan import PlanProjection

DT = 1e-3


def lowered(rule: Rule, n: int, seed: int = 0, **values: object) -> PlanProjection:
    net = ns.Network(dt=DT, seed=seed)
    net.population("a", n, ns.LIF())
    net.connect("a", "a", rule, name="p", **values)  # type: ignore[arg-type]
    return lower(net).projections[0]


RULES = [
    ns.AllToAll(), ns.AllToAll(autapses=ns.Autapses.FORBIDDEN), ns.OneToOne(), ns.FixedProbability(0.3),
    ns.FixedInDegree(4), ns.Sparse([3, 0, 7, 3, 3, 1], [2, 5, 5, 2, 0, 1]), ns.Sparse([], []), ns.SmallWorld(2, 0.5),
]  # fmt: skip


@given(
    rule=st.sampled_from(RULES), weights=st.sampled_from(["number", "zero", "drawn", "array", "float32", "rows"]),
    delays=st.sampled_from(["number", "drawn", "array", "columns", "long"]), plastic=st.booleans(),
    seed=st.integers(0, 99), piece=st.sampled_from([1, 7, 2**17]),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_rows_are_those_of_a_plain_construction(
    rule: Rule, weights: str, delays: str, plastic: bool, seed: int, piece: int
) -> None:
    """Pairs in order, values looked up or drawn by place, zeros left out, sorted by NumPy; for any size of piece."""
    n, rng = 8, np.random.default_rng(seed)
    ends = Ends((n,), (n,), True, seed)
    pattern = rule.pattern(ends, random.key(seed, "connect", "p"))
    pre = np.repeat(np.arange(n), np.diff(pattern.row_start))
    post, place = pattern.target.astype(int), np.arange(len(pre))
    listed = place if pattern.order is None else pattern.order
    shape = rule.values_shape(ends)
    assert shape is not None

    def looked_up(values: np.ndarray) -> np.ndarray:
        return values[listed] if len(shape) == 1 else np.broadcast_to(values, shape)[pre, post]

    whole = rng.integers(-1, 3, shape) * 0.5
    axis = whole[:, :1] if len(shape) == 2 else whole
    w_in, w = {
        "number": (0.5, np.full(len(pre), 0.5)),
        "zero": (0.0, np.zeros(len(pre))),
        "drawn": (
            ns.Normal(1, 0.5),
            ns.Normal(1, 0.5).sample(random.key(seed, "weight", "p"), place).astype(np.float32),
        ),
        "array": (whole, looked_up(whole)),
        "float32": (whole.astype(np.float32), looked_up(whole.astype(np.float32))),
        "rows": (axis, looked_up(axis)),
    }[weights]
    steps = rng.integers(0, 5, shape)
    some = steps[:1] if len(shape) == 2 else steps
    law = ns.Uniform(0, 9 * DT) if delays == "drawn" else ns.Uniform(0, 2**30 * DT)
    drawn = np.floor(law.sample(random.key(seed, "delay", "p"), place) / DT + 0.5)
    d_in, d = {
        "number": (2 * DT, np.full(len(pre), 2)),
        "drawn": (law, drawn),
        "array": (steps * DT, looked_up(steps)),
        "columns": (some * DT, looked_up(some)),
        "long": (law, drawn),
    }[delays]
    keep = np.full(len(pre), True) if plastic or weights == "drawn" else w != 0
    expected = rows_from(pre[keep], post[keep], w[keep], d[keep].astype(int), n, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "PIECE", piece)
        net = ns.Network(dt=DT, seed=seed)
        net.population("a", n, ns.LIF())
        kept = w_in.copy() if isinstance(w_in, np.ndarray) else w_in
        projection = net.connect("a", "a", rule, name="p", weight=w_in, delay=d_in)
        rows = drawing.draw_rows(
            rule, ends, weight=projection.weight, delay=projection.delay, rounding=None, keep_zeros=plastic,
            dt=DT, name="p",
        )  # fmt: skip
        if isinstance(kept, np.ndarray):
            assert np.array_equal(projection.weight, kept)  # sorting has not touched the description
    for name in ("row_start", "word", "target_bits", "delay", "n_pre", "n_post"):
        assert np.array_equal(getattr(rows, name), getattr(expected, name)), name
    assert rows.word.dtype == expected.word.dtype
    assert np.array_equal(rows.weights(), expected.weights())
    assert rows.weights().dtype == w.dtype
    assert rows.nbytes == expected.nbytes


@given(
    st.lists(st.integers(0, 60), max_size=6),
    st.sampled_from([np.uint32, np.uint64]),
    st.integers(0, 10),
    st.integers(1, 18),
)
@settings(deadline=None)
def test_rows_are_sorted_as_numpy_does(lengths: list[int], dtype: type, low: int, width: int) -> None:
    rng = np.random.default_rng(sum(lengths) + low)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    word = rng.integers(0, 2**30, start[-1]).astype(dtype)
    weight = np.arange(float(start[-1]))
    code = word >> dtype(low) & dtype(2**width - 1)
    order = [a + np.argsort(code[a:b], kind="stable") for a, b in pairwise(start)]
    expected = np.concatenate([np.empty(0, int), *order]).astype(int)
    words = word.copy()
    sort_rows(start, words, weight, low, low + width)
    assert np.array_equal(words, word[expected])
    if len(word) > 1:
        assert np.array_equal(weight, expected)


def test_names_and_seeds_draw_other_networks() -> None:
    net = ns.Network(dt=DT, seed=1)
    net.population("a", 200, ns.LIF())
    for name in ("x", "y"):
        net.connect("a", "a", ns.FixedInDegree(50), weight=ns.Normal(0, 1), delay=1e-3, name=name)
    x, y = lower(net).projections
    again = lowered(ns.FixedInDegree(50), 200, weight=ns.Normal(0, 1), delay=1e-3)
    for other in (y, again):
        assert not np.array_equal(x.target, other.target)
        assert abs(np.corrcoef(x.weight, other.weight)[0, 1]) < 5 / np.sqrt(x.n_synapses)


def test_other_delays_leave_pairs_and_weights_as_they_were() -> None:
    late = lowered(ns.FixedProbability(0.3), 50, weight=ns.Normal(0, 1), delay=ns.Uniform(DT, 9 * DT))
    soon = lowered(ns.FixedProbability(0.3), 50, weight=ns.Normal(0, 1), delay=DT)

    def order(p: PlanProjection) -> np.ndarray:
        return np.lexsort((p.target, p.pre_index))

    a, b = order(late), order(soon)
    assert np.array_equal(late.target[a], soon.target[b])
    assert np.array_equal(late.weight[a], soon.weight[b])


@pytest.mark.parametrize(
    ("values", "each"),
    [
        ({"weight": 0.5, "delay": DT}, 2),
        ({"weight": ns.Normal(0, 1), "delay": DT}, 6),
        ({"weight": ns.Normal(0, 1), "delay": ns.Uniform(DT, 20 * DT)}, 8),
        ({"weight": 0.5, "delay": ns.Uniform(DT, 20 * DT)}, 4),
        ({"weight": np.full((2000, 2000), 0.5, np.float32), "delay": ns.Uniform(DT, 20 * DT)}, 4),
        ({"weight": ns.Normal(0, 1), "delay": ns.Uniform(DT, 20 * DT), "plasticity": ns.STDP()}, 8),
    ],
    ids=["shared", "weights", "weights and delays", "delays", "an array of one number", "plastic"],
)
def test_what_a_synapse_takes(values: dict[str, object], each: int) -> None:
    """Shared weights and delays take nothing; a weight of its own makes 8 bytes, its own delay no more."""
    rows = lowered(ns.FixedInDegree(100), 2000, **values).rows
    assert rows.n_synapses == 200_000
    assert rows.nbytes <= each * 200_000 + 8 * 2001 + 8


PROGRAM = """
import resource, sys
import numpy as np
import neurosim as ns
from neurosim.engine.lower import lower

def network(n, degree):
    net = ns.Network(dt=1e-4)
    net.population("a", n, ns.LIF())
    net.connect("a", "a", ns.{rule}, weight=ns.Normal(0.3, 0.1), delay=ns.Uniform(1e-3, 1e-2))
    return lower(net).projections[0].rows

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

n, degree = 100, 10
network(n, degree)
before = peak()
n, degree = 20_000, 500
rows = network(n, degree)
print(before, peak(), rows.nbytes, rows.n_synapses)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read as Linux reports it")
@pytest.mark.parametrize("rule", ["FixedInDegree(degree)", "FixedProbability(degree / n)"])
def test_lowering_needs_little_more_than_the_rows(rule: str, tmp_path: Path) -> None:
    """Ten million synapses of 8 bytes: the process grows by their 80 MB and a fifth more. A second array of one word a
    synapse anywhere on the way would be half more."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("{rule}", rule))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120, check=True)
    before, peak, nbytes, n = map(int, done.stdout.split())
    assert abs(n - 10**7) < 5 * 3200  # standard deviation 3200 or less
    assert nbytes < 8.1 * n
    assert peak - before < 1.2 * nbytes
