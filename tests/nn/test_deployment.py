"""Modules of every kind, deployed: the engine emits the module's spikes, all of them, in the same steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import neurosim as ns
from neurosim import neurons, nn
from neurosim.errors import UnsupportedError
from neurosim.loss_report import LossKind
from neurosim.neurons.options import RefractoryInput

DT = 1e-3
SHAPE = (2, 6, 4)
MODELS = (
    neurons.LIF(tau_membrane=8e-3, refractory=2e-3),
    neurons.CurrentLIF(tau_membrane=10e-3, tau_synapse=4e-3, resistance=5.0),
    neurons.IntegrateAndFire(threshold=1.5),
)


def randomised_(net, seed):
    """Anything that is trained gets some value; delays become whole."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm):
                for values, low, high in (
                    (layer.scale, 0.5, 1.5), (layer.shift, -0.1, 0.3), (layer.mean, -0.2, 0.2),
                    (layer.variance, 0.3, 2.0),
                ):  # fmt: skip
                    values.copy_(torch.tensor(rng.uniform(low, high, size=len(values))))
            if hasattr(layer, "round_delays_"):
                layer.round_delays_()
    return net.eval()


def deployed(net, steps=25, samples=3, density=0.3, counts=False, seed=0):
    """What every population puts out, in the module and in the engine: spikes, or v of a readout."""
    rng = np.random.default_rng(seed)
    x = (rng.uniform(size=(steps, samples, net.n_in)) < density).astype(np.float64)
    if counts:
        x *= rng.integers(1, 4, size=x.shape)
    network, losses = nn.to_network(net)
    names = [name for name in network.populations if not name.endswith(".max")]
    what = {n: "spikes" if network.populations[n].model.SPIKES else "v" for n in names}
    run = ns.simulate(network, {"input": x}, record=what)
    with torch.no_grad():
        outputs, _ = net.trace(torch.tensor(x, dtype=net.dtype))
    engine = [run[n].spikes.dense() if what[n] == "spikes" else run[n].v for n in names]
    shape = (steps, samples, -1)
    return [o.numpy() for o in outputs], [e.reshape(shape) for e in engine], losses, network


def synapse_layers(shape, n_out, seed):
    """A layer of each kind from a population of ``shape``, float64."""
    n_in = int(np.prod(shape))
    options = {"seed": seed, "gain": 1.3, "dtype": torch.float64}
    plain = {
        "linear": lambda: nn.Linear(n_in, n_out, **options),
        "delays": lambda: nn.DelayLinear(n_in, n_out, 5, **options),
        "axonal": lambda: nn.AxonalDelayLinear(n_in, n_out, 3, **options),
        "dendritic": lambda: nn.DendriticDelayLinear(n_in, n_out, 3, **options),
        "kernels": lambda: nn.DclsLinear(n_in, n_out, 4, **options),
        "blurred": lambda: nn.BlurredDelayLinear(n_in, n_out, 5, **options),
        "sparse": lambda: nn.SparseLinear(n_in, n_out, fan_in=min(5, n_in), **options),
        "sparse delays": lambda: nn.SparseDelayLinear(n_in, n_out, 4, fan_in=min(4, n_in), **options),
    }
    if len(shape) == 3 and min(shape[1:]) >= 3:
        plain["conv2d"] = lambda: nn.Conv2d(shape, 4, 3, padding=1, stride=2, **options)
        plain["groups"] = lambda: nn.Conv2d(
            shape, 2 * shape[0], (2, 3), padding=(0, 1), groups=shape[0], fixed_delay=2, **options
        )
    if len(shape) == 2 and shape[1] >= 3:
        plain["conv1d"] = lambda: nn.Conv1d(shape, 3, 3, dilation=1, **options)
    return plain


def recurrent_layers(n, seed):
    options = {"seed": seed, "gain": 0.3, "dtype": torch.float64}
    few = {"fan_in": min(3, n)} | options
    return {
        "linear": lambda: nn.Linear(n, n, **options),
        "delays": lambda: nn.DelayLinear(n, n, 4, minimum_delay=1, **options),
        "sparse": lambda: nn.SparseLinear(n, n, **few),
        "sparse delays": lambda: nn.SparseDelayLinear(n, n, 6, minimum_delay=2, **few),
    }


