"""Writing NIR: what a dialect can say comes back, what it cannot is reported."""

import nir
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.errors import LossError, UnsupportedError
from neurosim.interchange.nir import from_nir, read_nir, to_nir, write_nir
from neurosim.interchange.nir_dialects import DIALECTS, Start
from neurosim.loss_report import LossKind
from neurosim.neurons.options import Reset, ResetTiming, SpikeWhen

DT = 1e-4


EVERYTHING = tuple(LossKind)


def graph_of(*nodes, edges=None, **named):
    """A chain of nodes, or named nodes with edges."""
    if named:
        return nir.NIRGraph(nodes=named, edges=edges, type_check=False)
    return nir.NIRGraph.from_list(*nodes, type_check=False)


def coefficients(net):
    """Everything the engine computes with, by population, and all synapses by pair of populations."""
    plan = lower(net)
    models = {
        name: {k: np.broadcast_to(v, p.shape).reshape(-1) for k, v in p.model.coefficients(net.dt).items()}
        | {f"start {k}": np.broadcast_to(v, p.shape).reshape(-1) for k, v in p.model.initial(net.dt).items()}
        for name, p in plan.populations.items()
    }
    synapses: dict = {}
    for p in plan.projections:
        dense = synapses.setdefault((p.pre, p.post), {})
        for d in np.unique(p.delay):
            total = dense.setdefault(int(d), np.zeros((p.n_pre, p.n_post)))
            chosen = p.delay == d
            np.add.at(total, (p.pre_index[chosen], p.target[chosen]), p.weight[chosen])
    return models, synapses


def assert_equivalent(one, two, rtol=1e-9):
    """Equal coefficients, initial states and synapses, to rounding."""
    (models, synapses), (models2, synapses2) = coefficients(one), coefficients(two)
    assert models.keys() == models2.keys()
    for name in models:
        assert models[name].keys() == models2[name].keys()
        for k, v in models[name].items():
            np.testing.assert_allclose(v, models2[name][k], rtol=rtol, atol=1e-12, err_msg=f"{name}.{k}")
    assert synapses.keys() == synapses2.keys()
    for pair, delays in synapses.items():
        assert delays.keys() == synapses2[pair].keys(), pair
        for d, w in delays.items():
            np.testing.assert_allclose(w, synapses2[pair][d], rtol=rtol, atol=1e-12, err_msg=f"{pair} {d}")


@pytest.mark.reference("nir_paper/*.nir")
def test_every_file_that_nir_reads_is_read(reference_file, tmp_path):
    try:
        graph = nir.read(reference_file)
    except (ValueError, AssertionError, TypeError):
        pytest.skip("nir itself does not read it")
    for dialect in ("snntorch", "continuous"):
        net, report = read_nir(reference_file, dt=DT, dialect=dialect)
        assert report
        assert net.outputs
        shapes = {n: tuple(x.input_type["input"]) for n, x in graph.nodes.items() if isinstance(x, nir.Input)}
        assert {n: p.shape for n, p in net.inputs.items()} == shapes
        write_nir(net, tmp_path / "again.nir", dialect=dialect)
        assert read_nir(tmp_path / "again.nir")[0] == net
        nir.read(tmp_path / "again.nir")  # with its type check
        plain, _ = to_nir(net, dialect=dialect, allow=EVERYTHING)
        assert_equivalent(from_nir(plain, dt=DT, dialect=dialect)[0], net)


def test_silent_nodes_and_thresholds():
    li = nir.LI(tau=np.array([5e-3]), r=np.array([1.0]), v_leak=np.array([0.5]))
    net, _ = from_nir(graph_of(nir.Linear(weight=np.ones((1, 2))), li), dt=1e-3, dialect="continuous")
    assert isinstance(net.populations["li"].model, ns.LeakyIntegrator)
    for node in (
        nir.I(r=np.array([2.0])),
        nir.CubaLI(*(np.array([v]) for v in (2e-3, 5e-3, 1.0, 0.0))),
    ):
        net, _ = from_nir(
            graph_of(nir.Linear(weight=np.full((1, 1), 1e6)), node), dt=1e-3, dialect="continuous"
        )
        run = ns.simulate(net, {"input": np.ones((20, 1, 1), int)})
        assert sum(len(p.spikes) for p in run.values()) == 0, "never spikes"
        again, _ = from_nir(to_nir(net, allow=EVERYTHING)[0], dt=1e-3, dialect="continuous")
        assert_equivalent(again, net)
    threshold = nir.Threshold(threshold=np.array([1.5]))
    net, _ = from_nir(graph_of(nir.Linear(weight=np.ones((1, 2))), threshold), dt=1e-3, dialect="norse")
    x = np.array([[[1, 0]], [[1, 1]], [[0, 1]], [[2, 0]]])
    assert ns.simulate(net, {"input": x})["threshold"].spikes.step.tolist() == [1, 3]


