"""Every limit, and the core that is nearest to it."""

from __future__ import annotations

from dataclasses import replace

from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.report.headroom import core_uses, headroom


def test_rows_are_the_loads_of_the_cores(compile_by_hand, make_two_layers):
    mapped = compile_by_hand(make_two_layers(), limits={"compartments": 16}).mapped
    cores = core_uses(mapped)
    assert [c.number for c in cores] == sorted(c.number for c in mapped.cores)
    assert sorted(part for c in cores for part in c.holds)[-1].startswith("b[")
    rows = {h.limit: h for h in headroom(mapped, cores)}
    assert rows["cores"].used == len(mapped.cores)
    loads = {c.number: c.loads for c in mapped.cores}
    for name in ("compartments", "synapse_bits", "input_axons", "threshold_profiles"):
        row = rows[name]
        assert row.used == max(load[name] for load in loads.values())
        assert loads[int(row.where.removeprefix("core "))][name] == row.used
        assert row.total == sum(load[name] for load in loads.values())
        assert row.most == mapped.limits[name]
        assert row.at_least <= len(mapped.cores)
    assert rows["synapse_formats"].binds == 0
    assert sum(h.binds for h in rows.values()) == len(mapped.cores)
    assert rows["compartments"].total == 45
    shares = [h.share for h in list(rows.values())[1:]]
    assert shares == sorted(shares, reverse=True)
    for c in cores:
        assert c.loads[0].share == max(load.share for load in c.loads if load.limit != "synapse_formats")


def test_scattered_neurons_are_counted(compile_by_hand, make_two_layers):
    """Runs of one population stand together; with gaps their number is told."""
    mapped = compile_by_hand(make_two_layers()).mapped
    (core,) = [c for c in mapped.cores if any(s.population == "a" for s in c.slices)][:1]
    slices = (CoreSlice("a", range(3)), CoreSlice("b", range(1, 2), 3), CoreSlice("a", range(5, 9), 4))
    (row,) = core_uses(replace(mapped, cores=(replace(core, slices=slices),)))
    assert row.holds == ("7 of a[0:9]", "b[1:2]")
