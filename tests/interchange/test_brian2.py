"""Brian2 as a second opinion: the same description, the same spikes in the same steps."""

import itertools
import sys

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import Record
from neurosim.errors import DescriptionError, MissingExtraError, UnsupportedError
from neurosim.interchange.brian2 import run_brian2
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.plasticity import MirroredSTDP, RewardSTDP, SymmetricSTDP, TripletSTDP
from neurosim.plasticity.options import Axis, DelaySite, Dependence, Pairing, SameStep

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

# Both sides sum the same float64 numbers, Brian2 through SymPy's form of the solution: some 100 ulp after 200 steps.
TOLERANCE = 1e-12


def assert_same(net, inputs, record, duration=None, *, by=ns.simulate, tolerance=TOLERANCE):
    """Compare with a run ``by`` the engine, or by the plain one, which compiles no kernels."""
    ours = by(net, inputs, duration, record=record)
    theirs = ns.simulate(net, inputs, duration, record=record, backend="brian2")
    assert (ours.steps, ours.samples, ours.dt) == (theirs.steps, theirs.samples, theirs.dt)
    for name in record:
        assert theirs[name].spikes == ours[name].spikes, name
        for variable, values in ours[name].variables.items():
            np.testing.assert_allclose(
                theirs[name].variables[variable],
                values,
                rtol=tolerance,
                atol=tolerance,
                err_msg=f"{name}.{variable}",
            )
    for name, weights in ours.weights.items():
        np.testing.assert_allclose(theirs.weights[name], weights, rtol=0, atol=TOLERANCE, err_msg=name)
    return ours


def test_a_recurrent_network_with_delays_batches_and_counts():
    pytest.importorskip("brian2")
    net = ns.Network(dt=1e-3, seed=2)
    net.input("i", 20)
    net.population("a", 15, ns.LIF(tau_membrane=10e-3, threshold=0.8, refractory=3e-3, current=0.1))
    tau = np.linspace(2e-3, 8e-3, 10).reshape(2, 5)
    net.population(
        "b",
        (2, 5),
        ns.CurrentLIF(tau_membrane=12e-3, tau_synapse=tau, refractory=2e-3, threshold=0.6, i_init=0.1),
    )
    net.population("c", 6, ns.IntegrateAndFire(reset=Reset.BY_SUBTRACTION))
    net.population("d", 6, ns.LeakyIntegrator(v_init=0.5))
    net.connect("i", "a", ns.FixedProbability(0.5), weight=ns.Normal(0.3, 0.1), delay=ns.Uniform(0, 5e-3))
    net.connect("a", "a", ns.AllToAll(), weight=ns.Normal(-0.02, 0.05), delay=ns.Uniform(1e-3, 8e-3))
    net.connect("a", "b", ns.AllToAll(), weight=ns.Normal(0.1, 0.1), delay=0.0)
    net.connect("b", "a", ns.AllToAll(), weight=ns.Normal(0.05, 0.1), delay=1e-3)
    net.connect("b", "c", ns.AllToAll(), weight=ns.Normal(0.1, 0.1), delay=2e-3)
    net.connect("c", "d", ns.OneToOne(), weight=0.13)
    x = np.random.default_rng(0).poisson(0.1, (200, 3, 20))
    assert x.max() > 1
    record = {
        "a": Record("spikes", "v", neurons=(0, 7)),
        "b": Record("spikes", "v", "i"),
        "c": Record("spikes", "v"),
        "d": Record("v", every=5e-3),
    }
    ours = assert_same(net, {"i": x}, record)
    assert all(len(ours[name].spikes) > 100 for name in "abc")


