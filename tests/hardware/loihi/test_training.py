"""The numbers of a module on the chip's grid against the tables of the files that compiling writes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosim import hardware, neurons, nn, simulate  # noqa: E402
from neurosim.engine.lower import lower  # noqa: E402
from neurosim.engine.recording import Record  # noqa: E402
from neurosim.errors import UnsupportedError  # noqa: E402
from neurosim.hardware.loihi import Loihi1, Loihi2, Signs  # noqa: E402
from neurosim.hardware.loihi.emulator.loaded_chip import load_chip  # noqa: E402
from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS, SignMode, weight_step  # noqa: E402
from neurosim.hardware.loihi.quantise.stored_weights import LSB  # noqa: E402
from neurosim.hardware.loihi.tables.table_files import read_tables  # noqa: E402
from neurosim.hardware.loihi.training import Quantisation  # noqa: E402
from neurosim.loss_report import LossKind  # noqa: E402
from neurosim.neurons import Discretisation, SpikeWhen  # noqa: E402
from neurosim.spikes import Spikes  # noqa: E402

DT = 1e-3
MODELS = {
    "leaky": neurons.LIF(tau_membrane=13.7e-3, threshold=0.93, refractory=2e-3),
    "exceeded": neurons.LIF(tau_membrane=9e-3, spike_when=SpikeWhen.EXCEEDED),
    "euler": neurons.LIF(tau_membrane=9e-3, discretisation=Discretisation.EULER),
    "no leak": neurons.IntegrateAndFire(threshold=1.3),
    "current": neurons.CurrentLIF(tau_membrane=21e-3, tau_synapse=4.1e-3, threshold=0.3),
    "driven": neurons.LIF(v_rest=-0.2, v_reset=-0.2, current=0.013),
}
TARGETS = {
    "split": Loihi1(),
    "mixed": Loihi1(signs=Signs.MIXED),
    "3 bits": Loihi1(weight_bits=3),
    "loihi2": Loihi2(),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("target", TARGETS)
def test_module_holds_the_registers_of_the_files(target, model, tmp_path):
    """Up to the population's one scale: stored weights, 12-bit decays, threshold and bias registers are equal."""
    chip, description = TARGETS[target], MODELS[model]
    if target == "loihi2" and model == "leaky":
        description = description.replace(refractory=0.0)
    layer = nn.neuron_layer(description, 7, dt=DT)
    module = nn.quantise(nn.Sequential(nn.Linear(11, 7, seed=3), layer), Quantisation(chip)).eval()
    net = nn.to_network(module)[0]
    build = hardware.compile(net, chip, allow=tuple(LossKind))
    build.save(tmp_path / "build")
    tables = load_chip(read_tables(tmp_path / "build"))
    scale, offset = build.manifest.populations["output"].states["v"]
    members, r = tables.members["output"], tables.registers

    c = layer.described_model().coefficients(DT)
    gain = c.get("gain", 1.0)
    weights = module.layers[0].effective_weight().detach().double().numpy() * gain * scale
    assert np.allclose(weights, np.rint(weights), rtol=2e-7, atol=0)  # float32
    acts = np.unique(tables.weight.astype(np.int64) * LSB)
    assert np.array_equal(np.setdiff1d(np.rint(weights), [0]), np.setdiff1d(acts, [0]))
    (p,) = lower(net).projections
    held = build.weights[p.name] * gain * scale
    assert np.allclose(held, weights[p.target, p.pre_index], rtol=2e-7, atol=1e-9)
    assert np.allclose(r.keep_v[members], 4096 * np.asarray(c["decay"]), rtol=1e-12)
    assert np.allclose(r.keep_u[members], 4096 * np.asarray(c.get("decay_synapse", 0.0)), rtol=1e-12)
    assert np.allclose(r.bias[members], np.asarray(c["drive"]) * scale, rtol=1e-9, atol=1e-6)
    threshold = (np.asarray(c["threshold"]) - offset) * scale
    fires, silent = r.threshold[members] + 1, r.threshold[members]
    if "no leak" in model:  # potentials are multiples of 64
        fires = silent + 64
    assert np.all((silent < threshold) & (threshold <= fires + 1e-6))


