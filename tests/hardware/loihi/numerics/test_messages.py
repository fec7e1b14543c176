"""The vectors of convolutions and dense connections are compared in `test_convolution` and `test_weights`."""

from __future__ import annotations

from hypothesis import given, strategies as st

from neurosim.hardware.loihi.numerics.messages import GRADED_BITS, received

MESSAGES = st.lists(st.integers(-(2**31), 2**31), max_size=20)


@given(MESSAGES)
def test_a_binary_connection_takes_whatever_is_not_0_as_1(messages):
    assert received(messages, 0).tolist() == [int(bool(m)) for m in messages]


@given(MESSAGES, st.sampled_from(GRADED_BITS))
def test_a_graded_message_is_not_clipped_to_its_width(messages, bits):
    assert received(messages, bits).tolist() == messages
