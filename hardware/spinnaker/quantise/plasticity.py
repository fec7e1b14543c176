"""Plasticity rules of a plan as the pair rule of the machine.

The machine has one convention: the delay lies behind the synapse, spikes of one step depress, weights change when a
presynaptic spike comes, which is delivered with the new weight. A rule with other conventions learns something else and
is refused. `STDP` strengthens positive weights; `MirroredSTDP` strengthens negative ones, which are magnitudes of the
inhibitory receptor there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from neurosim.engine.plan import Plan, PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.numerics.pair_rule import STDP_ONE, PairRule, pair_rule
from neurosim.hardware.spinnaker.numerics.ring_buffer import raw_unit
from neurosim.hardware.spinnaker.numerics.stdp import HISTORY
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram
from neurosim.hardware.spinnaker.quantise.receptors import receptors_of
from neurosim.loss_report import Loss, LossKind
from neurosim.plasticity import (
    STDP,
    DelaySite,
    Delivered,
    Dependence,
    MirroredSTDP,
    Pairing,
    PlasticityRule,
    SameStep,
    WeightUpdate,
)

__all__ = ["pair_rules"]

_CONVENTIONS = (
    ("delay_site", DelaySite.DENDRITIC),
    ("same_step", SameStep.DEPRESSING),
    ("weight_update", WeightUpdate.AT_PRESYNAPTIC),
    ("delivered", Delivered.AFTER),
    ("pairing", Pairing.ALL),
)


class _Magnitudes(NamedTuple):
    """A rule in terms of magnitudes of weights; amplitudes of a multiplicative one are shares."""

    a_plus: float
    a_minus: float
    w_min: float
    w_max: float
    dependence: Dependence


def pair_rules(
    plan: Plan, programs: Mapping[str, NeuronProgram], lag: Mapping[str, int]
) -> tuple[dict[str, PairRule], dict[str, float], list[Loss]]:
    """The rule of each population that has plastic synapses, and what it does otherwise than the plan.

    Returns:
        Population -> rule; plastic projection -> weight of one raw unit, with its sign; losses.

    Args:
        lag: steps by which each part is behind network time.

    Raises:
        UnsupportedError: a rule or a convention that the machine does not have, weights of both signs, neurons that
            need rules of their own, or two rules for one population.
        CapacityError: a number that does not fit its word.
    """
    rules: dict[str, PairRule] = {}
    first: dict[str, str] = {}
    units: dict[str, float] = {}
    losses: list[Loss] = []
    for p in plan.projections:
        if p.plasticity is None or not p.n_synapses:
            continue
        where = f"projection {p.name!r}"
        if lag.get(p.pre, 0) != lag.get(p.post, 0):
            raise UnsupportedError(
                "its ends are shifted against each other in time to make room for delays of zero, which changes the "
                "pairs that a rule with the delay behind the synapse sees",
                where=where,
                value=f"{p.pre!r} by {lag.get(p.pre, 0)}, {p.post!r} by {lag.get(p.post, 0)} steps",
                remedy="Use delays of at least dt on the ways to both populations",
            )
        rule, units[p.name], lost = _rule(p, p.plasticity, programs[p.post], plan.dt)
        if not rules.setdefault(p.post, rule).same_as(rule):
            raise UnsupportedError(
                f"another rule than that of {first[p.post]!r}: a population has one on SpiNNaker, the same for both "
                "receptors, also after weights are scaled",
                where=where,
                value=p.plasticity,
                remedy="Give both projections the same rule, or let them end at populations of their own",
            )
        first.setdefault(p.post, p.name)
        losses += lost
    return rules, units, losses


def _rule(
    p: PlanProjection, rule: PlasticityRule, post: NeuronProgram, dt: float
) -> tuple[PairRule, float, list[Loss]]:
    where = f"projection {p.name!r}"
    pairs = _pair_based(rule, where)
    m = _magnitudes(p, pairs, where)
    receptor, factor = _receptor(p, post, where)
    made = pair_rule(
        tau_plus=pairs.tau_plus / dt,
        tau_minus=pairs.tau_minus / dt,
        a_plus=m.a_plus,
        a_minus=m.a_minus,
        w_min=m.w_min,
        w_max=m.w_max,
        time_step=1.0,
        weight_scale=factor,
        dependence=m.dependence,
    )
    unit = raw_unit(post.shifts[receptor]) / factor
    sign = -1.0 if isinstance(pairs, MirroredSTDP) else 1.0
    return made, sign * unit, list(_losses(where, pairs, m, made, unit, dt))


def _pair_based(rule: PlasticityRule, where: str) -> STDP | MirroredSTDP:
    """The rule, if it is one that the machine has, with the machine's conventions."""
    if not isinstance(rule, (STDP, MirroredSTDP)):
        raise UnsupportedError(
            "SpiNNaker has no program for this rule",
            where=where,
            value=type(rule).__name__,
            limit="STDP, MirroredSTDP",
            remedy="Compile the network with the weights fixed after learning",
        )
    wrong = [(name, wanted) for name, wanted in _CONVENTIONS if getattr(rule, name) is not wanted]
    if wrong:
        raise UnsupportedError(
            "plastic synapses of SpiNNaker work to another convention, and would learn something else",
            where=where,
            value=", ".join(f"{name}={type(w).__name__}.{getattr(rule, name).name}" for name, w in wrong),
            remedy="Use " + ", ".join(f"{name}={type(w).__name__}.{w.name}" for name, w in wrong),
        )
    if rule.upkeep:
        raise UnsupportedError(
            "synapses on SpiNNaker change at spikes alone",
            where=where,
            value=", ".join(type(u).__name__ for u in rule.upkeep),
            remedy="Leave out upkeep",
        )
    return rule


