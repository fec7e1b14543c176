"""What each dialect means, against closed forms."""

import nir
import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import Record
from neurosim.interchange.nir import from_nir, to_nir
from neurosim.interchange.nir_dialects import DIALECTS, Arrival, Dialect
from neurosim.loss_report import LossKind
from neurosim.neurons.options import Discretisation, Reset

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


@pytest.mark.parametrize("name", DIALECTS)
def test_rate_of_a_driven_neuron_is_the_closed_form(name):
    """A constant current through a bias: the interval is tau ln(RI/(RI - threshold)) for every dialect (Euler and the
    subtracting reset at a fine step: within 2 %)."""
    tau, theta, drive = 20e-3, 1.0, 1.7
    dialect = DIALECTS[name]
    step = dialect.file_dt or DT
    r = {Arrival.DIRECT: DT / tau}.get(dialect.arrival, 1.0)  # direct: the bias is a jump per step
    bias = nir.Affine(weight=np.zeros((1, 1)), bias=np.array([drive]))
    net, _ = from_nir(graph_of(bias, lif(tau=tau * step / DT, r=r, v_threshold=theta)), dt=DT, dialect=name)
    count = ns.simulate(net, {}, duration=4.0)["lif"].spikes.counts().item()
    interval = tau * np.log(drive / (drive - theta))
    if dialect.reset is Reset.TO_VALUE:
        assert count == pytest.approx(4.0 / interval, rel=0.02)
    else:  # subtracting leaves the excess over the threshold, at most one step's drive
        assert 4.0 / interval * 0.98 < count < 4.0 / (interval - 2 * DT) * 1.02


def test_integration_is_named_in_the_report():
    for name, word in (("continuous", "EXACT"), ("norse", "EULER")):
        _, report = from_nir(graph_of(lif()), dt=DT, dialect=name)
        assert word in report[0].what
        assert "0.0001 s" in report[0].what
        assert name in report[0].what
    net = ns.Network(dt=5e-3)
    net.output(net.population("n", 1, ns.LIF()))
    _, report = to_nir(net, dialect="norse", allow=EVERYTHING)
    assert "discretisation EULER" in str(report)
    assert "EULER rule of the dialect" in str(report)


def test_what_a_spike_does():
    """The table of neurosim.interchange.nir_dialects, on one neuron with W = 2, r = 3, tau = 5 steps."""
    tau, dt = 5e-3, 1e-3
    graph = graph_of(nir.Linear(weight=np.array([[2.0]])), lif(tau=tau, r=3.0, v_threshold=1e9))
    a = np.exp(-1 / 5)
    expected = {
        (Arrival.HELD, Discretisation.EXACT): 6 * (1 - a),
        (Arrival.HELD, Discretisation.EULER): 6 / 5,
        (Arrival.PULSE, Discretisation.EXACT): 6 / 5,
        (Arrival.DIRECT, Discretisation.EXACT): 6.0,
        (Arrival.IMPULSE, Discretisation.EXACT): 6 / tau,
    }
    for (arrival, rule), jump in expected.items():
        dialect = Dialect(name="own", arrival=arrival, discretisation=rule)
        net, _ = from_nir(graph, dt=dt, dialect=dialect)
        run = ns.simulate(net, {"input": np.array([[[1]], [[0]]])}, record={"lif": Record("v")})
        assert run["lif"].v[0].item() == pytest.approx(jump, rel=1e-12)