@st.composite
def modules(draw):
    """(module, whether its input may have counts)"""
    layers, shape, counts = [], draw(st.sampled_from([SHAPE, (2, 12), (24,)])), draw(st.booleans())
    populations = draw(st.integers(1, 3))
    for k in range(populations):
        last = k == populations - 1
        if len(shape) > 1 and min(shape[1:]) >= 4:
            pools = [None, nn.SumPool, nn.AveragePool] + ([nn.MaxPool] if k else [])
            pool = draw(st.sampled_from(pools))
            if pool is not None:
                layers.append(pool(shape, 2))
                shape = layers[-1].out_shape
        if k and draw(st.booleans()):
            layers.append(nn.Dropout(0.3))
        kinds = synapse_layers(shape, 6, draw(st.integers(0, 99)))
        synapses = kinds[draw(st.sampled_from(sorted(kinds)))]()
        layers.append(synapses)
        shape = getattr(synapses, "out_shape", (6,))
        if draw(st.booleans()):
            layers.append(
                nn.BatchNorm(draw(st.sampled_from([shape, (int(np.prod(shape)),)])), dtype=torch.float64)
            )
        model = draw(st.sampled_from(MODELS + ((neurons.LeakyIntegrator(),) if last else ())))
        layers.append(nn.neuron_layer(model, shape, dt=DT))
        if model.SPIKES and draw(st.booleans()):
            back = recurrent_layers(layers[-1].size, draw(st.integers(0, 99)))
            layers[-1] = nn.Recurrent(layers[-1], back[draw(st.sampled_from(sorted(back)))]())
    return randomised_(nn.Sequential(*layers), draw(st.integers(0, 99))), counts


@settings(max_examples=25, deadline=None, derandomize=True)
@given(modules())
def test_the_engine_emits_the_modules_spikes(made):
    net, counts = made
    outputs, engine, losses, _ = deployed(net, counts=counts)
    assert not losses
    for mine, theirs in zip(outputs, engine, strict=True):
        # weights are no round numbers: two sums in float64 that differ in their order never lie around a threshold
        if set(np.unique(mine)) <= {0.0, 1.0}:
            assert np.array_equal(mine, theirs)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


def lif(n, model=None):
    return nn.neuron_layer(MODELS[0] if model is None else model, n, dt=DT)


def test_learnt_parameters_of_neurons_are_the_models():
    model = neurons.AdaptiveLIF(threshold=np.full(6, 0.8))
    adaptive = nn.AdaptiveLIF(model, 6, dt=DT, learn=("threshold", "tau_membrane"), dtype=torch.float64)
    with torch.no_grad():
        adaptive.threshold += torch.linspace(-0.2, 0.2, 6)
        adaptive.tau_membrane *= 0.6
    net = nn.Sequential(nn.DelayLinear(20, 6, 3, gain=2.0, dtype=torch.float64), adaptive)
    outputs, engine, _, network = deployed(randomised_(net, 0))
    assert network.populations["output"].model.tau_membrane == pytest.approx(12e-3)
    assert outputs[0].any()
    assert np.array_equal(outputs[0], engine[0])


def test_shared_weights_stay_shared_where_they_can():
    conv = nn.Conv2d(SHAPE, 3, 3, padding=1, dtype=torch.float64, gain=2.0)
    norm = nn.BatchNorm((3, 6, 4), dtype=torch.float64)
    net = randomised_(nn.Sequential(conv, norm, lif((3, 6, 4))), 1)
    network = deployed(net)[3]
    assert network.inputs["input"].shape == SHAPE
    assert isinstance(network.projections["input->output"].rule, ns.Convolution2d)
    scale = norm.folded()[0].reshape(3, -1)[:, 0].numpy()
    expected = conv.weight.detach().numpy() * scale[:, None, None, None]
    np.testing.assert_allclose(network.projections["input->output"].rule.weights, expected, rtol=1e-15)


