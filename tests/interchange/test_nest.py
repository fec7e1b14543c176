"""NEST as a second opinion: the same description, the same spikes in the same steps.

Both sides add up the same float64 numbers in another order, so states agree to some 100 ulp; a spike step is an integer
and agrees exactly (in networks this small: rounding would have to meet a threshold).
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record, Recording
from neurosim.errors import (
    CapacityError,
    DataError,
    DescriptionError,
    MissingExtraError,
    NeurosimError,
    UnsupportedError,
)
from neurosim.interchange.nest import run_nest
from neurosim.plasticity import MirroredSTDP, PlasticityRule, TripletSTDP
from neurosim.plasticity.options import DelaySite, Delivered, Dependence, Pairing, SameStep, WeightUpdate

nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")

TOLERANCE = 1e-12
HALVES = ns.Discretisation.TWO_HALF_STEPS
Run = Callable[..., Recording]


def assert_same(
    net: ns.Network,
    inputs: Any,
    record: dict[str, Record],
    duration: float | None = None,
    *,
    by: Run = ns.simulate,
    seed: int = 0,
) -> Recording:
    """Compare with a run ``by`` the engine, or by the plain one, which compiles no kernels."""
    ours = by(net, inputs, duration, record=record, seed=seed)
    theirs = ns.simulate(net, inputs, duration, record=record, backend="nest", threads=1, seed=seed)
    assert (ours.steps, ours.samples, ours.dt) == (theirs.steps, theirs.samples, theirs.dt)
    for name in record:
        assert theirs[name].spikes == ours[name].spikes, name
        for variable, values in ours[name].variables.items():
            scale = 1.0 + np.abs(values).max(initial=0.0)
            np.testing.assert_allclose(
                theirs[name].variables[variable], values, rtol=0, atol=TOLERANCE * scale,
                err_msg=f"{name}.{variable}",
            )  # fmt: skip
    for name, weights in ours.weights.items():
        np.testing.assert_allclose(theirs.weights[name], weights, rtol=0, atol=TOLERANCE, err_msg=name)
    return ours


def mixed_network() -> tuple[ns.Network, dict[str, Record]]:
    net = ns.Network(dt=1e-3, seed=2)
    net.input("i", 20)
    net.population("a", 15, ns.LIF(tau_membrane=10e-3, threshold=0.8, refractory=3e-3, current=0.1))
    tau = np.linspace(2e-3, 8e-3, 10).reshape(2, 5)
    net.population(
        "b",
        (2, 5),
        ns.CurrentLIF(
            tau_membrane=12e-3, tau_synapse=tau, refractory=2e-3, threshold=0.6, i_init=0.1, v_rest=-0.1
        ),
    )
    net.population("c", 6, ns.IntegrateAndFire(spike_when=ns.SpikeWhen.EXCEEDED, threshold=0.5))
    net.population("d", 6, ns.LeakyIntegrator(v_init=0.5))
    net.connect("i", "a", ns.FixedProbability(0.5), weight=ns.Normal(0.3, 0.1), delay=ns.Uniform(0, 5e-3))
    net.connect("i", "b", ns.FixedProbability(0.5), weight=ns.Normal(0.1, 0.1), delay=ns.Uniform(0, 5e-3))
    net.connect("a", "a", ns.AllToAll(), weight=ns.Normal(-0.02, 0.05), delay=ns.Uniform(1e-3, 8e-3))
    net.connect("a", "b", ns.AllToAll(), weight=ns.Normal(0.1, 0.1), delay=2e-3)
    net.connect("b", "a", ns.AllToAll(), weight=ns.Normal(0.05, 0.1), delay=1e-3)
    net.connect("b", "c", ns.AllToAll(), weight=ns.Normal(0.1, 0.1), delay=2e-3)
    net.connect("c", "d", ns.OneToOne(), weight=0.13, delay=1e-3)
    record = {
        "a": Record("spikes", "v", neurons=(7, 0)),
        "b": Record("spikes", "v", "i"),
        "c": Record("spikes", "v"),
        "d": Record("v", every=5e-3),
    }
    return net, record


def test_a_recurrent_network_with_delays_batches_and_counts() -> None:
    net, record = mixed_network()
    x = np.random.default_rng(0).poisson(0.1, (150, 2, 20))
    x[0] += 1  # spikes of the first step, some without delay
    ours = assert_same(net, {"i": x}, record)
    assert all(len(ours[name].spikes) > 50 for name in "abc")


def test_two_threads_give_what_one_gives() -> None:
    net, record = mixed_network()
    x = np.random.default_rng(0).poisson(0.1, (40, 1, 20))
    one, two = (run_nest(net, {"i": x}, record=record, threads=n) for n in (1, 2))
    for name in record:
        assert two[name].spikes == one[name].spikes
        for variable, values in one[name].variables.items():
            np.testing.assert_allclose(two[name].variables[variable], values, rtol=0, atol=TOLERANCE)
    assert len(one["a"].spikes) > 50


def test_models_that_nest_integrates_as_we_do(plain_run: Run) -> None:
    """Two currents, alpha currents, both forms of Izhikevich; driven by inputs, currents and noise drawn here."""
    net = ns.Network(dt=0.2e-3, seed=4)
    net.input("i", 20)
    gain = np.linspace(0.5, 1, 4)
    common = {"tau_membrane": 20e-3, "threshold": 0.5, "refractory": 2e-3}
    models: dict[str, tuple[ns.NeuronModel, float, float]] = {
        "dual": (
            ns.DualCurrentLIF(resistance=gain, i_excitatory_init=0.1, i_inhibitory_init=-0.2, **common), 1, -1,
        ),
        "alpha": (ns.AlphaCurrentLIF(resistance=gain, **common), 1, -1),
        "izhikevich": (ns.Izhikevich(current=3.0), 6, -2),
        "published": (ns.Izhikevich(current=3.0, a=np.array([0.02, 0.1, 0.02, 0.05]), discretisation=HALVES), 6, -2),
    }  # fmt: skip
    record = {}
    for name, (model, up, down) in models.items():
        net.population(name, 4, model)
        first, last = model.RECEPTORS[0], model.RECEPTORS[-1]
        delay = ns.Uniform(0, 3e-3)
        net.connect(
            "i", name, ns.FixedProbability(0.7), weight=ns.Uniform(0, up), delay=delay, receptor=first
        )
        net.connect(
            "i", name, ns.FixedProbability(0.3), weight=ns.Uniform(down, 0), delay=delay, receptor=last
        )
        net.connect(name, name, ns.AllToAll(), weight=down / 10, delay=0.4e-3, receptor=last)
        net.drive(name, ns.StepCurrent(amplitude=0.1 * up, start=2e-3, stop=20e-3))
        net.drive(name, ns.NoiseCurrent(std=0.2 * up))
        hidden = ("refractory_left", "h_excitatory", "h_inhibitory")
        record[name] = Record("spikes", *(v for v in model.STATE if v not in hidden))
    net.population("noisy", 4, ns.CurrentLIF(**common))
    net.drive("noisy", ns.NoiseDrive(mean=200.0, std=3.0))
    record["noisy"] = Record("spikes", "v", "i")
    x = np.random.default_rng(0).poisson(0.02, (400, 1, 20))
    ours = assert_same(net, {"i": x}, record, seed=3, by=plain_run)
    counts = {name: len(ours[name].spikes) for name in record}
    assert min(counts.values()) > 3, counts


def excitation_and_inhibition(model: ns.NeuronModel, up: float, down: float, **noise: float) -> ns.Network:
    """160 excitatory and 40 inhibitory neurons, each with 16 and 4 inputs, as in Vogels and Abbott (2005)."""
    net = ns.Network(dt=0.1e-3, seed=6)
    net.input("i", 40, source=ns.PoissonSource(rate=100.0))
    for name, size in (("e", 160), ("n", 40)):
        net.population(name, size, model)
    receptors = model.RECEPTORS if len(model.RECEPTORS) > 1 else (None, None)
    for target in ("e", "n"):
        for source, weight, receptor in (("e", up, 0), ("n", down, 1), ("i", up, 0)):
            net.connect(
                source, target, ns.FixedProbability(0.1),
                weight=ns.Uniform(*sorted((0.5 * weight, 1.5 * weight))),
                delay=ns.Uniform(0.2e-3, 3e-3), receptor=receptors[receptor],
            )  # fmt: skip
    return net


def test_the_cuba_network_spike_for_spike() -> None:
    model = ns.DualCurrentLIF(
        tau_membrane=20e-3, tau_excitatory=5e-3, tau_inhibitory=10e-3, threshold=-50.0, v_rest=-49.0,
        v_reset=-60.0, v_init=-60.0, refractory=5e-3,
    )  # fmt: skip
    net = excitation_and_inhibition(model, 5.0, -25.0)
    ours = assert_same(net, {}, {"e": Record("spikes", "v", neurons=(0, 99)), "n": Record()}, 0.1)
    assert len(ours["e"].spikes) > 200


def test_the_coba_network_to_the_error_of_the_step() -> None:
    """NEST solves the conductances with an adaptive solver, ours holds them over a step: the error is of the order of
    dt/tau_synapse = 2 %, in the currents and so in the rates; the first spikes agree to two steps."""
    net = excitation_and_inhibition(ns.ConductanceLIF(v_rest=-52.0), 0.3, 1.5)
    record = {"e": Record("spikes", "g_excitatory"), "n": Record()}
    ours = ns.simulate(net, {}, 0.1, record=record)
    theirs = ns.simulate(net, {}, 0.1, record=record, backend="nest", threads=1)
    counts = [len(r["e"].spikes) for r in (ours, theirs)]
    assert counts[0] > 200
    assert counts[1] == pytest.approx(counts[0], rel=0.05)
    first = [r["e"].spikes.step[:40] for r in (ours, theirs)]
    assert np.abs(first[0] - first[1]).max() <= 2
    # conductances decay exactly on both sides: equal until spikes of the network differ
    start = slice(0, int(min(ours["e"].spikes.step[0], theirs["e"].spikes.step[0])))
    np.testing.assert_allclose(
        theirs["e"].g_excitatory[start], ours["e"].g_excitatory[start], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("model", [ns.ConductanceLIF(), ns.AlphaConductanceLIF(), ns.AdEx(
    discretisation=ns.Discretisation.EXPONENTIAL_EULER)])  # fmt: skip
def test_models_that_nest_solves_converge(model: ns.NeuronModel, plain_run: Run) -> None:
    """Of first order in dt: a step four times shorter leaves a quarter of the difference."""
    errors = []
    for dt in (0.2e-3, 0.05e-3):
        net = ns.Network(dt=dt)
        net.input("i", 2)
        net.population("n", 1, model)
        size = 60.0 if isinstance(model, ns.AdEx) else 0.3
        sign = -1 if isinstance(model, ns.AdEx) else 1
        net.connect("i", "n", ns.Sparse([0], [0]), weight=size, delay=2e-3, receptor="excitatory")
        net.connect("i", "n", ns.Sparse([1], [0]), weight=sign * size, delay=4e-3, receptor="inhibitory")
        x = np.zeros((round(24e-3 / dt), 1, 2), int)
        x[0], x[round(10e-3 / dt), 0, 0] = 1, 2
        record = {"n": Record("v", every=1e-3)}
        runs = [run(net, {"i": x}, record=record) for run in (plain_run, run_nest)]
        errors.append(np.abs(runs[0]["n"].v - runs[1]["n"].v).max())
        assert np.ptp(runs[0]["n"].v) > 0.5, "the potential moves"
    assert errors[1] < 0.4 * errors[0]


def test_poisson_drives_are_the_same_in_distribution() -> None:
    """1000 neurons, mean and variance of the arrivals of each step to six standard errors; from step 0 on."""
    n, rate, dt = 1000, 4000.0, 0.5e-3
    net = ns.Network(dt=dt)
    net.population("n", n, ns.LeakyIntegrator(tau_membrane=10.0))
    net.drive("n", ns.PoissonDrive(rate=np.where(np.arange(n) % 2, rate, 0.0), weight=0.5))
    v = run_nest(net, {}, 10e-3, record={"n": "v"}, seed=1)["n"].v[:, 0]
    assert not v[:, ::2].any()
    x = np.diff(v[:, 1::2], axis=0, prepend=0.0)  # a leak of 1 in 20000 a step
    mean, std = 0.5 * rate * dt, 0.5 * np.sqrt(rate * dt)
    assert np.abs(x.mean(axis=1) - mean).max() < 6 * std / np.sqrt(n / 2)
    assert x.var() == pytest.approx(std**2, rel=6 * np.sqrt(2 / x.size))
    again, other = (run_nest(net, {}, 10e-3, record={"n": "v"}, seed=s)["n"].v[:, 0] for s in (1, 2))
    assert np.array_equal(again, v)
    assert not np.array_equal(other, v)


NEST_CONVENTIONS: dict[str, Any] = {
    "delay_site": DelaySite.DENDRITIC,
    "same_step": SameStep.IGNORED,
    "weight_update": WeightUpdate.AT_PRESYNAPTIC,
    "delivered": Delivered.AFTER,
    "w_min": 0.0,
    "w_max": 1.0,
}


def plastic_network(*rules: PlasticityRule) -> tuple[ns.Network, dict[str, Any]]:
    """Each rule onto relays, whose spikes are given; the first also onto neurons that the weights make spike."""
    net = ns.Network(dt=1e-3, seed=1)
    net.input("x", 8)
    net.input("y", 5)
    net.population("post", 5, ns.Relay())
    net.population("lif", 5, ns.LIF(threshold=1.2, refractory=2e-3))
    net.connect("y", "post", ns.OneToOne(), delay=1e-3)
    options: dict[str, Any] = {"weight": ns.Uniform(0.2, 0.8), "delay": ns.Uniform(2e-3, 7e-3)}
    for k, rule in enumerate(rules):
        net.connect(
            "x", "post", ns.FixedProbability(0.7), plasticity=rule, receptor="ignored", name=f"{k}", **options
        )
    net.connect("x", "lif", ns.FixedProbability(0.7), plasticity=rules[0], **options)
    net.connect("post", "lif", ns.AllToAll(), plasticity=rules[0], **options)
    rng = np.random.default_rng(0)
    return net, {name: (rng.random((200, 2, n)) < 0.08).astype(int) for name, n in (("x", 8), ("y", 5))}


def assert_same_weights(rules: list[PlasticityRule], by: Run) -> None:
    net, inputs = plastic_network(*rules)
    ours = assert_same(net, inputs, {"post": Record(), "lif": Record("spikes", "v")}, by=by)
    start = {p.name: p.weight for p in lower(net).projections}
    moved = {name: float(np.abs(w - start[name]).max()) for name, w in ours.weights.items()}
    assert min(moved.values()) > 0.1, moved
    assert len(ours["lif"].spikes) > 20


def test_plastic_weights_and_the_spikes_they_cause() -> None:
    assert_same_weights([ns.STDP(a_plus=0.05, a_minus=0.04, tau_plus=12e-3, **NEST_CONVENTIONS)], ns.simulate)


def test_every_rule_that_nest_has(plain_run: Run) -> None:
    rules = [
        ns.STDP(a_plus=0.05, dependence=Dependence.POWER_LAW, mu_plus=0.4, mu_minus=0.7, **NEST_CONVENTIONS),
        ns.STDP(a_plus=0.05, tau_plus=12e-3, **NEST_CONVENTIONS),
        ns.STDP(a_plus=0.05, dependence=Dependence.MULTIPLICATIVE, **NEST_CONVENTIONS),
        TripletSTDP(
            a2_plus=0.01, a3_plus=0.02, a2_minus=0.02, a3_minus=0.01, tau_minus=20e-3, **NEST_CONVENTIONS
        ),
    ]
    assert_same_weights(rules, plain_run)


def test_odd_time_steps_short_runs_and_single_neurons() -> None:
    for dt, steps in ((2e-3, 20), (7e-3, 1), (0.125e-3, 0)):
        net = ns.Network(dt=dt)
        net.input("i", 1)
        net.population(
            "n", 1, ns.CurrentLIF(tau_membrane=20 * dt, tau_synapse=5 * dt, current=np.array([0.2]))
        )
        net.connect("i", "n", ns.AllToAll(), weight=0.9)
        record = {"n": Record("spikes", "v", "i")}
        assert_same(net, {"i": np.ones((steps, 1, 1), int)}, record)
        assert_same(net, {}, record, steps * dt)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # in Brian2's own code
@pytest.mark.parametrize("backend", ["nest", "brian2"])
def test_samples_are_passed_on_and_what_is_not_is_refused(backend: str) -> None:
    pytest.importorskip(backend)
    net = ns.Network(dt=1e-3)
    net.input("i", 30, source=ns.PoissonSource(rate=30.0))
    net.population("n", 5, ns.LIF())
    net.connect("i", "n", ns.AllToAll(), weight=0.3)
    ours, theirs = (ns.simulate(net, {}, 0.05, samples=3, seed=7, backend=b) for b in ("neurosim", backend))
    assert theirs.samples == 3
    assert theirs["n"].spikes == ours["n"].spikes
    assert (ours["n"].spikes.counts().sum(axis=1) > 5).all()
    with pytest.raises(DataError, match="number of samples"):
        ns.simulate(net, {"i": np.zeros((5, 2, 30), int)}, samples=3, backend=backend)
    with pytest.raises(DescriptionError, match="takes no state"):
        ns.simulate(net, {}, 0.05, precision=ns.Precision.SINGLE, backend=backend)


def test_what_nest_cannot_express_is_named() -> None:
    def one(model: ns.NeuronModel, dt: float = 1e-3, **projection: Any) -> ns.Network:
        net = ns.Network(dt=dt)
        net.input("i", 1)
        net.population("n", 1, model)
        net.connect("i", "n", ns.AllToAll(), **projection)
        return net

    def loop(model: ns.NeuronModel, delay: float) -> ns.Network:
        net = one(model)
        net.population("m", 1, model)
        net.connect("n", "m", ns.AllToAll(), delay=delay)
        return net

    class Own(ns.LIF):
        """A user's model."""

    stdp = ns.STDP(**NEST_CONVENTIONS)
    refused: list[tuple[ns.Network, str]] = [
        (one(Own()), "this model"),
        (one(ns.AdaptiveLIF()), "this model"),
        (one(ns.LIF(reset=ns.Reset.BY_SUBTRACTION)), "BY_SUBTRACTION"),
        (one(ns.LIF(reset_timing=ns.ResetTiming.NEXT_STEP)), "NEXT_STEP"),
        (one(ns.LIF(discretisation=ns.Discretisation.EULER)), "EULER"),
        (one(ns.LIF(refractory=1e-3, refractory_input=ns.RefractoryInput.KEEP)), "KEEP"),
        (one(ns.LIF(v_reset=2.0)), "NEST refuses it"),
        (one(ns.IntegrateAndFire(current=1.0)), "without leak"),
        (one(ns.LeakyIntegrator(tau_membrane=np.inf)), "infinite time constant"),
        (one(ns.CurrentLIF(resistance=-1.0)), "capacitances"),
        (one(ns.LIF(), dt=1e-3 / 3), "microseconds"),
        (loop(ns.LIF(), 0.0), "shortest delay"),
        (loop(ns.CurrentLIF(), 1e-3), "shortest delay"),
        (one(ns.DualCurrentLIF(), weight=-1.0), "sign of the weight"),
        (one(ns.LIF(), plasticity=ns.STDP(w_min=0.0, w_max=1.0), delay=2e-3), "another delay_site"),
        (one(ns.LIF(), plasticity=stdp.replace(w_max=np.inf), delay=2e-3), "finite bound"),
        (one(ns.LIF(), plasticity=stdp.replace(pairing=Pairing.NEAREST), delay=2e-3), "pairing"),
        (one(ns.LIF(), plasticity=MirroredSTDP(), delay=2e-3), "this rule"),
        (one(ns.CurrentLIF(), plasticity=stdp, delay=2e-3), "a step apart"),
        (
            one(ns.Izhikevich(discretisation=HALVES), dt=0.5e-3, plasticity=stdp, delay=2e-3),
            "another unit",
        ),
    ]
    for net, match in refused:
        with pytest.raises(UnsupportedError, match=match):
            run_nest(net, {}, 0.01)
    twice = np.full((5, 1, 1), 2)
    for net in (one(ns.LIF(), plasticity=stdp, delay=2e-3), one(ns.Relay(), receptor="repeated")):
        with pytest.raises(UnsupportedError, match="a step"):
            run_nest(net, {"i": twice})
    noisy = one(ns.Relay())
    noisy.drive("n", ns.PoissonDrive(rate=100.0))
    with pytest.raises(UnsupportedError, match="repeats every arrival"):
        run_nest(noisy, {}, 0.01)
    with pytest.raises(DescriptionError, match="cannot be recorded"):
        run_nest(one(ns.LIF()), {}, 0.01, record={"n": "refractory_left"})
    driven = one(ns.LIF())
    driven.drive("n", ns.NoiseCurrent(std=1.0))
    with pytest.raises(CapacityError, match="too many"):
        run_nest(driven, {}, 2e5)
    assert nest.network_size == 0, "nothing is left in the kernel"


def test_a_kernel_in_use_is_left_alone() -> None:
    net = ns.Network(dt=1e-3)
    net.population("n", 1, ns.LIF())
    nest.resolution = 0.25
    nest.rng_seed = 77
    nest.verbosity = nest.VerbosityLevel.WARNING
    run_nest(net, {}, 0.01)
    assert (nest.network_size, nest.resolution, nest.rng_seed) == (0, 0.25, 77)
    assert nest.verbosity == nest.VerbosityLevel.WARNING
    mine = nest.Create("iaf_psc_exp", 3)
    with pytest.raises(DescriptionError, match="holds a network already"):
        run_nest(net, {}, 0.01)
    assert len(mine.V_m) == 3


def test_a_missing_nest_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nest", None)
    net = ns.Network(dt=1e-3)
    net.population("n", 1, ns.LIF())
    with pytest.raises(MissingExtraError, match="interop"):
        ns.simulate(net, {}, 0.01, backend="nest")
    with pytest.raises(NeurosimError, match="unknown backend"):
        ns.simulate(net, {}, 0.01, backend="neuron")
