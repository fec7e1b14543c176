"""Spanning trees, against a plain breadth-first search."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neurosim.hardware.spinnaker.machine import Missing, build_machine, read_machine
from neurosim.hardware.spinnaker.routing.chip_graph import graph_of, spanning_tree

FAULTY = Missing(
    chips=frozenset({(5, 5), (2, 0), (11, 11)}), links=frozenset({(3, 3, 0), (3, 4, 2), (0, 1, 3), (6, 6, 4)})
)
MACHINES = [read_machine(), build_machine(12, 12, missing=FAULTY), build_machine(16, 16)]


def depths(graph, root):
    depth, queue = {root: 0}, [root]
    for chip in queue:
        for other in graph.beyond[chip]:
            if other >= 0 and other not in depth:
                depth[other] = depth[chip] + 1
                queue.append(other)
    return [depth[k] for k in range(len(graph.chips))]


@pytest.mark.parametrize("machine", MACHINES, ids=["board", "faulty torus", "without wrap"])
@pytest.mark.parametrize("root", [0, 17])
def test_paths_are_shortest_and_follow_links(machine, root):
    graph = graph_of(machine)
    even = np.full(graph.beyond.shape, 64)
    for order in (np.arange(6), np.array([4, 0, 5, 2, 1, 3])):
        before = spanning_tree(graph.beyond, root, order, even)
        found = []
        for chip in range(len(graph.chips)):
            steps = 0
            while before[chip, 0] >= 0:
                previous, link = before[chip]
                assert graph.beyond[previous, link] == chip
                chip, steps = previous, steps + 1
            assert chip == root
            found.append(steps)
        assert found == depths(graph, root)


def test_a_long_link_is_gone_round():
    graph = graph_of(read_machine())
    length = np.full(graph.beyond.shape, 64)
    a, b = graph.number[0, 0], graph.number[1, 0]
    length[a, 0] = length[b, 3] = 200
    before = spanning_tree(graph.beyond, a, np.arange(6), length)
    assert graph.chips[before[b, 0]] == (1, 1)
    length[a, 0] = length[b, 3] = 127
    assert tuple(spanning_tree(graph.beyond, a, np.arange(6), length)[b]) == (a, 0)


def test_a_path_turns_once_at_most_on_a_whole_board():
    graph = graph_of(read_machine())
    before = spanning_tree(graph.beyond, graph.number[3, 3], np.arange(6), np.full(graph.beyond.shape, 64))
    for chip in range(len(graph.chips)):
        links = []
        while before[chip, 0] >= 0:
            links.append(before[chip, 1])
            chip = before[chip, 0]
        assert sum(a != b for a, b in itertools.pairwise(links)) <= 1
