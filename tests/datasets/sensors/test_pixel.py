from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.datasets.sensors.pixel import emit, emit_reference

NO_NOISE = (np.empty(0), np.empty(0, np.uint8))


def run(
    level: np.ndarray, time: np.ndarray, *, on: float = 0.25, off: float = 0.25, leak: float = 0.0, start: float = 0.0,
    refractory: float = 0.0, noise: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    n = len(level)
    arguments = (
        np.ascontiguousarray(level, np.float64),
        np.asarray(time, np.float64),
        *(np.full(n, v) for v in (on, off, leak, start)),
        refractory,
        *((np.zeros(n + 1, np.int64), *NO_NOISE) if noise is None else noise),
    )
    out = np.empty(10_000, np.int64), np.empty(10_000, np.int64), np.empty(10_000, np.uint8)
    count = emit(*arguments, *out)
    t, pixel, p = (column[:count] for column in out)
    for ours, reference in zip((t, pixel, p), emit_reference(*arguments), strict=True):
        assert np.array_equal(ours, reference)  # every test below checks the pair
    return t, pixel, p


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("refractory", [0.0, 700.0])
@pytest.mark.parametrize("samples", [2, 7, 101])
def test_an_exponential_ramp_gives_events_at_equal_distances(
    sign: int, refractory: float, samples: int
) -> None:
    """log I rises by 2.6 in 10 ms: floor(2.6/0.25) = 10 events, 961.5 us apart, plus the time held in reset."""
    time = np.linspace(0, 10_000, samples)
    t, _, p = run(sign * 2.6e-4 * time[None], time)
    assert len(t) == 10
    t, _, p = run(sign * 2.6e-4 * time[None], time, refractory=refractory)
    period = 0.25 / 2.6e-4
    expected = period + np.arange(100) * (period + refractory)
    expected = expected[expected < 10_000]
    assert len(t) == len(expected)
    assert (
        np.abs(t - np.floor(expected)).max() <= 1
    )  # floor of a time that rounding may move across a microsecond
    assert (p == (sign > 0)).all()


def test_a_constant_level_is_silent_and_a_leak_sends_on_events_at_its_rate() -> None:
    time = np.linspace(0, 1e6, 11)
    assert len(run(np.full((3, 11), -1.5), time)[0]) == 0
    leak = 0.25 * 8.5e-6  # 8.5 events a second
    t, pixel, p = run(np.zeros((3, 11)), time, leak=leak)
    assert np.bincount(pixel).tolist() == [8, 8, 8]
    assert p.all()
    assert np.abs(t[:8] - np.arange(1, 9) * 1e6 / 8.5).max() <= 1
    assert (
        len(run(np.zeros((1, 11)), time, leak=leak, start=0.2)[0]) == 9
    )  # half an event further at the start


def test_a_step_back_needs_the_threshold_again() -> None:
    """Hysteresis: up by 1.1 thresholds, then down: the first OFF event one threshold below the ON event's level."""
    time = np.array([0.0, 1000.0, 2000.0])
    t, _, p = run(np.array([[0.0, 0.275, 0.01]]), time)
    assert t.tolist() == [909]
    t, _, p = run(np.array([[0.0, 0.275, -0.025]]), time)
    assert p.tolist() == [1, 0]
    assert t.tolist() == [909, 1916]


def test_noise_events_reset_the_pixel_and_are_lost_while_it_is_held() -> None:
    time = np.array([0.0, 1000.0])
    level = np.array([[0.0, 0.3], [0.0, 0.3]])  # both cross at 833
    noise = (np.array([0, 0, 3]), np.array([500.0, 550.0, 700.0]), np.array([0, 1, 1], np.uint8))
    t, pixel, p = run(level, time, noise=noise, refractory=100.0)
    assert t[pixel == 0].tolist() == [833]
    assert t[pixel == 1].tolist() == [500, 700]  # 550 was lost; after 800 only 0.06 is left to rise
    assert p[pixel == 1].tolist() == [0, 1]


def test_more_events_than_capacity_are_counted() -> None:
    time = np.array([0.0, 1000.0])
    one, none = np.ones(1), np.zeros(1)
    arguments = (np.array([[0.0, 5.5]]), time, one, one, none, none, 0.0, np.zeros(2, np.int64), *NO_NOISE)
    t = np.full(2, -1)
    assert emit(*arguments, t, np.empty(2, np.int64), np.empty(2, np.uint8)) == 5
    assert t.tolist() == [181, 363]


@st.composite
def lights(draw: st.DrawFn) -> dict[str, object]:
    n, k = draw(st.integers(1, 3)), draw(st.integers(2, 6))
    seed = draw(st.integers(0, 2**32))
    r = np.random.default_rng(seed)
    time = np.cumsum(r.uniform(50, 2000, k)) - 50
    count = r.integers(0, 5, n)
    first = np.concatenate([[0], np.cumsum(count)])
    noise_t = np.concatenate([np.sort(r.uniform(time[0], time[-1], c)) for c in count])
    return {
        "level": np.rint(r.normal(0, 1, (n, k)) * 2**16) / 2**16,
        "time": time,
        "on": draw(st.sampled_from([0.1, 0.25, 1.0])),
        "off": draw(st.sampled_from([0.1, 0.3])),
        "leak": draw(st.sampled_from([0.0, 1e-4])),
        "start": draw(st.sampled_from([0.0, 0.05])),
        "refractory": draw(st.sampled_from([0.0, 1.0, 300.0, 5000.0])),
        "noise": (first, noise_t, r.integers(0, 2, len(noise_t)).astype(np.uint8)),
    }


@given(lights())
@settings(max_examples=150, deadline=None)
def test_kernel_and_reference_agree_and_refractory_limits_the_rate(light: dict[str, object]) -> None:
    t, pixel, _ = run(**light)  # type: ignore[arg-type]
    gaps = np.diff(t)[np.diff(pixel) == 0]
    assert (gaps >= light["refractory"] - 1).all()  # type: ignore[operator]


@given(lights())
@settings(max_examples=50, deadline=None)
def test_polarity_is_symmetric(light: dict[str, object]) -> None:
    light |= {"off": light["on"], "leak": 0.0, "start": 0.0}
    first, noise_t, noise_p = light["noise"]  # type: ignore[misc]
    mirrored = light | {"level": -light["level"], "noise": (first, noise_t, 1 - noise_p)}  # type: ignore[operator,has-type]
    (t, pixel, p), (t2, pixel2, p2) = run(**light), run(**mirrored)  # type: ignore[arg-type]
    assert np.array_equal(t, t2)
    assert np.array_equal(pixel, pixel2)
    assert np.array_equal(p, 1 - p2)
