"""From neurons on cores to the tables of a chip: registers, synapse lists, axons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork, Program
from neurosim.hardware.loihi.mapping.core_registers import registers_of
from neurosim.hardware.loihi.mapping.mapped_network import MappedCore, MappedNetwork
from neurosim.hardware.loihi.mapping.synapse_format import SynapseFormat
from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.numerics.voltage_register import LOWEST_LIMIT, READOUT_LIMIT
from neurosim.hardware.loihi.tables.chip_tables import (
    AXON,
    CX_CFG,
    CX_STATE,
    SYNAPSE,
    SYNAPSE_MAP,
    ChipTables,
    CoreTables,
    InputTable,
    Piece,
)

__all__ = ["tables_of"]

Ints = NDArray[np.int64]
Rows = NDArray[Any]

_V_MIN_LIMIT = 23
_V_MAX_LIMIT = 7
"""v from 1 - 2^23 to 2^(9 + 2 * 7) - 1, the whole register; with a readout up to `READOUT_LIMIT`."""
_POP16_BITS = 5
"""Bits of the atom that every 16-bit population spike has; it may have up to four more."""


def tables_of(mapped: MappedNetwork, numerics: Numerics) -> ChipTables:
    """The tables of a mapped network, which runs in this arithmetic."""
    network = mapped.network
    axons, inputs = _axons(mapped)
    cores = []
    for i, core in enumerate(mapped.cores):
        cx, state = _compartments(network, core)
        synapses, synapse_map = _synapses(core)
        cores.append(
            CoreTables(
                number=core.number,
                registers=_registers(network, core, numerics),
                cx=cx,
                state=state,
                synapses=synapses,
                synapse_map=synapse_map,
                axons=axons[i],
            )
        )
    pieces: dict[str, list[Piece]] = {name: [] for name in network.populations}
    for core in mapped.cores:
        for s in core.slices:
            pieces[s.population].append(Piece(core.number, s.first, s.neurons.start, len(s.neurons)))
    populations = {name: tuple(sorted(p, key=lambda piece: piece.neuron)) for name, p in pieces.items()}
    cores.sort(key=lambda core: core.number)
    return ChipTables(numerics=numerics.name, cores=tuple(cores), populations=populations, inputs=inputs)


def _axons(mapped: MappedNetwork) -> tuple[list[Rows], dict[str, InputTable]]:
    """Output axons of every core, and those of the inputs, from the input axons at the other end."""
    network = mapped.network
    columns: list[list[Ints]] = [[] for _ in range(6)]
    for core in mapped.cores:
        a = core.axons
        first_atom = a.source[np.cumsum(a.atoms) - a.atoms][a.of_atom]
        number = np.full(len(a.source), core.number)
        rows = (a.source, number, a.of_atom, a.kind[a.of_atom], first_atom, a.atom)
        for column, values in zip(columns, rows, strict=True):
            column.append(values)
    nothing = np.zeros(0, np.int64)
    source, number, axon, kind, first_atom, atom = (np.concatenate([nothing, *c]) for c in columns)
    order = np.lexsort((axon, number, source))
    source = source[order]
    every = np.zeros(len(source), dtype=AXON)
    every["dstCore"], every["dstSynMapId"] = number[order], axon[order]
    every["popType"], every["srcRelCx"] = kind[order], atom[order]
    first_atom = first_atom[order]
    inputs, first = {}, network.first_neuron
    for name, size in network.inputs.items():
        start = np.searchsorted(source, first[name] + np.arange(size + 1)).astype(np.int64)
        part = slice(start[0], start[-1])
        inputs[name] = InputTable(start=start - start[0], axons=_numbered(every[part], first_atom[part]))
    begin = int(np.searchsorted(source, network.n_inputs))
    source, every, first_atom = (
        source[begin:] - network.n_inputs,
        every[begin:],
        first_atom[begin:],
    )
    core_of, compartment = mapped.placed
    every["srcCx"] = compartment[source]
    axons = []
    for i in range(len(mapped.cores)):
        here = core_of[source] == i
        mine = _numbered(every[here], first_atom[here])
        axons.append(mine[np.lexsort((mine["dstSynMapId"], mine["dstCore"], mine["srcCx"]))])
    return axons, inputs


def _numbered(axons: Rows, first_atom: Ints) -> Rows:
    """Axons with the number of their population: those with the same neuron as atom 0 are of one."""
    populations = axons["popType"] > 0
    axons["popId"][populations] = np.unique(first_atom[populations], return_inverse=True)[1].reshape(-1)
    return axons


def _compartments(network: DeviceNetwork, core: MappedCore) -> tuple[Rows, Rows]:
    n = core.compartments
    registers = registers_of(network, core.slices)
    cx, state = np.zeros(n, dtype=CX_CFG), np.zeros(n, dtype=CX_STATE)
    for s in core.slices:
        p, which = network.populations[s.population], slice(s.neurons.start, s.neurons.stop)
        at = slice(s.first, s.first + len(s.neurons))
        cx["bias"][at], cx["biasExp"][at] = p.bias_mantissa[which], p.bias_exponent[which]
        state["u"][at], state["v"][at] = p.u[which], p.v[which]
    cx["vthProfile"], cx["cxProfile"] = registers.threshold, registers.profile
    return cx, state


def _synapses(core: MappedCore) -> tuple[Rows, Rows]:
    s, a = core.synapses, core.axons
    synapses = np.zeros(len(s.compartment), dtype=SYNAPSE)
    synapses["CIdx"], synapses["Wgt"], synapses["Dly"] = s.compartment, s.weight, s.delay
    synapses["synFmtId"] = s.format
    lists = np.zeros(len(a.atoms), dtype=SYNAPSE_MAP)
    lists["synapsePtr"], lists["synapseLen"] = a.pointer, a.length
    lists["popSize"], lists["cxBase"] = a.atoms, a.base
    bits = np.array([int(n - 1).bit_length() for n in a.atoms.tolist()], dtype=np.int64)
    lists["atomBits"] = np.where(a.kind == 16, np.maximum(bits - _POP16_BITS, 0), 0)
    return synapses, lists


def _registers(network: DeviceNetwork, core: MappedCore, numerics: Numerics) -> dict[str, Any]:
    registers = registers_of(network, core.slices)
    spiking = all(network.populations[s.population].spiking for s in core.slices)
    return {
        "cxProfileCfg": [
            {"decayU": u, "decayV": v, "refractDelay": r, "enableNoise": 0, "bapAction": 1}
            for u, v, r in registers.profiles.tolist()
        ],
        "vthProfileCfg": [{"vth": m} for m in registers.thresholds.tolist()],
        "synapseFmt": [None, *(_format(fmt) for fmt in core.synapses.formats)],
        "dendriteSharedCfg": {
            "posVmLimit": _V_MAX_LIMIT if spiking else READOUT_LIMIT,
            "negVmLimit": _V_MIN_LIMIT if numerics.v_min >= -STATE_MAX else LOWEST_LIMIT,
            "noiseExp0": 0,
            "noiseMantOffset0": 0,
            "noiseAtDendOrVm": 0,
        },
        "dendriteAccumCfg": {"delayBits": core.delay_bits},
        "numUpdates": {"numUpdates": -(-core.compartments // 4), "numStdp": 0},
        "programs": [
            {"name": p.program.name.lower(), "first": s.first, "size": len(s.neurons), **p.options}
            for s in core.slices
            for p in (network.populations[s.population],)
            if p.program is not Program.LIF or p.options
        ],
    }


def _format(fmt: SynapseFormat) -> dict[str, int]:
    return {
        "wgtLimitMant": 0,
        "wgtLimitExp": 0,
        "wgtExp": fmt.exponent,
        "discMaxWgt": 0,
        "learningCfg": 0,
        "tagBits": fmt.tag_bits,
        "dlyBits": fmt.delay_bits,
        "wgtBits": fmt.weight_bits,
        "reuseSynData": 0,
        "numSynapses": fmt.block,
        "cIdxOffset": 0,
        "cIdxMult": 0,
        "skipBits": 0,
        "idxBits": fmt.index_bits,
        "synType": 1,
        "fanoutType": int(fmt.mode),
        "compression": fmt.compression,
        "stdpProfile": 0,
        "ignoreDly": int(fmt.delay_bits == 0),
    }
