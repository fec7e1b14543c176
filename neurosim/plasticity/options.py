"""Conventions in which simulators of plastic synapses differ, as named options."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Axis", "DelaySite", "Delivered", "Dependence", "Pairing", "SameStep", "WeightUpdate"]


class DelaySite(IntEnum):
    """Where the delay lies, seen from the synapse: it decides which spikes meet there."""

    AXONAL = 0
    """before the synapse: the presynaptic side acts when the spike arrives, and the weight is read then (Brian2)"""
    DENDRITIC = 1
    """behind the synapse: the presynaptic side acts at emission, where the weight is read, and postsynaptic spikes
    reach the synapse one delay later (NEST, SpiNNaker); the delay must be at least one step"""


class SameStep(IntEnum):
    """What a presynaptic and a postsynaptic spike that reach the synapse in one step are to each other."""

    POTENTIATING = 0
    """pre before post: the presynaptic side acts first, and the postsynaptic one sees its trace (Brian2's order)"""
    DEPRESSING = 1
    """post before pre"""
    IGNORED = 2
    """no pair: neither side sees the other's spike; the postsynaptic side acts first (NEST)"""


class WeightUpdate(IntEnum):
    """When a weight changes."""

    AT_EVENT = 0
    """at every presynaptic and every postsynaptic spike"""
    AT_PRESYNAPTIC = 1
    """at presynaptic spikes alone: what postsynaptic spikes did is put in then (NEST, SpiNNaker), so a weight read
    after a run lacks what came after the last presynaptic spike. Takes one more number a synapse"""


class Delivered(IntEnum):
    """The weight with which a spike is delivered."""

    BEFORE = 0
    """as it was before this spike changed it"""
    AFTER = 1
    """with the change by this spike (NEST, SpiNNaker)"""


class Pairing(IntEnum):
    """Which spikes form pairs."""

    ALL = 0
    """each with all earlier ones of the other side: traces add up"""
    NEAREST = 1
    """each with the last one of the other side: a spike sets the trace to one (nearest-neighbour, symmetric)"""


class Dependence(IntEnum):
    """How a change depends on the weight; u = (w - w_min)/(w_max - w_min)."""

    ADDITIVE = 0
    """not at all"""
    MULTIPLICATIVE = 1
    """potentiation times 1 - u, depression times u"""
    POWER_LAW = 2
    """potentiation times (1 - u)^mu_plus, depression times u^mu_minus (Gütig et al. 2003)"""


class Axis(IntEnum):
    """The sign of the weights that a rule makes larger in magnitude."""

    POSITIVE = 0
    """weights lie above zero: larger is stronger"""
    NEGATIVE = 1
    """weights lie below zero: smaller is stronger"""
