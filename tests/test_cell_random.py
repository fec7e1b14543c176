"""Random numbers of cells. Statistical tests have fixed seeds, so they pass always or never; each says how likely a
correct generator would have been to fail when the seed was chosen."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from neurosim import random
from neurosim.cell_random import GROUP, cell_normals, cell_words, group_normals, group_words, split_key

KEY = random.key(42, "drive", "noise")


def words(group: int, step: int, sample: int, lane: int = 0, key: int = KEY) -> np.ndarray:
    out = np.empty(GROUP, np.uint32)
    group_words(out, group, step, sample, lane, split_key(key))
    return out


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """Words [1000 steps, 640 neurons] of one sample."""
    return np.array([[words(g, k, 0) for g in range(10)] for k in range(1000)]).reshape(1000, 640)


@settings(max_examples=30, deadline=None)
@given(
    key=st.integers(0, 2**64 - 1),
    group=st.integers(0, 2**25),
    step=st.integers(0, 2**48 - 1),
    sample=st.integers(0, 2**31),
    lane=st.integers(0, 1000),
)
def test_kernels_equal_their_plain_versions(key: int, group: int, step: int, sample: int, lane: int) -> None:
    some = words(group, step, sample, lane, key)
    neurons = group * GROUP + np.arange(GROUP)
    assert np.array_equal(some, cell_words(key, sample, step, neurons, lane))
    normals = np.empty(GROUP)
    group_normals(normals, some)
    assert np.array_equal(normals, cell_normals(key, sample, step, neurons, lane))  # bit for bit


def test_words_are_those_of_philox() -> None:
    """Neuron 200 = 3 * 64 + 8 of step 2^32 + 7, sample 5, lane 2: word 0 of a block with the stated counter."""
    block = random.philox_reference((16 * 3 + 8, 7, 5, 1 | 2 << 16), (KEY & 0xFFFFFFFF, KEY >> 32))
    assert words(3, 2**32 + 7, 5, 2)[[8, 24, 40, 56]].tolist() == list(block)


def test_fixed_words_and_normals_never_change() -> None:
    """Seeds are promises: these numbers must stay the same in every version and on every machine."""
    assert words(0, 0, 0)[[0, 1, 63]].tolist() == FIXED_WORDS
    normals = np.empty(GROUP)
    group_normals(normals, words(0, 0, 0))
    assert normals[[0, 1, 63]].tolist() == FIXED_NORMALS


FIXED_WORDS = [1242349538, 3206197912, 265962229]
FIXED_NORMALS = [0.9926802505995442, 0.7525714662297562, -0.4388372381156569]


def test_words_are_uniform_and_independent(many: np.ndarray) -> None:
    """640,000 words: Kolmogorov-Smirnov, and the largest of the correlations with the next step, the next neurons and
    another sample, lane and key; 9 tests, each failing a correct generator with probability 1e-4."""
    u = many / 2.0**32
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-4
    others = [u[1:], u[:, 1:], u[:, 16:], u[:, 32:], u[:, 64:]]
    firsts = [u[:-1], u[:, :-1], u[:, :-16], u[:, :-32], u[:, :-64]]
    for change in ({"sample": 1}, {"lane": 1}, {"key": KEY + 1}):
        given = {"sample": 0, **change}
        others.append(np.array([words(0, k, **given) for k in range(1000)]) / 2.0**32)
        firsts.append(u[:, :64])
    for a, b in zip(firsts, others, strict=True):
        z = np.corrcoef(a.ravel(), b.ravel())[0, 1] * np.sqrt(a.size)
        assert abs(z) < stats.norm.isf(1e-4 / 2)


def test_normals_are_normal(many: np.ndarray) -> None:
    """640,000 normals: Kolmogorov-Smirnov, the first four moments, and the correlation of the two normals that share a
    radius, and of their squares; 7 tests, each failing a correct generator with probability 1e-4."""
    x = np.empty(many.shape)
    for k in range(len(many)):
        for g in range(0, 640, GROUP):
            group_normals(x[k, g : g + GROUP], many[k, g : g + GROUP])
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-4
    limit = stats.norm.isf(1e-4 / 2)
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - mean) < limit * np.sqrt(variance / x.size)
    pairs = x.reshape(1000, 10, 2, 32)
    a, b = pairs[:, :, 0].ravel(), pairs[:, :, 1].ravel()
    assert abs((a * b).mean()) < limit / np.sqrt(a.size)
    assert abs(((a**2 - 1) * (b**2 - 1)).mean()) < limit * 2 / np.sqrt(a.size)


def test_normals_agree_with_the_libraries_functions() -> None:
    """Against log, sin and cos of NumPy: 2e-15 of the radius, over extreme and random words."""
    edge = np.array([0, 1, 2, 2**29, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**31 + 2**30, 2**32 - 1], np.uint32)
    some = np.concatenate([edge, edge[::-1], words(1, 2, 3)[:12], edge, edge, words(5, 6, 7)[:12]])
    normals = np.empty(GROUP)
    group_normals(normals, some)
    radius = np.sqrt(-2 * np.log((some[:32] + 0.5) / 2.0**32))
    assert np.allclose(np.hypot(normals[:32], normals[32:]), radius, rtol=2e-15, atol=0)
    w = some[32:]
    angle = ((w & (2**30 - 1)) + 0.5) * (np.pi / 2 / 2**30) - np.pi / 4
    x, y = np.cos(angle) * np.where(w >> 31, -1, 1), np.sin(angle)
    swap = (w >> 30 & 1).astype(bool)
    assert np.allclose(normals[:32], radius * np.where(swap, y, x), rtol=0, atol=1e-14)
    assert np.allclose(normals[32:], radius * np.where(swap, x, y), rtol=0, atol=1e-14)
