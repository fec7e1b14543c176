"""Reading NIR: published files and traces, wiring, and graphs that must be refused."""

import nir
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.errors import DescriptionError, FileFormatError, LossError, NeurosimError, UnsupportedError
from neurosim.interchange.nir import from_nir, read_nir
from neurosim.loss_report import LossKind

DT = 1e-4


EVERYTHING = tuple(LossKind)


def graph_of(*nodes, edges=None, **named):
    """A chain of nodes, or named nodes with edges."""
    if named:
        return nir.NIRGraph(nodes=named, edges=edges, type_check=False)
    return nir.NIRGraph.from_list(*nodes, type_check=False)


def lif(n=1, tau=10e-3, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=0.0):
    values = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold, "v_reset": v_reset}
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


# simulator -> dialect, factor from our potential to the recorded one, steps by which its spike column is late.
# The traces are float32 of other programs; 1e-7 relative to their largest potential is their own rounding (24 bits).
SIMULATORS = {
    "nengo": ("nengo", 10.0, 0),
    "norse": ("norse", 1.0, 0),
    "snntorch": ("snntorch", 25.0, 0),
    "spyx": ("spyx", 1.0, 1),
    "sinabs": ("rockpool", 1.0, 0),
    "rockpool": ("rockpool", 1.0, 0),
    "lava_cpu_float": ("lava", 1.0, 0),
}


@pytest.mark.reference("nir_paper/01_lif_all.npz")
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_published_lif_traces(reference_file, simulator):
    dialect, factor, late = SIMULATORS[simulator]
    traces = np.load(reference_file)
    file = reference_file.with_name("lif_norse.nir")
    net, _ = read_nir(file, dt=DT, dialect=dialect)
    count = (traces[f"{simulator}_input"] != 0).astype(int)[:, None, None]
    run = ns.simulate(net, {"input": count}, record={"1": Record("spikes", "v")})
    recorded = traces[f"{simulator}_voltage"]
    assert np.abs(run["1"].v.reshape(-1) * factor - recorded).max() < 5e-7 * max(1.0, np.abs(recorded).max())
    assert run["1"].spikes.step.tolist() == (np.nonzero(traces[f"{simulator}_spikes"])[0] - late).tolist()


@pytest.mark.reference("nir_paper/01_lif_all.npz")
def test_spikes_of_the_exact_solution(reference_file):
    """Its potentials are recorded at event times; the steps of its spikes are those of the dialect "continuous"."""
    traces = np.load(reference_file)
    net, _ = read_nir(reference_file.with_name("lif_norse.nir"), dt=DT, dialect="continuous")
    run = ns.simulate(net, {"input": (traces["exact_input"] != 0)[:, None, None]})
    assert run["1"].spikes.step.tolist() == np.nonzero(traces["exact_spikes"])[0].tolist()


@pytest.mark.reference("nir_paper/*.nir")
def test_a_file_is_read_or_refused_with_an_error_of_ours(reference_file):
    try:
        net, _ = read_nir(reference_file, dt=DT, dialect="snntorch")
    except FileFormatError as error:
        assert reference_file.name in str(error)  # noqa: PT017
    else:
        assert net.inputs


@pytest.mark.reference("nir_paper/02_cnn*.nir")
def test_convolutional_network_runs_as_its_layers_do(reference_file):
    """Five layers of integrate-and-fire neurons with pooling and flattening between, against PyTorch's layers."""
    torch = pytest.importorskip("torch")
    graph = nir.read(reference_file)
    net, _ = read_nir(reference_file, dt=1e-3, dialect="sinabs")
    order, at = [], "input"
    following = dict(graph.edges)
    while at != "output":
        at = following[at]
        order.append(at)
    steps = 12
    x = (np.random.default_rng(0).random((steps, 1, 2, 34, 34)) < 0.15).astype(np.float64)
    v: dict = {}
    counts = dict.fromkeys(net.populations, 0.0)
    for t in range(steps):
        signal = torch.tensor(x[t])
        for name in order:
            node = graph.nodes[name]
            if isinstance(node, nir.Conv2d):
                w, b = torch.tensor(node.weight).double(), torch.tensor(node.bias).double()
                stride, padding = tuple(map(int, node.stride)), tuple(map(int, node.padding))
                signal = torch.nn.functional.conv2d(signal, w, b, stride, padding)
            elif isinstance(node, nir.SumPool2d):
                signal = torch.nn.functional.avg_pool2d(signal, 2, 2) * 4
            elif isinstance(node, nir.Flatten):
                signal = signal.flatten(1)
            elif isinstance(node, nir.Affine):
                signal = signal @ torch.tensor(node.weight).double().T + torch.tensor(node.bias).double()
            elif isinstance(node, nir.IF):
                v[name] = v.get(name, 0.0) + signal
                signal = (v[name] >= 1.0).double()
                v[name] = v[name] - signal
                counts[name] = counts[name] + signal.numpy().reshape(-1)
    run = ns.simulate(net, {"input": x}, record=dict.fromkeys(net.populations, "spikes"))
    for name in net.populations:
        ours = run[name].spikes.counts()[0]
        # float64 sums in another order: a neuron may cross the threshold a step apart, none did with this input
        assert (ours != counts[name]).mean() < 0.002, name
        assert ours.sum() > 0 or counts[name].sum() == 0


