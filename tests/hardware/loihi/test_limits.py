from __future__ import annotations

import pytest

from neurosim.hardware.loihi.limits import read_limits, read_sources


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_every_limit_has_a_source(chip):
    assert all(len(source) > 10 for source in read_sources(chip).values())
    assert set(read_limits(chip)) == set(read_limits("loihi1"))


def test_published_figures_of_loihi_1():
    limits = read_limits("loihi1")
    assert (limits["cores"], limits["compartments"], limits["synapse_bits"]) == (128, 1024, 128 * 1024 * 8)
