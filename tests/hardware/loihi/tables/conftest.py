from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.tables.chip_tables import ChipTables, CoreTables, InputTable, Piece
from neurosim.hardware.loihi.tables.layout import CORE_TABLES


def random_rows(rng, table, n):
    """Rows with values from all over the ranges of their fields."""
    rows = np.zeros(n, dtype=table.dtype)
    for f in table.fields:
        rows[f.name] = rng.integers(f.low, f.high, n, endpoint=True)
    return rows


def random_registers(rng, name, n):
    rows = random_rows(rng, CORE_TABLES[name], n)
    return [dict(zip(rows.dtype.names, row, strict=True)) for row in rows.tolist()]


def random_core(number, seed, *, synapses=30, compartments=10):
    rng = np.random.default_rng(seed)
    formats = random_registers(rng, "synapseFmt", 3)
    formats = [{**f, "wgtBits": max(f["wgtBits"], 1), "fanoutType": max(f["fanoutType"], 1)} for f in formats]
    sizes = {
        "cxCfg": compartments,
        "cxState": compartments,
        "synapses": synapses,
        "synapseMap": 7,
        "axons": 9,
    }
    rows = {name: random_rows(rng, CORE_TABLES[name], n) for name, n in sizes.items()}
    return CoreTables(
        number=number,
        registers={
            "cxProfileCfg": random_registers(rng, "cxProfileCfg", 4),
            "vthProfileCfg": random_registers(rng, "vthProfileCfg", 2),
            "synapseFmt": [None, *formats],
            **{
                name: random_registers(rng, name, 1)[0]
                for name in ("dendriteSharedCfg", "dendriteAccumCfg", "numUpdates")
            },
            "programs": [
                {"name": "sigma_delta", "first": 0, "size": 4, "spike_exp": 6, "offset": -(1 << 40)},
                {"name": "lif", "first": 4, "size": 1},
            ],
        },
        cx=rows["cxCfg"],
        state=rows["cxState"],
        synapses=rows["synapses"],
        synapse_map=rows["synapseMap"],
        axons=rows["axons"],
    )


@pytest.fixture(scope="session")
def tables():
    """Tables with values all over their ranges; they point anywhere, which a file does not mind."""
    rng = np.random.default_rng(3)
    return ChipTables(
        numerics="lava",
        cores=(random_core(0, 0), random_core(3, 1, synapses=5000), random_core(900, 2, synapses=0)),
        populations={"hidden/α": (Piece(0, 0, 0, 6), Piece(3, 1, 6, 2)), "out": ()},
        inputs={
            "in": InputTable(
                start=np.array([0, 2, 2, 5], dtype=np.int64), axons=random_rows(rng, CORE_TABLES["axons"], 5)
            ),
            "none": InputTable(start=np.zeros(1, np.int64), axons=random_rows(rng, CORE_TABLES["axons"], 0)),
        },
    )


@pytest.fixture(scope="session")
def same():
    """Whether two chips have equal tables."""
    return _same


def _same(a, b):
    assert (a.numerics, a.populations, list(a.inputs)) == (b.numerics, b.populations, list(b.inputs))
    for name in a.inputs:
        assert np.array_equal(a.inputs[name].start, b.inputs[name].start)
        assert np.array_equal(a.inputs[name].axons, b.inputs[name].axons)
    assert [c.number for c in a.cores] == [c.number for c in b.cores]
    for x, y in zip(a.cores, b.cores, strict=True):
        assert dict(x.registers) == dict(y.registers)
        for rows in ("cx", "state", "synapses", "synapse_map", "axons"):
            assert np.array_equal(getattr(x, rows), getattr(y, rows))
            assert getattr(x, rows).dtype == getattr(y, rows).dtype
    return True