def test_only_synapses_that_exist_are_written():
    net = nn.Sequential(
        nn.SparseLinear(20, 10, fan_in=3), lif(10), nn.SparseDelayLinear(10, 5, 6, fan_in=2), lif(5)
    )
    network, losses = nn.to_network(net)
    first, second = network.projections.values()
    assert (len(first.rule.pre), len(second.rule.pre)) == (30, 10)
    assert [(loss.kind, loss.where) for loss in losses] == [(LossKind.ROUNDED, "hidden->output")]


def test_maxima_are_a_population_of_their_own():
    net = nn.Sequential(
        nn.Linear(24, 24, gain=2.0, dtype=torch.float64), lif((1, 6, 4)),
        nn.MaxPool((1, 6, 4), (3, 2)), nn.SumPool((1, 2, 2), (2, 1)),
        nn.Linear(2, 4, gain=2.0, dtype=torch.float64), lif(4),
    )  # fmt: skip
    outputs, engine, _, network = deployed(net.eval())
    assert list(network.populations) == ["hidden", "hidden.max", "output"]
    assert outputs[1].sum() > 0
    assert np.array_equal(outputs[1], engine[1])


@pytest.mark.parametrize("name", ["Loihi1", "SpiNNaker"])
def test_targets_take_it(name, tmp_path):
    """A convolution, maxima, delays, recurrent synapses with delays: compiled, loaded, emulated."""
    from neurosim import hardware

    double = {"dtype": torch.float64}
    net = nn.Sequential(
        nn.Conv2d((2, 6, 6), 4, 3, stride=2, padding=1, gain=2.0, seed=1, **double),
        nn.BatchNorm((4, 3, 3), **double), lif((4, 3, 3)), nn.MaxPool((4, 3, 3), (3, 1)),
        nn.DelayLinear(12, 16, 6, gain=2.0, seed=2, **double),
        nn.Recurrent(
            lif(16), nn.SparseDelayLinear(16, 16, 5, minimum_delay=1, fan_in=4, gain=0.4, seed=3, **double)
        ),
        nn.Dropout(0.3), nn.SparseLinear(16, 5, fan_in=8, gain=2.0, seed=4, **double), lif(5),
    )  # fmt: skip
    outputs, engine, _, network = deployed(randomised_(net, 4))
    assert all(map(np.array_equal, outputs, engine))
    hardware.compile(network, getattr(hardware, name)()).save(tmp_path / "build")
    x = (np.random.default_rng(0).uniform(size=(25, 3, 72)) < 0.3).astype(np.float64)
    run = hardware.load(tmp_path / "build").emulate(
        {"input": x}, 25 * DT, record={"hidden1": "spikes", "hidden2": "spikes"}
    )
    for spikes, mine in ((run["hidden1"].spikes, engine[0]), (run["hidden2"].spikes, engine[1])):
        # what rounding leaves: a spike that moves makes others move, so in the second layer only the number is compared
        assert mine.sum() > 50
        assert len(spikes.step) == pytest.approx(mine.sum(), rel=0.15)


def test_what_the_description_cannot_say_is_refused():
    class Own(nn.Transform):
        def forward(self, x, state=None):
            return x, None

    keep = neurons.LIF(refractory=2e-3, refractory_input=RefractoryInput.KEEP)
    norm = nn.BatchNorm(4)
    with torch.no_grad():
        norm.shift.fill_(0.1)
    for layers, what in (
        ((nn.MaxPool(SHAPE, 2), nn.Linear(12, 4), lif(4)), "maximum over an input"),
        (
            (
                nn.Linear(3, 48),
                lif(SHAPE),
                nn.SumPool(SHAPE, 2),
                nn.MaxPool((2, 3, 2), 2),
                nn.Linear(2, 4),
                lif(4),
            ),
            "maximum of sums",
        ),
        ((nn.Linear(3, 4), lif(4), Own(), nn.Linear(4, 4), lif(4)), "Own"),
        ((nn.Linear(3, 4), lif(4, neurons.LeakyIntegrator()), nn.Linear(4, 4), lif(4)), "does not spike"),
        ((nn.Linear(3, 4), norm, lif(4, keep)), "KEEP"),
        ((nn.Linear(3, 4), norm, lif(4, neurons.LIF(resistance=0.0))), "resistance"),
    ):
        with pytest.raises(UnsupportedError, match=what):
            nn.to_network(nn.Sequential(*layers))
