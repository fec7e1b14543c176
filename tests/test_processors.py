from __future__ import annotations

import os

import pytest

from neurosim.errors import DescriptionError
from neurosim.processors import processors, thread_count


def test_processors_are_those_of_the_process():
    assert 1 <= processors() <= (os.cpu_count() or 1)


def test_threads_are_those_given_then_those_of_the_environment_then_all(monkeypatch):
    monkeypatch.setenv("NEUROSIM_THREADS", "3")
    assert (thread_count(), thread_count(5)) == (3, 5)
    monkeypatch.setenv("NEUROSIM_THREADS", "")
    assert thread_count() == processors()


@pytest.mark.parametrize("given", ["0", "-1", "many"])
def test_other_than_a_number_is_refused(monkeypatch, given):
    monkeypatch.setenv("NEUROSIM_THREADS", given)
    with pytest.raises(DescriptionError, match="NEUROSIM_THREADS"):
        thread_count()
    with pytest.raises(DescriptionError, match="threads"):
        thread_count(0)
