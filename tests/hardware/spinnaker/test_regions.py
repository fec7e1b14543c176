"""Rows, population tables, keys and parameter regions against the words that sPyNNaker's host writes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from neurosim.errors import CapacityError, FileFormatError
from neurosim.hardware.spinnaker.constants import CoreModel
from neurosim.hardware.spinnaker.keys import Sender, allocate
from neurosim.hardware.spinnaker.population_table import TableEntry, decode_table, encode_table, entry_for
from neurosim.hardware.spinnaker.regions import (
    CoreParameters,
    Region,
    core_region,
    decode_core_region,
    decode_parameter_region,
    decode_synapse_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.ring_buffer import index_bits
from neurosim.hardware.spinnaker.rows import HEADER_WORDS, RowFormat, block_words, decode_block, join_blocks


def stages_of(net, projection):
    """Stages of delay extension that the pair of populations of a projection needs."""
    pair = [q for q in net.projections if (q.pre, q.post) == (projection.pre, projection.post)]
    longest = max(int(net.raw(q)[1].max()) for q in pair)
    return -(-longest // net.populations[projection.post].slots) - 1


def key_spaces(net):
    """Key spaces of the senders: populations in order, then their delay extensions."""
    sending = [p for p in net.populations.values() if any(q.pre == p.name for q in net.projections)]
    senders = [Sender(name=p.name, size=p.size, atoms=p.atoms) for p in sending]
    for p in sending:
        stages = max((stages_of(net, q) for q in net.projections if q.pre == p.name), default=0)
        if stages > 0:
            senders.append(Sender(name=f"{p.name} delayed", size=p.size * stages, atoms=p.atoms * stages))
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
    slots, stages = post.slots, max(0, stages_of(net, projection))
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
    for q in net.projections:
        if q.post != p.name:
            continue
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


@pytest.mark.reference("spinnaker/mapping_*.json")
def test_keys_of_large_networks(reference_file):
    content = json.loads(reference_file.read_text())
    atoms = {p["label"]: p["npc"] for p in content["spec"]["pops"]}
    sizes = {p["label"]: p["n"] for p in content["spec"]["pops"]}
    names = dict.fromkeys(k[0] for k in content["keys"])
    spaces = allocate([Sender(name=n, size=sizes[n], atoms=atoms[n]) for n in names])
    for name, lo, _, key, mask in content["keys"]:
        assert (spaces[name].core_key(lo // atoms[name]), spaces[name].core_mask) == (key, mask)


@pytest.mark.reference("spinnaker/image_*.npz")
def test_tables_of_the_host_are_read_back(reference_file):
    """Decoding and encoding the host's population tables gives the same words."""
    with np.load(reference_file) as image:
        names = [
            k for k in image.files if re.fullmatch(r"r_\d+_\d+_\d+_5", k) and f"{k[:-1]}6" in image.files
        ]
        assert names
        for name in names:
            table = decode_table(image[name], name)
            np.testing.assert_array_equal(encode_table(table), image[name])


def test_a_row_has_the_published_layout():
    """weight 0x1234, delay 3, inhibitory, neuron 5 of 64: weight | delay | type | index."""
    word = RowFormat(64).encode(0x1234, 3, 1, 5)
    assert hex(int(word)) == hex(0x1234 << 16 | 3 << 7 | 1 << 6 | 5)


def test_rows_survive():
    rng = np.random.default_rng(1)
    n, atoms = 300, 32
    layout = RowFormat(atoms)
    fields = (
        rng.integers(0, 65536, n),
        rng.integers(1, 129, n),
        rng.integers(0, 2, n),
        rng.integers(0, atoms, n),
    )
    rows = rng.integers(0, 10, n)
    words = layout.encode(*fields)
    length = int(np.bincount(rows).max())
    memory, starts = join_blocks([np.ones((1, 5), np.uint32), block_words(rows, words, 10, length)])
    assert starts == [0, 32]
    got_rows, got = decode_block(memory, starts[1], length, 2, 8, "here")
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 2]
    np.testing.assert_array_equal(got_rows, rows[order] - 2)
    for a, b in zip(layout.decode(got), fields, strict=True):
        np.testing.assert_array_equal(a, b[order])


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


@pytest.mark.parametrize("words", [[], [1, 1, 0, 0, 0], [0, 0, 1]])
def test_damaged_tables_are_refused(words):
    with pytest.raises(FileFormatError, match="core 1"):
        decode_table(np.array(words, np.uint32), "core 1")


def test_rows_outside_the_memory_are_refused():
    with pytest.raises(FileFormatError, match="outside"):
        decode_block(np.zeros(10, np.uint32), 0, 4, 0, 2, "core")


def test_a_row_longer_than_its_block_is_refused():
    memory = np.zeros(8, np.uint32)
    memory[1] = 6
    with pytest.raises(FileFormatError, match="longer"):
        decode_block(memory, 0, 5, 0, 1, "core")


def test_rows_of_more_than_256_words_are_refused():
    entry = TableEntry(key=0, mask=0, core_mask=0, core_shift=4, neurons=1, blocks=((0, 257),))
    with pytest.raises(CapacityError, match="257"):
        encode_table([entry])


def test_keys_of_one_core_and_of_many():
    spaces = allocate([Sender(name="a", size=20, atoms=20), Sender(name="b", size=100, atoms=64)])
    assert (spaces["b"].key, spaces["b"].mask, spaces["b"].core_mask) == (0x800, 0xFFFFF800, 0xFFFFFC00)
    assert spaces["b"].atom_key(65) == 0x800 | 1 << 10 | 1 << 4
    assert spaces["a"].core_mask == 0xFFFFFE00


def test_too_many_keys_are_refused():
    with pytest.raises(CapacityError, match="32 bits"):
        allocate([Sender(name=str(i), size=2**27, atoms=2**27) for i in range(4)])
