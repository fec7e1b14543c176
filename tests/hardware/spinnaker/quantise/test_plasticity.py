"""Plasticity rules of a network as the machine's pair rule: numbers, refusals, losses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll, OneToOne
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.spinnaker.quantise.activity import safe_activity
from neurosim.hardware.spinnaker.quantise.neuron_program import program
from neurosim.hardware.spinnaker.quantise.plasticity import pair_rules
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF
from neurosim.plasticity import (
    STDP,
    DelaySite,
    Delivered,
    Dependence,
    MirroredSTDP,
    Pairing,
    SameStep,
    SumScaling,
    TripletSTDP,
    WeightUpdate,
)

DT = 1e-3
CONVENTION = {
    "delay_site": DelaySite.DENDRITIC,
    "same_step": SameStep.DEPRESSING,
    "weight_update": WeightUpdate.AT_PRESYNAPTIC,
    "delivered": Delivered.AFTER,
}
BOUNDS = {"w_min": 0.0, "w_max": 0.5}
RULE = STDP(**CONVENTION, **BOUNDS)


def network(rule=RULE, weight=0.1, delay=DT, model=None, second=None):
    net = Network(dt=DT)
    net.input("in", 4)
    net.population("cells", 3, model or LIF(tau_membrane=20e-3))
    net.connect("in", "cells", AllToAll(), weight=weight, delay=delay, plasticity=rule)
    if second:
        options = {"weight": 0.1, "delay": DT, **second}
        net.connect("cells", "cells", OneToOne(), name="second", **options)
    net.output("cells")
    return net


def rules_of(net):
    plan = lower(net)
    programs = {n: program(p, DT, safe_activity(plan, p)) for n, p in plan.populations.items()}
    return programs["cells"], *pair_rules(plan, programs, {})


@pytest.mark.parametrize("model", [LIF(tau_membrane=20e-3), CurrentLIF(tau_membrane=20e-3, resistance=1e6)])
def test_numbers_are_scaled_like_the_weights(model):
    unit = 1.0 if isinstance(model, LIF) else 1e-6  # V or A
    rule = STDP(a_plus=0.01 * unit, a_minus=0.02 * unit, w_min=0.1 * unit, w_max=0.5 * unit, **CONVENTION)
    cells, rules, units, _ = rules_of(network(rule, weight=0.2 * unit, model=model))
    factor = float(cells.factors[0, 0]) * unit * 32768
    expected = np.array([0.1, 0.5, 0.01, 0.02]) * factor
    np.testing.assert_allclose(rules["cells"].words, [expected, expected], atol=0.5)
    raw = 0.2 / (units["in->cells"] / unit)
    assert raw == pytest.approx(0.2 * factor / 2.0 ** cells.shifts[0])
    assert rules["cells"].lut_plus[20] == math.floor(2048 / math.e)


def test_a_multiplicative_amplitude_is_a_share_of_the_range():
    """The engine's A (w_max - w)/(w_max - w_min) is the machine's A' (w_max - w)."""
    rule = STDP(a_plus=0.01, a_minus=0.02, dependence=Dependence.MULTIPLICATIVE, **CONVENTION, **BOUNDS)
    same = STDP(a_plus=0.01, a_minus=0.02, dependence=Dependence.POWER_LAW, **CONVENTION, **BOUNDS)
    for r in (rule, same):
        _, rules, _, losses = rules_of(network(r))
        assert rules["cells"].dependence is Dependence.MULTIPLICATIVE
        assert rules["cells"].words[0, 2:].tolist() == [round(0.02 * 32768), round(0.04 * 32768)]
        assert any("not clipped" in loss.what for loss in losses)