def test_every_option_of_every_model(plain_run):
    """One population an option, all in one run."""
    pytest.importorskip("brian2")
    net = ns.Network(dt=0.5e-3)
    net.input("i", 6)
    spiking = {"threshold": 0.9, "v_reset": -0.25, "current": 0.2}
    combinations = itertools.product(Reset, SpikeWhen, (0.0, 0.5e-3, 4e-3))
    models = [
        ns.LIF(tau_membrane=5e-3, reset=reset, spike_when=when, refractory=refractory, v_rest=0.1, **spiking)
        for reset, when, refractory in combinations
    ]
    held = {"refractory": np.array([0.0, 1e-3, 3e-3]), **spiking}
    for rule in ns.LIF.DISCRETISATIONS:
        for reset in Reset:
            late = {"reset_timing": ResetTiming.NEXT_STEP, "reset": reset, "discretisation": rule}
            models += [
                ns.LIF(tau_membrane=5e-3, **late, **spiking),
                ns.CurrentLIF(tau_membrane=7e-3, **late, **spiking),
            ]
        models += [
            ns.LIF(tau_membrane=6e-3, discretisation=rule, refractory_input=RefractoryInput.KEEP, **held),
            ns.LIF(
                tau_membrane=6e-3, discretisation=rule, refractory_input=RefractoryInput.INTEGRATE, **held
            ),
            ns.CurrentLIF(tau_membrane=6e-3, discretisation=rule, **held),
            ns.CurrentLIF(
                tau_membrane=6e-3, discretisation=rule, refractory_input=RefractoryInput.INTEGRATE, **held
            ),
            ns.LeakyIntegrator(tau_membrane=np.array([1e-3, 2e-3, 5e-3]), discretisation=rule),
        ]
    models += [
        ns.IntegrateAndFire(refractory=2e-3, refractory_input=kind, **spiking) for kind in RefractoryInput
    ]
    weights = np.random.default_rng(1).normal(0.3, 0.2, (6, 3))
    for k, model in enumerate(models):
        net.population(f"p{k}", 3, model)
        net.connect("i", f"p{k}", ns.AllToAll(), weight=weights, delay=1e-3)
        if model.SPIKES:
            net.connect(f"p{k}", f"p{k}", ns.AllToAll(), weight=-0.05, delay=1.5e-3)
    x = (np.random.default_rng(2).random((160, 1, 6)) < 0.15).astype(int)
    record = {f"p{k}": Record(*(("spikes", "v") if m.SPIKES else ("v",))) for k, m in enumerate(models)}
    ours = assert_same(net, {"i": x}, record, by=plain_run)
    assert all(len(p.spikes) > 5 for p in ours.values() if p.spikes is not None)


def test_a_network_without_input_runs_for_a_duration():
    pytest.importorskip("brian2")
    net = ns.Network(dt=1e-4)
    net.output(net.population("n", 2, ns.LIF(current=np.array([1.5, 0.5]))))
    run = run_brian2(net, {}, 0.1, {"n": ns.Record("counts")})
    assert run["n"].spikes is None
    count = run["n"].counts[0]
    assert count[1] == 0
    assert count[0] == pytest.approx(0.1 / (20e-3 * np.log(1.5 / 0.5)), abs=1)  # tau ln(RI/(RI - theta))


