"""A chip as its tables describe it, checked and joined into flat arrays: what the emulator runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.loihi.emulator.chip import Chip, ProgramRun, Sends
from neurosim.hardware.loihi.numerics.arithmetic import BIAS_EXPONENT_MAX, shift
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, Program, option_values
from neurosim.hardware.loihi.numerics.voltage_register import voltage_range
from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS, SignMode, is_common, weight_step
from neurosim.hardware.loihi.tables.chip_tables import ChipTables, CoreTables, InputTable

__all__ = ["load_chip"]

Ints = NDArray[np.int64]

_LISTED = 1 << 34
"""Most synapses that all axons together lead to, shared lists counted for each: a minute's work to look through."""


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
    first: dict[int, int] = {}
    compartments = 0
    for core in tables.cores:
        _check(core.number not in first, f"core {core.number}", "is there twice")
        first[core.number] = compartments
        compartments += len(core.cx)
    _check_work(sum(_listed(core) for core in tables.cores))
    runs = [_programs(core, first[core.number]) for core in tables.cores]
    widths = [max((PROGRAMS[run.program].accumulators for run in mine), default=1) for mine in runs]
    width = max(widths, default=1)
    # tables count the accumulators that their core has, a chip the most that any has
    apart = [width // own for own in widths]
    cores = [
        _core(core, f"core {core.number}", own, width // own)
        for core, own in zip(tables.cores, widths, strict=True)
    ]
    programs = tuple(run for mine in runs for run in mine)
    sends = _senders(tables, first, width, apart)
    parts = [
        sends(core.axons["srcCx"], len(core.cx), core.axons, f"core {core.number}") for core in tables.cores
    ]
    host = {name: _host(name, table, sends) for name, table in tables.inputs.items()}
    _check_work(sum(float((s.stop - s.start).sum()) for s in (*parts, *host.values())))

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, np.int8), *(rows[name] for rows in cores)])

    def whole(name: str) -> Ints:
        return joined(name).astype(np.int64)

    names = ("keep_u", "keep_v", "bias", "threshold", "refractory", "v_min", "v_max")
    target = joined("target").astype(np.int64)
    _check(not len(target) or int(target.max()) < 1 << 16, "synapses", "a target is beyond any core")
    return Chip(
        core=np.repeat(
            np.array([c.number for c in tables.cores], np.int64), [len(c.cx) for c in tables.cores]
        ),
        registers=Registers(**{name: whole(name) for name in names}),
        u=whole("u"),
        v=whole("v"),
        programs=programs,
        send=Sends.joined(parts),
        host=host,
        target=target.astype(np.uint16),
        weight=joined("weight").astype(np.int16),
        delay=joined("delay").astype(np.uint8),
        members=_members(tables, first),
    )


def _senders(
    tables: ChipTables, first: Mapping[int, int], width: int, apart: list[int]
) -> Callable[[NDArray[Any], int, NDArray[Any], str], Sends]:
    """From the sources of axons, the number of sources, and rows of the axons, to what they lead to."""
    numbers = np.array(list(first), dtype=np.int64)
    by_number = np.argsort(numbers, kind="stable")
    count = np.array([len(c.synapse_map) for c in tables.cores], dtype=np.int64)
    first_axon = np.cumsum(count) - count
    size = np.array([len(c.synapses) for c in tables.cores], dtype=np.int64)

    def column(name: str) -> Ints:
        return np.concatenate([np.zeros(0, np.int64), *(c.synapse_map[name] for c in tables.cores)])

    of_core = np.repeat(np.arange(len(count)), count)
    length, atoms = column("synapseLen").astype(np.int64), column("popSize").astype(np.int64)
    pointer = column("synapsePtr").astype(np.int64) + (np.cumsum(size) - size)[of_core]
    base = column("cxBase").astype(np.int64)
    nowhere = base < 0
    length[nowhere] = 0
    base *= np.array(apart, dtype=np.int64)[of_core]
    base += width * np.array(list(first.values()), dtype=np.int64)[of_core]
    base[nowhere] = 0

    def sends(source: NDArray[Any], sources: int, rows: NDArray[Any], where: str) -> Sends:
        at = np.searchsorted(numbers[by_number], rows["dstCore"])
        known = at < len(numbers)
        known[known] = numbers[by_number][at[known]] == rows["dstCore"][known]
        there = bool(known.all()) and not rows["dstChip"].any()
        _check(there, where, "an axon leads to a core that is not there")
        core = by_number[at]
        number = rows["dstSynMapId"].astype(np.int64)
        _check(bool(np.all(number < count[core])), where, "an axon leads to a list that is not there")
        _check(
            not len(source) or int(source.max()) < sources,
            where,
            "an axon leaves a compartment that is not there",
        )
        order = np.argsort(source, kind="stable")
        axon = (first_axon[core] + number)[order]
        atom = rows["srcRelCx"].astype(np.int64)[order]
        _check(bool(np.all(atom < atoms[axon])), where, "an axon names an atom that is not there")
        starts = np.append(0, np.cumsum(np.bincount(source, minlength=sources)))
        start = pointer[axon] + atom * length[axon]
        return Sends(starts, start, start + length[axon], base[axon])

    return sends