def test_mirrored_stdp_strengthens_magnitudes_at_the_inhibitory_receptor():
    rule = MirroredSTDP(
        a_plus=0.01, a_minus=0.02, tau_plus=5e-3, tau_minus=7e-3, w_min=-0.5, w_max=-0.1, **CONVENTION
    )
    cells, rules, units, _ = rules_of(network(rule, weight=np.array([[0.0, -0.2, -0.1]] * 4)))
    factor = float(cells.factors[1, 0]) * 32768
    np.testing.assert_allclose(rules["cells"].words[1], np.array([0.1, 0.5, 0.02, 0.01]) * factor, atol=0.5)
    assert units["in->cells"] < 0
    assert rules["cells"].lut_plus[5] == rules["cells"].lut_minus[7] == math.floor(2048 / math.e)
    build = hardware.compile(network(rule, weight=np.array([[0.0, -0.2, -0.1]] * 4)), hardware.SpiNNaker())
    assert [e["unit"] for e in build.manifest.settings["plastic"].values()] == [units["in->cells"]]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (STDP(**BOUNDS), "delay_site=DelaySite.DENDRITIC, same_step=SameStep.DEPRESSING, weight_update="),
        (
            STDP(**BOUNDS, **{**CONVENTION, "same_step": SameStep.IGNORED}),
            "Use same_step=SameStep.DEPRESSING",
        ),
        (STDP(**BOUNDS, **CONVENTION, pairing=Pairing.NEAREST), "Use pairing=Pairing.ALL"),
        (TripletSTDP(**CONVENTION), "no program for this rule"),
        (STDP(**BOUNDS, **CONVENTION, upkeep=SumScaling(every=0.1)), "Leave out upkeep"),
        (STDP(**CONVENTION), "Give w_min and w_max"),
        (STDP(**CONVENTION, w_min=-0.1, w_max=0.5), "on their side of zero"),
        (STDP(**BOUNDS, **CONVENTION, a_plus=-0.01), "smaller positive amplitudes"),
        (
            STDP(**BOUNDS, **CONVENTION, a_plus=0.6, dependence=Dependence.MULTIPLICATIVE),
            "0 to w_max - w_min = 0.5",
        ),
        (STDP(**BOUNDS, **CONVENTION, mu_plus=0.4, dependence=Dependence.POWER_LAW), "mu_plus=0.4"),
    ],
)
def test_rules_that_the_machine_does_not_have_are_refused(rule, says):
    with pytest.raises(UnsupportedError, match="projection 'in->cells'") as error:
        rules_of(network(rule))
    assert says in str(error.value)


def test_weights_of_the_other_sign_are_refused():
    with pytest.raises(UnsupportedError, match="MirroredSTDP for negative"):
        rules_of(network(weight=np.array([[0.1, -0.2, 0.3]] * 4)))
    with pytest.raises(UnsupportedError, match="MirroredSTDP for negative"):
        rules_of(network(MirroredSTDP(**CONVENTION, w_min=-0.5), weight=0.1))


def test_two_rules_for_one_population_are_refused():
    other = STDP(**CONVENTION, w_min=0.0, w_max=0.4)
    with pytest.raises(UnsupportedError, match=r"projection 'second'.*another rule than that of 'in->cells'"):
        rules_of(network(second={"plasticity": other}))
    _, rules, _, _ = rules_of(network(second={"plasticity": RULE}))
    assert list(rules) == ["cells"]


def test_neurons_that_need_different_numbers_are_refused():
    different = CurrentLIF(tau_membrane=20e-3, tau_synapse=np.array([5e-3, 5e-3, 9e-3]))
    with pytest.raises(UnsupportedError, match="split the population"):
        rules_of(network(model=different))


def test_retiming_the_ends_apart_is_refused():
    """The second input reaches the cells without delay, so they run a step late, and the plastic pairs with them."""
    net = network()
    net.input("other", 3)
    net.connect("other", "cells", OneToOne(), weight=0.1, delay=0.0)
    with pytest.raises(UnsupportedError, match=r"shifted against each other.*'cells' by 1 steps"):
        hardware.compile(net, hardware.SpiNNaker())


def test_delays_over_which_nothing_would_arrive_are_refused():
    """Plastic synapses of the longest delay, if that is a power of two: the machine masks it to zero."""
    with pytest.raises(CapacityError, match=r"projection 'in->cells excitatory'.*4 steps"):
        hardware.compile(network(delay=4 * DT), hardware.SpiNNaker())
    hardware.compile(network(delay=3 * DT), hardware.SpiNNaker())
    hardware.compile(network(delay=4 * DT, second={"delay": 5 * DT}), hardware.SpiNNaker())


def test_losses_name_what_is_rounded():
    cells, _, units, losses = rules_of(network())
    by_text = {loss.what.split(";")[-1].strip(): loss for loss in losses}
    assert by_text["largest error"].amount == pytest.approx(1 / 2048, rel=0.05)
    assert by_text["the unit"].amount == units["in->cells"]
    assert by_text["the unit"].amount == pytest.approx(
        2.0 ** (cells.shifts[0] - 15) / float(cells.factors[0, 0])
    )
    assert [loss.kind for loss in losses] == [LossKind.ROUNDED, LossKind.ROUNDED, LossKind.APPROXIMATED]
