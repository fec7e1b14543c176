"""Plasticity rules in NEST's words: which synapse model there, and its parameters.

NEST's synapses know one set of conventions: the delay lies behind the synapse, a weight changes at presynaptic spikes
alone and is delivered with the change, and spikes that meet in one step make no pair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.plasticity.options import DelaySite, Delivered, Dependence, Pairing, SameStep, WeightUpdate
from neurosim.plasticity.stdp import STDP
from neurosim.plasticity.triplet import TripletSTDP

__all__ = ["NestSynapse", "nest_synapse"]

_CONVENTIONS = {
    "delay_site": DelaySite.DENDRITIC,
    "same_step": SameStep.IGNORED,
    "weight_update": WeightUpdate.AT_PRESYNAPTIC,
    "delivered": Delivered.AFTER,
}


@dataclass(frozen=True, eq=False)
class NestSynapse:
    """A plastic synapse in NEST.

    Attributes:
        model: NEST's model.
        parameters: of the model, shared by the synapses of a projection.
        neuron: parameters that NEST keeps with the postsynaptic neuron.
    """

    model: str
    parameters: Mapping[str, float]
    neuron: Mapping[str, float]


def nest_synapse(p: PlanProjection, lead: int) -> NestSynapse:
    """The synapses of a plastic projection in NEST; ``lead`` is that of the postsynaptic model.

    Raises:
        UnsupportedError: a rule, a convention or a bound that NEST's synapses do not have; plastic synapses onto an
            exponential current, where NEST's delay is a step shorter, so that pairs would be a step apart; several
            synapses with the same ends and delay, whose weights NEST does not tell apart.
    """
    rule, where = p.plasticity, f"projection {p.name!r}"
    if type(rule) not in (STDP, TripletSTDP):
        raise UnsupportedError(
            "this rule is not translated to NEST",
            where=where,
            value=type(rule).__name__,
            limit=[STDP.__name__, TripletSTDP.__name__],
        )
    assert isinstance(rule, STDP | TripletSTDP)
    if rule.pairing is not Pairing.ALL:
        # theirs counts time 0 as a presynaptic spike
        raise UnsupportedError("NEST has no such pairing", where=where, value=rule.pairing.name)
    for name, convention in _CONVENTIONS.items():
        if getattr(rule, name) is not convention:
            raise UnsupportedError(
                f"NEST has another {name}",
                where=where,
                value=getattr(rule, name).name,
                limit=convention.name,
                remedy="Use NEST's conventions in the rule (see STDP), or backend='brian2'",
            )
    if rule.upkeep:
        raise UnsupportedError("NEST has no upkeep of weights", where=where, value=repr(rule.upkeep))
    if rule.w_min != 0 or not 0 < rule.w_max < math.inf:
        raise UnsupportedError(
            "NEST's plastic weights lie between 0 and a finite bound",
            where=where,
            value=(rule.w_min, rule.w_max),
        )
    if isinstance(rule, STDP) and rule.a_plus <= 0:
        raise UnsupportedError(
            "NEST states depression as a multiple of a_plus", where=where, value=rule.a_plus
        )
    if lead:
        raise UnsupportedError(
            "the delay to an exponential current is a step shorter in NEST, so pairs would be counted a step apart",
            where=where,
            remedy="Use LIF, or backend='brian2'",
        )
    if p.n_synapses and len(np.unique(_ends(p), axis=1)[0]) < p.n_synapses:
        raise UnsupportedError(
            "NEST does not tell apart plastic synapses with the same ends and delay", where=where
        )
    return _stdp(rule) if isinstance(rule, STDP) else _triplet(rule)


def _ends(p: PlanProjection) -> Any:
    return np.stack([p.pre_index, p.target, p.delay])


def _stdp(rule: STDP) -> NestSynapse:
    exponents = {
        Dependence.ADDITIVE: (0.0, 0.0),
        Dependence.MULTIPLICATIVE: (1.0, 1.0),
        Dependence.POWER_LAW: (rule.mu_plus, rule.mu_minus),
    }[rule.dependence]
    return NestSynapse(
        "stdp_synapse",
        {
            "tau_plus": rule.tau_plus * 1e3,
            "lambda": rule.a_plus / rule.w_max,
            "alpha": rule.a_minus / rule.a_plus,
            "mu_plus": exponents[0],
            "mu_minus": exponents[1],
            "Wmax": rule.w_max,
        },
        {"tau_minus": rule.tau_minus * 1e3},
    )


def _triplet(rule: TripletSTDP) -> NestSynapse:
    return NestSynapse(
        "stdp_triplet_synapse",
        {
            "tau_plus": rule.tau_plus * 1e3,
            "tau_plus_triplet": rule.tau_x * 1e3,
            "Aplus": rule.a2_plus,
            "Aplus_triplet": rule.a3_plus,
            "Aminus": rule.a2_minus,
            "Aminus_triplet": rule.a3_minus,
            "Wmax": rule.w_max,
        },
        {"tau_minus": rule.tau_minus * 1e3, "tau_minus_triplet": rule.tau_y * 1e3},
    )
