from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.errors import UnsupportedError
from neurosim.hardware.compiler.legalise import features, legalise
from neurosim.hardware.support_table import standard_targets
from neurosim.hardware.target import Feature, Support, SupportKind, Transport
from neurosim.sources.poisson_drive import PoissonDrive
from neurosim.sources.source import Source


@dataclass(frozen=True)
class Bench:
    """A target that refuses or approximates one feature."""

    support: Any = field(default_factory=dict)
    name: str = "bench"
    limits: Any = field(default_factory=dict)
    transport: Transport = field(default_factory=lambda: Transport(0))


def found(model: ns.NeuronModel, **connection: Any) -> set[Feature]:
    net = ns.Network(dt=1e-3)
    net.input("in", 2)
    net.population("p", 2, model)
    net.connect("in", "p", ns.AllToAll(), **connection)
    return {f for f, _ in features(lower(net))}


PLAIN = {
    Feature.LIF,
    Feature.SPIKE_WHEN_REACHED,
    Feature.RESET_TO_VALUE,
    Feature.DIMENSIONLESS,
    Feature.ZERO_DELAY,
}


@pytest.mark.parametrize(
    ("model", "more", "less"),
    [
        (ns.LIF(), set(), set()),
        (ns.LIF(threshold=np.ones(2)), set(), set()),
        (ns.LIF(threshold=np.array([1.0, 2.0])), {Feature.HETEROGENEOUS}, set()),
        (
            ns.LIF(spike_when=ns.SpikeWhen.EXCEEDED),
            {Feature.SPIKE_WHEN_EXCEEDED},
            {Feature.SPIKE_WHEN_REACHED},
        ),
        (ns.LIF(reset=ns.Reset.BY_SUBTRACTION), {Feature.RESET_BY_SUBTRACTION}, {Feature.RESET_TO_VALUE}),
        (ns.LIF(reset=ns.Reset.NONE), {Feature.RESET_NONE}, {Feature.RESET_TO_VALUE}),
        (ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP), {Feature.RESET_NEXT_STEP}, set()),
        (ns.LIF(v_reset=-1.0), {Feature.RESET_NOT_AT_REST}, set()),
        (ns.LIF(refractory=1e-3), {Feature.REFRACTORY}, set()),
        (
            ns.LIF(refractory=1e-3, refractory_input=ns.RefractoryInput.KEEP),
            {Feature.REFRACTORY, Feature.REFRACTORY_KEEP},
            set(),
        ),
        (ns.LIF(discretisation=ns.Discretisation.EULER), {Feature.EULER}, set()),
        (ns.LIF(current=0.5), {Feature.CURRENT}, set()),
        (ns.LIF(v_init=0.5), {Feature.INITIAL_STATE}, set()),
        (ns.CurrentLIF(i_init=0.5), {Feature.CURRENT_LIF, Feature.INITIAL_STATE}, {Feature.LIF}),
        (
            ns.DualCurrentLIF(i_inhibitory_init=0.5),
            {Feature.DUAL_CURRENT_LIF, Feature.RECEPTORS, Feature.INITIAL_STATE},
            {Feature.LIF},
        ),
        (
            ns.ConductanceLIF(refractory=0.0, v_reset=-60.0),
            {Feature.CONDUCTANCE_LIF, Feature.RECEPTORS, Feature.EXPONENTIAL_EULER},
            {Feature.LIF},
        ),
        (ns.IntegrateAndFire(), {Feature.INTEGRATE_AND_FIRE}, {Feature.LIF}),
        (
            ns.LeakyIntegrator(),
            {Feature.LEAKY_INTEGRATOR},
            {Feature.LIF, Feature.SPIKE_WHEN_REACHED, Feature.RESET_TO_VALUE},
        ),
    ],
)
def test_every_option_is_found(model: ns.NeuronModel, more: set[Feature], less: set[Feature]) -> None:
    assert found(model) == (PLAIN | more) - less


@pytest.mark.parametrize(
    "model",
    [
        ns.AdaptiveLIF(), ns.AdEx(), ns.AlphaCurrentLIF(), ns.AlphaConductanceLIF(), ns.ConductanceLIF(),
        ns.DualCurrentLIF(), ns.Izhikevich(), ns.Relay(),
    ],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
@pytest.mark.parametrize("target", standard_targets(), ids=lambda t: t.name)
def test_models_that_no_chip_has_are_refused_by_name(model: ns.NeuronModel, target: Any) -> None:
    """The crossbar's digital neurons take any step that has one receptor, SpiNNaker has programs for two with two."""
    net = ns.Network(dt=1e-4)
    net.population("p", 2, model)
    plan = lower(net)
    several = len(model.RECEPTORS) > 1
    taken = isinstance(model, (ns.DualCurrentLIF, ns.ConductanceLIF)) and target.name == "spinnaker"
    assert (Feature.RECEPTORS in {f for f, _ in features(plan)}) == several
    if taken or (target.name == "crossbar" and not several):
        legalise(plan, target)
    else:
        with pytest.raises(UnsupportedError, match=rf"'p' \({type(model).__name__}\)"):
            legalise(plan, target)


def test_sources_and_drives_are_found() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 2, source=Source())
    net.population("p", 2, ns.LIF())
    net.drive("p", PoissonDrive(rate=1.0))
    assert set(features(lower(net))) >= {
        (Feature.SOURCE, "input 'in'"),
        (Feature.DRIVE, "drive 'drive->p' of population 'p'"),
    }


def test_synaptic_options_are_found() -> None:
    assert found(ns.LIF(), delay=np.array([[1, 2], [3, 4]]) * 1e-3) == PLAIN - {Feature.ZERO_DELAY} | {
        Feature.SYNAPTIC_DELAY
    }
    assert Feature.PLASTICITY in found(ns.LIF(), plasticity=ns.STDP())


def test_refused_features_name_the_part_and_the_way_out() -> None:
    net = ns.Network(dt=1e-3)
    net.population("p", 2, ns.LIF(reset=ns.Reset.BY_SUBTRACTION))
    native = dict.fromkeys(Feature, Support(SupportKind.NATIVE))
    assert not legalise(lower(net), Bench(native))
    refuses = {
        **native,
        Feature.RESET_BY_SUBTRACTION: Support(SupportKind.REFUSED, "Train with reset to a value"),
    }
    with pytest.raises(UnsupportedError, match=r"'p'.*bench.*reset by subtraction.*Train with reset"):
        legalise(lower(net), Bench(refuses))
    with pytest.raises(UnsupportedError, match="bench"):  # what a target does not mention is refused
        legalise(lower(net), Bench({}))
    approximates = {**native, Feature.LIF: Support(SupportKind.APPROXIMATED, "12-bit decay")}
    assert [str(loss) for loss in legalise(lower(net), Bench(approximates))] == [
        "approximated population 'p': model LIF: 12-bit decay"
    ]
