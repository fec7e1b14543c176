"""Rounding of numbers, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.hardware.loihi.quantise.quantised_plan import held_weights
from neurosim.hardware.loihi.report.rounding_error import population_roundings, projection_roundings


def test_exact_numbers_have_no_error(compile_by_hand):
    net = ns.Network(dt=1e-3)
    net.input("in", 2)
    net.output(net.population("p", 2, ns.IntegrateAndFire(threshold=1.0)))
    net.connect("in", "p", ns.AllToAll(), weight=np.array([[0.5, 0.25], [0.25, 0.125]]), delay=1e-3)
    made = compile_by_hand(net)
    (p,) = projection_roundings(made.plan, made.quantised)
    assert (p.largest, p.relative, p.zeroed, p.synapses) == (0, 0, 0, 4)
    (n,) = population_roundings(made.plan, made.quantised)
    assert (n.current_decay, n.potential_decay, n.threshold_error, n.bias_error) == (
        0,
        0,
        pytest.approx(0),
        0,
    )


def test_errors_are_those_of_the_registers(compile_by_hand):
    """Decays in 4096ths; a weight of a thousandth of the largest becomes zero; half a unit at most is off."""
    net = ns.Network(dt=1e-3)
    net.input("in", 4)
    net.output(net.population("p", 1, ns.LIF(tau_membrane=20e-3, current=0.31)))
    weight = np.array([[0.5], [0.5 / 1000], [0.1234], [0.0]])
    net.connect("in", "p", ns.AllToAll(), weight=weight, delay=1e-3)
    made = compile_by_hand(net)
    (p,) = projection_roundings(made.plan, made.quantised)
    held = held_weights(made.plan, made.quantised)
    wanted = made.plan.projections[0].weight
    off = next(iter(held.values())) - wanted
    assert p.largest == pytest.approx(np.abs(off).max())
    assert p.largest <= p.unit / 2 * (1 + 1e-9)
    assert p.relative == pytest.approx(np.sqrt((off**2).mean() / (wanted**2).mean()))
    assert p.zeroed == pytest.approx(1 / 3)
    (n,) = population_roundings(made.plan, made.quantised)
    keep = math.exp(-1 / 20)
    assert n.potential_decay == pytest.approx(abs(round(keep * 4096) / 4096 - keep))
    assert n.current_decay == 0
    assert n.bias_error < 1e-3
    assert n.threshold == int(made.mapped.network.populations["p"].threshold[0]) * 64
