"""Memory of a core, against what the host reserved for the reference images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurosim.hardware.spinnaker.image.core_memory import dtcm_bytes, dtcm_terms, host_regions
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS
from neurosim.hardware.spinnaker.machine import read_limits

PARAMETERS = {15, 13, 17}  # words of a neuron of IF_curr_exp, IF_curr_delta, IF_cond_exp


def test_full_rings_leave_room_for_the_largest_neurons():
    """2**14 cells of two bytes are half of the data memory; 256 neurons of any program fit with the other half."""
    terms = dtcm_terms(256, 5, 100, 256)
    assert terms["ring buffers"] == 32768
    assert sum(terms.values()) == dtcm_bytes(256, 5, 100, 256) < read_limits()["dtcm_bytes"]


def test_neurons_that_learn_need_more():
    """100 bytes of history each: 256 neurons with all slots do not fit, with half of them they do."""
    assert (
        dtcm_bytes(256, 5, 100, 256, 100, 165)
        > read_limits()["dtcm_bytes"]
        > dtcm_bytes(256, 4, 100, 129, 70, 165)
    )


@pytest.mark.reference("spinnaker/image_*.npz")
def test_the_host_reserves_as_much(reference_file):
    """Every region of every core of neurons, except the neuron builder (13); rows as the host counts them."""
    with np.load(reference_file) as image:
        regions = json.loads(str(image["regions"]))
        cores = {tuple(p[:3]): p[3] for p in json.loads(str(image["placements"])) if "SYSTEM" not in p[3]}
        words = {k: image[k] for k in image.files if k.startswith("r_")}
    reserved = {}
    for x, y, p, region, label, size in regions:
        if (x, y, p) in cores:
            reserved.setdefault((x, y, p), {})[region] = (label, size)
    tested = 0
    for place, found in reserved.items():
        if found.get(1, ("",))[0] != "Neuron Core Params":
            continue
        core, table, rule = (words.get("r_{}_{}_{}_{}".format(*place, k)) for k in (1, 5, 7))
        sizes = {k: size for k, (_, size) in found.items()}
        n = int(core[1])
        state = (sizes[2] - 4) // (4 * n)
        assert state in PARAMETERS
        ours = host_regions(n, state, len(table), sizes[6] - 16, (), 0 if rule is None else len(rule))
        for region in sizes.keys() - {6, 12, 13, 14}:
            assert ours[region] == sizes[region], (place, region)
        tested += 1
    assert tested


def test_regions_that_grow_with_the_sources():
    """What the host reserved in image_ei for population exc, which three populations project to, and for inh."""
    three = host_regions(64, 15, 20, 14472, [(20, 0), (100, 0), (30, 0)])
    assert (three[6], three[12], three[14]) == (14488, 104, 128)
    one = host_regions(30, 15, 8, 2 * 64 * (12 + HEADER_WORDS) * 4, [(100, 0)])
    assert (one[6], one[12], one[14]) == (7696, 96, 56)
    delayed = host_regions(30, 15, 8, 0, [(100, 3)])
    assert (delayed[12], delayed[14]) == (100, 56 + 4 * 10)