def test_models_with_receptors_and_drives(plain_run):
    """Every other model, with both receptors, injected currents and noise."""
    pytest.importorskip("brian2")
    net = ns.Network(dt=0.2e-3, seed=2)
    net.input("i", 20, source=ns.PoissonSource(rate=60.0))
    gain = np.linspace(0.5, 1, 4)
    euler = {"discretisation": Discretisation.EULER, "refractory": 2e-3}
    models = {
        "dual": (
            ns.DualCurrentLIF(
                resistance=2 * gain, i_excitatory_init=0.1, i_inhibitory_init=-0.2, threshold=0.5, **euler
            ),  # exactly, SymPy would be solving for four seconds
            1,
            -1,
        ),
        "alpha": (ns.AlphaCurrentLIF(threshold=0.3, resistance=2.0, **euler), 1, -1),
        "adaptive": (ns.AdaptiveLIF(threshold=0.5, refractory=1e-3), 0.3, 0.1),
        "subtracting": (
            ns.AdaptiveLIF(threshold=0.5, threshold_jump=0.2, reset=Reset.BY_SUBTRACTION),
            0.3,
            0.1,
        ),
        "conductance": (ns.ConductanceLIF(resistance=2.0, v_init=-58.0, g_excitatory_init=0.5), 0.3, 0.3),
        "alpha_conductance": (ns.AlphaConductanceLIF(resistance=2.0, v_init=-58.0, **euler), 0.5, 0.3),
        "adex": (ns.AdEx(refractory=1e-3, v_init=-65.0, current=900.0, w_init=3.0), 300.0, -300.0),
        "izhikevich": (ns.Izhikevich(current=4.0), 6.0, -2.0),
        "relay": (ns.Relay(), 1.0, 1.0),
    }
    record = {}
    for name, (model, up, down) in models.items():
        net.population(name, 4, model)
        first, last = model.RECEPTORS[0], model.RECEPTORS[-1]
        delay = ns.Uniform(0, 3e-3)
        net.connect(
            "i", name, ns.FixedProbability(0.5), weight=ns.Uniform(0, up), delay=delay, receptor=first
        )
        weight = ns.Uniform(*sorted((0, down)))
        net.connect("i", name, ns.FixedProbability(0.3), weight=weight, delay=delay, receptor=last)
        net.connect(name, name, ns.AllToAll(), weight=down / 10, delay=0.4e-3, receptor=last)
        rate = np.array([10.0, 20.0, 30.0, 40.0])
        net.drive(name, ns.PoissonDrive(rate=rate, weight=up), receptor=first)
        if model.CURRENT is not None:
            net.drive(name, ns.StepCurrent(amplitude=0.1 * up, stop=20e-3))
            net.drive(name, ns.NoiseCurrent(std=0.2 * up))
        record[name] = Record("spikes", *(v for v in model.STATE if v != "refractory_left"))
    # the upstroke of AdEx and Izhikevich makes differences grow
    ours = assert_same(net, {}, record, 0.08, by=plain_run, tolerance=1e-9)
    counts = {name: len(ours[name].spikes) for name in models}
    assert min(counts.values()) > 3, counts


def test_the_coba_network_spike_for_spike():
    """200 neurons with conductances as in Vogels and Abbott (2005): exponential Euler on both sides."""
    pytest.importorskip("brian2")
    net = ns.Network(dt=0.2e-3, seed=6)
    net.input("i", 40, source=ns.PoissonSource(rate=100.0))
    for name, size in (("e", 160), ("n", 40)):
        net.population(name, size, ns.ConductanceLIF(v_rest=-52.0))
    for target in ("e", "n"):
        for source, weight, receptor in (("e", 0.3, "excitatory"), ("n", 1.5, "inhibitory")):
            options = {"weight": ns.Uniform(0.5 * weight, 1.5 * weight), "receptor": receptor}
            net.connect(source, target, ns.FixedProbability(0.1), delay=ns.Uniform(0.2e-3, 3e-3), **options)
        net.connect("i", target, ns.FixedProbability(0.1), weight=0.3)
    ours = assert_same(net, {}, {"e": Record("spikes", "v", neurons=(0, 99)), "n": Record()}, 0.1)
    assert len(ours["e"].spikes) > 200


