"""Rows in the order of the atoms that select them, against lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.emulator.row_streams import CoreRows, expand, row_streams, thread_bounds

WORDS = st.lists(st.integers(1, 2**32 - 1), max_size=5)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 4), st.data())
def test_every_synapse_is_there_once_and_cores_ascend(sizes, n_cores, threads, data):
    first_atom = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    cores, expected = [], []
    for core in range(n_cores):
        entries, rows = [], []
        for _ in range(data.draw(st.integers(0, 3))):
            vertex = data.draw(st.integers(0, len(sizes) - 1))
            care, bits = data.draw(st.sampled_from([(0, 0), (1, 0), (1, 1), (3, 2)]))
            entries.append((vertex, care, bits, len(rows)))
            for atom in range(sizes[vertex]):
                rows.append(data.draw(WORDS))
                if (atom ^ bits) & care == 0:
                    expected += [(first_atom[vertex] + atom, core, word) for word in rows[-1]]
        start = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.uint32)
        word = np.array([w for r in rows for w in r], np.uint32)
        cores.append(CoreRows(np.array(entries, np.int64).reshape(-1, 4), start, word))
    streams = row_streams(cores, first_atom)
    found = list(zip(*(a.tolist() for a in expand(streams)), strict=True))
    assert found == sorted(
        expected, key=lambda s: s[:2]
    )  # stable: rows of an atom on a core keep their order

    edges = np.linspace(0, n_cores, threads + 1).astype(np.int64)
    bounds = thread_bounds(streams, edges)
    np.testing.assert_array_equal(bounds[[0, -1]], [streams.start[:-1], streams.start[1:]])
    for i in range(len(bounds[0])):
        for t in range(threads):
            part = type(streams)(np.array([0, bounds[t + 1, i] - bounds[t, i]]), streams.word[bounds[t, i] :])
            assert all(edges[t] <= core < edges[t + 1] for core in expand(part)[1])
