"""Region 7 of a core with plastic synapses, synapseDynamicsParams: the pair rule as words.

``[backprop] [lut+] [lut-]`` and, for each receptor, w_min, w_max, A+, A- in s16.15. A table is one word
``size | shift << 16`` and its entries, two a word, the first in the low half. The program on the core decides about
dependence and pairing, so these are not in the words (sPyNNaker ``synapse_dynamics_stdp.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule
from neurosim.plasticity.options import Dependence, Pairing

__all__ = ["decode_plasticity_region", "plasticity_region", "program_suffix", "rule_of_suffix"]

Uint32 = NDArray[np.uint32]


def _table(values: NDArray[np.int16]) -> Uint32:
    halves = np.zeros(2 + len(values) + len(values) % 2, dtype="<u2")
    halves[0] = len(values)
    halves[2 : 2 + len(values)] = values.view(np.uint16)
    return halves.view("<u4").astype(np.uint32)


def _suffix(dependence: Dependence, pairing: Pairing) -> str:
    timing = "nearest_pair" if pairing is Pairing.NEAREST else "pair"
    return f"_stdp_mad_{timing}_{dependence.name.lower()}"


def program_suffix(rule: PairRule) -> str:
    """What the name of the core's program ends with, such as ``_stdp_mad_pair_additive``."""
    return _suffix(rule.dependence, rule.pairing)


def rule_of_suffix(suffix: str, where: str) -> tuple[Dependence, Pairing]:
    """Dependence and pairing of the program whose name ends so.

    Raises:
        FileFormatError: an unknown ending.
    """
    for dependence in (Dependence.ADDITIVE, Dependence.MULTIPLICATIVE):
        for pairing in Pairing:
            if suffix == _suffix(dependence, pairing):
                return dependence, pairing
    raise FileFormatError("is no program with plasticity", where=where, value=suffix)


def plasticity_region(rule: PairRule) -> Uint32:
    """The words of a rule."""
    words = np.ascontiguousarray(rule.words.astype("<i4")).view("<u4").reshape(-1)
    return np.concatenate(
        [np.array([rule.backprop_delay], np.uint32), _table(rule.lut_plus), _table(rule.lut_minus), words]
    ).astype(np.uint32)


def decode_plasticity_region(
    words: Uint32,
    where: str,
    dependence: Dependence = Dependence.ADDITIVE,
    pairing: Pairing = Pairing.ALL,
) -> PairRule:
    """The rule that words say. ``dependence``, ``pairing``: of the program on the core.

    Raises:
        FileFormatError: words are missing or left over, or a table has a time shift, which no host writes.
    """
    at = 1
    tables = []
    for _ in range(2):
        if at >= len(words):
            raise FileFormatError("a decay table is missing", where=where, value=len(words), limit=at + 1)
        size, shift = int(words[at]) & 0xFFFF, int(words[at]) >> 16
        end = at + 1 + (size + 1) // 2
        if shift or end > len(words):
            raise FileFormatError(
                "a decay table is longer than its region or has a time shift",
                where=where,
                value=(size, shift),
                limit=2 * (len(words) - at - 1),
            )
        packed = words[at + 1 : end].astype("<u4")
        tables.append(packed.view("<u2")[:size].astype(np.uint16).view(np.int16))
        at = end
    if len(words) != at + 8:
        raise FileFormatError("has the wrong number of words", where=where, value=len(words), limit=at + 8)
    numbers = words[at:].astype("<u4").view("<i4").astype(np.int64).reshape(2, 4)
    return PairRule(
        lut_plus=tables[0],
        lut_minus=tables[1],
        words=numbers,
        dependence=dependence,
        pairing=pairing,
        backprop_delay=bool(words[0]),
    )
