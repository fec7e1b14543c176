"""STDP parameters of a script that give the tables and words of a rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.hardware.spinnaker.numerics.pair_rule import STDP_ONE, PairRule, decay_table
from neurosim.plasticity.options import Dependence, Pairing

__all__ = ["mechanism", "tau_of"]

_DIGITS = 17


def tau_of(table: NDArray[np.int16], step: float) -> float:
    """The time constant with the fewest digits whose decay table is this one.

    Args:
        step: time step, in the unit of the time constant.

    Raises:
        UnsupportedError: no time constant has this table.
    """
    i = np.arange(1, len(table))
    held = table[1:].astype(np.float64)
    with np.errstate(divide="ignore"):
        low = np.max(-i * step / np.log(held / STDP_ONE), initial=0.0, where=held > 0)
        high = np.min(-i * step / np.log((held + 1) / STDP_ONE), initial=np.inf)
    middle = (low + high) / 2 if np.isfinite(high) else low
    for digits in range(1, _DIGITS + 1):
        tau = float(f"{middle:.{digits}g}")
        if tau > 0 and np.array_equal(decay_table(tau, step), table):
            return tau
    raise UnsupportedError(
        "no time constant gives the decay table of this rule, so no script can ask for it",
        where="STDP",
        value=f"{len(table)} entries from {table[:3].tolist()}",
    )


def mechanism(rule: PairRule, receptor: int, step: float, weight_scale: float) -> str:
    """The call that makes the rule in a script, as it is for one receptor: a script has it for both.

    Args:
        step: time step in ms. weight_scale: 1024 for conductances, else 1.
    """
    low, high, plus, minus = to_float(rule.words[receptor])
    additive = rule.dependence is Dependence.ADDITIVE
    unit = weight_scale if additive else 1.0
    timing = (
        "sim.extra_models.SpikeNearestPairRule" if rule.pairing is Pairing.NEAREST else "sim.SpikePairRule"
    )
    weights = "sim.AdditiveWeightDependence" if additive else "sim.MultiplicativeWeightDependence"
    return (
        f"sim.STDPMechanism(timing_dependence={timing}(tau_plus={tau_of(rule.lut_plus, step)!r}, "
        f"tau_minus={tau_of(rule.lut_minus, step)!r}, A_plus={float(plus / unit)!r}, A_minus={float(minus / unit)!r}), "
        f"weight_dependence={weights}(w_min={float(low / weight_scale)!r}, w_max={float(high / weight_scale)!r}), "
        f"backprop_delay={rule.backprop_delay!r})"
    )