def _core(core: CoreTables, where: str, width: int, apart: int) -> dict[str, NDArray[Any]]:
    """Registers and synapses of one core, targets counted within the core; ``width``: accumulators of a compartment,
    which become ``apart`` times as many."""
    cx, state, synapses, registers = core.cx, core.state, core.synapses, core.registers
    profiles, thresholds, formats = (registers[n] for n in ("cxProfileCfg", "vthProfileCfg", "synapseFmt"))
    shared, spread = registers["dendriteSharedCfg"], np.ones(len(cx), dtype=np.int64)
    _check(len(state) == len(cx), where, "cxState and cxCfg differ in length")
    _below(cx["cxProfile"], len(profiles), where, "a compartment profile is not there")
    _below(cx["vthProfile"], len(thresholds), where, "a threshold is not there")
    _below(cx["biasExp"], BIAS_EXPONENT_MAX + 1, where, "a bias exponent is out of range")
    _in_range(profiles, {"decayU": (-1, 4095), "decayV": (0, 4096), "refractDelay": (1, 64)}, where)
    for name, only in (("enableNoise", 0), ("bapAction", 1)):
        other = any(row.get(name, only) != only for row in profiles)
        _check(not other, where, f"asks for what is not emulated: {name} is not {only}")
    _check(not synapses["LrnEn"].any(), where, "asks for what is not emulated: learning synapses")
    _in_range(thresholds, {"vth": (0, 131071)}, where)
    _in_range([shared], {"negVmLimit": (0, 31), "posVmLimit": (0, 7)}, where)
    _check_lists(core, where, width)
    exponents = _check_formats(core, where)

    def profile(name: str) -> Ints:
        values: Ints = np.array([row[name] for row in profiles], dtype=np.int64)[cx["cxProfile"]]
        return values

    number = synapses["synFmtId"]
    weight = np.zeros(len(synapses), np.int16)
    for i in range(1, len(formats)):
        mine = number == i
        weight[mine] = shift(synapses["Wgt"][mine], exponents[i])
    v_min, v_max = voltage_range(shared["negVmLimit"], shared["posVmLimit"])
    return {
        "keep_u": 4095 - profile("decayU"),
        "keep_v": 4096 - profile("decayV"),
        "refractory": profile("refractDelay"),
        "bias": shift(cx["bias"], cx["biasExp"]),
        "threshold": np.array([row["vth"] for row in thresholds], dtype=np.int64)[cx["vthProfile"]] << 6,
        "v_min": spread * v_min,
        "v_max": spread * v_max,
        "u": state["u"],
        "v": state["v"],
        "target": synapses["CIdx"].astype(np.int64) * apart,
        "weight": weight,
        "delay": synapses["Dly"],
    }


def _check_lists(core: CoreTables, where: str, width: int) -> None:
    """The furthest accumulator of each list, counted from its base, must be there; lists may be shared."""
    lists, targets = core.synapse_map, core.synapses["CIdx"]
    begins = lists["synapsePtr"].astype(np.int64)
    ends = begins + lists["synapseLen"].astype(np.int64) * lists["popSize"]
    _below(ends, len(targets) + 1, where, "an axon leads to synapses that are not there")
    used = (ends > begins) & (lists["cxBase"] >= 0)
    if not used.any():
        return
    # the largest target of each range: reduceat takes pairs of begin and end, of which every second result counts
    edges = np.stack([begins[used], ends[used]], axis=1).reshape(-1)
    furthest = np.maximum.reduceat(np.append(targets, 0).astype(np.int64), edges)[::2]
    _below(
        furthest + lists["cxBase"][used],
        width * len(core.cx),
        where,
        "a synapse ends at a compartment that is not there",
    )


