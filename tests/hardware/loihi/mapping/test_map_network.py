from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll, OneToOne
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.quantise.quantised_plan import device_network, quantise_network
from neurosim.hardware.loihi.signs import Signs
from neurosim.network import Network
from neurosim.neurons import LIF

LOIHI1 = read_chip("loihi1").limits


def placed(n_in, n, rule=None, limits=LOIHI1, model=None, **connection):
    net = Network(dt=1e-3)
    source, target = net.input("in", shape=(n_in,)), net.population("p", n, model or LIF())
    net.connect(source, target, rule or AllToAll(), **{"weight": 0.5, "delay": 1e-3, **connection})
    plan = lower(net)
    return map_network(device_network(plan, quantise_network(plan, limits, signs=Signs.SPLIT)), limits)


def test_every_limit_of_a_core_holds_and_every_neuron_has_a_place():
    p = placed(300, 2500)
    core, compartment = p.placed
    assert len(set(zip(core.tolist(), compartment.tolist(), strict=True))) == 2500
    assert core.min() >= 0
    for c in p.cores:
        assert all(c.loads[name] <= LOIHI1[name] for name in c.loads), c.loads
    assert len({c.number for c in p.cores}) == len(p.cores)


def test_synapse_memory_of_dense_rows_is_the_published_figure():
    """A row of 1024 8-bit weights without indices takes 9216 bits: 113 of them fit a core, 114 do not."""
    weight = np.random.default_rng(0).uniform(0.2, 1.0, (114, 1024))
    assert placed(113, 1024, weight=weight[:113]).cores[0].loads["synapse_bits"] == 113 * 9216
    assert len(placed(114, 1024, weight=weight).cores) == 2


def test_long_delays_leave_fewer_compartments():
    assert len(placed(300, 300, OneToOne(), delay=6e-3).cores) == 1
    assert (
        len(placed(300, 300, OneToOne(), delay=63e-3).cores) == 3
    )  # 8192 accumulators in 64 slots: 128 a core


def test_distinct_parameters_are_spread_over_cores():
    model = LIF(tau_membrane=np.linspace(5e-3, 50e-3, 100))
    p = placed(100, 100, OneToOne(), model=model)
    assert len(p.cores) == 4
    assert all(c.loads["compartment_profiles"] <= 31 for c in p.cores)


def test_too_many_presynaptic_neurons():
    """32 of them may share an axon, so 200 take seven."""
    weight = np.random.default_rng(0).uniform(0.2, 1.0, (200, 50))
    assert placed(200, 50, weight=weight, limits={**LOIHI1, "input_axons": 7}).cores
    with pytest.raises(CapacityError, match=r"population 'p', neuron 0.*got 7.*allowed: 6"):
        placed(200, 50, weight=weight, limits={**LOIHI1, "input_axons": 6})


def test_too_many_cores():
    with pytest.raises(CapacityError, match=r"population 'p' \(140000 neurons\).*got 137.*allowed: 128"):
        placed(140_000, 140_000, OneToOne())


@pytest.mark.parametrize(
    ("limits", "delay", "full"),
    [
        ({"compartments": 20}, 1e-3, "compartments.*Use fewer neurons"),
        ({"accumulators": 640}, 63e-3, "accumulators.*Use shorter delays"),
        ({"input_axons": 25}, 1e-3, "input axons.*Reduce the fan-in"),
        ({"synapse_bits": 1 << 14}, 1e-3, "bits of synapse memory.*fewer weight_bits"),
    ],
)
def test_too_many_cores_say_what_fills_them(limits, delay, full):
    """A network that each limit in turn cuts into too many cores."""
    dense = np.random.default_rng(0).uniform(0.2, 1.0, (100, 100))
    rule, weight = (AllToAll(), dense) if "synapse_bits" in limits else (OneToOne(), 0.5)
    with pytest.raises(CapacityError, match=f"more cores than the chip has.*most are full by their {full}"):
        placed(100, 100, rule, weight=weight, delay=delay, limits={**LOIHI1, "cores": 2, **limits})