@pytest.mark.reference("nir_paper/03_rnn__braille*.nir")
def test_recurrent_network_with_biases_from_the_first_step(reference_file):
    """The update that snnTorch's importer makes of these nodes, written out, biases and recurrence included."""
    graph = nir.read(reference_file)
    net, report = read_nir(reference_file, dt=DT, dialect="snntorch")
    assert any("recurrent" in loss.what for loss in report)
    rng = np.random.default_rng(1)
    n_in = graph.nodes["input"].input_type["input"][0]
    x = (rng.random((200, 1, n_in)) < 0.3).astype(np.float64)

    def layer(name):
        node = graph.nodes[name]
        return 1 - DT / node.tau_syn, 1 - DT / node.tau_mem

    def affine(name, s):
        node = graph.nodes[name]
        return node.weight.astype(float) @ s + getattr(node, "bias", np.zeros(1)).astype(float)

    a1, b1 = layer("lif1.lif")
    a2, b2 = layer("lif2")
    syn1 = mem1 = s1 = np.zeros(len(a1))
    syn2 = mem2 = np.zeros(len(a2))
    hidden, out = [], []
    for t in range(len(x)):
        syn1 = a1 * syn1 + affine("fc1", x[t, 0]) + affine("lif1.w_rec", s1)
        mem1 = b1 * mem1 + syn1
        s1 = (mem1 > 1.0).astype(float)
        mem1 = mem1 * (1 - s1)
        syn2 = a2 * syn2 + affine("fc2", s1)
        mem2 = b2 * mem2 + syn2
        s2 = mem2 > 1.0
        mem2 = mem2 * (1 - s2)
        hidden.append(s1)
        out.append(s2.astype(float))
    run = ns.simulate(net, {"input": x}, record={"lif1.lif": "spikes", "lif2": "spikes"})
    np.testing.assert_array_equal(run["lif1.lif"].spikes.dense()[:, 0], np.array(hidden))
    np.testing.assert_array_equal(run["lif2"].spikes.dense()[:, 0], np.array(out))
    assert np.sum(hidden) > 20


def test_a_potential_cannot_be_sent_on():
    li = nir.LI(tau=np.ones(1), r=np.ones(1), v_leak=np.zeros(1))
    with pytest.raises(UnsupportedError, match="li"):
        from_nir(graph_of(li, nir.Linear(weight=np.ones((1, 1))), lif()), dt=DT, dialect="continuous")


def test_linear_nodes_compose_and_a_readout_is_made():
    w1, w2, b1 = np.random.default_rng(0).normal(size=(3, 3, 3))
    graph = graph_of(
        input=nir.Input(input_type={"input": np.array([3])}),
        a=nir.Affine(weight=w1, bias=b1[0]),
        scale=nir.Scale(scale=np.array([1.0, 2.0, 3.0])),
        b=nir.Affine(weight=w2, bias=b1[1]),
        out=nir.Output(output_type={"output": np.array([3])}),
        edges=[("input", "a"), ("a", "scale"), ("scale", "b"), ("b", "out")],
    )
    net, report = from_nir(graph, dt=DT, dialect="norse")
    assert "read their v" in str(report)
    x = np.random.default_rng(1).integers(0, 3, (5, 1, 3))
    v = ns.simulate(net, {"input": x}, record={"out": Record("v")})["out"].v[:, 0]
    expected = (x[:, 0] @ w1.T + b1[0]) * [1, 2, 3] @ w2.T + b1[1]
    np.testing.assert_allclose(v, expected, rtol=1e-12)
    assert list(net.projections) == ["a+scale+b"]


