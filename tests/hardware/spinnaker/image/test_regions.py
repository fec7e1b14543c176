"""Rows, population tables, keys and parameter regions against the words that sPyNNaker's host writes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.population_table import encode_table, entry_for
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    core_region,
    decode_core_region,
    decode_parameter_region,
    decode_synapse_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS, RowFormat, block_words, join_blocks
from neurosim.hardware.spinnaker.mapping.keys import Sender, allocate
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits


def key_spaces(net):
    """Key spaces of the senders: populations in order, then their delay extensions."""
    sending = [p for p in net.populations.values() if any(q.pre == p.name for q in net.projections)]
    senders = [Sender(name=p.name, size=p.size, atoms=p.atoms, room=1 + (p.model is None)) for p in sending]
    for p in sending:
        stages = max(net.stages(q) for q in net.projections if q.pre == p.name)
        if stages > 0:
            atoms = stages * p.atoms
            room = stages << index_bits(p.atoms)  # a power of two for each stage
            senders.append(Sender(name=f"{p.name} delayed", size=p.size * stages, atoms=atoms, room=room))
    return allocate(senders)


def on_core(values, target, lo, hi):
    return values[(target >= lo) & (target < hi)]


def longest_row(rows, target, slices, chosen):
    """Words of the longest row over all target cores."""
    return max(
        int(np.bincount(on_core(rows[chosen], target[chosen], lo, hi), minlength=1).max())
        for lo, hi in slices
    )


def blocks_of(net, projection, lo, hi):
    """The undelayed block and, if any, the delayed block of a projection on a core, with the row lengths."""
    post, pre = net.populations[projection.post], net.populations[projection.pre]
    layout = RowFormat(post.atoms)
    raw, delay = net.raw(projection)
    slots, stages = post.slots, net.stages(projection)
    stage = np.where(delay > slots, (delay - 1) // slots, 0)
    source, target = projection.source, projection.target
    core, local = source // post.atoms, source % post.atoms  # the host's choice, see ReferenceNetwork.rows
    late_row = core * post.atoms * stages + (stage - 1) * post.atoms + local
    receptor = np.full(len(raw), projection.receptor)
    words = layout.encode(raw, delay - slots * stage, receptor, target % post.atoms)
    result = []
    for rows, counted, stored, n_rows in (
        (source, stage == 0, stage == 0, pre.size),
        (
            np.where(stage > 0, late_row, source),
            delay >= slots,
            (stage > 0) & (late_row < pre.size * stages),
            pre.size * stages,
        ),
    ):
        if n_rows == 0 or not counted.any():
            continue
        length = longest_row(source, target, post.slices, counted)
        here = stored & (target >= lo) & (target < hi)
        result.append((block_words(rows[here], words[here], n_rows, length), length))
    return result


def expected_regions(net, p, lo, hi, keys):
    """Regions 1, 4, 5 and 6 of the core of population p with neurons lo to hi."""
    blocks, owners, lengths = [], [], []
    incoming = [q for q in net.projections if q.post == p.name]
    senders = list(dict.fromkeys(q.pre for q in incoming))  # parallel projections follow each other
    for q in sorted(incoming, key=lambda q: senders.index(q.pre)):
        for i, (block, length) in enumerate(blocks_of(net, q, lo, hi)):
            blocks.append(block)
            lengths.append(length)
            owners.append(q.pre if i == 0 else f"{q.pre} delayed")
    rows, starts = join_blocks(blocks)
    entries = [
        entry_for(
            keys[owner], [(s, n) for o, s, n in zip(owners, starts, lengths, strict=True) if o == owner]
        )
        for owner in dict.fromkeys(owners)
    ]
    space = keys.get(p.name)
    longest = max(int(net.raw(q)[1].max()) for q in net.projections if q.post == p.name)
    core = CoreParameters(
        neurons=hi - lo,
        key=space.core_key(lo // p.atoms) if space else None,
        atoms=p.atoms,
        delay_bits=index_bits(min(longest, p.slots)),
        shifts=p.shifts,
    )
    return {
        Region.CORE: core_region(core),
        Region.SYNAPSE_PARAMETERS: synapse_region(core),
        Region.POPULATION_TABLE: encode_table(entries),
        Region.SYNAPTIC_ROWS: rows,
    }, list(zip(starts, lengths, blocks, strict=True))


def sorted_rows(words, blocks):
    """Rows with the synaptic words of each in ascending order: the host's order within a row is not defined."""
    words = words.copy()
    for start, length, block in blocks:
        rows = words[start // 4 : start // 4 + block.size].reshape(len(block), HEADER_WORDS + length)
        rows[:, HEADER_WORDS:] = np.sort(rows[:, HEADER_WORDS:], axis=1)
    return words


def partner(reference_file):
    """The network from which an image was made."""
    path = reference_file.with_name(reference_file.name.replace("image_", "net_"))
    if not path.is_file():
        pytest.skip(f"no {path.name} beside it")
    return path


@pytest.mark.reference("spinnaker/image_*.npz")
def test_every_word_of_the_host(reference_file, reference_network):
    net = reference_network(partner(reference_file))
    if net.plastic:
        pytest.skip(f"network {net.name!r} has plastic rows, which are not written")
    keys = key_spaces(net)
    compared = 0
    with np.load(reference_file) as image:
        for x, y, core, label in json.loads(str(image["placements"])):
            match = re.fullmatch(r"(\w+)\((\d+):(\d+)\)", label)
            if match is None or match[1] not in net.populations or net.populations[match[1]].model is None:
                continue
            p, lo, hi = net.populations[match[1]], int(match[2]), int(match[3]) + 1
            ours, blocks = expected_regions(net, p, lo, hi, keys)
            for region, words in ours.items():
                theirs = image[f"r_{x}_{y}_{core}_{int(region)}"]
                if region is Region.SYNAPTIC_ROWS:
                    words, theirs = sorted_rows(words, blocks), sorted_rows(theirs, blocks)
                assert len(words) == len(theirs), (label, region)
                assert int((words != theirs).sum()) == 0, (label, region)
                compared += len(words)
    assert compared > 0


@pytest.mark.reference("spinnaker/image_*.npz")
def test_keys_of_the_host(reference_file, reference_network):
    """Every routing entry is the key and mask of a whole population, of a core, or of an aligned run of cores."""
    net = reference_network(partner(reference_file))
    keys = key_spaces(net)
    with np.load(reference_file) as image:
        for _, _, key, mask, _ in image["routing"].tolist():
            space = next(k for k in keys.values() if key & k.mask == k.key)
            width = space.sender.core_shift
            assert mask & ((1 << width) - 1) == 0
            assert key & ~mask == 0


def test_parameters_survive():
    rng = np.random.default_rng(2)
    n = 3
    one = np.full((n, 1), 32768)
    neuron = np.concatenate(
        [rng.integers(-(10**6), 10**6, (n, 2)), one, 20 * one, one * 0, -one, one, one * 0, one], axis=1
    )
    synapse = np.concatenate([5 * one, one * 0, 3 * one, one * 0, one], axis=1)
    words = parameter_region(neuron, np.zeros((n, 0)), one * 7, synapse)
    constants, state = decode_parameter_region(words, CoreModel.IF_CURR_EXP, n, "core")
    np.testing.assert_array_equal(state.v, neuron[:, 0])
    assert (constants.threshold == 7 * 32768).all()
    with pytest.raises(FileFormatError, match="core"):
        decode_parameter_region(words[:-1], CoreModel.IF_CURR_EXP, n, "core")


def test_core_regions_survive():
    core = CoreParameters(neurons=5, key=0x800, atoms=64, delay_bits=4, shifts=(3, 2))
    n, key = decode_core_region(core_region(core), "core")
    assert decode_synapse_region(synapse_region(core), n, key, "core") == core
