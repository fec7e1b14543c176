"""Plasticity rules in Brian2's words: statements at presynaptic and postsynaptic spikes, and their order within a step.

A change and the growth of a trace are two groups of statements, because rules differ in which comes first:

- pre before post (``POTENTIATING``): presynaptic change and trace, then postsynaptic change and trace;
- post before pre (``DEPRESSING``): the other way round;
- no pair (``IGNORED``): postsynaptic change, presynaptic change and trace, postsynaptic trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.engine.plan import PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.plasticity.inhibitory import MirroredSTDP, SymmetricSTDP
from neurosim.plasticity.options import DelaySite, Delivered, Dependence, SameStep, WeightUpdate
from neurosim.plasticity.rule import PlasticityRule
from neurosim.plasticity.stdp import STDP
from neurosim.plasticity.triplet import TripletSTDP

__all__ = ["Brian2Synapse", "brian2_synapse"]

_CONVENTIONS = {
    "delay_site": DelaySite.AXONAL,
    "weight_update": WeightUpdate.AT_EVENT,
    "delivered": Delivered.BEFORE,
}


@dataclass(frozen=True, eq=False)
class Brian2Synapse:
    """A plastic synapse in Brian2.

    Attributes:
        equations: of its traces and constants, beside the weight ``weight``.
        constants: values of the constants.
        on_pre, on_post: name of a pathway -> its statements. The names of both, sorted, are in the order in which they
            act after the threshold of a step.
    """

    equations: str
    constants: Mapping[str, float]
    on_pre: Mapping[str, str]
    on_post: Mapping[str, str]


def brian2_synapse(p: PlanProjection, dt: float) -> Brian2Synapse:
    """The synapses of a plastic projection in Brian2.

    Raises:
        UnsupportedError: a rule or a convention that is not translated.
    """
    rule, where = p.plasticity, f"projection {p.name!r}"
    changes = None if rule is None else _CHANGES.get(type(rule))
    if rule is None or changes is None:
        raise UnsupportedError(
            "this rule is not translated to Brian2",
            where=where,
            value=type(rule).__name__,
            limit=sorted(r.__name__ for r in _CHANGES),
        )
    for name, convention in _CONVENTIONS.items():
        if getattr(rule, name) is not convention:
            raise UnsupportedError(
                f"{name} {getattr(rule, name).name} is not translated to Brian2",
                where=where,
                limit=convention.name,
                remedy="Use backend='nest' for NEST's conventions",
            )
    if rule.upkeep:
        raise UnsupportedError(
            "upkeep of weights is not translated to Brian2", where=where, value=repr(rule.upkeep)
        )
    pre, post = changes(rule)
    restarting = rule.restarting()

    def grown(traces: tuple[str, ...]) -> str:
        return "\n".join(f"{t} = 1" if t in restarting else f"{t} += 1" for t in traces)

    def change(expression: str) -> str:
        return f"weight = clip({expression}, w_min, w_max)"

    # written as numbers: infinite bounds are no constants of Brian2's
    bounds = {"w_min": max(rule.w_min, -1e300), "w_max": min(rule.w_max, 1e300)}
    decays = rule.decays(dt)
    rates = {f"rate_{name}": -math.log(decay) / dt for name, decay in decays.items()}
    constants = {**rule.coefficients(dt), **bounds}
    equations = "".join(f"d{name}/dt = -rate_{name}*{name} : 1 (event-driven)\n" for name in decays)
    equations += "".join(f"{name} : Hz (shared, constant)\n" for name in rates)
    equations += "".join(f"{name} : 1 (shared, constant)\n" for name in constants)
    return Brian2Synapse(
        equations,
        {**rates, **constants},
        *_ordered(
            rule.same_step,
            (change(pre), grown(rule.PRE_TRACES)),
            (change(post), grown(rule.POST_TRACES)),
        ),
    )


def _ordered(
    same_step: SameStep, pre: tuple[str, str], post: tuple[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The pathways of both sides, from (change, growth of the traces) of each."""
    both, other = "\n".join(pre), "\n".join(post)
    if same_step is SameStep.POTENTIATING:
        return {"learn_0": both}, {"learn_1": other}
    if same_step is SameStep.DEPRESSING:
        return {"learn_1": both}, {"learn_0": other}
    return {"learn_1": both}, {"learn_0": post[0], "learn_2": post[1]}


def _stdp(rule: STDP) -> tuple[str, str]:
    down, up = {
        Dependence.ADDITIVE: ("", ""),
        Dependence.MULTIPLICATIVE: ("*((weight - low)*per_span)", "*((high - weight)*per_span)"),
        Dependence.POWER_LAW: (
            "*((weight - low)*per_span)**mu_minus",
            "*((high - weight)*per_span)**mu_plus",
        ),
    }[rule.dependence]
    return f"weight - a_minus*y{down}", f"weight + a_plus*x{up}"


_CHANGES: dict[type[PlasticityRule], Callable[[Any], tuple[str, str]]] = {
    STDP: _stdp,
    TripletSTDP: lambda rule: ("weight - o1*(a2_minus + a3_minus*r2)", "weight + r1*(a2_plus + a3_plus*o2)"),
    MirroredSTDP: lambda rule: ("weight + a_plus*y", "weight - a_minus*x"),
    SymmetricSTDP: lambda rule: ("weight + rate*(y - alpha)", "weight + rate*x"),
}
"""New weight at a presynaptic and at a postsynaptic spike, in the names of the rule's traces and coefficients."""
