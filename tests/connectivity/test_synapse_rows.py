import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.connectivity.synapse_rows import SynapseRows, rows_from
from neurosim.errors import ShapeError, TimeGridError


@st.composite
def synapse_lists(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    n_pre, n_post = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 5, 65_536, 65_537, 2**31 - 1]))
    n = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    longest = draw(st.sampled_from([0, 1, 7, 70_000, 2**31 - 1]))
    post = rng.integers(max(n_post - 3, 0), n_post, n)
    return (
        rng.integers(0, n_pre, n),
        post,
        rng.integers(0, 3, n) * 0.5,
        rng.integers(0, longest + 1, n),
        n_pre,
        n_post,
    )


def columns(rows: SynapseRows) -> list[tuple[float, ...]]:
    return list(zip(rows.sources().tolist(), rows.delays().tolist(), rows.targets().tolist(), rows.weights().tolist(), strict=True))  # fmt: skip  # noqa: E501


@given(synapse_lists())
def test_rows_hold_the_list_in_order(synapses: tuple[np.ndarray, ...]) -> None:
    pre, post, weight, delay, n_pre, n_post = synapses
    rows = rows_from(pre, post, weight, delay, n_pre, n_post)
    expected = sorted(
        zip(pre.tolist(), delay.tolist(), post.tolist(), weight.tolist(), strict=True), key=lambda s: s[:3]
    )
    assert columns(rows) == expected  # sorted() is stable: equal synapses keep their order
    assert rows.n_synapses == len(pre)
    assert rows.delay_range() == ((int(delay.min()), int(delay.max())) if len(pre) else (0, 0))
    assert rows.targets().dtype == rows.delays().dtype == rows.sources().dtype == np.int32
    assert np.array_equal(np.diff(rows.row_start), np.bincount(pre, minlength=n_pre))
    assert (len(rows.weight) == 1) == (len(set(weight.tolist())) <= 1)
    assert (rows.target_bits == 0) == (len(set(delay.tolist())) <= 1)
    if rows.target_bits == 0:
        assert rows.word.dtype == (np.uint16 if n_post <= 65_536 else np.uint32)
    else:
        fits = rows.target_bits + int(delay.max()).bit_length() <= 32
        assert rows.word.dtype == (np.uint32 if fits else np.uint64)


@given(synapse_lists(), st.integers(-70_000, 2**16))
def test_later_and_earlier(synapses: tuple[np.ndarray, ...], steps: int) -> None:
    pre, post, weight, delay, n_pre, n_post = synapses
    rows = rows_from(pre, post, weight, delay, n_pre, n_post)
    if len(pre) and not 0 <= int(delay.min()) + steps <= int(delay.max()) + steps < 2**31:
        with pytest.raises(TimeGridError, match="out of range"):
            rows.delayed(steps)
        return
    moved = rows.delayed(steps)
    assert columns(moved) == [(i, d + steps, j, w) for i, d, j, w in columns(rows)]


def test_other_weights() -> None:
    rows = rows_from([0, 1, 1], [2, 0, 1], [1.0, 2.0, 3.0], 4, 2, 3)
    assert rows.with_weights(5).weights().tolist() == [5.0, 5.0, 5.0]
    assert rows.with_weights(np.array([7, 8, 9], np.float32)).weights().dtype == np.float32
    with pytest.raises(ShapeError, match="3"):
        rows.with_weights([1.0, 2.0])


@pytest.mark.parametrize("change", [{"target": [1]}, {"weight": [1.0, 2.0]}, {"delay": [1, 2]}])
def test_lists_of_different_lengths_are_refused(change: dict[str, object]) -> None:
    given_ = {"pre": [0, 1, 1], "target": [0, 0, 0], "weight": 1.0, "delay": 0, **change}
    with pytest.raises(ShapeError, match="one value a synapse"):
        rows_from(**given_, n_pre=2, n_post=1)  # type: ignore[arg-type]
