"""Packets on links, followed by hand on three chips."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.spinnaker.report.traffic import Ways, traffic


@pytest.fixture
def found(on_three_chips):
    m = on_three_chips
    return traffic(Ways(m.machine, m.image.vertices, m.image.tables), np.array([12.0, 9.0, 3.0]), "by hand")


def test_links(found):
    load = {(k.x, k.y, k.link): (k.packets, k.senders) for k in found.links}
    assert load == {
        (0, 0, 0): (12.0, 1),
        (0, 0, 1): (12.0, 1),
        (1, 0, 0): (12.0, 1),  # by default routing
        (1, 1, 0): (3.0, 1),
        (2, 1, 5): (3.0, 1),
    }
    assert list(load) == sorted(load)
    assert found.busiest.packets == 12.0


def test_totals(found):
    assert found.sent == 12 + 9 + 3
    assert found.delivered == 2 * 12 + 3
    assert found.dropped == 9
    assert found.crossings == 3 * 12 + 2 * 3
    assert found.visits == found.sent + found.crossings  # the sender's router, and one behind each link
    assert found.most_hops == 2
    assert found.mean_hops == pytest.approx((12 * 2 + 12 * 1 + 3 * 2) / 27)


def test_keys_that_part_ways_share_the_packets(on_three_chips):
    """Atoms 0 and 1 of the source, half its keys, stay on the chip; the others go on as before."""
    m = on_three_chips
    space = m.keys["in"]
    entry = type(m.image.tables[0, 0][0])
    tables = {
        **m.image.tables,
        (0, 0): [entry(space.key, space.core_mask | 0x20, 1 << 6 + 7), *m.image.tables[0, 0]],
    }
    found = traffic(Ways(m.machine, m.image.vertices, tables), np.array([12.0, 0.0, 0.0]), "by hand")
    assert [k.packets for k in found.links if k.packets] == [6.0, 6.0, 6.0]
    assert found.delivered == 6 + 2 * 6


def test_nothing_sent_is_no_load(on_three_chips):
    m = on_three_chips
    silent = traffic(Ways(m.machine, m.image.vertices[:0], m.image.tables), np.zeros(0), "by hand")
    assert (silent.sent, silent.links, silent.busiest, silent.mean_hops) == (0.0, (), None, 0.0)


def test_peaks_are_those_of_the_busiest_step(on_three_chips):
    """The source and core 1 share no link; the peak of a link is that of the part with the most."""
    m = on_three_chips
    parts = [np.array([[4, 0], [9, 9], [0, 3]], float), np.array([[0, 2], [0, 0], [1, 1]], float)]
    found = traffic(
        Ways(m.machine, m.image.vertices, m.image.tables), np.array([1.5, 4.5, 1.25]), "by hand", parts
    )
    assert {(k.x, k.y, k.link): k.peak for k in found.links} == {
        (0, 0, 0): 4, (0, 0, 1): 4, (1, 0, 0): 4, (1, 1, 0): 3, (2, 1, 5): 3,
    }  # fmt: skip


def test_packets_received(on_three_chips):
    m = on_three_chips
    ways = Ways(m.machine, m.image.vertices, m.image.tables)
    assert ways.received(np.array([12.0, 9.0, 3.0])).tolist() == [0.0, 12 + 3, 12]
