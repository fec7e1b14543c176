from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.tables.layout import CORE_TABLES, INPUT_TABLES, POPULATION_TABLES

TABLES = [*CORE_TABLES.values(), *POPULATION_TABLES.values(), *INPUT_TABLES.values()]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_ranges_fit_the_types(table):
    for field in table.fields:
        kind = np.dtype(field.type)
        if kind.kind != "S":
            assert np.iinfo(kind).min <= field.low <= field.high <= np.iinfo(kind).max
    assert table.dtype.itemsize == sum(np.dtype(field.type).itemsize for field in table.fields)


def test_names_are_those_of_nxsdk():
    """Fields that nengo-loihi 1.1 sets (hardware/builder.py, build_core, build_block, build_synapse, build_axon)."""
    names = {
        "cxProfileCfg": "decayV decayU refractDelay enableNoise bapAction",
        "vthProfileCfg": "vth",
        "synapseFmt": "wgtLimitMant wgtLimitExp wgtExp discMaxWgt learningCfg tagBits dlyBits wgtBits reuseSynData "
        "numSynapses cIdxOffset cIdxMult skipBits idxBits synType fanoutType compression stdpProfile ignoreDly",
        "dendriteSharedCfg": "posVmLimit negVmLimit noiseExp0 noiseMantOffset0 noiseAtDendOrVm",
        "dendriteAccumCfg": "delayBits",
        "numUpdates": "numUpdates numStdp",
        "cxCfg": "bias biasExp vthProfile cxProfile",
        "cxMetaState": "phase0 phase1 phase2 phase3",
        "synapses": "CIdx Wgt synFmtId LrnEn",
        "synapseMap": "synapsePtr synapseLen popSize cxBase atomBits",
        "axons": "srcCx dstChip dstCore dstSynMapId popId srcRelCx",
    }
    for table, fields in names.items():
        assert set(fields.split()) <= {field.name for field in CORE_TABLES[table].fields}
