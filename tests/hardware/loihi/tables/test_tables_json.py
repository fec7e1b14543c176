from __future__ import annotations

import json

from neurosim.hardware.loihi.tables.layout import CORE_TABLES
from neurosim.hardware.loihi.tables.tables_json import tables_json


def test_json_holds_what_the_file_holds(tables):
    found = json.loads(tables_json(tables))
    assert (found["format"], found["version"], found["numerics"]) == ("neurosim loihi tables", 1, "lava")
    core = found["cores"]["00003"]
    assert list(core) == list(CORE_TABLES)
    assert core["synapses"]["Wgt"] == tables.cores[1].synapses["Wgt"].tolist()
    assert [len(core["cxMetaState"][f"phase{i}"]) for i in range(4)] == [3] * 4
    assert core["programs"]["name"] == ["sigma_delta", "lif"]
    assert core["programNumbers"] == {
        "row": [0, 0],
        "name": ["spike_exp", "offset"],
        "value": [6, -(1 << 40)],
    }
    assert [group["name"] for group in found["populations"].values()] == ["hidden/α", "out"]
    assert found["populations"]["00000"]["pieces"]["neuron"] == [0, 6]
    assert found["inputs"]["00000"]["start"]["axon"] == [0, 2, 2, 5]
