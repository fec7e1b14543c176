"""Every cell of docs/targets.md: a network that uses the feature is compiled, saved, loaded, emulated and compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import lower
from neurosim.errors import UnsupportedError
from neurosim.hardware import Crossbar, Loihi1, Loihi2, SpiNNaker, compile as compile_network, load
from neurosim.hardware.compiler.legalise import features
from neurosim.hardware.support_table import markdown, standard_targets
from neurosim.hardware.target import Feature, SupportKind
from neurosim.loss_report import LossKind
from neurosim.sources.poisson_drive import PoissonDrive
from neurosim.sources.source import Source

TARGETS = [SpiNNaker(), Loihi1(), Loihi2(), Crossbar(profile="ideal", adc_bits=14)]
N, STEPS, SAMPLES = 24, 80, 3
BASE: dict[str, Any] = {"tau_membrane": 12e-3, "threshold": 1.0}

CONDUCTANCE = ns.ConductanceLIF(
    tau_membrane=12e-3, threshold=1.0, v_rest=0.0, v_reset=0.0, reversal_excitatory=60.0, reversal_inhibitory=-20.0,
    refractory=1e-3, resistance=0.01, discretisation=ns.Discretisation.EULER,
)  # fmt: skip
MODELS: dict[Feature, ns.NeuronModel] = {
    Feature.LIF: ns.LIF(**BASE),
    Feature.CURRENT_LIF: ns.CurrentLIF(tau_synapse=4e-3, **{**BASE, "threshold": 0.2}),
    Feature.INTEGRATE_AND_FIRE: ns.IntegrateAndFire(threshold=1.0),
    Feature.LEAKY_INTEGRATOR: ns.LeakyIntegrator(tau_membrane=12e-3),
    Feature.DUAL_CURRENT_LIF: ns.DualCurrentLIF(
        tau_excitatory=4e-3, tau_inhibitory=6e-3, **{**BASE, "threshold": 0.1}
    ),
    Feature.CONDUCTANCE_LIF: CONDUCTANCE,
    Feature.RECEPTORS: CONDUCTANCE,
    Feature.EXPONENTIAL_EULER: CONDUCTANCE.replace(discretisation=ns.Discretisation.EXPONENTIAL_EULER),
    Feature.HETEROGENEOUS: ns.LIF(**{**BASE, "threshold": np.linspace(0.8, 1.2, N)}),
    Feature.SPIKE_WHEN_EXCEEDED: ns.LIF(spike_when=ns.SpikeWhen.EXCEEDED, **BASE),
    Feature.RESET_BY_SUBTRACTION: ns.LIF(reset=ns.Reset.BY_SUBTRACTION, **BASE),
    Feature.RESET_NONE: ns.LIF(reset=ns.Reset.NONE, **BASE),
    Feature.RESET_NEXT_STEP: ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP, **BASE),
    Feature.RESET_NOT_AT_REST: ns.LIF(v_reset=-0.5, **BASE),
    Feature.REFRACTORY: ns.LIF(refractory=3e-3, **BASE),
    Feature.REFRACTORY_KEEP: ns.LIF(refractory=3e-3, refractory_input=ns.RefractoryInput.KEEP, **BASE),
    Feature.REFRACTORY_INTEGRATE: ns.LIF(
        refractory=3e-3, refractory_input=ns.RefractoryInput.INTEGRATE, **BASE
    ),
    Feature.EULER: ns.LIF(discretisation=ns.Discretisation.EULER, **BASE),
    Feature.CURRENT: ns.LIF(current=0.5, **BASE),
    Feature.INITIAL_STATE: ns.LIF(v_init=0.5, **BASE),
}
CONNECTIONS: dict[Feature, dict[str, Any]] = {
    Feature.ZERO_DELAY: {"delay": 0.0},
    Feature.SYNAPTIC_DELAY: {"delay": ns.Uniform(1e-3, 9e-3)},
    Feature.PLASTICITY: {
        "plasticity": ns.STDP(
            a_plus=0.05,
            a_minus=0.06,
            w_min=0.0,
            w_max=1.0,
            delay_site=ns.DelaySite.DENDRITIC,
            same_step=ns.SameStep.DEPRESSING,
            weight_update=ns.WeightUpdate.AT_PRESYNAPTIC,
            delivered=ns.Delivered.AFTER,
        )
    },
}
IMPLIED = {
    Feature.SPIKE_WHEN_REACHED: Feature.LIF,
    Feature.RESET_TO_VALUE: Feature.LIF,
    Feature.DIMENSIONLESS: Feature.LIF,
}


def network(feature: Feature) -> ns.Network:
    """One input, one population with the feature, weights of both signs."""
    net = ns.Network(dt=1e-3, seed=7)
    net.input("in", 12, source=Source() if feature is Feature.SOURCE else None)
    model = MODELS.get(IMPLIED.get(feature, feature), ns.LIF(**BASE))
    net.output(net.population("p", N, model))
    if feature is Feature.DRIVE:
        net.drive("p", PoissonDrive(rate=10.0))
    weight = np.random.default_rng(5).integers(-16, 33, (12, N)) / 32
    if feature is Feature.PLASTICITY:  # weights that learn keep their sign
        weight = np.abs(weight)
    options = {"delay": 1e-3, **CONNECTIONS.get(feature, {})}
    if len(model.RECEPTORS) == 1:
        net.connect("in", "p", ns.AllToAll(), weight=weight, **options)
        return net
    inhibition = np.minimum(weight, 0.0)
    if isinstance(model, ns.ConductanceLIF):
        inhibition = -inhibition
    net.connect("in", "p", ns.AllToAll(), weight=np.maximum(weight, 0.0), receptor="excitatory", **options)
    net.connect("in", "p", ns.AllToAll(), weight=inhibition, receptor="inhibitory", **options)
    return net


def spikes(feature: Feature) -> ns.Spikes:
    x = (np.random.default_rng(6).random((STEPS, SAMPLES, 12)) < 0.15).astype(int)
    if feature is Feature.GRADED_INPUT:
        x *= 2
    return ns.Spikes.from_dense(x, dt=1e-3)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
@pytest.mark.parametrize(
    "feature", [f for f in Feature if f is not Feature.OTHER_MODEL], ids=lambda f: f.name
)
def test_the_table_says_what_happens(feature: Feature, target: Any, tmp_path: Path) -> None:
    net, x = network(feature), spikes(feature)
    used = {f for f, _ in features(lower(net))}
    assert feature in used or feature is Feature.GRADED_INPUT
    kinds = {f: target.support[f].kind for f in Feature}
    everything = tuple(LossKind)
    refused = [f for f in used if kinds[f] is SupportKind.REFUSED]
    if refused:
        with pytest.raises(UnsupportedError, match=r"'p'|'in->p'|'in'"):
            compile_network(net, target, calibration={"in": x}, allow=everything)
        assert list(tmp_path.iterdir()) == []
        return
    build = compile_network(net, target, calibration={"in": x}, allow=everything)
    named = " ".join(str(loss) for loss in build.losses)
    if kinds[feature] is SupportKind.APPROXIMATED:
        assert feature.value in named
    build.save(tmp_path / "build")
    if feature is Feature.GRADED_INPUT and kinds[feature] is SupportKind.REFUSED:
        with pytest.raises(UnsupportedError):
            load(tmp_path / "build").emulate({"in": x})
        return
    wanted = {"p": ns.Record("spikes", "v")}
    device, engine = (
        load(tmp_path / "build").emulate({"in": x}, record=wanted),
        ns.simulate(net, {"in": x}, record=wanted),
    )
    a, b = device["p"].spikes.dense(), engine["p"].spikes.dense()  # type: ignore[union-attr]
    if feature is not Feature.LEAKY_INTEGRATOR:
        assert b.sum() > 100
    # weights and decays are rounded to the device: a few spikes move by a step or go; a wrong rule moves most of them
    assert (a != b).sum() <= 0.08 * b.sum()
    moved = np.abs(device["p"].v - engine["p"].v)[(np.cumsum(a != b, axis=0) == 0)]
    assert np.quantile(moved, 0.9) < 0.05


def test_every_target_says_something_about_every_feature() -> None:
    for target in standard_targets():
        assert set(target.support) == set(Feature), target.name
        for feature, support in target.support.items():
            if support.kind is not SupportKind.NATIVE:
                assert support.note, f"{target.name}: {feature.value} needs a note"


def test_the_page_is_the_table() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "targets.md"
    assert page.read_text(encoding="utf-8") == markdown(standard_targets()), (
        "run: python -m neurosim.hardware.support_table > docs/targets.md"
    )
