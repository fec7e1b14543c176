"""Energy, from published constants.

    power  = boards * P_board + cores * P_core + (router visits a second) * E_packet
    chips  = chips in use * P_chip + the last two terms

The constants are those of SpiNNMachine (`spinn5.toml` names the lines): an idle chip, what a core that runs a program
adds, an idle board with all its parts, and a packet of 40 bits at 25 pJ a bit for every router it passes. The host's
own energy report uses the same terms and takes all cores as always running unless it measured; its packets are those
that the routers counted, and it adds the time of loading, which is left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FORMULA", "Energy", "energy"]

FORMULA = (
    "power = boards x {watts_per_board:g} W + cores x {watts_per_core:g} W + router visits a second x "
    "{joules_per_packet:g} J; of the chips in use alone: chips x {watts_per_chip:g} W instead of the boards"
)
"""The estimate in words; `str.format` with the limits fills in the constants."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """An estimate, in watts unless a name says otherwise.

    Attributes:
        formula: how it was made, with the constants.
        boards, chips: idle power of the boards that hold the network, and of the chips in use alone.
        cores: what the running cores add. packets: what routing takes.
        total: boards, cores and packets. total_of_chips: chips, cores and packets.
        joules_per_step: of the total. joules_per_event: of the total, a synaptic event (an arrival at a synapse).
    """

    formula: str
    boards: float
    chips: float
    cores: float
    packets: float
    total: float
    total_of_chips: float
    joules_per_step: float
    joules_per_event: float | None


def energy(
    limits: Mapping[str, Any],
    *,
    boards: int,
    chips: int,
    cores: int,
    visits: float,
    events: float,
    step: float,
) -> Energy:
    """Estimate the power of a run.

    Args:
        visits: router visits of packets in a step. events: synaptic events in a step.
        step: seconds that a step takes on the machine.
    """
    board, chip = boards * limits["watts_per_board"], chips * limits["watts_per_chip"]
    core, packets = cores * limits["watts_per_core"], visits / step * limits["joules_per_packet"]
    total = board + core + packets
    return Energy(
        formula=FORMULA.format(**limits),
        boards=board,
        chips=chip,
        cores=core,
        packets=packets,
        total=total,
        total_of_chips=chip + core + packets,
        joules_per_step=total * step,
        joules_per_event=total * step / events if events else None,
    )
