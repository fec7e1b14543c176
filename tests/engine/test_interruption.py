"""Ctrl-C as a request; ranges of samples that stop at one step."""

from __future__ import annotations

import pickle
import signal
import threading

import pytest
from hypothesis import given, strategies as st

from neurosim.engine.interruption import Interrupted, Interruption
from neurosim.engine.recording import Recording


def test_the_first_signal_is_a_request_the_second_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        assert interruption.until(0, 0, 10) == 10
        assert not interruption.requested
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        assert interruption.until(0, 10, 20) == 10
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_of_the_application_stays() -> None:
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert (seen, interruption.requested) == ([1], False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone() -> None:
    def run() -> None:
        with Interruption():
            found.append(signal.getsignal(signal.SIGINT))

    found: list[object] = []
    before = signal.getsignal(signal.SIGINT)  # Brian2 puts its own in place when it is imported
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [before]


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 60))
def test_ranges_that_have_begun_stop_at_one_step(turns: list[int], when: int) -> None:
    """Ranges ask in any order; the request comes at any time, while those that asked last are still at work."""
    interruption, at = Interruption(), dict.fromkeys(range(4), 0)
    length = {0: 64, 1: 100, 2: 7, 3: 64}  # of chunks
    for i, r in enumerate(turns):
        if i == when:
            interruption.request()
        at[r] = interruption.until(r, at[r], at[r] + length[r])
    interruption.request()
    begun = {r for r, step in at.items() if step}
    for r in at:
        while (stop := interruption.until(r, at[r], at[r] + length[r])) > at[r]:
            at[r] = stop
    assert {r for r, step in at.items() if step} == begun
    assert len({at[r] for r in begun}) <= 1


def test_an_interrupted_run_carries_its_recording() -> None:
    error = Interrupted(Recording({}, 1e-3, 7, 1))
    assert "after 7 steps" in str(error)
    assert not isinstance(error, Exception)
    assert pickle.loads(pickle.dumps(error)).recording.steps == 7
