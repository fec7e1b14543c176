"""Delays of a projection against the slots of the cores that receive them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.hardware.spinnaker.delay_extension import stage_of
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DeviceProjection

__all__ = ["DelayUse", "delay_use"]


@dataclass(frozen=True, kw_only=True)
class DelayUse:
    """Delays of one projection, in steps.

    Attributes:
        slots: steps that the ring buffer of the target population can hold.
        stages: stages of a delay core that a spike passes at most before it reaches the ring buffer; 0 without.
        extended: synapses that are reached through a delay core.
    """

    projection: str
    synapses: int
    shortest: int
    longest: int
    slots: int
    stages: int
    extended: int


def delay_use(network: DeviceNetwork, projection: DeviceProjection) -> DelayUse:
    """The delays of a projection: see `delay_extension.stage_of`."""
    post, delay = network.populations[projection.post], projection.delay
    slots = post.slots
    longest = projection.longest_delay
    return DelayUse(
        projection=projection.name,
        synapses=len(delay),
        shortest=int(delay.min()) if len(delay) else 0,
        longest=longest,
        slots=slots,
        stages=max(0, stage_of(longest, slots)),
        extended=int(np.count_nonzero(delay > slots)) if longest > slots else 0,
    )