TAU = st.floats(2e-3, 1.0)


@st.composite
def sayable_networks(draw, dialect):
    """Networks that a dialect can say exactly, apart from dt."""
    number = st.floats(-2, 2).map(lambda v: round(v, 3))
    net = ns.Network(dt=1e-3)
    net.input("i", 3)
    names, n = ["i"], 3
    implied = dialect.transport_steps * 1e-3
    for k in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from([ns.LIF, ns.CurrentLIF, ns.IntegrateAndFire]))
        array = st.lists(number, min_size=n, max_size=n).map(np.array)
        value = st.one_of(number, array)
        fields = {
            "threshold": draw(st.floats(0.1, 3)),
            "current": draw(value),
            "reset": dialect.reset,
            "reset_timing": dialect.reset_timing,
            "spike_when": dialect.spike_when,
        }
        if dialect.reset is Reset.TO_VALUE:
            fields["v_reset"] = draw(st.floats(-1, 0))
        if dialect.written_r.name == "KEPT":
            fields["resistance"] = draw(st.floats(0.1, 10))
        if kind is not ns.IntegrateAndFire:
            fields |= {
                "tau_membrane": draw(TAU),
                "v_rest": draw(number),
                "discretisation": dialect.discretisation,
            }
        if kind is ns.CurrentLIF:
            fields["tau_synapse"] = draw(TAU)
        net.population(f"p{k}", n, kind(**fields))
        net.connect(
            names[-1],
            f"p{k}",
            ns.AllToAll(),
            weight=draw(array.map(lambda a: np.outer(a, np.ones(len(a))))),
            delay=implied,
        )
        if draw(st.booleans()):
            net.connect(f"p{k}", f"p{k}", ns.OneToOne(), weight=draw(array), delay=max(implied, 1e-3))
        names.append(f"p{k}")
    net.output(names[-1])
    return net


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
@settings(max_examples=15)
def test_what_a_dialect_can_say_comes_back(name, data):
    """The engine's coefficients agree to rounding; initial potentials may differ by what the report says."""
    net = data.draw(sayable_networks(DIALECTS[name]))
    graph, report = to_nir(net, dialect=name, allow=EVERYTHING)
    again, _ = from_nir(graph, dt=net.dt, dialect=name)
    started = any("initial" in loss.what for loss in report)
    (models, synapses), (models2, synapses2) = coefficients(net), coefficients(again)
    for population, model in models.items():
        model2 = models2[population]
        # a constant current may come back as a shift of v_rest: compare where v goes, not how it is said
        for m in (model, model2):
            if "decay" in m:
                m["drive"] = m["drive"] + (1 - m["decay"]) * m.pop("v_rest")
            if "gain" in m:
                m["kick"] = m.pop("gain")
        if started or DIALECTS[name].start.name == "REST":
            model.pop("start v"), model2.pop("start v")
        scale = model2.pop("kick", 1.0) / model.pop("kick", 1.0)
        for key, value in model.items():
            factor = 1.0 / scale if key == "start i" else 1.0
            np.testing.assert_allclose(
                model2[key], value * factor, rtol=1e-9, atol=1e-9, err_msg=f"{population}.{key}"
            )
        for pair in (p for p in synapses if p[1] == population):
            assert synapses[pair].keys() == synapses2[pair].keys()
            for d, w in synapses[pair].items():
                np.testing.assert_allclose(synapses2[pair][d] * scale, w, rtol=1e-9, atol=1e-12)


def test_delays_survive_a_bare_graph_where_the_dialect_knows_them():
    net = ns.Network(dt=1e-3, seed=5)
    net.input("i", 4)
    net.population("n", 3, ns.LIF(spike_when=SpikeWhen.EXCEEDED))
    net.connect("i", "n", ns.AllToAll(), weight=ns.Normal(0, 1), delay=ns.Uniform(0, 5e-3), name="w")
    net.connect("n", "n", ns.AllToAll(), weight=0.1, delay=4e-3)
    graph, report = to_nir(net, allow=EVERYTHING)
    again, _ = from_nir(graph, dt=1e-3, dialect="continuous")
    assert_equivalent(again, net)
    assert list(again.projections) == ["w", "n->n"]
    assert not any("delays" in loss.what for loss in report)
    with pytest.raises(LossError, match="delays"):
        to_nir(net, dialect="snntorch", allow=(LossKind.APPROXIMATED,))


