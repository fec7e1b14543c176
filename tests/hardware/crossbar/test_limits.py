from __future__ import annotations

import tomllib
from importlib import resources

from neurosim.hardware.crossbar import Crossbar
from neurosim.hardware.crossbar.limits import limits


def test_every_limit_states_its_source():
    text = (resources.files("neurosim.hardware.crossbar") / "limits.toml").read_text()
    table = tomllib.loads(text)
    assert set(table) == set(limits())
    assert all(set(entry) == {"value", "source"} and entry["source"] for entry in table.values())


def test_the_default_target_is_within_them():
    target = Crossbar()
    assert target.adc_bits == limits()["adc_bits_default"]
    assert target.rows <= limits()["rows"]
    assert target.columns <= limits()["columns"]
    assert target.transport.maximum == limits()["delay_steps"]
