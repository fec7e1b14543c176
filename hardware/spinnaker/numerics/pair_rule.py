"""The pair rule of spike-timing-dependent plasticity in the numbers of a SpiNNaker core.

Traces and decay tables are s4.11 (`STDP_ONE` is 1.0) in 16 bits, weights and amplitudes s16.15. A decay table holds
floor(2048 exp(-i dt/tau)) and ends where that would be below one; beyond it the decay is zero (sPyNNaker
``plasticity/stdp/common.py`` and ``maths.h``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError, DescriptionError
from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.plasticity.options import Dependence, Pairing

__all__ = ["STDP_ONE", "PairRule", "decay_table", "pair_rule"]

STDP_ONE = 1 << 11
"""1.0 in s4.11."""
_LONGEST_TABLE = 0xFFFF  # its length is a 16-bit word


def decay_table(tau: float, time_step: float) -> NDArray[np.int16]:
    """The decay of a trace over 0, 1, 2, ... steps in s4.11, as the host computes it; an even number of entries.

    Args:
        tau: time constant. time_step: in the same unit.

    Raises:
        CapacityError: the table would be longer than its 16-bit length can say.
    """
    rate = time_step / tau
    pairs = math.log(STDP_ONE) / rate / 2
    n = 2 * math.ceil(pairs) if pairs < _LONGEST_TABLE else 2 * _LONGEST_TABLE
    if n > _LONGEST_TABLE:
        raise CapacityError(
            "the decay table of a trace is too long",
            where="tau of STDP",
            value=tau,
            limit=f"{_LONGEST_TABLE / math.log(STDP_ONE) * time_step:.6g}",
            remedy="Use a shorter time constant or a longer time step",
        )
    return np.asarray(np.floor(np.exp(np.arange(n) * -rate) * STDP_ONE), dtype=np.int16)


@dataclass(frozen=True, eq=False, kw_only=True)
class PairRule:
    """Pair STDP of all plastic synapses onto a population; a SpiNNaker core knows one rule.

    Attributes:
        lut_plus, lut_minus: int16 [k] decay of the presynaptic and the postsynaptic trace, s4.11, see `decay_table`.
        words: int64 [2, 4] w_min, w_max, A+, A- in s16.15, for the excitatory and the inhibitory receptor.
        dependence: ADDITIVE or MULTIPLICATIVE.
        pairing: ALL, or NEAREST, which has no traces.
        backprop_delay: whether a postsynaptic spike reaches the synapse after the delay of the synapse (as sPyNNaker
            has it unless told otherwise) or at once.

    Raises:
        DescriptionError: a dependence the machine has no program for, or arrays of the wrong shape.
    """

    lut_plus: NDArray[np.int16]
    lut_minus: NDArray[np.int16]
    words: NDArray[np.int64]
    dependence: Dependence = Dependence.ADDITIVE
    pairing: Pairing = Pairing.ALL
    backprop_delay: bool = True

    def __post_init__(self) -> None:
        if self.dependence not in (Dependence.ADDITIVE, Dependence.MULTIPLICATIVE):
            raise DescriptionError(
                "the machine has no such dependence on the weight",
                where="PairRule",
                value=Dependence(self.dependence).name,
                limit="ADDITIVE, MULTIPLICATIVE",
            )
        for name, shape in (("lut_plus", 1), ("lut_minus", 1), ("words", 2)):
            array = getattr(self, name)
            if array.ndim != shape or (name == "words" and array.shape != (2, 4)):
                raise DescriptionError("has the wrong shape", where=f"PairRule.{name}", value=array.shape)

    def same_as(self, other: PairRule) -> bool:
        """Whether both change weights in the same way."""
        arrays = ("lut_plus", "lut_minus", "words")
        options = ("dependence", "pairing", "backprop_delay")
        return all(np.array_equal(getattr(self, a), getattr(other, a)) for a in arrays) and all(
            getattr(self, o) == getattr(other, o) for o in options
        )


def pair_rule(
    *,
    tau_plus: float,
    tau_minus: float,
    a_plus: float,
    a_minus: float,
    w_min: float,
    w_max: float,
    time_step: float,
    weight_scale: float = 1.0,
    dependence: Dependence = Dependence.ADDITIVE,
    pairing: Pairing = Pairing.ALL,
    backprop_delay: bool = True,
) -> PairRule:
    """The rule that the host makes of its parameters, the same for both receptors.

    Args:
        tau_plus, tau_minus: time constants. time_step: in the same unit.
        w_min, w_max: bounds, in the unit of the weights.
        a_plus, a_minus: change of the weight by a pair of coinciding spikes, in the unit of the weights; of a
            multiplicative rule, as a share of the distance to the bound.
        weight_scale: what turns weights into numbers on the machine: 1024 for conductances, else 1.

    Raises:
        CapacityError: a number does not fit s16.15, or a table its length.
    """
    unit = weight_scale if dependence is Dependence.ADDITIVE else 1.0
    row = accum(np.array([w_min * weight_scale, w_max * weight_scale, a_plus * unit, a_minus * unit]), "STDP")
    return PairRule(
        lut_plus=decay_table(tau_plus, time_step),
        lut_minus=decay_table(tau_minus, time_step),
        words=np.stack([row, row]),
        dependence=dependence,
        pairing=pairing,
        backprop_delay=backprop_delay,
    )
