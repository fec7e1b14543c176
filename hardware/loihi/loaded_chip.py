"""A chip as its tables describe it, checked and joined into flat arrays: what the emulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.arithmetic import BIAS_EXPONENT_MAX, shift
from neurosim.hardware.loihi.core_tables import (
    AXON,
    CX_CFG,
    CX_STATE,
    SYNAPSE,
    SYNAPSE_MAP,
    read_arrays,
    read_chip,
)
from neurosim.hardware.loihi.lif import Registers
from neurosim.hardware.loihi.weights import SignMode, is_common

__all__ = ["Chip", "read_chip_tables"]

Ints = NDArray[np.int64]

_CORE = {
    "cxCfg": CX_CFG,
    "cxState": CX_STATE,
    "synapses": SYNAPSE,
    "synapseMap": SYNAPSE_MAP,
    "axons": AXON,
}


@dataclass(frozen=True)
class Chip:
    """N compartments of all cores, counted through; see `neurosim.hardware.loihi.run_chip.run_sample` for the arrays.

    ``members[population]``: the compartment of each of its neurons. ``host[input]``: (start, list) of its axons.
    """

    registers: Registers
    u: Ints
    v: Ints
    axon_start: Ints
    axon_list: Ints
    list_start: Ints
    target: NDArray[np.int32]
    weight: NDArray[np.int32]
    delay: NDArray[np.int32]
    slots: int
    members: Mapping[str, Ints]
    host: Mapping[str, tuple[Ints, Ints]]


def read_chip_tables(folder: Path) -> Chip:
    """Read and check every table of a build folder.

    Raises:
        FileFormatError: tables that are damaged or point outside each other.
    """
    path = folder / "chip.json"
    chip = read_chip(path)
    try:
        return _join(folder, chip)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"a table is incomplete: {error!r}", where=str(path)) from None


def _join(folder: Path, chip: dict[str, Any]) -> Chip:
    tables, first_compartment, first_list = [], {}, {}
    compartments = lists = 0
    for core in chip["cores"]:
        where = folder / str(core["tables"])
        _check(
            where.parent == folder and core["core"] not in first_compartment,
            where,
            "names a core twice, or another folder",
        )
        arrays = read_arrays(where, _CORE)
        tables.append((core, arrays, where))
        first_compartment[core["core"]], first_list[core["core"]] = compartments, lists
        compartments += len(arrays["cxCfg"])
        lists += len(arrays["synapseMap"])
    axon_counts = {core["core"]: len(arrays["synapseMap"]) for core, arrays, _ in tables}

    def list_of(axons: NDArray[Any], where: Path) -> Ints:
        known = np.isin(axons["dstCore"], list(axon_counts))
        _check(
            bool(known.all()) and not axons["dstChip"].any(),
            where,
            "an axon leads to a core that is not there",
        )
        limit = np.array([axon_counts[c] for c in axons["dstCore"].tolist()], dtype=np.int64)
        _check(bool(np.all(axons["dstSynMapId"] < limit)), where, "an axon leads to a list that is not there")
        base = np.array([first_list[c] for c in axons["dstCore"].tolist()], dtype=np.int64)
        return base + axons["dstSynMapId"]

    parts: list[dict[str, Ints]] = []
    for core, arrays, where in tables:
        rows = _core(core, arrays, where)
        rows["target"] = rows["target"] + first_compartment[core["core"]]
        rows["axon_count"] = np.bincount(arrays["axons"]["srcCx"], minlength=len(arrays["cxCfg"])).astype(
            np.int64
        )
        _check(
            len(rows["axon_count"]) == len(arrays["cxCfg"]),
            where,
            "an axon leaves a compartment that is not there",
        )
        rows["axon_list"] = list_of(arrays["axons"], where)
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
        axon_list=joined("axon_list"),
        list_start=starts(joined("list_length")),
        target=joined("target").astype(np.int32),
        weight=joined("weight").astype(np.int32),
        delay=delay.astype(np.int32),
        slots=1 << (int(delay.max(initial=0)) + 1).bit_length(),
        members=_members(chip, tables, first_compartment, folder / "chip.json"),
        host=_host(folder, chip, list_of),
    )


def _core(core: dict[str, Any], arrays: dict[str, NDArray[Any]], where: Path) -> dict[str, Ints]:
    """Registers and synapses of one core, targets counted within the core."""
    cx, state, synapses, lists = (arrays[name] for name in ("cxCfg", "cxState", "synapses", "synapseMap"))
    profiles = core["cxProfileCfg"]
    _check(len(state) == len(cx), where, "cxState and cxCfg differ in length")
    _check(
        not len(cx) or int(cx["cxProfile"].max()) < len(profiles), where, "a compartment profile is not there"
    )
    _check(
        not len(cx) or int(cx["vthProfile"].max()) < len(core["vthProfileCfg"]),
        where,
        "a threshold is not there",
    )

    shared = core["dendriteSharedCfg"]
    _in_range(profiles, {"decayU": (-1, 4095), "decayV": (0, 4096), "refractDelay": (1, 64)}, where)
    _in_range(core["vthProfileCfg"], {"vth": (0, 131071)}, where)
    _in_range([shared], {"negVmLimit": (0, 31), "posVmLimit": (0, 7)}, where)
    _check(
        not len(cx) or int(cx["biasExp"].max()) <= BIAS_EXPONENT_MAX, where, "a bias exponent is out of range"
    )

    def profile(name: str) -> Ints:
        return np.array([row[name] for row in profiles], dtype=np.int64)[cx["cxProfile"]]

    ends = np.cumsum(lists["synapseLen"].astype(np.int64))
    contiguous = np.array_equal(lists["synapsePtr"], ends - lists["synapseLen"])
    _check(
        contiguous and (int(ends[-1]) if len(ends) else 0) == len(synapses),
        where,
        "synapse lists do not fit the synapses",
    )
    formats = core["synapseFmt"]
    number = synapses["synFmtId"]
    if len(synapses):
        _check(
            int(synapses["CIdx"].max()) < len(cx), where, "a synapse ends at a compartment that is not there"
        )
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
        "threshold": np.array([row["vth"] for row in core["vthProfileCfg"]], dtype=np.int64)[cx["vthProfile"]]
        << 6,
        "v_min": spread * (1 - (1 << shared["negVmLimit"])),
        "v_max": spread * ((1 << (9 + 2 * shared["posVmLimit"])) - 1),
        "u": state["u"].astype(np.int64),
        "v": state["v"].astype(np.int64),
        "list_length": lists["synapseLen"].astype(np.int64),
        "target": synapses["CIdx"].astype(np.int64),
        "weight": shift(synapses["Wgt"], exponent) << 6,
        "delay": synapses["Dly"].astype(np.int64),
    }


def _members(
    chip: dict[str, Any], tables: list[Any], first: Mapping[int, int], where: Path
) -> dict[str, Ints]:
    sizes = {core["core"]: len(arrays["cxCfg"]) for core, arrays, _ in tables}
    members = {}
    for name, pieces in chip["populations"].items():
        found: list[Ints] = []
        for piece in sorted(pieces, key=lambda piece: int(piece["neuron"])):
            start, size = int(piece["compartment"]), int(piece["size"])
            fits = (
                piece["core"] in sizes and start >= 0 and size >= 0 and start + size <= sizes[piece["core"]]
            )
            _check(
                fits and piece["neuron"] == sum(len(f) for f in found),
                where,
                f"population {name!r} is not on the cores",
            )
            found.append(first[piece["core"]] + start + np.arange(size, dtype=np.int64))
        members[name] = np.concatenate([np.zeros(0, np.int64), *found])
    return members


def _host(folder: Path, chip: dict[str, Any], list_of: Any) -> dict[str, tuple[Ints, Ints]]:
    path = folder / "inputs.npz"
    expected = {f"start_{i}": np.dtype("<i8") for i in range(len(chip["inputs"]))}
    arrays = read_arrays(path, {**expected, **{f"axon_{i}": AXON for i in range(len(chip["inputs"]))}})
    host = {}
    for i, entry in enumerate(chip["inputs"]):
        start, axons = arrays[f"start_{i}"], arrays[f"axon_{i}"]
        fits = len(start) == int(entry["size"]) + 1 and start[0] == 0 and start[-1] == len(axons)
        _check(
            fits and bool(np.all(np.diff(start) >= 0)), path, f"axons of input {entry['name']!r} do not fit"
        )
        host[str(entry["name"])] = (start, list_of(axons, path))
    return host


def _in_range(rows: list[dict[str, int]], limits: Mapping[str, tuple[int, int]], where: Path) -> None:
    for name, (low, high) in limits.items():
        for row in rows:
            _check(low <= row[name] <= high, where, f"register {name} holds {row[name]}, not {low} to {high}")


def _check(condition: bool, where: Path, what: str) -> None:
    if not condition:
        raise FileFormatError(what, where=str(where), remedy="Compile again")
