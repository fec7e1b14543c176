from __future__ import annotations

import numpy as np
import pytest

from neurosim.datasets.sensors.saccades import Profile, Saccades
from neurosim.errors import DescriptionError


def test_visits_the_corners_at_multiples_of_the_duration() -> None:
    move = Saccades(extent=4.0, duration=0.1)
    assert move.total == pytest.approx(0.3)
    assert np.allclose(move.position([0.0, 0.1, 0.2, 0.3]), 4.0 * np.asarray(move.corners))
    assert np.allclose(move.position([-1.0, 9.0]), 4.0 * np.asarray(move.corners)[[0, -1]])


def test_the_default_path_is_a_closed_isosceles_triangle_as_wide_as_high() -> None:
    corners = np.asarray(Saccades().corners)
    a, b, c = (np.linalg.norm(corners[i + 1] - corners[i]) for i in range(3))
    assert np.array_equal(corners[0], corners[-1])
    assert a == pytest.approx(b)
    assert c == pytest.approx(np.ptp(corners[:, 1]))


def test_minimum_jerk_starts_and_stops_at_rest_with_its_known_peak_speed() -> None:
    move = Saccades(extent=1.0, duration=1.0, corners=((0, 0), (1, 0)))
    t = np.linspace(0, 1, 10_001)
    speed = np.gradient(move.position(t)[:, 0], t)
    assert speed[0] == pytest.approx(0, abs=1e-3)
    assert speed[-1] == pytest.approx(0, abs=1e-3)
    assert speed.max() == pytest.approx(1.875, rel=1e-5)  # Flash and Hogan: 15/8 of the mean speed
    even = move.replace(profile=Profile.CONSTANT)
    assert np.allclose(even.position(t)[:, 0], t)


@pytest.mark.parametrize("corners", [((0, 0),), ((0, 0, 0), (1, 1, 1)), ((0, 0), (np.nan, 1))])
def test_refuses_what_is_no_path(corners: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(DescriptionError, match="path"):
        Saccades(corners=corners)


def test_is_compared_by_value() -> None:
    assert Saccades(extent=2) == Saccades(extent=2.0)
    assert hash(Saccades()) == hash(Saccades())
    assert Saccades(extent=2) != Saccades()
