"""Against snnTorch itself: the same spikes, in every step, from every layer."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.recording import Record
from neurosim.errors import LossError, UnsupportedError
from neurosim.interchange.snntorch import from_snntorch

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
nn = torch.nn


def dyadic(module, seed=0, denominator=64):
    """Weights and biases on a grid, in double precision, so that sums are exact in any order."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.ndim:
            wanted = torch.randint(-24, 41, parameter.shape, generator=generator) / denominator
            parameter.data = wanted.to(torch.float64)
    return module.double().eval()


def spikes_of(layers, x):
    """Spikes [T, B, n] of every neuron layer, run by snnTorch step by step."""
    states = {}
    out = {}
    with torch.no_grad():
        for t in range(len(x)):
            signal = torch.tensor(x[t])
            for k, layer in enumerate(layers):
                if isinstance(layer, snn.SpikingNeuron):
                    kept = states.get(k, ())
                    if type(layer).__name__ == "RLeaky" and not kept:
                        kept = (torch.zeros_like(signal), torch.zeros_like(signal))
                    result = [
                        part.to(signal.dtype) for part in layer(signal, *kept)
                    ]  # spikes come as float32
                    signal = result[0]
                    states[k] = result if type(layer).__name__ == "RLeaky" else result[1:]
                    out.setdefault(k, []).append(signal.reshape(len(signal), -1).numpy().copy())
                else:
                    signal = layer(signal)
    return {k: np.array(v) for k, v in out.items()}


def assert_same_spikes(layers, shape, steps=120, batch=3, rate=0.3, seed=0):
    x = (np.random.default_rng(seed).random((steps, batch, *shape)) < rate).astype(np.float64)
    expected = spikes_of(layers, x)
    net, report = from_snntorch(layers, shape, dt=2e-3)
    run = ns.simulate(net, {"input": x}, record=dict.fromkeys(net.populations, "spikes"))
    for k, spikes in expected.items():
        ours = run[str(k)].spikes.dense().reshape(spikes.shape)
        np.testing.assert_array_equal(ours, spikes != 0, err_msg=f"layer {k}")
        assert spikes.any(), f"layer {k} is silent: nothing was tested"
    return net, report


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(
    ("mechanism", "delay"),
    [("subtract", True), ("zero", True), ("zero", False), ("subtract", False), ("none", True)],
)
def test_leaky_in_all_its_resets(beta, mechanism, delay):
    approximated = mechanism == "subtract" and not delay

    def leaky(threshold):
        return snn.Leaky(beta=beta, threshold=threshold, reset_mechanism=mechanism, reset_delay=delay)

    first, second = dyadic(nn.Linear(8, 12), 1), dyadic(nn.Linear(12, 5, bias=False), 2)
    thresholds = [1.5, 1.5]
    if (
        approximated
    ):  # exact as long as no residual stays above the threshold: no step brings twice the threshold
        for linear in (first, second):
            linear.weight.data.abs_()
        first.bias.data.zero_()
        thresholds = [
            linear.weight.data.sum(dim=1) * (1.0 if beta > 0.5 else 0.75) for linear in (first, second)
        ]
    layers = [first, leaky(thresholds[0]), second, leaky(thresholds[1])]
    layers = [layer.double() for layer in layers]
    net, report = assert_same_spikes(layers, (8,), rate=0.5)
    assert bool(report) == approximated
    assert list(net.projections) == ["0", "2"]


def test_parameters_of_each_neuron_and_graded_spikes():
    layers = [
        dyadic(nn.Linear(6, 4)),
        snn.Leaky(
            beta=torch.tensor([0.25, 0.5, 0.75, 0.0]),
            threshold=torch.tensor([0.5, 1.0, 1.5, 2.0]),
            graded_spikes_factor=2.0,
        ),
        dyadic(nn.Linear(4, 3), 3),
        snn.Leaky(beta=0.5),
    ]
    net, report = assert_same_spikes([layer.double() for layer in layers], (6,))
    assert net.populations["1"].model.threshold.tolist() == [0.5, 1.0, 1.5, 2.0]
    assert not report


