"""What is trained on a device's grid is what the device's files hold, and what its emulator computes."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosim import hardware, neurons, nn, simulate  # noqa: E402
from neurosim.engine.recording import Record  # noqa: E402
from neurosim.errors import CapacityError, UnsupportedError  # noqa: E402
from neurosim.hardware import Crossbar, Loihi1, Loihi2, SpiNNaker  # noqa: E402
from neurosim.hardware.crossbar import training as crossbar  # noqa: E402
from neurosim.hardware.loihi import training as loihi  # noqa: E402
from neurosim.hardware.spinnaker import training as spinnaker  # noqa: E402
from neurosim.loss_report import LossKind  # noqa: E402
from neurosim.nn.protocols import DeviceRules, Quantiser  # noqa: E402
from neurosim.spikes import Spikes  # noqa: E402

IDEAL = Crossbar(profile="ideal", adc_bits=16, levels=16)
RULES = {
    "loihi1": loihi.Quantisation(Loihi1()),
    "loihi1, 4 bits": loihi.Quantisation(Loihi1(weight_bits=4)),
    "loihi2": loihi.Quantisation(Loihi2()),
    "spinnaker": spinnaker.Quantisation(SpiNNaker()),
    "crossbar": crossbar.Quantisation(IDEAL),
}
MODELS = {
    "lif": neurons.LIF(tau_membrane=13.7e-3, threshold=0.93),
    "current": neurons.CurrentLIF(tau_membrane=21e-3, tau_synapse=4.1e-3, threshold=0.21),
}
DT, STEPS, SAMPLES, INPUTS = 1e-3, 40, 6, 30


def _module(model, *, hidden=16, dtype=torch.float32):
    first = nn.DelayLinear(INPUTS, hidden, 5, minimum_delay=1, seed=1, dtype=dtype)
    last = nn.Linear(hidden, 4, seed=2, dtype=dtype)
    return nn.Sequential(first, nn.neuron_layer(model, hidden, dt=DT), last, nn.neuron_layer(model, 4, dt=DT))


def _spikes(seed=0):
    x = np.random.default_rng(seed).random((STEPS, SAMPLES, INPUTS)) < 0.1
    return Spikes.from_dense(x.astype(np.uint8), dt=DT)


def _cells(spikes):
    dense = np.zeros((spikes.steps, spikes.samples, spikes.size))
    dense[spikes.step, spikes.sample, spikes.neuron] = 1
    return dense


def _train(module, steps=3):
    """A few updates, so that weights, delays and the loss are those of training."""
    optimiser = torch.optim.Adam(module.parameters(), lr=5e-3)
    x, labels = nn.batch_tensor(_spikes(1)), torch.arange(SAMPLES) % 4
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(x)[0].sum(0), labels).backward()
        optimiser.step()
    module.layers[0].round_delays_()
    return module.eval()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("target", RULES)
def test_module_engine_and_emulator_agree(target, model, tmp_path):
    """Numbers of the module are those of the files; spikes are the same but where a state's own rounding decides."""
    rules = RULES[target]
    module = _train(nn.quantise(_module(MODELS[model]), rules))
    x = _spikes()
    with torch.no_grad():
        outputs, _ = module.trace(nn.batch_tensor(x))
    net, _ = nn.to_network(module)
    build = hardware.compile(net, rules.target, calibration={"input": x})
    weights = [loss for loss in build.losses if "weights rounded" in loss.what]
    assert all(loss.amount < 1e-6 for loss in weights)  # float32 numbers have an error of 6e-8
    decays = [loss for loss in build.losses if "decay" in loss.what]
    assert all(loss.amount < 1e-9 for loss in decays)
    for layer, (name, held) in zip(
        module.layers[::2], sorted(build.weights.items(), reverse=True), strict=True
    ):
        effective = layer.effective_weight().detach().numpy()
        exported = np.sort(effective[effective != 0])
        assert np.abs(np.sort(held[held != 0]) - exported).max() <= 1e-6 * np.abs(exported).max(), name

    build.save(tmp_path / "build")
    record = {"hidden": Record("spikes"), "output": Record("spikes")}
    emulated = hardware.load(tmp_path / "build").emulate({"input": x}, record=record)
    engine = simulate(net, {"input": x}, record=record)
    fired = apart = 0
    for name, output in zip(record, outputs, strict=True):
        ours = output.numpy()
        assert np.array_equal(ours, _cells(engine[name].spikes))
        fired += ours.sum()
        apart += np.abs(ours - _cells(emulated[name].spikes)).sum()
    assert fired > 100
    assert apart <= 0.01 * fired  # ties of whole numbers against float sums


@pytest.mark.parametrize("target", RULES)
def test_the_grid_holds_what_lies_on_it(target):
    """Rounding twice is rounding once: so compiling a trained network rounds nothing more."""
    rules = RULES[target]
    for seed, model in enumerate(MODELS.values()):
        weights = [np.random.default_rng(seed).normal(0, 0.2, (9, 20)), np.full((9, 3), 0.25)]
        once = rules.held(model, (9,), weights, dt=DT)
        twice = rules.held(once.model, (9,), once.weights, dt=DT)
        for a, b in zip(once.weights, twice.weights, strict=True):
            assert np.allclose(a, b, rtol=1e-12, atol=1e-15)
        before, after = once.model.coefficients(DT), twice.model.coefficients(DT)
        assert all(np.allclose(before[k], after[k], rtol=1e-12, atol=1e-15) for k in before)
        assert any(np.any(a != b) for a, b in zip(weights, once.weights, strict=True))


