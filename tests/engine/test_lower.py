import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.errors import DescriptionError
from neurosim.sources import PoissonDrive, PoissonSource


def test_a_network_without_populations_is_refused() -> None:
    with pytest.raises(DescriptionError, match="no population"):
        lower(ns.Network(dt=1e-3))


def test_a_distribution_that_draws_negative_delays_is_refused() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 10)
    net.population("p", 10, ns.LIF())
    net.connect("in", "p", ns.AllToAll(), delay=ns.Normal(1e-3, 1e-3))
    with pytest.raises(DescriptionError, match="negative"):
        lower(net)


def test_receptors_drives_and_sources_are_in_the_plan() -> None:
    source, drive = PoissonSource(rate=20.0), PoissonDrive(rate=100.0, weight=0.1)
    net = ns.Network(dt=1e-3)
    net.input("noise", 10, source=source)
    net.input("quiet", 10)
    net.population("p", 10, ns.ConductanceLIF())
    for receptor in (None, "excitatory", "inhibitory"):
        net.connect("quiet", "p", ns.OneToOne(), receptor=receptor)
    net.drive("p", drive, receptor="inhibitory", name="background")
    plan = lower(net)
    assert [p.receptor for p in plan.projections] == [0, 0, 1]
    assert [(d.name, d.population, d.drive, d.receptor) for d in plan.drives] == [
        ("background", "p", drive, 1)
    ]
    assert plan.sources == {"noise": source}
    assert plan.inputs == {"noise": (10,), "quiet": (10,)}
