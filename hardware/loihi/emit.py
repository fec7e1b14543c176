"""From slices on cores to the files of a build: register tables, synapse lists, axons."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.core_synapses import CoreSynapses, Slice, registers_of, source_offsets
from neurosim.hardware.loihi.core_tables import (
    AXON,
    CX_CFG,
    CX_STATE,
    SYNAPSE,
    SYNAPSE_MAP,
    write_arrays,
)
from neurosim.hardware.loihi.numerics_profiles import Numerics
from neurosim.hardware.loihi.partition import Partition
from neurosim.hardware.loihi.quantised_network import QuantisedNetwork
from neurosim.hardware.loihi.synapse_format import SynapseFormat

__all__ = ["emit"]

_V_MIN_EXPONENT = 23
_V_MAX_EXPONENT = {True: 7, False: 6}
"""vmax = 2^(9 + 2k) - 1; a population that never spikes saturates below the largest threshold instead of resetting"""


def emit(
    plan: Plan, network: QuantisedNetwork, placed: Partition, numerics: Numerics
) -> dict[str, bytes | str]:
    """Files of a build by path."""
    offsets = source_offsets(plan)
    axons, host = _axons(plan, placed)
    cores: list[dict[str, Any]] = []
    files: dict[str, bytes | str] = {}
    for i, (part, synapses) in enumerate(zip(placed.slices, placed.synapses, strict=True)):
        core = int(placed.core[i])
        name = f"core_{core:03d}.npz"
        cores.append(
            {"core": core, "tables": name, **_registers(network, part, synapses, placed.delay_bits[i])}
        )
        files[name] = write_arrays(
            {**_compartments(network, part), **_synapses(synapses), "axons": _sorted_axons(axons[i])}
        )
    populations = {
        name: [
            {"core": int(placed.core[i]), "compartment": 0, "neuron": s.neurons.start, "size": len(s.neurons)}
            for i, s in enumerate(placed.slices)
            if s.population == name
        ]
        for name in plan.populations
    }
    arrays: dict[str, NDArray[Any]] = {}
    inputs = []
    for number, name in enumerate(plan.inputs):
        size = plan.size_of(name)
        rows = host[(host["source"] >= offsets[name]) & (host["source"] < offsets[name] + size)]
        start = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows["source"] - offsets[name], minlength=size), out=start[1:])
        axon = np.zeros(len(rows), dtype=AXON)
        axon["dstCore"], axon["dstSynMapId"] = rows["core"], rows["axon"]
        arrays[f"start_{number}"], arrays[f"axon_{number}"] = start, axon
        inputs.append({"name": name, "size": size})
    chip = {
        "format": 1,
        "numerics": numerics.name,
        "cores": cores,
        "populations": populations,
        "inputs": inputs,
    }
    files["inputs.npz"] = write_arrays(arrays)
    files["chip.json"] = json.dumps(chip, indent=1) + "\n"
    return files


def _axons(plan: Plan, placed: Partition) -> tuple[list[list[NDArray[Any]]], NDArray[Any]]:
    """Output axons of every slice, and the host's (source, core, axon) sorted by source."""
    offsets = source_offsets(plan)
    of_slice: list[list[NDArray[Any]]] = [[] for _ in placed.slices]
    host = []
    host_dtype = np.dtype([("source", "i8"), ("core", "i8"), ("axon", "i8")])
    first_population = min((offsets[name] for name in plan.populations), default=0)
    for j, synapses in enumerate(placed.synapses):
        sources = synapses.sources()  # its position is the number of the axon into the core
        number = np.arange(len(sources))
        for i, part in enumerate(placed.slices):
            first = offsets[part.population] + part.neurons.start
            inside = (sources >= first) & (sources < first + len(part.neurons))
            rows = np.zeros(int(inside.sum()), dtype=AXON)
            rows["srcCx"] = sources[inside] - first
            rows["dstCore"], rows["dstSynMapId"] = int(placed.core[j]), number[inside]
            of_slice[i].append(rows)
        outside = sources < first_population
        rows = np.zeros(int(outside.sum()), dtype=host_dtype)
        rows["source"], rows["core"], rows["axon"] = sources[outside], int(placed.core[j]), number[outside]
        host.append(rows)
    every = np.concatenate(host) if host else np.zeros(0, dtype=host_dtype)
    return of_slice, every[np.lexsort((every["axon"], every["core"], every["source"]))]


def _sorted_axons(parts: list[NDArray[Any]]) -> NDArray[Any]:
    rows = np.concatenate(parts) if parts else np.zeros(0, dtype=AXON)
    return rows[np.lexsort((rows["dstSynMapId"], rows["dstCore"], rows["srcCx"]))]


def _compartments(network: QuantisedNetwork, part: Slice) -> dict[str, NDArray[Any]]:
    p, which = network.populations[part.population], slice(part.neurons.start, part.neurons.stop)
    registers = registers_of(network, part)
    configuration = np.zeros(len(part.neurons), dtype=CX_CFG)
    configuration["bias"], configuration["biasExp"] = p.bias_mantissa[which], p.bias_exponent[which]
    configuration["vthProfile"], configuration["cxProfile"] = registers["threshold"], registers["profile"]
    state = np.zeros(len(part.neurons), dtype=CX_STATE)
    state["u"], state["v"] = p.u[which], p.v[which]
    return {"cxCfg": configuration, "cxState": state}


def _synapses(s: CoreSynapses) -> dict[str, NDArray[Any]]:
    synapses = np.zeros(len(s.source), dtype=SYNAPSE)
    synapses["CIdx"], synapses["Wgt"], synapses["Dly"] = s.compartment, s.weight, s.delay
    synapses["synFmtId"] = s.format
    sources, start, length = np.unique(s.source, return_index=True, return_counts=True)
    lists = np.zeros(len(sources), dtype=SYNAPSE_MAP)
    lists["synapsePtr"], lists["synapseLen"], lists["popSize"] = start, length, 1
    return {"synapses": synapses, "synapseMap": lists}


def _registers(network: QuantisedNetwork, part: Slice, s: CoreSynapses, delay_bits: int) -> dict[str, Any]:
    registers = registers_of(network, part)
    return {
        "cxProfileCfg": [
            {"decayU": u, "decayV": v, "refractDelay": r, "enableNoise": 0, "bapAction": 1}
            for u, v, r in registers["profiles"].tolist()
        ],
        "vthProfileCfg": [{"vth": m} for m in registers["thresholds"].tolist()],
        "synapseFmt": [None, *(_format(fmt) for fmt in s.formats)],
        "dendriteSharedCfg": {
            "posVmLimit": _V_MAX_EXPONENT[network.populations[part.population].spiking],
            "negVmLimit": _V_MIN_EXPONENT,
            "noiseExp0": 0,
            "noiseMantOffset0": 0,
            "noiseAtDendOrVm": 0,
        },
        "dendriteAccumCfg": {"delayBits": delay_bits},
        "numUpdates": {"numUpdates": -(-len(part.neurons) // 4), "numStdp": 0},
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
