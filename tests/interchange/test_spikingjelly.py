"""Against SpikingJelly itself: the same spikes, in every step, from every layer."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import UnsupportedError
from neurosim.interchange.spikingjelly import from_spikingjelly

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly")
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402


def dyadic(module, seed=0, denominator=64):
    """Weights and biases on a grid, so that sums are exact in any order."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        wanted = torch.randint(-24, 41, parameter.shape, generator=generator) / denominator
        parameter.data = wanted.to(torch.float64)
    return module.double()


def assert_same_spikes(layers, shape, steps=100, batch=2, rate=0.4, step_mode="s"):
    x = (np.random.default_rng(0).random((steps, batch, *shape)) < rate).astype(np.float64)
    stack = torch.nn.Sequential(*layers).double().eval()
    functional.set_step_mode(stack, step_mode)
    functional.reset_net(stack)
    expected: dict = {}
    with torch.no_grad():
        if step_mode == "m":
            signal = torch.tensor(x)
            for k, one in enumerate(stack):
                signal = one(signal)
                if isinstance(one, neuron.BaseNode):
                    expected[k] = signal.reshape(steps, batch, -1).numpy()
        else:
            for t in range(steps):
                signal = torch.tensor(x[t])
                for k, one in enumerate(stack):
                    signal = one(signal)
                    if isinstance(one, neuron.BaseNode):
                        expected.setdefault(k, []).append(signal.reshape(batch, -1).numpy())
    net, report = from_spikingjelly(stack, shape)
    run = ns.simulate(net, {"input": x}, record=dict.fromkeys(net.populations, "spikes"))
    for k, spikes in expected.items():
        ours = run[str(k)].spikes.dense().reshape(steps, batch, -1)
        np.testing.assert_array_equal(ours, np.array(spikes), err_msg=f"layer {k}")
        assert ours.any(), f"layer {k} is silent: nothing was tested"
    assert not report
    return net


@pytest.mark.parametrize("v_reset", [None, 0.0, -0.25])
@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize(
    "make",
    [
        lambda v: neuron.IFNode(v_threshold=1.5, v_reset=v),
        lambda v: neuron.LIFNode(tau=2.0, decay_input=True, v_threshold=0.5, v_reset=v),
        lambda v: neuron.LIFNode(tau=4.0, decay_input=False, v_threshold=1.0, v_reset=v),
        lambda v: neuron.ParametricLIFNode(init_tau=2.0, v_threshold=0.5, v_reset=v),
    ],
    ids=["if", "lif", "lif-no-decay", "plif"],
)
def test_neurons_in_both_resets(make, v_reset, step_mode):
    layers = [
        dyadic(layer.Linear(8, 10), 1),
        make(v_reset),
        dyadic(layer.Linear(10, 4, bias=False), 2, 32),
        make(v_reset),
    ]
    assert_same_spikes(layers, (8,), step_mode=step_mode)


def test_convolutions():
    layers = [
        dyadic(layer.Conv2d(2, 4, 3, padding=1), 3),
        layer.BatchNorm2d(4, eps=0.0),
        neuron.IFNode(v_threshold=0.75),
        layer.AvgPool2d(2),
        layer.Dropout(0.5),
        layer.Flatten(),
        dyadic(layer.Linear(4 * 4 * 4, 6), 4),
        neuron.LIFNode(tau=2.0, v_threshold=0.5),
    ]
    net = assert_same_spikes(layers, (2, 8, 8), steps=30, step_mode="m")
    assert isinstance(net.projections["0"].rule, ns.Convolution2d) or "0+1" in net.projections


def test_what_has_no_counterpart_is_named():
    with pytest.raises(UnsupportedError, match=r"layer '1': an unknown layer \(got QIFNode"):
        from_spikingjelly([layer.Linear(3, 3), neuron.QIFNode()], 3)
    with pytest.raises(UnsupportedError, match="MaxPool2d"):
        from_spikingjelly([layer.MaxPool2d(2)], (1, 4, 4))
