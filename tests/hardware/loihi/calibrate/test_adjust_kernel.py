from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.calibrate.adjust_kernel import steps_to_look_at


def plain(v, threshold, near, points):
    """The same by a stable sort."""
    alive = np.flatnonzero(~np.isnan(v))
    if len(alive) <= points:
        return alive
    if not near:
        return alive[np.arange(points) * len(alive) // points]
    return np.sort(alive[np.argsort(np.abs(v[alive] - threshold), kind="stable")[:points]])


@pytest.mark.parametrize("near", [True, False])
@pytest.mark.parametrize("different", [1, 3, 10**6])
def test_steps_are_those_of_a_stable_sort(near, different):
    rng = np.random.default_rng(different)
    for _ in range(200):
        v = rng.integers(0, different, rng.integers(1, 60)).astype(float)
        v[rng.random(v.size) < 0.2] = np.nan
        threshold, points = float(rng.integers(0, different)), int(rng.integers(1, v.size + 2))
        found = steps_to_look_at(v, threshold, near, points)
        assert np.array_equal(found, plain(v, threshold, near, points))