def _dependence(rule: STDP, where: str) -> Dependence:
    if rule.dependence is not Dependence.POWER_LAW:
        return rule.dependence
    if rule.mu_plus == rule.mu_minus and rule.mu_plus in (0.0, 1.0):
        return Dependence.MULTIPLICATIVE if rule.mu_plus else Dependence.ADDITIVE
    raise UnsupportedError(
        "SpiNNaker has no program for this dependence on the weight",
        where=where,
        value=f"mu_plus={rule.mu_plus:g}, mu_minus={rule.mu_minus:g}",
        limit="both 0 (additive) or both 1 (multiplicative)",
        remedy="Use Dependence.ADDITIVE or Dependence.MULTIPLICATIVE",
    )


def _magnitudes(p: PlanProjection, rule: STDP | MirroredSTDP, where: str) -> _Magnitudes:
    if isinstance(rule, STDP):
        m = _Magnitudes(rule.a_plus, rule.a_minus, rule.w_min, rule.w_max, _dependence(rule, where))
        wrong, sign = p.weight < 0, ">= 0"
    else:
        m = _Magnitudes(rule.a_minus, rule.a_plus, -rule.w_max, -rule.w_min, Dependence.ADDITIVE)
        wrong, sign = p.weight > 0, "<= 0"
    if np.any(wrong):
        raise UnsupportedError(
            "a plastic weight keeps its sign on SpiNNaker, where it is the magnitude at one receptor",
            where=where,
            value=float(p.weight[wrong][0]),
            limit=sign,
            remedy="Use STDP for positive weights and MirroredSTDP for negative ones, in projections of their own",
        )
    if not (0 <= m.w_min <= m.w_max < math.inf):
        raise UnsupportedError(
            "plastic weights need bounds on SpiNNaker, on their side of zero",
            where=where,
            value=f"w_min={rule.w_min:g}, w_max={rule.w_max:g}",
            limit="0 <= |w| < inf",
            remedy="Give w_min and w_max",
        )
    if m.dependence is Dependence.MULTIPLICATIVE:
        span = m.w_max - m.w_min
        m = m._replace(a_plus=m.a_plus / span, a_minus=m.a_minus / span)
        most = 1.0
    else:
        most = math.inf
    if not (0 <= m.a_plus <= most and 0 <= m.a_minus <= most):
        raise UnsupportedError(
            "amplitudes of the wrong sign or size take weights beyond their bounds, where SpiNNaker wraps them around",
            where=where,
            value=f"a_plus={rule.a_plus:g}, a_minus={rule.a_minus:g}",
            limit=">= 0" if most == math.inf else f"0 to w_max - w_min = {span:g}",
            remedy="Use smaller positive amplitudes",
        )
    return m


def _receptor(p: PlanProjection, post: NeuronProgram, where: str) -> tuple[int, float]:
    """The receptor of a projection's synapses, and the device weight of a weight of one there."""
    receptor = int(receptors_of(p, post.split)[0]) if p.n_synapses else 0
    if isinstance(p.plasticity, MirroredSTDP):
        receptor = 1  # also where all weights are still zero
    factors = np.unique(post.factors[receptor, p.target])
    if len(factors) > 1:
        raise UnsupportedError(
            "neurons that differ in their synapses' time constant or capacity need rules of their own, and a "
            "population has one on SpiNNaker",
            where=where,
            value=f"a weight of one is {factors[0]:g} to {factors[-1]:g} on the machine",
            remedy=f"Give the neurons of {p.post!r} equal parameters, or split the population",
        )
    return receptor, float(factors[0])


def _losses(
    where: str, rule: STDP | MirroredSTDP, m: _Magnitudes, made: PairRule, unit: float, dt: float
) -> Iterator[Loss]:
    off = max(
        float(np.abs(lut / STDP_ONE - np.exp(-np.arange(len(lut)) * dt / tau)).max())
        for lut, tau in ((made.lut_plus, rule.tau_plus), (made.lut_minus, rule.tau_minus))
    )
    yield Loss(
        kind=LossKind.ROUNDED,
        where=where,
        what="decays of the traces of STDP are truncated to multiples of 1/2048; largest error",
        amount=off,
    )
    yield Loss(
        kind=LossKind.ROUNDED,
        where=where,
        what="weights that learn are rounded down to a multiple of their unit at every presynaptic spike; the unit",
        amount=unit,
    )
    yield Loss(
        kind=LossKind.APPROXIMATED,
        where=where,
        what=f"between two presynaptic spikes, only the last {HISTORY - 1} postsynaptic ones are remembered",
    )
    if m.dependence is Dependence.MULTIPLICATIVE:
        yield Loss(
            kind=LossKind.APPROXIMATED,
            where=where,
            what="weights of a multiplicative rule are not clipped: one pair moves them by this share of the way to a "
            "bound, times the trace",
            amount=max(m.a_plus, m.a_minus),
        )
