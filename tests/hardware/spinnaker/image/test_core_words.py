"""The words of whole cores: against sPyNNaker's host, against NumPy, and read back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.delay_extension import extensions
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import Region
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.image.row_kernels import (
    Lanes,
    count_rows,
    fill_rows,
    plain_count,
    plain_fill,
)
from neurosim.hardware.spinnaker.image.rows import RowFormat, decode_block
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits
from neurosim.hardware.spinnaker.routing.keys import Sender, allocate


def key_spaces(network):
    """Key spaces of the senders: populations in order, then their delay extensions."""
    senders = [
        Sender(name=p.name, size=p.size, atoms=p.full_core, room=1 + (p.model is None))
        for p in network.populations.values()
        if network.outgoing(p.name)
    ]
    for e in extensions(network).values():
        p = network.populations[e.pre]
        atoms = p.full_core
        room = e.stages << index_bits(atoms)  # a power of two for each stage
        senders.append(Sender(name=e.name, size=p.size * e.stages, atoms=atoms * e.stages, room=room))
    return allocate(senders)


def words_of(network, name, delayed=DelayedRows.READ):
    return CoreWords(network, name, extensions(network), key_spaces(network), delayed)


def projection(name, pre, post, receptor, n_pre, source, target, raw, delay, plastic=False):
    order = np.argsort(source, kind="stable")
    return DeviceProjection(
        name=name,
        pre=pre,
        post=post,
        receptor=receptor,
        row_start=np.searchsorted(source[order], np.arange(n_pre + 1)).astype(np.int64),
        target=target[order].astype(np.int32),
        raw=raw[order].astype(np.uint16),
        delay=delay[order].astype(np.uint16),
        plastic=plastic,
    )


def neurons(name, size, atoms):
    columns = [np.arange(size * k).reshape(size, k) for k in (9, 1, 2)]
    return DevicePopulation(
        name=name, size=size, atoms=atoms, model=CoreModel.IF_CURR_DELTA, neuron=columns[0], inputs=columns[1],
        threshold=np.arange(size), synapse=columns[2], shifts=(3, 2),
    )  # fmt: skip


@st.composite
def networks(draw):
    """Two populations with random projections onto the second, delays up to three times its slots."""
    atoms = draw(st.sampled_from([256, 250, 128]))  # 32 or 64 slots
    sizes = {"a": draw(st.integers(1, 600)), "b": draw(st.integers(130, 600))}
    equal = draw(st.booleans())
    populations = {
        "a": neurons("a", sizes["a"], atoms if equal else draw(st.integers(1, 256))),
        "b": neurons("b", sizes["b"], atoms),
    }
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    slots = 32 if atoms > 128 else 64
    projections = []
    for i in range(draw(st.integers(0, 3))):
        pre = draw(st.sampled_from("ab"))
        n = draw(st.integers(0, 400))
        longest = draw(st.sampled_from([1, slots, slots + 1, 3 * slots]))
        projections.append(
            projection(
                f"p{i}", pre, "b", draw(st.integers(0, 1)), sizes[pre], rng.integers(0, sizes[pre], n),
                rng.integers(0, sizes["b"], n), rng.integers(1, 65536, n), rng.integers(1, longest + 1, n),
            )
        )  # fmt: skip
    return DeviceNetwork(populations=populations, projections=tuple(projections))


def read_back(network, words):
    """(projection, core, receptor, source, target, raw, delay) of every synapse that the cores look up, sorted."""
    post = words.population
    layout = RowFormat(post.full_core)
    keys, found = key_spaces(network), []
    for core in range(post.cores):
        regions = words.regions(core)
        table = decode_table(regions[Region.POPULATION_TABLE], "core")
        memory = regions[Region.SYNAPTIC_ROWS]
        for name, space in keys.items():
            entry = next((e for e in table if e.key == space.key), None)
            if entry is None:
                continue
            pre = network.populations[name.removesuffix(" delayed")]
            atoms = pre.full_core
            extension = extensions(network).get(pre.name) if name.endswith(" delayed") else None
            for k in range(pre.cores):
                n = min(atoms, pre.size - k * atoms)
                sent = n * (extension.stages if extension else 1)
                for start, length in entry.blocks:
                    row, word = decode_block(
                        memory, start, length, entry.row(space.core_key(k)), sent, "core"
                    )
                    raw, delay, receptor, index = (a.astype(np.int64) for a in layout.decode(word))
                    if extension:
                        delay += (row // n + 1) * extension.slots
                    found.append(
                        np.stack(
                            [receptor, k * atoms + row % n, index + core * post.atoms, raw, delay], axis=1
                        )
                    )
    return sort(found)


def sort(rows):
    rows = np.concatenate([np.zeros((0, 5), np.int64), *rows])
    return rows[np.lexsort(rows.T[::-1])]


@given(networks())
@settings(max_examples=25, deadline=None)
def test_synapses_are_read_back_as_they_were(network):
    """Through table, keys and rows, with what the delay cores send; for all cores at once or one by one."""
    words = words_of(network, "b")
    given_ = sort(
        np.stack([np.full(len(p.raw), p.receptor), p.sources(), p.target, p.raw, p.delay], axis=1)
        for p in network.projections
    )
    np.testing.assert_array_equal(read_back(network, words), given_)
    for core, regions in enumerate(words.each()):
        for region, content in words.regions(core).items():
            np.testing.assert_array_equal(regions[region], content)
        assert {k: len(w) for k, w in regions.items()} == words.words(core)


@given(networks(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_kernels_do_what_numpy_does(network, shorter):
    for p in network.projections:
        pre, post = network.populations[p.pre], network.populations[p.post]
        arguments = (p.row_start, p.target, p.delay, pre.atoms, post.atoms, post.cores, 32)
        for a, b in zip(count_rows(*arguments), plain_count(*arguments), strict=True):
            np.testing.assert_array_equal(a, b)
        counted = count_rows(*arguments)
        late_start = 3 + pre.size * (3 + counted.direct)
        lanes = Lanes(
            post.atoms,
            p.receptor << 8,
            9,
            32,
            3,
            3 + counted.direct,
            late_start,
            3 + counted.late,
            2 * pre.size,
            counted.direct - 1 if shorter else counted.direct,
            counted.late // 2 if shorter else counted.late,
        )
        rows = np.arange(pre.size), np.full(pre.size, pre.size)
        for first in range(post.cores):
            size = late_start + 2 * pre.size * (3 + counted.late)
            memories = np.zeros((2, min(2, post.cores - first), size), np.uint32)
            fill_rows(memories[0], first, p.row_start, p.target, p.raw, p.delay, lanes, *rows)
            plain_fill(memories[1], first, p.row_start, p.target, p.raw, p.delay, lanes, *rows)
            np.testing.assert_array_equal(memories[0], memories[1])


def test_cores_that_receive_are_named():
    n = np.array([0, 0, 255, 256])
    net = DeviceNetwork(
        populations={"a": neurons("a", 300, 256), "b": neurons("b", 300, 256)},
        projections=(projection("p", "a", "b", 0, 300, n, n[::-1], n + 1, np.array([1, 40, 1, 40])),),
    )
    found = words_of(net, "b").source_cores()
    assert {k: v.tolist() for k, v in found.items()} == {
        "a": [[True, True], [False, False]],
        "a delayed": [[True, False], [True, False]],
    }
    assert words_of(net, "a").source_cores() == {}
