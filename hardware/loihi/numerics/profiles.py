"""Which arithmetic an emulation follows: the public models of Loihi differ where registers overflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX

__all__ = ["BRIAN2_LOIHI", "LAVA", "NENGO_LOIHI", "PROFILES", "CurrentRule", "Numerics"]


class CurrentRule(IntEnum):
    """What the synaptic current register does with a value it cannot hold."""

    UNBOUNDED = 0
    WRAP_ONCE = 1
    WRAP = 2


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """Overflow rules of one public model of the chip. Everything else is common to all of them.

    Args:
        name: the tool whose results it reproduces.
        accumulator_bits: width at which the sum of a step's arrivals wraps; 0 for none.
        current: rule of the current register (24 bit).
        bias_bits: width at which current plus bias wraps; 0 for none.
        v_min, v_max: range that the potential saturates in; beyond 2^53 for none.
    """

    name: str
    accumulator_bits: int
    current: CurrentRule
    bias_bits: int
    v_min: int
    v_max: int


LAVA = Numerics(
    name="lava",
    accumulator_bits=0,
    current=CurrentRule.WRAP_ONCE,
    bias_bits=0,
    v_min=-STATE_MAX,
    v_max=STATE_MAX,
)
"""Lava's bit-accurate ``LIF`` (lava-nc/lava, ``proc/lif/models.py``)."""

NENGO_LOIHI = Numerics(
    name="nengo-loihi",
    accumulator_bits=22,
    current=CurrentRule.WRAP,
    bias_bits=24,
    v_min=-STATE_MAX,
    v_max=STATE_MAX,
)
"""The Loihi 1 emulator of nengo-loihi 1.1 (``emulator/interface.py``); v's range is a register of the core."""

BRIAN2_LOIHI = Numerics(
    name="brian2-loihi",
    accumulator_bits=0,
    current=CurrentRule.UNBOUNDED,
    bias_bits=0,
    v_min=-(1 << 60),
    v_max=1 << 60,
)
"""brian2-loihi 0.5 (``loihi_neuron_group.py``): no register ever overflows."""

PROFILES: Mapping[str, Numerics] = {n.name: n for n in (LAVA, NENGO_LOIHI, BRIAN2_LOIHI)}
"""All profiles by name."""
