from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from neurosim.nn.ops.events import Events, attach, attached, events_of


def dense(events: Events) -> np.ndarray:
    steps, samples, n = events.shape
    x = np.zeros((samples * steps, n))
    cell = np.repeat(np.arange(samples * steps), np.diff(events.row))
    x[cell, events.neuron] = 1 if events.value is None else events.value
    return x.reshape(samples, steps, n).transpose(1, 0, 2)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([1, 5, 63, 64, 65, 200])),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_list_holds_what_the_tensor_holds(shape, share, seed):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(shape) < share, rng.integers(-2, 3, shape), 0).astype(np.float32)
    events = events_of(torch.from_numpy(x))
    np.testing.assert_array_equal(dense(events), x)
    for first, last in zip(events.row[:-1], events.row[1:], strict=True):
        assert (np.diff(events.neuron[first:last].astype(int)) > 0).all()
    assert events.density == np.count_nonzero(x) / max(x.size, 1)


def test_spikes_need_no_values():
    assert events_of(torch.eye(3)[:, None]).value is None
    assert events_of(2 * torch.eye(3)[:, None]).value.tolist() == [2, 2, 2]


def test_not_a_number_is_kept():
    x = torch.zeros(1, 1, 70)
    x[0, 0, 3] = x[0, 0, 69] = torch.nan
    assert events_of(x).neuron.tolist() == [3, 69]


def test_a_list_goes_with_its_tensor_until_that_is_changed():
    x = torch.eye(3)[:, None]
    events = events_of(x)
    attach(x, events)
    assert events_of(x) is events
    x[0, 0, 1] = 5
    assert dense(events_of(x))[0, 0, 1] == 5
    attach(x, events)
    x.data = torch.zeros(3, 1, 3)
    assert len(events_of(x).neuron) == 0
    with torch.inference_mode():
        y = torch.eye(3)[:, None]
        attach(y, events)
        y[0, 0, 1] = 5
        assert dense(events_of(y))[0, 0, 1] == 5


def test_an_array_that_is_filled_anew_is_looked_at_anew():
    array = np.eye(3, dtype=np.float32)[:, None]
    x = torch.from_numpy(array)
    assert len(events_of(x).neuron) == 3
    array[:] = 1  # which PyTorch does not count as a change
    assert len(events_of(x).neuron) == 9


def test_copies_and_files_have_no_list():
    x = torch.eye(3)[:, None]
    attach(x, events_of(x))
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    for other in (copy.deepcopy(x), torch.load(file, weights_only=True)):
        assert torch.equal(other, x)
        assert attached(other) is None


@pytest.mark.parametrize("first_sample_empty", [False, True])
def test_many_entries_are_not_listed(first_sample_empty):
    x = torch.ones(10, 4, 8)
    if first_sample_empty:
        x[:, 0] = 0
    assert events_of(x, 0.2) is None
    attach(x, events_of(x))
    assert events_of(x, 0.2) is None  # also with a list attached
