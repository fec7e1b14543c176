import numpy as np
from hypothesis import given, strategies as st

from neurosim.cell_random import cell_normals, cell_words
from neurosim.connectivity.place_draws import normals, uniforms


@given(
    st.integers(0, 2**64 - 1), st.lists(st.one_of(st.integers(0, 200), st.integers(0, 2**32)), max_size=20),
    st.integers(0, 2**15),
)  # fmt: skip
def test_they_are_those_of_cells(key: int, index: list[int], lane: int) -> None:
    places = np.array(index, np.int64)
    assert np.array_equal(normals(key, places, lane), cell_normals(key, 0, 0, places, lane))
    assert np.array_equal(uniforms(key, places, lane), (cell_words(key, 0, 0, places, lane) + 0.5) * 2.0**-32)