def test_nested_graphs_are_flattened():
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type={"input": np.array([2])}),
            "cell": lif(2),
            "w_rec": nir.Linear(weight=np.eye(2)),
            "output": nir.Output(output_type={"output": np.array([2])}),
        },
        edges=[("input", "cell"), ("cell", "w_rec"), ("w_rec", "cell"), ("cell", "output")],
    )

    def outer(*edges):
        return graph_of(
            x=nir.Input(input_type={"input": np.array([2])}),
            rnn=inner,
            y=nir.Output(output_type={"output": np.array([2])}),
            edges=list(edges),
        )

    net, report = from_nir(outer(("x", "rnn"), ("rnn", "y")), dt=DT, dialect="norse")
    dotted, _ = from_nir(outer(("x", "rnn.cell"), ("rnn.cell", "y")), dt=DT, dialect="norse")
    assert net == dotted
    assert list(net.populations) == ["rnn.cell"]
    assert net.projections["rnn.w_rec"].delay == DT
    assert net.outputs == ("rnn.cell",)
    assert any(loss.where == "projection 'rnn.w_rec'" and "one step" in loss.what for loss in report)


def test_only_edges_that_close_a_cycle_get_a_step():
    graph = graph_of(
        i=nir.Input(input_type={"input": np.array([1])}),
        a=lif(),
        b=lif(),
        w=nir.Linear(weight=np.ones((1, 1))),
        back=nir.Linear(weight=np.ones((1, 1))),
        edges=[("i", "a"), ("a", "w"), ("w", "b"), ("b", "back"), ("back", "a")],
    )
    net, _ = from_nir(graph, dt=DT, dialect="norse")
    assert {n: p.delay for n, p in net.projections.items()} == {"i->a": 0.0, "w": 0.0, "back": DT}
    lower(net)


def test_delay_nodes_become_delays_and_branches_fold():
    weights = np.array([[1.0, 0.0], [2.0, 3.0], [0.0, 4.0]])
    late = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]) == 1
    graph = graph_of(
        i=nir.Input(input_type={"input": np.array([2])}),
        d=nir.Delay(delay=np.array([0.0, 2e-3])),
        early=nir.Linear(weight=np.where(late, 0, weights)),
        late=nir.Linear(weight=np.where(late, weights, 0)),
        wait=nir.Delay(delay=np.full(3, 5e-3)),
        n=lif(3),
        edges=[("i", "d"), ("d", "early"), ("d", "late"), ("late", "wait"), ("wait", "n"), ("early", "n")],
    )
    net, _ = from_nir(graph, dt=1e-3, dialect="continuous")
    (projection,) = net.projections.values()
    steps = np.round(projection.delay / 1e-3)
    assert steps[weights.T != 0].tolist() == [0, 0, 7, 2]


def test_delays_off_the_grid_are_refused_until_allowed():
    graph = graph_of(nir.Delay(delay=np.array([1.4e-3])), lif())
    with pytest.raises(LossError, match="rounded"):
        from_nir(graph, dt=1e-3, dialect="continuous")
    net, report = from_nir(graph, dt=1e-3, dialect="continuous", allow=EVERYTHING)
    assert next(iter(net.projections.values())).delay == 1e-3
    assert [loss.amount for loss in report if loss.kind is LossKind.ROUNDED] == [pytest.approx(0.4e-3)]


def test_a_delay_before_a_weight_is_kept_per_source():
    w = nir.Linear(weight=np.array([[1.0, 10.0]]))
    graph = graph_of(nir.Delay(delay=np.array([1e-3, 3e-3])), nir.Scale(scale=np.ones(2)), w, lif())
    net, _ = from_nir(graph, dt=1e-3, dialect="continuous")
    (p,) = net.projections.values()
    np.testing.assert_allclose(p.delay, [[1e-3], [3e-3]])


@pytest.mark.parametrize(
    ("nodes", "error", "match"),
    [
        (
            (nir.Linear(weight=np.ones((2, 3))), lif(2, tau=0.0)),
            FileFormatError,
            "time constant is not positive",
        ),
        ((nir.Linear(weight=np.ones((2, 3))), lif(2, tau=np.nan)), FileFormatError, "time constant"),
        ((nir.Linear(weight=np.ones((2, 3))), lif(2, tau=DT / 3)), FileFormatError, "Are dt and the dialect"),
        ((nir.Linear(weight=np.ones((2, 3))), lif(2, v_threshold=np.nan)), FileFormatError, "threshold"),
        ((nir.Linear(weight=np.full((2, 3), np.nan)), lif(2)), DescriptionError, "NaN"),
        (
            (nir.Linear(weight=np.ones((2, 3))), nir.Linear(weight=np.ones((2, 3))), lif(2)),
            NeurosimError,
            "fit",
        ),
        ((nir.Delay(delay=np.array([-1.0])), lif(1)), FileFormatError, "delay is negative"),
    ],
)
def test_invalid_nodes_are_refused(nodes, error, match):
    with pytest.raises(error, match=match):
        from_nir(graph_of(*nodes), dt=DT, dialect="norse")


