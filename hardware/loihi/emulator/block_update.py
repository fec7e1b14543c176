"""One step of a block of leaky integrate-and-fire compartments in 32-bit integers, without a branch.

Exact as long as nothing leaves its range: |x| = 4096 h + l makes (|x| keep) >> 12 = h keep + ((l keep) >> 12), which
stays below 2^31 with all that is added to it. What leaves a range is found out, not computed: the caller then takes the
block back to where it was and has it done by the 64-bit kernel.
"""

from __future__ import annotations

from numba import int32, njit

from neurosim.engine.ops.native import SeparateArrays

__all__ = ["BLOCK", "FIELDS", "STATE_LIMIT", "WIDTH", "is_silent", "update_block"]

BLOCK = 128
"""Compartments of a block: enough that the loop below outweighs what surrounds it."""
FIELDS = ("keep_u", "keep_v", "bias", "threshold", "refractory", "v_min", "v_max")
"""Registers in the order in which a block has them, `BLOCK` of each."""
WIDTH = len(FIELDS) * BLOCK
STATE_LIMIT = 1 << 28
"""Magnitude of u, v, biases and limits up to which sums of them and of arrivals stay within 32 bits."""

_LOW = int32(4095)
_ONE, _ZERO = int32(1), int32(0)


@njit(cache=True, error_model="numpy")
def is_silent(arrivals):  # type: ignore[no-untyped-def]
    """Whether nothing arrives at a block."""
    found = _ZERO
    for k in range(BLOCK):
        found |= arrivals[k]
    return found == 0


@njit(cache=True, error_model="numpy", pipeline_class=SeparateArrays)
def update_block(  # type: ignore[no-untyped-def]
    arrivals, state, before, registers, fires, sum_low, sum_high, u_low, u_high, drive_low, drive_high
):
    """Advance a block.

    Args:
        arrivals: int32 [BLOCK], in units of a weight; taken, so that zeros are left.
        state: int32 [3 BLOCK], u, v and the counter of dead steps. before: int32 [4 BLOCK], receives what it was, and
            the arrivals.
        registers: int32 [WIDTH]. fires: bool [BLOCK], receives the spikes.
        sum_low, sum_high: range of the arrivals; u_low, u_high: of u; drive_low, drive_high: of u + bias.

    Returns:
        Negative if something left its range; how many potentials were clipped from above and from below; whether
        anything spiked; whether anything changed.
    """
    wrong, moved, spikes, above, below = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
    for k in range(BLOCK):
        a, u, v, dead = arrivals[k], state[k], state[BLOCK + k], state[2 * BLOCK + k]
        before[k], before[BLOCK + k], before[2 * BLOCK + k], before[3 * BLOCK + k] = u, v, dead, a
        arrivals[k] = _ZERO
        keep_u, keep_v = registers[k], registers[BLOCK + k]
        m = int32(-u) if u < 0 else u
        m = int32(int32((m >> 12) * keep_u) + int32(int32((m & _LOW) * keep_u) >> 12))
        x = int32(int32(-m if u < 0 else m) + int32(a << 6))
        m = int32(-v) if v < 0 else v
        m = int32(int32((m >> 12) * keep_v) + int32(int32((m & _LOW) * keep_v) >> 12))
        y = int32(x + registers[2 * BLOCK + k])
        z = int32(y + int32(-m if v < 0 else m))
        v_min, v_max = registers[5 * BLOCK + k], registers[6 * BLOCK + k]
        wrong |= int32(a - sum_low) | int32(sum_high - a) | int32(x - u_low) | int32(u_high - x)
        wrong |= int32(y - drive_low) | int32(drive_high - y)
        over, under = z > v_max, z < v_min
        above += int32(over)
        below += int32(under)
        z = v_max if over else z
        z = v_min if under else z
        z = _ZERO if dead > 0 else z
        fire = z > registers[3 * BLOCK + k]
        z = _ZERO if fire else z
        left = registers[4 * BLOCK + k] if fire else dead
        left = int32(left - _ONE) if left > 0 else _ZERO
        state[k], state[BLOCK + k], state[2 * BLOCK + k] = x, z, left
        fires[k] = fire
        spikes |= int32(fire)
        moved |= int32(x ^ u) | int32(z ^ v) | dead | int32(fire) | a
    return wrong, above, below, spikes, moved
