"""The proof, against all keys of a small key space one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.routing.equivalence import Arrivals, decide, misrouted

BITS = 5
word = st.integers(0, 2**BITS - 1)
entry = st.tuples(word, word, st.integers(0, 3)).map(lambda e: (e[0] & e[1], e[1], e[2]))
table = st.lists(entry, max_size=6).map(lambda rows: np.array(rows, np.int64).reshape(-1, 3).T)
group = st.tuples(word, word, st.integers(0, 3), st.integers(0, 3)).map(lambda g: (g[0] & g[1], *g[1:]))
arrivals = st.lists(group, max_size=4).map(lambda rows: Arrivals(*np.array(rows, np.int64).reshape(-1, 4).T))


def look_up(table, key, default):
    return next((int(r) for k, m, r in table.T if key & m == k), default)


def keys_of(key, mask):
    return [k for k in range(2**BITS) if k & mask == key]


@given(table, arrivals)
def test_a_wrong_key_is_found_if_there_is_one(table, arrivals):
    wrong = {
        k
        for key, mask, route, default in zip(*(a.tolist() for a in arrivals), strict=True)
        for k in keys_of(key, mask)
        if look_up(table, k, default) != route
    }
    found = misrouted(table, arrivals)
    assert found is None if not wrong else found in wrong


@given(table, word, word)
def test_an_entry_decides_for_a_whole_group_or_says_where_to_split(table, key, mask):
    key &= mask
    (entry,), (bit,) = decide(table, np.array([key]), np.array([mask]))
    if bit:
        assert not bit & mask
        assert table[1, entry] & bit
    else:
        for k in keys_of(key, mask):
            assert look_up(table, k, -1) == (table[2, entry] if entry >= 0 else -1)