def test_wiring_that_has_no_meaning_is_refused():
    i = nir.Input(input_type={"input": np.array([1])})
    a, b = nir.Linear(weight=np.ones((1, 1))), nir.Linear(weight=np.ones((1, 1)))
    with pytest.raises(UnsupportedError, match="cycle of linear nodes"):
        from_nir(
            graph_of(i=i, a=a, b=b, n=lif(), edges=[("i", "a"), ("a", "b"), ("b", "a"), ("b", "n")]),
            dt=DT,
            dialect="norse",
        )
    with pytest.raises(FileFormatError, match="does not exist"):
        from_nir(graph_of(i=i, n=lif(), edges=[("i", "m")]), dt=DT, dialect="norse")

    class Resonator(nir.ir.node.NIRNode):
        """A node of nobody's."""

        def __init__(self):
            self.input_type = self.output_type = {"input": np.array([1])}

    with pytest.raises(UnsupportedError, match="Resonator"):
        from_nir(graph_of(i=i, n=Resonator(), edges=[("i", "n")]), dt=DT, dialect="norse")


@st.composite
def signal_graphs(draw):
    """A directed acyclic graph of linear nodes and delays on three channels, and its nodes in order."""
    number = st.integers(1, 40).map(lambda v: (v - 20.5) / 10)
    matrix = st.lists(number, min_size=9, max_size=9).map(lambda v: np.array(v).reshape(3, 3))
    vector = st.lists(number, min_size=3, max_size=3).map(np.array)
    nodes = {"n0": nir.Input(input_type={"input": np.array([3])})}
    edges = []
    for k in range(1, draw(st.integers(4, 8))):
        kind = draw(st.sampled_from(["Linear", "Affine", "Scale", "Delay", "Flatten"]))
        if kind == "Linear":
            node = nir.Linear(weight=draw(matrix))
        elif kind == "Affine":
            node = nir.Affine(weight=draw(matrix), bias=draw(vector))
        elif kind == "Scale":
            node = nir.Scale(scale=draw(vector))
        elif kind == "Delay":
            node = nir.Delay(delay=np.array(draw(st.lists(st.integers(0, 3), min_size=3, max_size=3))) * 1e-3)
        else:
            node = nir.Flatten(input_type={"input": np.array([3])}, start_dim=0, end_dim=-1)
        nodes[f"n{k}"] = node
        before = {k - 1, draw(st.integers(0, k - 1))}
        edges += [(f"n{b}", f"n{k}") for b in sorted(before)]
    last = f"n{len(nodes) - 1}"
    nodes["out"] = nir.Output(output_type={"output": np.array([3])})
    return nodes, [*edges, (last, "out")]


@given(graph=signal_graphs(), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_composed_paths_carry_the_signal_that_the_nodes_carry(graph, seed):
    """Node by node through time, against the projections that come of it."""
    nodes, edges = graph
    steps = 30
    x = np.random.default_rng(seed).integers(0, 3, (steps, 1, 3))
    signal = {"n0": x[:, 0].astype(float)}
    for name, node in list(nodes.items())[1:-1]:
        total = sum(signal[a] for a, b in edges if b == name)
        match node:
            case nir.Linear():
                signal[name] = total @ node.weight.T
            case nir.Affine():
                signal[name] = total @ node.weight.T + node.bias
            case nir.Scale():
                signal[name] = total * node.scale
            case nir.Delay():
                late = np.round(node.delay / 1e-3).astype(int)
                signal[name] = np.stack(
                    [np.r_[np.zeros(d), total[: steps - d, j]] for j, d in enumerate(late)], axis=1
                )
            case _:
                signal[name] = total
    expected = signal[list(nodes)[-2]]
    net, _ = from_nir(nir.NIRGraph(nodes=nodes, edges=edges, type_check=False), dt=1e-3, dialect="norse")
    run = ns.simulate(net, {"n0": x}, record={"out": Record("v")})
    settled = 3 * len(nodes)  # a bias behind a delay is there from the start in ours, and arrives in theirs
    np.testing.assert_allclose(run["out"].v[settled:, 0], expected[settled:], rtol=1e-9, atol=1e-9)