@pytest.mark.parametrize("target", RULES)
def test_learned_time_constants_and_thresholds_are_held_too(target):
    rules = RULES[target]
    layer = nn.LIF(neurons.LIF(tau_membrane=13.7e-3), 8, dt=DT, learn=("tau_membrane", "threshold"))
    module = nn.quantise(nn.Sequential(nn.Linear(INPUTS, 8, seed=3), layer), rules)
    assert isinstance(rules, DeviceRules)
    assert isinstance(module.layers[0].quantiser, Quantiser)
    module(nn.batch_tensor(_spikes()))[0].sum().backward()
    assert layer.tau_membrane.grad.abs() > 0
    assert layer.threshold.grad.abs() > 0
    held = layer.described_model()
    again = rules.held(held, (8,), [module.layers[0].effective_weight().detach().numpy()], dt=DT).model
    assert held.coefficients(DT)["decay"] == pytest.approx(again.coefficients(DT)["decay"], rel=1e-12)
    assert held.threshold == pytest.approx(again.threshold, rel=1e-12)
    if "crossbar" not in target:
        assert held.tau_membrane != layer.model.tau_membrane
        assert held.tau_membrane == pytest.approx(13.7e-3, rel=0.02)


def test_gradients_pass_straight_through_to_exact_parameters():
    module = nn.quantise(_module(MODELS["lif"]), RULES["loihi1"])
    layer = module.layers[2]
    before = layer.weight.detach().clone()
    effective = layer.effective_weight()
    factor = torch.randn(effective.shape, generator=torch.Generator().manual_seed(0))
    (effective * factor).sum().backward()
    assert torch.equal(layer.weight.grad, factor)
    assert torch.equal(layer.weight, before)
    assert not torch.equal(effective, layer.weight)


def test_numbers_are_worked_out_again_when_anything_changes():
    module = nn.quantise(_module(MODELS["lif"]), RULES["loihi1"])
    layer, hidden = module.layers[0], module.layers[1]
    first, model = layer.effective_weight(), hidden.described_model()
    assert hidden.described_model() is model
    with torch.no_grad():
        layer.weight.numpy()[0, 0] *= 3  # as an optimiser in NumPy does, unseen by PyTorch
    assert not torch.equal(layer.effective_weight(), first)
    assert hidden.described_model() is not model


def test_ends_and_gives_back_a_layers_own_noise():
    module, own = _module(MODELS["lif"]), crossbar.DeviceNoise(factor=0.5)
    module.layers[0].noise = own
    exact = deepcopy(module)
    nn.quantise(module, RULES["loihi1"])
    assert module.layers[0].noise is own
    nn.quantise(module, RULES["crossbar"])
    assert module.layers[0].noise.profile.name == "ideal"
    nn.quantise(module, None).eval()
    assert module.layers[0].noise is own
    x = nn.batch_tensor(_spikes())
    assert torch.equal(module(x)[0], exact.eval()(x)[0])


def test_recurrent_synapses_share_the_scale_of_the_population(tmp_path):
    rules = RULES["loihi1"]
    inner = nn.Recurrent(nn.LIF(MODELS["lif"], 8, dt=DT), nn.Linear(8, 8, seed=4, gain=0.3))
    module = nn.quantise(nn.Sequential(nn.Linear(INPUTS, 8, seed=5), inner), rules).eval()
    x = _spikes()
    build = hardware.compile(nn.to_network(module)[0], rules.target)
    assert not [loss for loss in build.losses if loss.kind is LossKind.ROUNDED]
    build.save(tmp_path / "build")
    emulated = hardware.load(tmp_path / "build").emulate({"input": x}, record={"output": Record("spikes")})
    with torch.no_grad():
        ours = module(nn.batch_tensor(x))[0].numpy()
    assert ours.sum() > 50
    assert np.array_equal(ours, _cells(emulated["output"].spikes))


def test_averages_are_joined_with_the_weights_before_rounding(tmp_path):
    rules = RULES["loihi1"]
    module = nn.Sequential(
        nn.AveragePool((1, 6, 5), 2), nn.Linear(6, 8, seed=6, gain=3.0), nn.LIF(MODELS["lif"], 8, dt=DT)
    )
    nn.quantise(module, rules).eval()
    net, _ = nn.to_network(module)
    build = hardware.compile(net, rules.target)
    assert not [loss for loss in build.losses if loss.kind is LossKind.ROUNDED]


def test_refuses_normalisation_and_delays_out_of_reach():
    layer = nn.LIF(MODELS["lif"], 8, dt=DT)
    with pytest.raises(UnsupportedError, match="normalisation"):
        nn.quantise(nn.Sequential(nn.Linear(INPUTS, 8), nn.BatchNorm(8), layer), RULES["loihi1"])
    with pytest.raises(CapacityError, match="max_delay_steps=63"):
        nn.quantise(nn.Sequential(nn.DelayLinear(INPUTS, 8, 64), layer), RULES["loihi1"])


def test_masked_synapses_are_rounded_as_they_are_deployed():
    rules = RULES["loihi1"]
    layer = nn.SparseLinear(INPUTS, 8, fan_in=9, seed=7)
    with torch.no_grad():  # the largest weight is none of the layer's
        layer.weight[~layer.mask] = 100.0
    module = nn.quantise(nn.Sequential(layer, nn.LIF(MODELS["lif"], 8, dt=DT)), rules).eval()
    build = hardware.compile(nn.to_network(deepcopy(module))[0], rules.target)
    assert not [loss for loss in build.losses if loss.kind is LossKind.ROUNDED]
    assert 0 < layer.effective_weight().abs().max() < 10
