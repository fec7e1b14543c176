"""The numbers of a plan in registers, by the target's options; with typical inputs, the best of many roundings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.calibrate.choose import calibrate
from neurosim.hardware.loihi.calibrate.population_search import PERCENTILES, Storage
from neurosim.hardware.loihi.netx.from_network import netx_file
from neurosim.hardware.loihi.quantise.calibration_result import CalibrationResult
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, quantise_network
from neurosim.hardware.loihi.quantise.static_proof import check_activity
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.target import Loihi2, LoihiTarget
from neurosim.spikes import Spikes

__all__ = ["Rounded", "round_plan"]

SUFFERS, HALF = 0.03, 0.5
"""Mismatch of a population, by its own rounding, from which weights with exponents are tried where a netx file could
hold the network, and the part of it that they have to come down to for the file to be given up."""


@dataclass(frozen=True)
class Rounded:
    """A network in register values, files beside the chip's tables, lines for the report, what calibration did."""

    network: QuantisedNetwork
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    calibration: CalibrationResult | None = None


def round_plan(
    plan: Plan,
    lag: Mapping[str, int],
    target: LoihiTarget,
    calibration: Mapping[str, Spikes] | None,
    percentiles: tuple[float, ...] = PERCENTILES,
) -> Rounded:
    """Round a legal, retimed plan.

    On Loihi 2, where a file of lava-dl can hold the network, its weights do without exponents, as that file does;
    unless calibration shows that a population suffers from it (`SUFFERS`, `HALF`).

    Raises:
        CapacityError: a number that no register holds, or a population that falls silent or saturates.
        UnsupportedError: something that no register expresses.
    """
    storage = Storage(
        limits=target.limits,
        signs=target.signs,
        weight_bits=target.weight_bits,
        numerics=target.numerics,
        percentiles=percentiles,
    )
    notes: tuple[str, ...] = ()
    if isinstance(target, Loihi2):
        reason = "such a file needs signs=Signs.MIXED"
        if target.signs is Signs.MIXED:
            found = _for_netx(plan, lag, replace(storage, exponent=0), calibration)
            if isinstance(found, Rounded):
                if (worst := _worst(found)) <= SUFFERS:
                    return found
                free = _rounded(plan, lag, storage, calibration)
                if _worst(free) > HALF * worst:
                    return found
                reason = f"without weight exponents the mismatch would be {worst:.0%} instead of {_worst(free):.0%}"
                return replace(free, notes=(f"no network.net for lava-dl's netx: {reason}",))
            reason = found
        notes = (f"no network.net for lava-dl's netx: {reason}",)
    return replace(_rounded(plan, lag, storage, calibration), notes=notes)


def _worst(rounded: Rounded) -> float:
    """Largest mismatch of a population by its own rounding; 0 without calibration."""
    if rounded.calibration is None:
        return 0.0
    return max((p.given_after for p in rounded.calibration.populations.values()), default=0.0)


def _for_netx(
    plan: Plan, lag: Mapping[str, int], storage: Storage, calibration: Mapping[str, Spikes] | None
) -> Rounded | str:
    """The network without exponents and its file for lava-dl, or why there is none."""
    nearest = quantise_network(
        plan, storage.limits, signs=storage.signs, weight_bits=storage.weight_bits, exponent=0
    )
    reason = netx_file(plan, nearest)
    if isinstance(reason, str):
        return reason
    try:
        rounded = _rounded(plan, lag, storage, calibration)
    except CapacityError as error:
        return f"without weight exponents {error}"
    content = netx_file(plan, rounded.network)
    if isinstance(content, str):
        return content
    note = "network.net: the same network for lava-dl's netx"
    return replace(rounded, files={"network.net": content}, notes=(note,))


def _rounded(
    plan: Plan, lag: Mapping[str, int], storage: Storage, calibration: Mapping[str, Spikes] | None
) -> Rounded:
    if calibration is not None:
        found = calibrate(plan, lag, storage, calibration)
        check_activity(plan, found.network)
        return Rounded(found.network, calibration=found.result)
    network = quantise_network(
        plan,
        storage.limits,
        signs=storage.signs,
        weight_bits=storage.weight_bits,
        exponent=storage.exponent,
    )
    check_activity(plan, network)
    return Rounded(network)