def test_convolutions_pooling_and_normalisation():
    norm = nn.BatchNorm2d(4)
    norm.running_mean[:] = torch.tensor([0.25, 0.0, -0.5, 0.125])
    norm.running_var[:] = 4.0 - norm.eps  # the standard deviation is two, to rounding
    layers = [
        dyadic(nn.Conv2d(2, 4, 3, padding=1), 4),
        norm,
        snn.Leaky(beta=0.5, threshold=0.26),
        nn.AvgPool2d(2),
        nn.Dropout(0.5),
        dyadic(nn.Conv2d(4, 2, (3, 2), stride=(1, 2), groups=2), 5, denominator=16),
        snn.Leaky(beta=0.75, reset_mechanism="zero", threshold=0.3),
        nn.Flatten(),
        dyadic(nn.Linear(32, 5), 6, denominator=16),
        snn.Leaky(beta=0.5, threshold=0.4),
    ]
    net, _ = assert_same_spikes([layer.double().eval() for layer in layers], (2, 12, 16), steps=25, batch=1)
    assert net.populations["6"].shape == (2, 4, 4)
    assert list(net.projections) == ["0+1", "3+5", "8"]


def test_synaptic_with_bias_from_the_first_step():
    layers = [dyadic(nn.Linear(5, 7)), snn.Synaptic(alpha=0.5, beta=0.75, threshold=2.0)]
    assert_same_spikes([layer.double() for layer in layers], (5,))


def test_recurrent_leaky():
    for recurrent in ({"linear_features": 6}, {"all_to_all": False, "V": torch.full((6,), 0.25)}):
        layers = [dyadic(nn.Linear(5, 6)), dyadic(snn.RLeaky(beta=0.5, threshold=1.25, **recurrent), 9)]
        net, _ = assert_same_spikes([layer.double() for layer in layers], (5,))
        assert net.projections["1.recurrent"].delay == net.dt


def test_single_precision_and_trained_like_weights():
    """Ordinary float32 weights: sums differ in the last bits, so a spike may move; fewer than one in a thousand did."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(40, 60), snn.Leaky(beta=0.9), nn.Linear(60, 10), snn.Leaky(beta=0.8))
    layers[0].weight.data *= 3
    layers[2].weight.data *= 3
    x = (np.random.default_rng(1).random((200, 4, 40)) < 0.2).astype(np.float32)
    expected = spikes_of(list(layers), x)
    net, _ = from_snntorch(layers, 40)
    run = ns.simulate(net, {"input": x}, record=dict.fromkeys(net.populations, "spikes"))
    for k, spikes in expected.items():
        assert (run[str(k)].spikes.dense() != spikes).mean() < 1e-3
        assert spikes.mean() > 0.01


def test_a_readout_layer_and_allowing_it():
    layers = [dyadic(nn.Linear(3, 4)), snn.Leaky(beta=0.5).double(), dyadic(nn.Linear(4, 2), 1)]
    net, report = from_snntorch(layers, 3)
    assert "read their v" in str(report)
    x = np.ones((10, 1, 3))
    hidden = torch.tensor(spikes_of(layers[:2], x)[1])
    v = ns.simulate(net, {"input": x}, record={"output": Record("v")})["output"].v
    np.testing.assert_array_equal(v, layers[2](hidden).detach().numpy())
    with pytest.raises(LossError):
        from_snntorch(layers, 3, allow=())


class Custom(nn.Module):
    """The order of the layers is in forward."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (Custom(), "order of its layers"),
        ([nn.Linear(3, 3), nn.ReLU()], "layer '1': an unknown layer"),
        ([nn.Linear(3, 3), snn.Synaptic(alpha=0.5, beta=0.5, reset_mechanism="zero")], "drops the input"),
        ([nn.Linear(3, 3), snn.Leaky(beta=torch.tensor([0.5, 1.0, 0.5]))], "beta = 1"),
        ([nn.Linear(3, 3), nn.BatchNorm1d(3)], "eval"),
        ([nn.Linear(3, 3), snn.Leaky(beta=torch.ones(2) / 2)], "does not fit"),
        ([nn.Linear(4, 3)], "fit"),
        (3, "not a module"),
    ],
)
def test_what_has_no_counterpart_is_named(module, match):
    with pytest.raises((UnsupportedError, ns.errors.ShapeError), match=match):
        from_snntorch(module, 3)
