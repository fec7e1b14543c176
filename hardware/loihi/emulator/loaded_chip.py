"""A chip as its tables describe it, checked and joined into flat arrays: what the emulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.numerics.arithmetic import BIAS_EXPONENT_MAX, shift
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.weights import SignMode, is_common
from neurosim.hardware.loihi.tables.chip_tables import ChipTables, CoreTables, InputTable

__all__ = ["Chip", "Sends", "load_chip"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sends:
    """What axons lead to, int64 [axons] each: the synapses ``start`` to ``stop - 1``, from compartment ``base`` on."""

    start: Ints
    stop: Ints
    base: Ints


@dataclass(frozen=True, eq=False)
class Chip:
    """N compartments of all cores, counted through; `run_chip.run_sample` has the arrays.

    ``members[population]``: the compartment of each of its neurons. ``host[input]``: (start, what its axons lead to).
    """

    registers: Registers
    u: Ints
    v: Ints
    axon_start: Ints
    send: Sends
    target: NDArray[np.int32]
    weight: NDArray[np.int32]
    delay: NDArray[np.int32]
    slots: int
    members: Mapping[str, Ints]
    host: Mapping[str, tuple[Ints, Sends]]


def load_chip(tables: ChipTables) -> Chip:
    """Check every table and join them.

    Raises:
        FileFormatError: tables that point outside each other or hold what a register does not.
    """
    try:
        return _join(tables)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"a table is incomplete: {error!r}", where="the chip's tables") from None


def _join(tables: ChipTables) -> Chip:
    first_compartment, first_axon, first_synapse = {}, {}, {}
    compartments = axons = synapses = 0
    for core in tables.cores:
        _check(core.number not in first_compartment, f"core {core.number}", "is there twice")
        first_compartment[core.number], first_axon[core.number] = compartments, axons
        first_synapse[core.number] = synapses
        compartments += len(core.cx)
        axons += len(core.synapse_map)
        synapses += len(core.synapses)

    def joined_map(name: str) -> Ints:
        return np.concatenate(
            [np.zeros(0, np.int64), *(c.synapse_map[name].astype(np.int64) for c in tables.cores)]
        )

    pointer, length, atoms, base = (joined_map(n) for n in ("synapsePtr", "synapseLen", "popSize", "cxBase"))
    core_of_axon = np.repeat(np.arange(len(tables.cores)), [len(c.synapse_map) for c in tables.cores])
    pointer += np.array([first_synapse[c.number] for c in tables.cores], dtype=np.int64)[core_of_axon]
    base += np.array([first_compartment[c.number] for c in tables.cores], dtype=np.int64)[core_of_axon]

    def sends(rows: NDArray[Any], where: str) -> tuple[Ints, Ints, Ints]:
        """First synapse, one behind the last, and first compartment of what each axon leads to."""
        known = np.isin(rows["dstCore"], list(first_axon))
        _check(
            bool(known.all()) and not rows["dstChip"].any(),
            where,
            "an axon leads to a core that is not there",
        )
        counts = {c.number: len(c.synapse_map) for c in tables.cores}
        limit = np.array([counts[c] for c in rows["dstCore"].tolist()], dtype=np.int64)
        _check(bool(np.all(rows["dstSynMapId"] < limit)), where, "an axon leads to a list that is not there")
        axon = (
            np.array([first_axon[c] for c in rows["dstCore"].tolist()], dtype=np.int64) + rows["dstSynMapId"]
        )
        atom = rows["srcRelCx"].astype(np.int64)
        _check(bool(np.all(atom < atoms[axon])), where, "an axon names an atom that is not there")
        start = pointer[axon] + atom * length[axon]
        return start, start + length[axon], base[axon]

    parts: list[dict[str, Ints]] = []
    for core in tables.cores:
        where = f"core {core.number}"
        rows = _core(core, where)
        rows["axon_count"] = np.bincount(core.axons["srcCx"], minlength=len(core.cx)).astype(np.int64)
        _check(
            len(rows["axon_count"]) == len(core.cx), where, "an axon leaves a compartment that is not there"
        )
        rows["send_start"], rows["send_stop"], rows["send_base"] = sends(core.axons, where)
        parts.append(rows)

    def joined(name: str) -> Ints:
        return np.concatenate([np.zeros(0, np.int64), *(rows[name] for rows in parts)])

    def starts(counts: Ints) -> Ints:
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    names = ("keep_u", "keep_v", "bias", "threshold", "refractory", "v_min", "v_max")
    delay = joined("delay")
    return Chip(
        registers=Registers(**{name: joined(name) for name in names}),
        u=joined("u"),
        v=joined("v"),
        axon_start=starts(joined("axon_count")),
        send=Sends(joined("send_start"), joined("send_stop"), joined("send_base")),
        target=joined("target").astype(np.int32),
        weight=joined("weight").astype(np.int32),
        delay=delay.astype(np.int32),
        slots=1 << (int(delay.max(initial=0)) + 1).bit_length(),
        members=_members(tables, first_compartment),
        host={name: _host(name, table, sends) for name, table in tables.inputs.items()},
    )


def _core(core: CoreTables, where: str) -> dict[str, Ints]:
    """Registers and synapses of one core, targets counted within the core."""
    cx, state, synapses, lists = core.cx, core.state, core.synapses, core.synapse_map
    registers = core.registers
    profiles = registers["cxProfileCfg"]
    _check(len(state) == len(cx), where, "cxState and cxCfg differ in length")
    _check(
        not len(cx) or int(cx["cxProfile"].max()) < len(profiles), where, "a compartment profile is not there"
    )
    _check(
        not len(cx) or int(cx["vthProfile"].max()) < len(registers["vthProfileCfg"]),
        where,
        "a threshold is not there",
    )

    shared = registers["dendriteSharedCfg"]
    _in_range(profiles, {"decayU": (-1, 4095), "decayV": (0, 4096), "refractDelay": (1, 64)}, where)
    _in_range(registers["vthProfileCfg"], {"vth": (0, 131071)}, where)
    _in_range([shared], {"negVmLimit": (0, 31), "posVmLimit": (0, 7)}, where)
    _check(
        not len(cx) or int(cx["biasExp"].max()) <= BIAS_EXPONENT_MAX, where, "a bias exponent is out of range"
    )

    def profile(name: str) -> Ints:
        return np.array([row[name] for row in profiles], dtype=np.int64)[cx["cxProfile"]]

    ends = lists["synapsePtr"].astype(np.int64) + lists["synapseLen"].astype(np.int64) * lists["popSize"]
    _check(
        not len(ends) or int(ends.max()) <= len(synapses),
        where,
        "an axon leads to synapses that are not there",
    )
    # the furthest compartment of each list, counted from its base, must be there; lists may be shared
    for row, end in zip(lists, ends.tolist(), strict=True):
        mine = synapses["CIdx"][row["synapsePtr"] : end]
        _check(
            not len(mine) or (row["cxBase"] >= 0 and int(mine.max()) + int(row["cxBase"]) < len(cx)),
            where,
            "a synapse ends at a compartment that is not there",
        )
    formats = registers["synapseFmt"]
    number = synapses["synFmtId"]
    if len(synapses):
        _check(
            int(number.min()) > 0 and int(number.max()) < len(formats), where, "a synapse format is not there"
        )
    for i, fmt in enumerate(formats[1:], start=1):
        mine = synapses[number == i]
        common = is_common(mine["Wgt"], fmt["wgtExp"], SignMode(fmt["fanoutType"]))
        _check(common, where, f"weights do not fit synapse format {i}")
        _check(
            not len(mine) or int(mine["Dly"].max()) >> fmt["dlyBits"] == 0,
            where,
            f"delays do not fit format {i}",
        )
    exponent = np.array([0, *(fmt["wgtExp"] for fmt in formats[1:])], dtype=np.int64)[number]
    spread = np.ones(len(cx), dtype=np.int64)
    return {
        "keep_u": 4095 - profile("decayU"),
        "keep_v": 4096 - profile("decayV"),
        "refractory": profile("refractDelay"),
        "bias": shift(cx["bias"], cx["biasExp"]),
        "threshold": np.array([row["vth"] for row in registers["vthProfileCfg"]], dtype=np.int64)[
            cx["vthProfile"]
        ]
        << 6,
        "v_min": spread * (1 - (1 << shared["negVmLimit"])),
        "v_max": spread * ((1 << (9 + 2 * shared["posVmLimit"])) - 1),
        "u": state["u"].astype(np.int64),
        "v": state["v"].astype(np.int64),
        "target": synapses["CIdx"].astype(np.int64),
        "weight": shift(synapses["Wgt"], exponent) << 6,
        "delay": synapses["Dly"].astype(np.int64),
    }


def _members(tables: ChipTables, first: Mapping[int, int]) -> dict[str, Ints]:
    sizes = {core.number: len(core.cx) for core in tables.cores}
    members = {}
    for name, pieces in tables.populations.items():
        found: list[Ints] = []
        for p in pieces:
            fits = p.core in sizes and p.compartment >= 0 and p.size >= 0
            fits = fits and p.compartment + p.size <= sizes[p.core]
            _check(
                fits and p.neuron == sum(len(f) for f in found), f"population {name!r}", "is not on the cores"
            )
            found.append(first[p.core] + p.compartment + np.arange(p.size, dtype=np.int64))
        members[name] = np.concatenate([np.zeros(0, np.int64), *found])
    return members


def _host(name: str, table: InputTable, sends: Any) -> tuple[Ints, Sends]:
    where, start = f"input {name!r}", table.start
    fits = len(start) > 0 and start[0] == 0 and start[-1] == len(table.axons)
    _check(fits and bool(np.all(np.diff(start) >= 0)), where, "its axons do not fit")
    return start, Sends(*sends(table.axons, where))


def _in_range(rows: list[dict[str, int]], limits: Mapping[str, tuple[int, int]], where: str) -> None:
    for name, (low, high) in limits.items():
        for row in rows:
            _check(low <= row[name] <= high, where, f"register {name} holds {row[name]}, not {low} to {high}")


def _check(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise FileFormatError(what, where=where, remedy="Compile again")