def _check_formats(core: CoreTables, where: str) -> Ints:
    """Exponent of each format; row 0 is not used."""
    formats, synapses = core.registers["synapseFmt"], core.synapses
    number = synapses["synFmtId"]
    there = not len(synapses) or (int(number.min()) > 0 and int(number.max()) < len(formats))
    _check(there, where, "a synapse format is not there")
    exponents = np.zeros(max(len(formats), 1), np.int64)
    for i, fmt in enumerate(formats[1:], start=1):
        mine = synapses[number == i] if len(formats) > 2 else synapses
        exponents[i] = fmt["wgtExp"]
        mode, width = SignMode(fmt["fanoutType"]), WEIGHT_WIDTHS[fmt["wgtBits"]]
        held = is_common(mine["Wgt"], fmt["wgtExp"], mode)
        held = held and not np.any(mine["Wgt"] & (weight_step(mode, width) - 1))
        _check(held, where, f"weights do not fit synapse format {i}")
        bits = 0 if fmt["ignoreDly"] else fmt["dlyBits"]
        late = len(mine) and int(mine["Dly"].max()) >> bits
        _check(not late, where, f"delays do not fit format {i}")
    slots = 1 << core.registers["dendriteAccumCfg"]["delayBits"]
    _check(
        not len(synapses) or int(synapses["Dly"].max()) + 2 <= slots,
        where,
        "delays do not fit the accumulators of a compartment",
    )
    return exponents


def _programs(core: CoreTables, first: int) -> list[ProgramRun]:
    """What the compartments of a core run, the leaky integrate-and-fire ones between the others included."""
    runs, at, where = [], 0, f"core {core.number}"
    for row in sorted(core.registers.get("programs", ()), key=lambda row: int(row["first"])):
        begin, size = row["first"], row["size"]
        _check(
            at <= begin and size > 0 and begin + size <= len(core.cx),
            where,
            "programs do not fit its compartments",
        )
        try:
            program = Program[str(row["name"]).upper()]
        except KeyError:
            raise FileFormatError("names no program of ours", where=where, value=row["name"]) from None
        if begin > at:
            runs.append(ProgramRun(first + at, first + begin))
        options = {name: value for name, value in row.items() if name not in ("name", "first", "size")}
        try:
            option_values(program, options, PROFILES["lava"])  # the ranges are those of every profile
        except DescriptionError as error:
            raise FileFormatError(str(error), where=where) from None
        runs.append(ProgramRun(first + begin, first + begin + size, program, options))
        at = begin + size
    return [*runs, ProgramRun(first + at, first + len(core.cx))] if at < len(core.cx) else runs


def _members(tables: ChipTables, first: Mapping[int, int]) -> dict[str, Ints]:
    sizes = {core.number: len(core.cx) for core in tables.cores}
    taken = np.zeros(sum(sizes.values()), np.bool_)
    members = {}
    for name, pieces in tables.populations.items():
        found, neurons = [np.zeros(0, np.int64)], 0
        for p in pieces:
            fits = p.core in sizes and p.compartment >= 0 and p.size >= 0
            fits = fits and p.compartment + p.size <= sizes[p.core] and p.neuron == neurons
            _check(fits, f"population {name!r}", "is not on the cores")
            found.append(first[p.core] + p.compartment + np.arange(p.size, dtype=np.int64))
            neurons += p.size
            _check(not taken[found[-1]].any(), f"population {name!r}", "shares compartments with another")
            taken[found[-1]] = True
        members[name] = np.concatenate(found)
    return members


def _host(name: str, table: InputTable, sends: Callable[..., Sends]) -> Sends:
    where, start = f"input {name!r}", table.start
    fits = len(start) > 0 and start[0] == 0 and start[-1] == len(table.axons)
    _check(fits and bool(np.all(np.diff(start) >= 0)), where, "its axons do not fit")
    source = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return sends(source, len(start) - 1, table.axons, where)


def _listed(core: CoreTables) -> float:
    lists = core.synapse_map
    return float((lists["synapseLen"].astype(np.float64) * lists["popSize"]).sum())


def _check_work(listed: float) -> None:
    _check(
        listed <= _LISTED, "the chip's tables", f"axons lead to {listed:.0f} synapses, more than {_LISTED}"
    )


def _below(values: NDArray[Any], limit: int, where: str, what: str) -> None:
    _check(not len(values) or int(values.max()) < limit, where, what)


def _in_range(rows: list[dict[str, int]], limits: Mapping[str, tuple[int, int]], where: str) -> None:
    for name, (low, high) in limits.items():
        for row in rows:
            _check(low <= row[name] <= high, where, f"register {name} holds {row[name]}, not {low} to {high}")


def _check(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise FileFormatError(what, where=where, remedy="Compile again")