def test_states_differ_by_their_truncation_alone(tmp_path):
    """Both decays round toward zero, by less than one register value a step: 1 / (1 - keep) in all."""
    module = nn.Sequential(nn.Linear(11, 7, seed=3), nn.neuron_layer(MODELS["leaky"], 7, dt=DT))
    net, _ = nn.to_network(nn.quantise(module, Quantisation()).eval())
    build = hardware.compile(net, Loihi1())
    build.save(tmp_path / "build")
    x = Spikes.from_dense((np.random.default_rng(0).random((80, 4, 11)) < 0.1).astype(np.uint8), dt=DT)
    record = {"output": Record("spikes", "v")}
    chip = hardware.load(tmp_path / "build").emulate({"input": x}, record=record)["output"]
    engine = simulate(net, {"input": x}, record=record)["output"]
    assert len(chip.spikes) > 20
    assert chip.spikes == engine.spikes
    scale, _ = build.manifest.populations["output"].states["v"]
    keep = float(module.layers[1].described_model().coefficients(DT)["decay"])
    assert 0 < np.abs(chip.v - engine.v).max() <= 1 / (1 - keep) / scale


@pytest.mark.parametrize("bits", WEIGHT_WIDTHS[2:])
@pytest.mark.parametrize("signs", Signs)
def test_narrow_weights_fill_their_width(bits, signs):
    """The largest weight has the largest value, and there are as many values as bits give."""
    weight = np.linspace(-1.0, 1.0, 4001).reshape(1, -1)
    rules = Quantisation(Loihi1(signs=signs, weight_bits=bits))
    (held,) = rules.held(neurons.LIF(threshold=5.0), (1,), [weight], dt=DT).weights
    step = weight_step(SignMode.MIXED if signs is Signs.MIXED else SignMode.EXCITATORY, bits)
    assert held.max() == pytest.approx(1.0)
    assert np.diff(np.unique(held)).min() == pytest.approx(
        1 / (254 // step if step % 2 == 0 else 255 // step)
    )
    magnitudes = 2**bits - 1 if signs is Signs.SPLIT else 2 ** (bits - 1) - 1
    assert len(np.unique(held[held > 0])) == magnitudes


def test_delays_are_those_of_the_chip():
    rules = Quantisation()
    layer = nn.DelayLinear(5, 4, rules.max_delay_steps, minimum_delay=rules.minimum_delay)
    with torch.no_grad():
        layer.delay.copy_(torch.where(torch.arange(20).reshape(4, 5) % 2 == 0, 1.0, 63.0))
    module = nn.quantise(nn.Sequential(layer, nn.LIF(neurons.LIF(), 4, dt=DT)), rules)
    build = hardware.compile(nn.to_network(module)[0], Loihi1())  # one more would not fit the field
    assert build.manifest.inputs["input"].lag == build.manifest.populations["output"].lag == 0


def test_refuses_what_compiling_refuses():
    with pytest.raises(UnsupportedError, match="resets to another potential"):
        Quantisation().held(neurons.LIF(v_reset=-0.5), (2,), [np.ones((2, 2))], dt=DT)


@pytest.mark.parametrize("model", ["exceeded", "no leak", "current"])
@pytest.mark.parametrize("target", TARGETS)
def test_calibration_leaves_what_was_trained_on_the_grid(target, model):
    chip = TARGETS[target]
    layer = nn.neuron_layer(MODELS[model], 7, dt=DT)
    module = nn.quantise(nn.Sequential(nn.Linear(11, 7, seed=3, gain=3.0), layer), Quantisation(chip)).eval()
    net = nn.to_network(module)[0]
    x = Spikes.from_dense((np.random.default_rng(0).random((60, 4, 11)) < 0.2).astype(np.uint8), dt=DT)
    plain, calibrated = (hardware.compile(net, chip, **c) for c in ({}, {"calibration": {"input": x}}))
    assert plain.manifest.populations == calibrated.manifest.populations
    for name, held in plain.weights.items():
        assert np.array_equal(held, calibrated.weights[name])
    assert "(nearest; 1 tried)" in calibrated.details
    assert [str(loss) for loss in plain.losses] == [str(loss) for loss in calibrated.losses]