def test_an_exact_model_keeps_its_decay_in_an_euler_dialect():
    net = ns.Network(dt=1e-3)
    net.input("i", 2)
    net.population(
        "n",
        2,
        ns.CurrentLIF(tau_membrane=5e-3, tau_synapse=3e-3, spike_when=SpikeWhen.EXCEEDED, threshold=0.2),
    )
    net.connect("i", "n", ns.AllToAll(), weight=1.0)
    for name in ("snntorch", "norse"):
        graph, report = to_nir(net, dialect=name, allow=EVERYTHING)
        assert any("decays as here" in loss.what and loss.amount > 0.01 for loss in report)
        again, _ = from_nir(graph, dt=1e-3, dialect=name)
        x = (np.random.default_rng(0).random((100, 1, 2)) < 0.2).astype(int)
        record = {"n": Record("spikes", "v")}
        one, two = (ns.simulate(each, {"i": x}, record=record)["n"] for each in (net, again))
        np.testing.assert_allclose(two.v, one.v, rtol=1e-9, atol=1e-12)
        assert one.spikes == two.spikes
    assert len(one.spikes)


@pytest.mark.parametrize("name", ["continuous", "norse", "snntorch", "sinabs"])
def test_a_constant_current_without_a_place_for_a_bias(name):
    """It moves into v_leak, which is the same equation; a perfect integrator has none, and the report says so."""
    dialect = DIALECTS[name]
    options = {"reset": dialect.reset, "spike_when": dialect.spike_when, "v_init": 0.0}
    net = ns.Network(dt=1e-3)
    net.population("lif", 2, ns.LIF(current=np.array([1.5, 2.5]), resistance=0.8, v_rest=0.1, **options))
    net.population("cuba", 2, ns.CurrentLIF(current=1.5, **options))
    net.population("li", 2, ns.LeakyIntegrator(current=1.5, v_init=0.0))
    graph, report = to_nir(net, dialect=name, allow=EVERYTHING)
    again, _ = from_nir(graph, dt=1e-3, dialect=name)
    started_elsewhere = dialect.start is Start.REST
    said = [loss.where for loss in report if "initial potential" in loss.what]
    assert len(said) == (3 if started_elsewhere else 0)
    for part in net.populations:
        model = again.populations[part].model
        if started_elsewhere:  # what the report says; put back, the runs agree
            again = _with(again, part, model.replace(v_init=0.0))
    record = {part: Record("v") for part in net.populations}
    ours, theirs = (ns.simulate(each, {}, 0.2, record=record) for each in (net, again))
    for part in net.populations:
        np.testing.assert_allclose(theirs[part].v, ours[part].v, rtol=1e-9, atol=1e-12)
    other = ns.Network(dt=1e-3)
    other.population("if", 1, ns.IntegrateAndFire(current=1.0))
    _, report = to_nir(other, dialect=name, allow=EVERYTHING)
    assert any(loss.kind is LossKind.DROPPED and "constant current" in loss.what for loss in report)


def _with(net, name, model):
    """The network with another model in one population (it has no projections)."""
    made = ns.Network(dt=net.dt)
    for part in net.populations.values():
        made.population(part.name, part.shape, model if part.name == name else part.model)
    return made


def test_a_model_that_steps_otherwise_is_not_written_as_its_base():
    class Own(ns.LIF):
        """A user's model."""

    net = ns.Network(dt=1e-3)
    net.population("n", 1, Own())
    with pytest.raises(UnsupportedError, match="Own"):
        to_nir(net, allow=EVERYTHING)


@pytest.mark.parametrize("timing", ResetTiming)
def test_reset_one_step_late_is_reported(timing):
    net = ns.Network(dt=1e-3)
    net.population("n", 1, ns.LIF(reset_timing=timing, spike_when=SpikeWhen.EXCEEDED))
    _, report = to_nir(net, allow=EVERYTHING)
    assert ("one step late" in str(report)) == (timing is ResetTiming.NEXT_STEP)