def test_plastic_weights_under_every_order_of_a_step(plain_run):
    """Rules onto relays, whose spikes are given, and one onto neurons that the weights make spike."""
    pytest.importorskip("brian2")
    bounds = {"w_min": 0.0, "w_max": 1.0}
    rules = [ns.STDP(a_plus=0.05, a_minus=0.04, tau_plus=12e-3, same_step=s, **bounds) for s in SameStep]
    rules += [
        ns.STDP(a_plus=0.05, pairing=Pairing.NEAREST, dependence=Dependence.POWER_LAW, mu_plus=0.4, **bounds),
        TripletSTDP(a2_plus=0.01, a3_plus=0.02, a2_minus=0.02, a3_minus=0.01, **bounds),
        SymmetricSTDP(axis=Axis.POSITIVE, learning_rate=0.02, **bounds),
        MirroredSTDP(a_plus=0.05),
    ]
    net = ns.Network(dt=1e-3, seed=1)
    net.input("x", 6)
    net.input("y", 4)
    net.input("silent", 2)
    net.population("post", 4, ns.Relay())
    net.population("lif", 4, ns.LIF(threshold=0.8, refractory=2e-3))
    net.connect("y", "post", ns.OneToOne())
    delay = ns.Uniform(0, 7e-3)
    for k, rule in enumerate(rules):
        sign = -1 if isinstance(rule, MirroredSTDP) else 1
        weight = ns.Uniform(*sorted((0.2 * sign, 0.8 * sign)))
        options = {"weight": weight, "delay": delay, "plasticity": rule, "receptor": "ignored"}
        net.connect("x", "post", ns.FixedProbability(0.7), name=f"{k}", **options)
    options = {"weight": 0.3, "plasticity": rules[0]}
    net.connect("x", "lif", ns.FixedProbability(0.7), delay=delay, **options)
    net.connect("lif", "lif", ns.AllToAll(), delay=1e-3, **options)
    net.connect("silent", "lif", ns.AllToAll(), **options)
    rng = np.random.default_rng(0)
    x, y = ((rng.random((150, 2, n)) < 0.08).astype(int) for n in (6, 4))
    ours = assert_same(net, {"x": x, "y": y}, {"post": Record(), "lif": Record("spikes", "v")}, by=plain_run)
    assert len(ours["lif"].spikes) > 20
    assert all(np.ptp(w) > 0.2 for name, w in ours.weights.items() if "silent" not in name)


def test_what_is_not_translated_is_named():
    pytest.importorskip("brian2")

    def one(model, **projection):
        net = ns.Network(dt=1e-3)
        net.input("i", 1)
        net.population("n", 1, model)
        net.connect("i", "n", ns.AllToAll(), **projection)
        return net

    class Own(ns.LIF):
        """A user's model."""

    keep = {"refractory_input": RefractoryInput.KEEP, "refractory": 1e-3}
    for net, match in (
        (one(ns.LIF(), plasticity=ns.STDP(delay_site=DelaySite.DENDRITIC), delay=1e-3), "delay_site"),
        (one(ns.LIF(), plasticity=RewardSTDP()), "this rule"),
        (one(ns.AdEx(discretisation=Discretisation.EXPONENTIAL_EULER)), "method"),
        (one(ns.AlphaConductanceLIF()), "method"),
        (one(ns.Izhikevich(discretisation=Discretisation.TWO_HALF_STEPS)), "method"),
        (one(ns.DualCurrentLIF(tau_membrane=5e-3, tau_excitatory=5e-3)), "divides by"),
        (one(ns.CurrentLIF(tau_membrane=5e-3, tau_synapse=5e-3)), "divides by"),
        (one(ns.CurrentLIF(**keep)), "KEEP"),
        (one(Own()), "this model"),
    ):
        with pytest.raises(UnsupportedError, match=match):
            run_brian2(net, {}, 0.01)
    twice = {"i": np.full((5, 1, 1), 2)}
    with pytest.raises(UnsupportedError, match="one spike a step"):
        run_brian2(one(ns.LIF(), plasticity=ns.STDP()), twice)
    with pytest.raises(DescriptionError, match="cannot be recorded"):
        run_brian2(one(ns.LIF()), {}, 0.01, record={"n": "refractory_left"})


def test_a_missing_brian2_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "brian2", None)
    net = ns.Network(dt=1e-3)
    net.population("n", 1, ns.LIF())
    with pytest.raises(MissingExtraError, match="interop"):
        run_brian2(net, {}, 0.01)
