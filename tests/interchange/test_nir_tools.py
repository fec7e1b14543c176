"""Other tools on the far side: graphs that they wrote, and graphs of ours that they run."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.interchange.nir import from_nir, read_nir, to_nir, write_nir
from neurosim.loss_report import LossKind
from neurosim.neurons.options import SpikeWhen

torch = pytest.importorskip("torch")
nirtorch = pytest.importorskip("nirtorch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)
EVERYTHING = tuple(LossKind)
STEPS = 120


def given(*shape, seed=0):
    return (np.random.default_rng(seed).random((STEPS, 1, *shape)) < 0.3).astype(np.float32)


def run_ours(net, x):
    (name,) = net.outputs
    return ns.simulate(net, {next(iter(net.inputs)): x})[name].spikes.dense()


def assert_same(ours, theirs):
    """float32 on the other side: with these weights and inputs no sum came close enough to a threshold to differ."""
    np.testing.assert_array_equal(ours, np.array(theirs))
    assert ours.sum() > 20


def run_graph(module, x):
    """A module made by nirtorch: a call returns the output and the state to pass on."""
    state, out = None, []
    with torch.no_grad():
        for step in x:
            spikes, state = module(torch.tensor(step), state)
            out.append(spikes.numpy())
    return out


def test_a_graph_exported_by_snntorch(tmp_path):
    snn = pytest.importorskip("snntorch")
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    hidden = snn.Leaky(beta=torch.full((20,), 0.9), threshold=torch.ones(20), init_hidden=True)
    last = snn.Leaky(beta=torch.full((5,), 0.8), threshold=torch.ones(5), init_hidden=True, output=True)
    module = nn.Sequential(nn.Linear(12, 20), hidden, nn.Linear(20, 5), last)
    for layer in module[::2]:
        layer.weight.data *= 3
    graph = export_to_nir(module, torch.rand(1, 12), ignore_dims=[0])
    net, _ = from_nir(
        graph, dt=1e-3, dialect="snntorch-subtract"
    )  # the default reset, which the graph does not state
    hidden.reset_mem(), last.reset_mem()
    x = given(12)
    with torch.no_grad():
        theirs = [module(torch.tensor(step))[0].numpy() for step in x]
    assert_same(run_ours(net, x), theirs)
    write_nir(net, tmp_path / "net.nir", dialect="snntorch-subtract")
    assert read_nir(tmp_path / "net.nir")[0] == net


def network(last, **common):
    """Two layers with a constant current in the first, at another time step than any tool's default."""
    rng = np.random.default_rng(1)
    net = ns.Network(dt=2e-3)
    net.input("i", 12)
    net.population("a", 20, ns.LIF(tau_membrane=20e-3, threshold=0.7, current=0.05, **common))
    net.population("b", 5, last)
    net.connect("i", "a", ns.AllToAll(), weight=rng.normal(0.1, 0.2, (12, 20)), name="w1")
    net.connect("a", "b", ns.AllToAll(), weight=rng.normal(0.2, 0.2, (20, 5)), name="w2")
    net.output("b")
    return net


@pytest.mark.parametrize("rule", ns.LIF.DISCRETISATIONS)
def test_snntorch_runs_a_graph_of_ours(rule, capsys):
    pytest.importorskip("snntorch")
    from snntorch.import_nir import import_from_nir

    common = {"spike_when": SpikeWhen.EXCEEDED, "discretisation": rule}
    net = network(ns.LIF(tau_membrane=16e-3, threshold=0.5, **common), **common)
    graph, report = to_nir(net, dialect="snntorch", allow=EVERYTHING)
    assert {loss.kind for loss in report} <= {LossKind.DROPPED, LossKind.APPROXIMATED}
    x = given(12)
    assert_same(run_ours(net, x), run_graph(import_from_nir(graph), x))


@pytest.mark.parametrize("rule", ns.LIF.DISCRETISATIONS)
def test_spikingjelly_runs_a_graph_of_ours(rule):
    pytest.importorskip("spikingjelly")
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    common = {"discretisation": rule}
    net = network(ns.IntegrateAndFire(threshold=1.5), **common)
    graph, _ = to_nir(net, dialect="spikingjelly", allow=EVERYTHING)
    x = given(12)
    assert_same(run_ours(net, x), run_graph(import_from_nir(graph, dt=2e-3), x))


@pytest.mark.parametrize("decay_input", [True, False])
def test_a_graph_exported_by_spikingjelly(decay_input):
    pytest.importorskip("spikingjelly")
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    torch.manual_seed(0)
    module = nn.Sequential(
        layer.Conv2d(2, 3, 3, padding=1),
        neuron.LIFNode(tau=2.0, decay_input=decay_input, v_threshold=0.3),
        layer.AvgPool2d(2, 2),
        layer.Flatten(),
        layer.Linear(3 * 9, 10),
        neuron.IFNode(v_threshold=0.7),
    )
    module[0].weight.data *= 3
    graph = export_to_nir(module, torch.rand(1, 2, 6, 6), dt=1e-4)
    net, _ = from_nir(graph, dt=1e-4, dialect="spikingjelly")
    functional.reset_net(module)
    x = given(2, 6, 6)
    with torch.no_grad():
        theirs = [module(torch.tensor(step)).numpy() for step in x]
    assert_same(run_ours(net, x), theirs)
