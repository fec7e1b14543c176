"""Energy and time, from published constants, where there are any.

Loihi 1: Davies et al., IEEE Micro 38(1), Table 2, from simulation before silicon; static power from Frady et al.,
NICE 2020. With n the events of a step,

    E_step = n_op E_op + n_active E_active + n_inactive E_inactive + n_message E_spike + hops E_hop + P_static T_step
    T_step = max over cores and stages(n_op t_op, n_active t_active + n_inactive t_inactive, n_message t_spike)
             + barrier

Both are lower bounds of what the table lets one compute: its synaptic operation is the cheapest one, the stages of a
core are taken to overlap fully, messages to wait for none, and the host's input, its transfer and the embedded
processors to cost nothing. One number points the other way: the table's time of a synaptic operation is the longest,
so where these decide, a step may take less. The barrier is interpolated between the published one tile and 32 tiles.
A compartment counts as active in steps in which something arrives at it; the paper does not say what it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.hardware.loihi.report.activity import Activity

__all__ = ["Energy", "Latency", "energy", "latency"]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds that a step takes at least.

    Attributes:
        mean, longest: over the steps. barrier: of it, synchronising the tiles in use.
        core, stage: where most steps wait: number of the core, and what it does then.
        formula: how it was computed, with the constants.
    """

    mean: float
    longest: float
    barrier: float
    core: int
    stage: str
    formula: str


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Joules of a step on average, at least.

    Attributes:
        operations, updates, spikes, hops: synaptic operations, neuron updates, messages, tiles that they cross.
        dynamic: the sum of these.
        static: of the chip in the time of a step, at its own pace.
        static_watts: the power behind it.
        per_operation: of dynamic and static together, a synaptic operation.
        formula: how it was computed, with the constants.
    """

    operations: float
    updates: float
    spikes: float
    hops: float
    dynamic: float
    static: float
    static_watts: float
    per_operation: float | None
    formula: str

    @property
    def total(self) -> float:
        """Dynamic and static."""
        return self.dynamic + self.static


def latency(
    activity: Activity, time: Mapping[str, float], tiles: int, all_tiles: int, numbers: tuple[int, ...]
) -> Latency:
    """The time of a step.

    Args:
        time: the section of that name of `neurosim.hardware.loihi.chip.ChipDescription`.
        tiles: in use. all_tiles: of the chip. numbers: of the cores, in order.
    """
    idle = activity.compartments - activity.active
    stages = {
        "synaptic operations": activity.operations * time["synaptic_operation"],
        "neuron updates": activity.active * time["neuron_update_active"]
        + idle * time["neuron_update_inactive"],
        "spikes": activity.messages * time["spike_within_tile"],
    }
    share = (tiles - 1) / (all_tiles - 1) if all_tiles > 1 else 0.0
    shortest, longest = time["barrier_shortest"], time["barrier_longest"]
    barrier = shortest + share * (longest - shortest)
    each = np.stack(list(stages.values()))  # [stages, steps, cores]
    worst = each.max(axis=(0, 2))
    waits = np.bincount(each.transpose(1, 0, 2).reshape(len(worst), -1).argmax(axis=1))
    stage, core = divmod(int(waits.argmax()), len(numbers))
    ns = {name: value * 1e9 for name, value in time.items()}
    return Latency(
        mean=float(worst.mean()) + barrier,
        longest=float(worst.max()) + barrier,
        barrier=barrier,
        core=numbers[core],
        stage=list(stages)[stage],
        formula=(
            f"a step takes at least the longest of any core's synaptic operations x {ns['synaptic_operation']:g} ns, "
            f"neuron updates x {ns['neuron_update_active']:g} ns (inactive: {ns['neuron_update_inactive']:g} ns) and "
            f"spikes sent x {ns['spike_within_tile']:g} ns, and a barrier of {ns['barrier_shortest']:g} ns (one tile) "
            f"to {ns['barrier_longest']:g} ns ({all_tiles} tiles)"
        ),
    )


def energy(activity: Activity, joules: Mapping[str, float], step: float) -> Energy:
    """The energy of a step.

    Args:
        joules: the section ``energy`` of `neurosim.hardware.loihi.chip.ChipDescription`.
        step: seconds of a step, of `latency`.
    """
    n = max(activity.steps, 1)
    active = float(activity.active.sum()) / n
    idle = float(activity.compartments.sum()) - active
    made = float(activity.operations.sum()) / n
    operations = made * joules["synaptic_operation"]
    updates = active * joules["neuron_update_active"] + idle * joules["neuron_update_inactive"]
    spikes = (float(activity.messages.sum()) + activity.inputs) / n * joules["spike_within_tile"]
    east_west, north_south = activity.hops / n
    hops = float(east_west * joules["hop_east_west"] + north_south * joules["hop_north_south"])
    dynamic, static = operations + updates + spikes + hops, joules["static_power"] * step
    pj = {name: value * 1e12 for name, value in joules.items() if name != "static_power"}
    return Energy(
        operations=operations,
        updates=updates,
        spikes=spikes,
        hops=hops,
        dynamic=dynamic,
        static=static,
        static_watts=joules["static_power"],
        per_operation=(dynamic + static) / made if made else None,
        formula=(
            f"synaptic operations x {pj['synaptic_operation']:g} pJ + neuron updates x "
            f"{pj['neuron_update_active']:g} pJ (inactive: {pj['neuron_update_inactive']:g} pJ) + messages x "
            f"{pj['spike_within_tile']:g} pJ + tiles crossed x {pj['hop_east_west']:g} pJ east-west and "
            f"{pj['hop_north_south']:g} pJ north-south + {joules['static_power'] * 1e3:g} mW x time"
        ),
    )
